CREATE TABLE teams (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX teams_name ON teams (organization_id, name);

-- The team is named, not referred to: one that is deleted goes at once, and who was in it in steps.
CREATE TABLE team_members (
    team_id TEXT NOT NULL,
    member_id TEXT NOT NULL REFERENCES members (id),
    came_from TEXT NOT NULL,
    PRIMARY KEY (team_id, member_id, came_from)
) WITHOUT ROWID;
CREATE INDEX team_members_member ON team_members (member_id);
CREATE INDEX team_members_source ON team_members (came_from, member_id) WHERE came_from <> 'local';

-- Tags that a mapping gave. The tag of a group follows from the group and stands nowhere.
CREATE TABLE member_tags (
    member_id TEXT NOT NULL REFERENCES members (id),
    tag TEXT NOT NULL,
    came_from TEXT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    PRIMARY KEY (member_id, tag, came_from)
) WITHOUT ROWID;
CREATE INDEX member_tags_tag ON member_tags (organization_id, tag, member_id);
CREATE INDEX member_tags_source ON member_tags (came_from, member_id);
