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
CREATE INDEX audit_events_organization ON audit_events (organization_id, sequence);
CREATE INDEX audit_events_action ON audit_events (organization_id, action, sequence);
CREATE INDEX audit_events_target ON audit_events (target_id, sequence);
CREATE INDEX audit_events_actor ON audit_events (actor_id, sequence) WHERE actor_id IS NOT NULL;

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
