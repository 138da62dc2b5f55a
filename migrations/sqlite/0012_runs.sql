-- What a change leaves to be done in steps: members are brought up to date with role mappings, or what hung on something that
-- was deleted goes. subject is an id or a slug; number tells one change of it from the next; place is the id that was done last
-- within the stage.
CREATE TABLE runs (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    number BIGINT NOT NULL,
    stage TEXT NOT NULL,
    place TEXT NOT NULL,
    changed BIGINT NOT NULL,
    stepped_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, kind, subject)
) WITHOUT ROWID;
