-- What a change leaves to be done in steps: members are brought up to date with role mappings, or what hung on something that
-- was deleted goes. subject is an id or a slug; number tells one change of it from the next; place is the id that was done last
-- within the stage. A change that comes while a run is under way lets it go on from there (round_from), and once round the end
-- (is_round).
CREATE TABLE runs (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    number BIGINT NOT NULL,
    stage TEXT NOT NULL,
    place TEXT NOT NULL,
    round_from TEXT NOT NULL DEFAULT '',
    is_round BIGINT NOT NULL DEFAULT 0,
    changed BIGINT NOT NULL,
    stepped_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, kind, subject)
) WITHOUT ROWID;
