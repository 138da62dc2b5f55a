//! The large organization, made by a few statements of the store; nothing in it is random.

use doorward::testing::Clock as _;
use doorward::testing::Gateway;

const MEMBERS: i64 = 100_000;
const GROUPS: i64 = 1_000;
const TEAMS: i64 = 200;
const SIGN_INS: i64 = 300_000;
const SESSIONS: i64 = 50_000;
const EVENTS: i64 = 1_000_000;

/// `n` counts from 1; `?1` organization, `?2` connection, `?3` now, `?4` how many. Each statement has to name all four.
const COUNT: &str =
    "WITH RECURSIVE named AS (SELECT ?1, ?2, ?3), c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?4)";

const STATEMENTS: &[(i64, &str)] = &[
    (
        MEMBERS,
        "INSERT INTO members (id, organization_id, email, email_norm, name, given_name, family_name, job_title, status, source, \
         created_at, last_seen_at, version, search_text) SELECT printf('mem_%026d', n), ?1, printf('person%d@acme.example', n), \
         printf('person%d@acme.example', n), given || ' ' || family, given, family, title, \
         CASE WHEN n % 20 = 0 THEN 'inactive' ELSE 'active' END, CASE WHEN n % 10 = 0 THEN 'manual' ELSE 'sso' END, \
         ?3 - 86400000 * (n % 700), ?3 - 60000 * n, 1, \
         replace(lower(printf(' person%d@acme.example %s %s %s', n, given, family, title)), ' ', char(1, 1)) FROM (SELECT n, \
         CASE n % 7 WHEN 0 THEN 'Grace' WHEN 1 THEN 'Alan' WHEN 2 THEN 'Edsger' WHEN 3 THEN 'Barbara' WHEN 4 THEN 'Donald' \
         WHEN 5 THEN 'Frances' ELSE 'Tony' END AS given, CASE n % 11 WHEN 0 THEN 'Hopper' WHEN 1 THEN 'Turing' WHEN 2 THEN 'Dijkstra' \
         WHEN 3 THEN 'Liskov' ELSE printf('Example %d', n % 5000) END AS family, \
         CASE n % 13 WHEN 0 THEN 'Engineer' WHEN 1 THEN 'Accountant' ELSE printf('Specialist %d', n % 97) END AS title FROM c)",
    ),
    (
        MEMBERS,
        "INSERT INTO member_roles (member_id, role, came_from, organization_id) SELECT printf('mem_%026d', n), \
         CASE WHEN n % 5000 = 0 THEN 'admin' WHEN n % 100 = 0 THEN 'developer' ELSE 'member' END, 'local', ?1 FROM c",
    ),
    (
        MEMBERS,
        "INSERT INTO identities (id, organization_id, member_id, connection_id, issuer, subject, created_at, last_used_at) \
         SELECT printf('idn_%026d', n), ?1, printf('mem_%026d', n), ?2, 'https://idp.example/', printf('person%d@acme.example', n), \
         ?3 - 86400000, ?3 - 60000 * n FROM c WHERE n % 10 <> 0",
    ),
    (
        GROUPS,
        "INSERT INTO groups (id, organization_id, connection_id, name, created_at) \
         SELECT printf('grp_%026d', n), ?1, ?2, CASE n WHEN 1 THEN 'All staff' ELSE printf('Group %d', n) END, ?3 FROM c",
    ),
    (
        MEMBERS,
        "INSERT INTO group_members (group_id, member_id) SELECT printf('grp_%026d', 1), printf('mem_%026d', n) FROM c",
    ),
    (
        4 * MEMBERS,
        "INSERT INTO group_members (group_id, member_id) SELECT printf('grp_%026d', 2 + (n * 37 + n / 100000) % 999), \
         printf('mem_%026d', 1 + n % 100000) FROM c WHERE true ON CONFLICT DO NOTHING",
    ),
    (
        TEAMS,
        "INSERT INTO teams (id, organization_id, name, created_at, version) \
         SELECT printf('team_%026d', n), ?1, printf('Team %d', n), ?3, 1 FROM c",
    ),
    (
        2 * MEMBERS,
        "INSERT INTO team_members (team_id, member_id, came_from) SELECT printf('team_%026d', 1 + n % 199), \
         printf('mem_%026d', 1 + n % 100000), 'local' FROM c WHERE true ON CONFLICT DO NOTHING",
    ),
    (
        1,
        "INSERT INTO access_roles (organization_id, slug, name, description, permissions, role_rank, version) \
         SELECT ?1, 'nurses', 'Nurses', '', '', 0, 1 FROM c",
    ),
    (
        MEMBERS / 2,
        "INSERT INTO member_roles (member_id, role, came_from, organization_id) SELECT printf('mem_%026d', 2 * n), 'nurses', ?2, ?1 FROM c",
    ),
    (
        MEMBERS / 50,
        "INSERT INTO member_tags (member_id, tag, came_from, organization_id) SELECT printf('mem_%026d', n * 50), 'mobile', ?2, ?1 FROM c",
    ),
    (
        SIGN_INS,
        "INSERT INTO sign_ins (id, organization_id, connection_id, at, verified, code, received, member_id, who, reference, \
         certificate_sha256, trace) SELECT printf('sgn_01zzzzzzzz%016d', n), ?1, ?2, ?3 - 8640 * (300000 - n), 1, \
         CASE WHEN n % 50 = 0 THEN 'saml_audience' END, CASE WHEN n % 50 = 0 THEN 'https://other.example' END, \
         printf('mem_%026d', 1 + n * 7919 % 100000), printf('person%d@acme.example', 1 + n * 7919 % 100000), \
         CASE WHEN n % 50 = 0 THEN printf('DW-%05d', n / 50) END, '00', \
         CASE WHEN n % 50 = 0 THEN '{\"xml\": \"' || substr(hex(zeroblob(3000)), 1, 6000) || '\"}' END FROM c",
    ),
    (
        SESSIONS,
        "INSERT INTO sessions (id, organization_id, member_id, token_hash, method, connection_id, ip, user_agent, started_at, last_seen_at, \
         console_seen_at, expires_at) SELECT printf('ses_%026d', n), ?1, printf('mem_%026d', 1 + n * 7919 % 100000), \
         CAST(printf('%032d', n) AS BLOB), 'saml', ?2, '203.0.113.9', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', \
         ?3 - 500 * (50000 - n), ?3 - 100 * (50000 - n), ?3 - 500 * (50000 - n), ?3 + 80000000 FROM c",
    ),
    (
        EVENTS,
        "INSERT INTO audit_events (sequence, id, organization_id, at, action, level, code, actor_kind, actor_id, target_kind, target_id, \
         request_id, reference, details_digest, hash) SELECT 1000 + n, printf('evt_%026d', n), ?1, ?3 - 31536 * (1000000 - n), action, \
         'info', CASE action WHEN 'sign_in.refused' THEN 'saml_audience' END, 'member', member, \
         CASE WHEN action IN ('sign_in.succeeded', 'session.signed_out') THEN 'session' WHEN action LIKE 'member.%' THEN 'member' ELSE 'connection' END, \
         CASE WHEN action IN ('sign_in.succeeded', 'session.signed_out') THEN printf('ses_%026d', n) WHEN action LIKE 'member.%' THEN member ELSE ?2 END, \
         printf('%032d', n), NULL, zeroblob(32), zeroblob(32) FROM (SELECT n, printf('mem_%026d', 1 + n * 7919 % 100000) AS member, \
         CASE WHEN n % 5000 = 0 THEN 'connection.updated' WHEN n % 40 = 0 THEN 'sign_in.refused' WHEN n % 30 = 0 THEN 'member.updated' \
         WHEN n % 12 = 0 THEN 'session.signed_out' ELSE 'sign_in.succeeded' END AS action FROM c)",
    ),
    (
        EVENTS,
        "INSERT INTO audit_details (sequence, details) SELECT 1000 + n, '{\"actor_name\":\"person' || (1 + n * 7919 % 100000) || \
         '@acme.example\",\"target_name\":\"person' || (1 + n * 7919 % 100000) || '@acme.example\",\"ip\":\"203.0.113.9\",\
         \"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\",\"changes\":{\"connection\":[null,\"Okta\"]}}' FROM c",
    ),
    (
        MEMBERS,
        "INSERT INTO audit_names (organization_id, party_id, name) \
         SELECT ?1, printf('mem_%026d', n), printf('person%d@acme.example', n) FROM c",
    ),
    (
        50,
        "INSERT INTO api_keys (id, organization_id, name, role, prefix, token_hash, created_by, created_at) \
         SELECT printf('key_%026d', n), ?1, printf('Key %d', n), 'admin', 'dwapi_0', CAST(printf('%032d', n) AS BLOB), 'ada@acme.example', ?3 FROM c",
    ),
];

pub async fn fill(gateway: &Gateway, organization: &str, connection: &str) {
    let now = gateway.clock.now().millis();
    for (count, statement) in STATEMENTS {
        let sql = statement.replacen("SELECT", &format!("{COUNT} SELECT"), 1);
        let (organization, connection, count) = (organization.to_owned(), connection.to_owned(), *count);
        let params = [organization.into(), connection.into(), now.into(), count.into()];
        gateway.app.store.write(move |tx| tx.execute(&sql, &params)).await.unwrap();
    }
    gateway.app.index_member_texts().await.unwrap();
}
