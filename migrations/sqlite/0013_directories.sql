-- groups counts what the identity provider sees, as scim_blocks does its users; lists tell it with each page.
CREATE TABLE directories (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    provider TEXT NOT NULL,
    connection_id TEXT,
    status TEXT NOT NULL,
    default_role TEXT NOT NULL,
    member_lock TEXT NOT NULL,
    guard_share BIGINT NOT NULL,
    -- Since when an admin is asked whether so many may lose access, and until when they may.
    held_at BIGINT,
    let_pass_until BIGINT,
    -- Schemas of its own, as JSON.
    extensions TEXT,
    groups BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    enabled_at BIGINT,
    last_request_at BIGINT,
    deleted_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX directories_organization ON directories (organization_id, deleted_at, id);
CREATE INDEX directories_connection ON directories (connection_id) WHERE connection_id IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE directory_tokens (
    id TEXT PRIMARY KEY,
    directory_id TEXT NOT NULL REFERENCES directories (id),
    prefix TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    -- Set when the next one was made.
    retires_at BIGINT,
    last_used_at BIGINT,
    -- With so many days left its end was told last.
    told_days BIGINT
);
CREATE INDEX directory_tokens_ends ON directory_tokens (expires_at) WHERE expires_at IS NOT NULL;
CREATE UNIQUE INDEX directory_tokens_hash ON directory_tokens (token_hash);
CREATE INDEX directory_tokens_directory ON directory_tokens (directory_id, id);

-- What the identity provider sees of its users. A member hangs on it once the directory is enabled. deleted_at marks a
-- tombstone, which a user of the same external id revives.
CREATE TABLE scim_users (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    directory BIGINT NOT NULL REFERENCES directories (number),
    external_id TEXT,
    -- Folded: case makes no other user.
    user_name TEXT NOT NULL,
    email TEXT,
    document TEXT NOT NULL,
    is_active BIGINT NOT NULL,
    member_id TEXT REFERENCES members (id),
    -- Why there is no member, or why one of the same address stands beside.
    problem TEXT,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    deleted_at BIGINT,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX scim_users_user_name ON scim_users (directory, user_name) WHERE deleted_at IS NULL;
CREATE INDEX scim_users_external ON scim_users (directory, external_id, deleted_at) WHERE external_id IS NOT NULL;
CREATE INDEX scim_users_modified ON scim_users (directory, modified_at, number) WHERE deleted_at IS NULL;
CREATE INDEX scim_users_list ON scim_users (directory, number) WHERE deleted_at IS NULL;
CREATE INDEX scim_users_gone ON scim_users (directory) WHERE deleted_at IS NOT NULL;
CREATE INDEX scim_users_member ON scim_users (member_id) WHERE member_id IS NOT NULL;
CREATE INDEX scim_users_problem ON scim_users (directory, number) WHERE problem IS NOT NULL AND deleted_at IS NULL;

-- Each address of a user, folded. Found by the address alone: a reference to the user would have each deleted user looked for
-- among all addresses.
CREATE TABLE scim_emails (
    directory BIGINT NOT NULL,
    email TEXT NOT NULL,
    user_number BIGINT NOT NULL,
    PRIMARY KEY (directory, email, user_number)
) WITHOUT ROWID;

-- How many users of a directory there are among each 4,096 numbers, so that a page far in is found without a walk to it, and
-- between which numbers: where none of those is missing, each one's place is known.
CREATE TABLE scim_blocks (
    directory BIGINT NOT NULL,
    block BIGINT NOT NULL,
    users BIGINT NOT NULL,
    first_number BIGINT NOT NULL,
    last_number BIGINT NOT NULL,
    PRIMARY KEY (directory, block)
) WITHOUT ROWID;

-- Who is in a group. A set is the group's own where groups.member_set names it; others are being written or go.
CREATE TABLE memberships (
    member_set BIGINT NOT NULL,
    user_number BIGINT NOT NULL,
    PRIMARY KEY (member_set, user_number)
) WITHOUT ROWID;
CREATE INDEX memberships_user ON memberships (user_number, member_set);

CREATE TABLE member_sets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    directory BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- What was asked of a directory, for thirty days and so many of each.
CREATE TABLE scim_requests (
    id TEXT NOT NULL,
    directory_id TEXT NOT NULL REFERENCES directories (id),
    at BIGINT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status BIGINT NOT NULL,
    -- read, user, group or discovery
    kind TEXT NOT NULL,
    dialect TEXT NOT NULL,
    -- Whom or which group it was about.
    resource_id TEXT,
    who TEXT,
    -- What it changed, or why it was refused.
    words TEXT NOT NULL,
    quirks TEXT NOT NULL,
    body TEXT,
    ip TEXT,
    micros BIGINT NOT NULL,
    PRIMARY KEY (directory_id, id)
) WITHOUT ROWID;

-- How often each tolerance was needed.
CREATE TABLE scim_quirks (
    directory_id TEXT NOT NULL REFERENCES directories (id),
    quirk TEXT NOT NULL,
    count BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (directory_id, quirk)
) WITHOUT ROWID;

-- Access that a directory took away, for the guard of an hour.
-- people is more than one where many were told at once, by a group.
CREATE TABLE directory_losses (
    directory BIGINT NOT NULL,
    who TEXT NOT NULL,
    at BIGINT NOT NULL,
    people BIGINT NOT NULL,
    PRIMARY KEY (directory, who)
) WITHOUT ROWID;
CREATE INDEX directory_losses_at ON directory_losses (directory, at, people, who);
