CREATE TABLE organizations (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    default_role TEXT NOT NULL,
    sign_in_mode TEXT NOT NULL,
    seats BIGINT,
    -- Where seats are limited: members who take one, counted as members change, since whoever is made asks for it.
    active_members BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX organizations_slug ON organizations (slug);

-- What the instance itself remembers: the canary of the master key, the mark of a demo.
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
