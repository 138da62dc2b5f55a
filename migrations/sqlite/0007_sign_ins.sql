-- What was used once and may not be used again: assertion ids and request ids, until they can no longer be valid.
CREATE TABLE consumed (
    connection_id TEXT NOT NULL,
    used_id TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (connection_id, used_id)
) WITHOUT ROWID;
CREATE INDEX consumed_expiry ON consumed (expires_at);

CREATE TABLE sign_ins (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    at BIGINT NOT NULL,
    -- 1: a signature by a pinned certificate proved who sent it; 0: anybody may have.
    verified BIGINT NOT NULL,
    code TEXT,
    received TEXT,
    expected TEXT,
    member_id TEXT,
    who TEXT,
    reference TEXT,
    certificate_sha256 TEXT,
    trace TEXT
) WITHOUT ROWID;
CREATE INDEX sign_ins_connection ON sign_ins (connection_id, id);
-- Of those that were refused; what is accepted pays for none of these.
CREATE INDEX sign_ins_unverified ON sign_ins (connection_id, verified, id) WHERE code IS NOT NULL;
CREATE INDEX sign_ins_code ON sign_ins (connection_id, code, id) WHERE code IS NOT NULL;
CREATE INDEX sign_ins_refused ON sign_ins (connection_id, id) WHERE code IS NOT NULL;
CREATE INDEX sign_ins_who ON sign_ins (connection_id, who, id) WHERE code IS NOT NULL AND who IS NOT NULL;
-- Which certificate signed how many, and when last.
CREATE INDEX sign_ins_certificate ON sign_ins (connection_id, certificate_sha256, at) WHERE code IS NULL;
CREATE INDEX sign_ins_member ON sign_ins (member_id, id) WHERE code IS NOT NULL AND member_id IS NOT NULL;
CREATE UNIQUE INDEX sign_ins_reference ON sign_ins (reference) WHERE reference IS NOT NULL;

-- Unverified refusals since the last event about them: one event a minute and connection, with a count.
CREATE TABLE unverified_refusals (
    connection_id TEXT PRIMARY KEY REFERENCES connections (id),
    told_at BIGINT NOT NULL,
    untold BIGINT NOT NULL
);

CREATE TABLE tests (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    connection_id TEXT NOT NULL REFERENCES connections (id),
    revision_id TEXT NOT NULL,
    settings_hash TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    status TEXT NOT NULL,
    code TEXT,
    started_by TEXT NOT NULL,
    member_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    finished_at BIGINT,
    trace TEXT,
    issuer TEXT,
    subject TEXT
);
CREATE UNIQUE INDEX tests_token ON tests (token_hash);
CREATE INDEX tests_connection ON tests (connection_id, id);
CREATE INDEX tests_age ON tests (created_at);
CREATE INDEX tests_waiting ON tests (member_id, created_at, id) WHERE status = 'waiting';
