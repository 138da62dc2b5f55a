-- deleted_at marks a tombstone: the id is never used again, the address may be.
CREATE TABLE members (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    email TEXT NOT NULL,
    email_norm TEXT NOT NULL,
    name TEXT,
    given_name TEXT,
    family_name TEXT,
    job_title TEXT,
    picture TEXT,
    status TEXT NOT NULL,
    source TEXT NOT NULL,
    directory_id TEXT,
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    deactivated_at BIGINT,
    deleted_at BIGINT,
    last_seen_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX members_email ON members (organization_id, email_norm);
-- Two people kept apart may share an address, but not both with a password.
CREATE UNIQUE INDEX members_password_email ON members (organization_id, email_norm)
    WHERE password_hash IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX members_list ON members (organization_id, deleted_at, id);
-- It counts too, so it holds all that is asked for.
CREATE INDEX members_status ON members (organization_id, status, id, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX members_job_title ON members (organization_id, job_title, id) WHERE deleted_at IS NULL;

CREATE TABLE identities (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    member_id TEXT NOT NULL REFERENCES members (id),
    connection_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE UNIQUE INDEX identities_subject ON identities (connection_id, issuer, subject);
CREATE INDEX identities_member ON identities (member_id);

-- A failed password of an account that exists, counted for a day (UTC).
CREATE TABLE password_failures (
    member_id TEXT NOT NULL REFERENCES members (id),
    day BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    PRIMARY KEY (member_id, day)
);
