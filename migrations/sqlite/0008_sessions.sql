CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    member_id TEXT NOT NULL REFERENCES members (id),
    token_hash BLOB NOT NULL,
    method TEXT NOT NULL,
    connection_id TEXT,
    -- What the provider calls this session and its person (SAML SessionIndex and NameID), for single logout. No index: it
    -- would cost every sign-in, and a request for logout finds its member by the identity.
    session_index TEXT,
    name_id TEXT,
    name_id_format TEXT,
    name_qualifier TEXT,
    sp_name_qualifier TEXT,
    ip TEXT,
    user_agent TEXT,
    started_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    console_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);
CREATE INDEX sessions_member ON sessions (member_id);
-- Lists go by it, newest first, narrowed by any of its columns: what is passed over costs a step in this index alone. A new
-- session comes at its end, which costs a sign-in less than an index for each filter would.
CREATE INDEX sessions_organization ON sessions (organization_id, id, member_id, method, connection_id, ip, expires_at);

CREATE TABLE links (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    member_id TEXT NOT NULL REFERENCES members (id),
    purpose TEXT NOT NULL,
    token_hash BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE UNIQUE INDEX links_token ON links (token_hash);
CREATE INDEX links_member ON links (member_id);
CREATE INDEX links_age ON links (expires_at);
