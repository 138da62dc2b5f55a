-- came_from is `local`, or the id of the connection or directory that gave the role.
CREATE TABLE member_roles (
    member_id TEXT NOT NULL REFERENCES members (id),
    role TEXT NOT NULL,
    came_from TEXT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    PRIMARY KEY (member_id, role, came_from)
) WITHOUT ROWID;
CREATE INDEX member_roles_role ON member_roles (organization_id, role);
CREATE INDEX member_roles_source ON member_roles (came_from, member_id) WHERE came_from <> 'local';

-- Roles that admins named. permissions are their names, with a space between.
CREATE TABLE access_roles (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    permissions TEXT NOT NULL,
    role_rank BIGINT NOT NULL,
    -- When it came to hold more than before: links that were made for its holders until then are void.
    grew_at BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (organization_id, slug)
) WITHOUT ROWID;
