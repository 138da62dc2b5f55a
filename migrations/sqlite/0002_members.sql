-- deleted_at marks a tombstone: the id is never used again, the address may be. number is for the index of the texts, which
-- goes by whole numbers; search_text is what a text is looked for in.
CREATE TABLE members (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
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
    version BIGINT NOT NULL,
    search_text TEXT NOT NULL
);
CREATE INDEX members_email ON members (organization_id, email_norm, deleted_at, id);
-- Two people kept apart may share an address, but not both with a password.
CREATE UNIQUE INDEX members_password_email ON members (organization_id, email_norm)
    WHERE password_hash IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX members_list ON members (organization_id, deleted_at, id);
-- It counts too, so it holds all that is asked for.
CREATE INDEX members_status ON members (organization_id, status, id, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX members_source ON members (organization_id, source, id) WHERE deleted_at IS NULL;
CREATE INDEX members_directory ON members (organization_id, directory_id, id) WHERE deleted_at IS NULL;
CREATE INDEX members_job_title ON members (organization_id, job_title, id) WHERE deleted_at IS NULL;

-- Active members are counted where seats are limited. Whoever inserts a member counts by hand (`members::insert`): a trigger
-- on it would have SQLite keep a copy of every page that the row touches.
CREATE TRIGGER organizations_limited AFTER UPDATE OF seats ON organizations WHEN old.seats IS NULL AND new.seats IS NOT NULL BEGIN
    UPDATE organizations SET active_members =
        (SELECT count(*) FROM members m WHERE m.organization_id = new.id AND m.status = 'active' AND m.deleted_at IS NULL)
        WHERE id = new.id;
END;
CREATE TRIGGER members_active_updated AFTER UPDATE OF status, deleted_at ON members
    WHEN (new.status = 'active' AND new.deleted_at IS NULL) <> (old.status = 'active' AND old.deleted_at IS NULL) BEGIN
    UPDATE organizations SET active_members = active_members + CASE WHEN new.status = 'active' THEN 1 ELSE -1 END
        WHERE id = new.organization_id AND seats IS NOT NULL;
END;

-- Which members have three characters one after the other; where they stand is looked for in the member.
CREATE VIRTUAL TABLE member_text USING fts5 (
    search_text, content = 'members', content_rowid = 'number', tokenize = 'trigram case_sensitive 1', detail = none, columnsize = 0
);
-- Each text has some sixty places in the index: put there together they cost a fraction of what each would cost in the write
-- of its member. member_text_until says up to which number members are in it; of those, member_text_waiting has the ones
-- whose text changed since, with the text that the index holds of them.
CREATE TABLE member_text_waiting (
    number INTEGER PRIMARY KEY,
    indexed TEXT NOT NULL
);
CREATE TABLE member_text_until (
    number BIGINT NOT NULL
);
INSERT INTO member_text_until (number) VALUES (0);
CREATE TRIGGER members_text_updated AFTER UPDATE OF search_text ON members WHEN new.search_text <> old.search_text
    AND new.number <= (SELECT number FROM member_text_until) BEGIN
    INSERT INTO member_text_waiting (number, indexed) VALUES (new.number, old.search_text) ON CONFLICT (number) DO NOTHING;
END;

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
