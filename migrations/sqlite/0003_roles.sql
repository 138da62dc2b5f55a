-- came_from is `local`, or the id of the connection or directory that gave the role.
CREATE TABLE member_roles (
    member_id TEXT NOT NULL REFERENCES members (id),
    role TEXT NOT NULL,
    came_from TEXT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    PRIMARY KEY (member_id, role, came_from)
) WITHOUT ROWID;
CREATE INDEX member_roles_role ON member_roles (organization_id, role);
