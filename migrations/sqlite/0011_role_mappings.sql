-- What a value that a connection (later a directory) sends grants. roles are slugs, with a space between; attribute is
-- empty unless the value is that of an attribute.
CREATE TABLE role_mappings (
    source_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    attribute TEXT NOT NULL,
    value TEXT NOT NULL,
    roles TEXT NOT NULL,
    team_id TEXT,
    tag TEXT,
    PRIMARY KEY (source_id, position)
) WITHOUT ROWID;
CREATE INDEX role_mappings_organization ON role_mappings (organization_id);

-- Roles, entitlements and mapped attributes as they were sent at the last sign-in, so that a new mapping can say whom it
-- changes. Groups have a table of their own.
CREATE TABLE sent_values (
    member_id TEXT NOT NULL REFERENCES members (id),
    source_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    attribute TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (member_id, source_id, kind, attribute, value)
) WITHOUT ROWID;
CREATE INDEX sent_values_value ON sent_values (source_id, kind, attribute, value);
