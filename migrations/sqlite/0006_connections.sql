CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    provider TEXT NOT NULL,
    status TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    acs_url TEXT NOT NULL,
    active_revision TEXT,
    draft_revision TEXT,
    former_revision TEXT,
    -- How often anything that sign-ins go by was changed, also what belongs to no revision.
    changes BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    activated_at BIGINT,
    -- When the metadata link was read last and tried last, and what was wrong with it then.
    metadata_read_at BIGINT,
    metadata_tried_at BIGINT,
    metadata_problem_code TEXT,
    metadata_problem TEXT,
    -- The last good copy, as JSON.
    metadata_seen TEXT,
    -- When the provider last confirmed a sign-out that began here, and the single logout URL that it was asked at.
    logout_confirmed_at BIGINT,
    logout_confirmed_url TEXT,
    -- Of the last certificate's end: which end was told, and with how many days left (0: it has passed).
    told_end BIGINT,
    told_days BIGINT,
    deleted_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX connections_organization ON connections (organization_id, deleted_at, id);

-- A draft changes in place; once it has been active it never changes again.
CREATE TABLE connection_revisions (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES connections (id),
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- By whom, under the name of that time; a draft is saved again and again.
    saved_at BIGINT NOT NULL,
    saved_by TEXT NOT NULL,
    activated_at BIGINT,
    activated_by TEXT
);
CREATE INDEX connection_revisions_connection ON connection_revisions (connection_id, id);

-- Not live: it came with the metadata of a draft beside an active revision, and is trusted only in tests of that draft.
CREATE TABLE connection_certificates (
    connection_id TEXT NOT NULL REFERENCES connections (id),
    sha256 TEXT NOT NULL,
    sha1 TEXT NOT NULL,
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Of the public key alone: a certificate issued anew for it has the same.
    key_sha256 TEXT NOT NULL,
    -- The entity IDs that it was trusted for, as JSON.
    providers TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    der BLOB NOT NULL,
    source TEXT NOT NULL,
    added_by TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    is_live BIGINT NOT NULL,
    first_used_at BIGINT,
    last_used_at BIGINT,
    -- When the alarm of its use after its end was last raised.
    alarmed_at BIGINT,
    PRIMARY KEY (connection_id, sha256)
);

-- An admin stopped trusting these: the provider's metadata link does not bring them back. For a while it can be undone;
-- then the certificate itself goes (der), and its fingerprint stays.
CREATE TABLE removed_certificates (
    connection_id TEXT NOT NULL REFERENCES connections (id),
    sha256 TEXT NOT NULL,
    sha1 TEXT NOT NULL,
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    key_sha256 TEXT NOT NULL,
    providers TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    der BLOB,
    source TEXT NOT NULL,
    added_by TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    is_live BIGINT NOT NULL,
    first_used_at BIGINT,
    last_used_at BIGINT,
    removed_by TEXT NOT NULL,
    removed_at BIGINT NOT NULL,
    PRIMARY KEY (connection_id, sha256)
);
CREATE INDEX removed_certificates_age ON removed_certificates (removed_at) WHERE der IS NOT NULL;

-- Our own keys for a connection: current (signs requests), next (published with it), retired. Each opens encrypted
-- assertions. The key is sealed.
CREATE TABLE connection_keys (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES connections (id),
    state TEXT NOT NULL,
    key_sealed TEXT NOT NULL,
    certificate BLOB NOT NULL,
    sha256 TEXT NOT NULL,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    last_opened_at BIGINT,
    -- With how many days left its end was told (0: it has passed).
    told_days BIGINT
);
CREATE UNIQUE INDEX connection_keys_sha256 ON connection_keys (connection_id, sha256);
CREATE UNIQUE INDEX connection_keys_state ON connection_keys (connection_id, state) WHERE state <> 'retired';
