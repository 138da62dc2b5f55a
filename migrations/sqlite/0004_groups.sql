-- Groups that a connection's assertions name (by name alone), and groups that a directory pushes. number is the order in
-- which they came; the columns from external_id on are of directories.
CREATE TABLE groups (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    connection_id TEXT,
    directory_id TEXT,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    external_id TEXT,
    -- Folded, as filters compare it.
    name_norm TEXT,
    -- The name that role mappings know it by, where it was renamed since.
    mapped_name TEXT,
    -- Which rows of memberships are its own.
    member_set BIGINT,
    modified_at BIGINT,
    version BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX groups_connection_name ON groups (connection_id, name) WHERE connection_id IS NOT NULL;
CREATE INDEX groups_organization ON groups (organization_id, id);
CREATE INDEX groups_directory ON groups (directory_id, number) WHERE directory_id IS NOT NULL;
-- Two groups of one name are told apart by what the identity provider calls them.
CREATE UNIQUE INDEX groups_directory_name ON groups (directory_id, name_norm, coalesce(external_id, ''))
    WHERE directory_id IS NOT NULL;
CREATE INDEX groups_directory_external ON groups (directory_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX groups_member_set ON groups (member_set) WHERE member_set IS NOT NULL;

CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id),
    PRIMARY KEY (group_id, member_id)
) WITHOUT ROWID;
CREATE INDEX group_members_member ON group_members (member_id);
