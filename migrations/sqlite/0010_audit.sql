-- Append-only. hash = SHA-256(previous hash || canonical row); personal details stand beside it and only their
-- digest is in the chain, so that they can be erased without breaking it.
CREATE TABLE audit_events (
    sequence BIGINT PRIMARY KEY,
    id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    level TEXT NOT NULL,
    code TEXT,
    actor_kind TEXT NOT NULL,
    actor_id TEXT,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    request_id TEXT,
    reference TEXT,
    details_digest BLOB NOT NULL,
    hash BLOB NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX audit_events_id ON audit_events (id);
-- Lists go by time, narrowed by who, what, which and how it ended. Each event is in the indexes of what was done or in those
-- of what was refused: one of the two is rare wherever somebody looks, and would be searched for through all of the other.
-- Action and code stand in some so that the index answers alone.
CREATE INDEX audit_events_done ON audit_events (organization_id, at, sequence) WHERE code IS NULL;
CREATE INDEX audit_events_done_action ON audit_events (organization_id, action, at, sequence) WHERE code IS NULL;
CREATE INDEX audit_events_done_target ON audit_events (organization_id, target_id, at, sequence, action, code) WHERE code IS NULL;
CREATE INDEX audit_events_done_actor ON audit_events (organization_id, actor_id, at, sequence, action, code)
    WHERE code IS NULL AND actor_id IS NOT NULL;
CREATE INDEX audit_events_refused ON audit_events (organization_id, at, sequence) WHERE code IS NOT NULL;
CREATE INDEX audit_events_refused_action ON audit_events (organization_id, action, at, sequence) WHERE code IS NOT NULL;
CREATE INDEX audit_events_refused_target ON audit_events (organization_id, target_id, at, sequence, action, code)
    WHERE code IS NOT NULL;
CREATE INDEX audit_events_refused_actor ON audit_events (organization_id, actor_id, at, sequence, action, code)
    WHERE code IS NOT NULL AND actor_id IS NOT NULL;
CREATE INDEX audit_events_level ON audit_events (organization_id, level, at, sequence) WHERE level <> 'info';

-- For text: by code and reference of what was refused, and by the kind of an actor who has no id.
CREATE INDEX audit_events_refused_code ON audit_events (organization_id, code, at, sequence) WHERE code IS NOT NULL;
CREATE INDEX audit_events_reference ON audit_events (organization_id, reference, at, sequence) WHERE reference IS NOT NULL;
CREATE INDEX audit_events_nameless ON audit_events (organization_id, actor_kind, at, sequence, action, code) WHERE actor_id IS NULL;

-- What those in the log were called at some time, in lower case, each name once: text is looked for here and leads to the
-- indexes above. Most events name somebody who is known already, and pay one look. Like the details it can be erased.
CREATE TABLE audit_names (
    organization_id TEXT NOT NULL,
    party_id TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (organization_id, party_id, name)
) WITHOUT ROWID;

-- Filters under a name. name_norm is the name in lower case: two that differ in no more would be one.
CREATE TABLE audit_views (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    name_norm TEXT NOT NULL,
    filter TEXT NOT NULL,
    made_by TEXT,
    made_by_name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX audit_views_name ON audit_views (organization_id, name_norm);

CREATE TABLE audit_details (
    sequence BIGINT PRIMARY KEY,
    details TEXT NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER audit_events_are_not_rewritten BEFORE UPDATE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;
CREATE TRIGGER audit_events_are_not_deleted BEFORE DELETE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit events are append-only');
END;
