//! What is remembered of a connection: sign-ins with filters, its activity, its revisions and the way back to one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward::testing::Certificate;
use doorward::testing::ExpiredCertificates;
use doorward::testing::SettingsChange;
use doorward::testing::Timestamp;
use doorward::testing::days;
use doorward::testing::hours;
use doorward::testing::minutes;
use serde_json::Value;
use serde_json::json;

use crate::support::Answer;
use crate::support::Browser;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::idp_saml::ENTITY_ID;
use crate::support::idp_saml::Key;
use crate::support::idp_saml::Reply;
use crate::support::idp_saml::Signs;
use crate::support::server::OWNER;

const GRACE: &str = "grace@acme.example";
const ALAN: &str = "alan@acme.example";
const OTHER: &str = "https://other.example/";

/// A refusal that is signed, so it names whom it is about: Grace.
async fn refused(app: &TestApp, idp: &Idp) {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/").await;
    let reply = Reply { audience: OTHER.to_owned(), ..idp.reply(app.now(), Some(&request.id)) };
    assert_eq!(browser.bring(idp, &reply.encoded()).await.reason(), "saml_audience");
}

async fn listed(app: &TestApp, idp: &Idp, query: &str) -> Vec<Value> {
    let answer = app.api("admin").await.get(&format!("/api/v1/connections/{}/sign-ins?{query}", idp.id)).await;
    answer.is(200).json()["data"].as_array().unwrap().clone()
}

fn codes(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["code"].as_str().unwrap_or("ok")).collect()
}

/// Two people and two refusals, an hour between each.
async fn busy(app: &TestApp) -> (Idp, Timestamp) {
    let idp = app.active_connection().await;
    let began = app.now();
    app.sign_in_by_saml(&idp, GRACE).await;
    app.clock.advance(hours(1));
    refused(app, &idp).await;
    app.clock.advance(hours(1));
    app.sign_in_by_saml(&idp, ALAN).await;
    app.clock.advance(hours(1));
    app.stranger().bring(&idp, "PGE+").await;
    (idp, began)
}

#[actix_web::test]
async fn sign_ins_are_narrowed_by_result_code_and_time() {
    let app = TestApp::start().await;
    let (idp, began) = busy(&app).await;
    assert_eq!(codes(&listed(&app, &idp, "").await), ["saml_malformed", "ok", "saml_audience", "ok"]);
    assert_eq!(codes(&listed(&app, &idp, "result=ok").await), ["ok", "ok"]);
    assert_eq!(codes(&listed(&app, &idp, "result=refused").await), ["saml_malformed", "saml_audience"]);
    assert_eq!(codes(&listed(&app, &idp, "code=saml_audience").await), ["saml_audience"]);
    assert!(listed(&app, &idp, "code=saml_audience&result=ok").await.is_empty());
    assert!(listed(&app, &idp, "code=nothing_like_it%25").await.is_empty());
    let half = |n: u64| (began + hours(n) + hours(1) / 2).rfc3339();
    assert_eq!(codes(&listed(&app, &idp, &format!("from={}", half(1))).await), ["saml_malformed", "ok"]);
    assert_eq!(codes(&listed(&app, &idp, &format!("to={}", half(1))).await), ["saml_audience", "ok"]);
    let between = format!("from={}&to={}", half(0), half(2));
    assert_eq!(codes(&listed(&app, &idp, &between).await), ["ok", "saml_audience"]);
    assert_eq!(codes(&listed(&app, &idp, &format!("{between}&result=refused")).await), ["saml_audience"]);
}

#[actix_web::test]
async fn sign_ins_are_narrowed_to_a_person_by_address_or_member() {
    let app = TestApp::start().await;
    let (idp, began) = busy(&app).await;
    let grace: String =
        app.database().query_row("SELECT id FROM members WHERE email_norm = ?1", [GRACE], |row| row.get(0)).unwrap();
    app.app().deactivate_member(&app.ctx().await, grace.parse().unwrap()).await.unwrap();
    app.clock.advance(hours(1));
    let (_, answer) = app.sign_in_by_saml(&idp, GRACE).await;
    assert_eq!(answer.reason(), "sso_deactivated");
    for person in [GRACE, "GRACE@acme.example", grace.as_str()] {
        assert_eq!(
            codes(&listed(&app, &idp, &format!("person={person}")).await),
            ["sso_deactivated", "saml_audience", "ok"],
            "{person}"
        );
    }
    assert_eq!(codes(&listed(&app, &idp, &format!("person={GRACE}&result=ok")).await), ["ok"]);
    assert_eq!(
        codes(&listed(&app, &idp, &format!("person={GRACE}&result=refused")).await),
        ["sso_deactivated", "saml_audience"]
    );
    let early = format!("person={GRACE}&to={}", (began + hours(1)).rfc3339());
    assert_eq!(codes(&listed(&app, &idp, &early).await), ["ok"]);
    for nobody in ["nobody@acme.example", "mem_01k2v9q8xw3f6t0m4n7p5r1sza", "'; --"] {
        assert!(listed(&app, &idp, &format!("person={}", nobody.replace(' ', "+"))).await.is_empty(), "{nobody}");
    }
    // A sign-in by password is none of the connection's.
    app.owner().await;
    assert!(listed(&app, &idp, &format!("person={OWNER}")).await.is_empty());
}

/// Brings an answer that is for somebody else, changed like this; says the reason.
async fn brought(app: &TestApp, idp: &Idp, change: impl FnOnce(Reply) -> Reply) -> String {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/").await;
    let reply = Reply { audience: OTHER.to_owned(), ..idp.reply(app.now(), Some(&request.id)) };
    browser.bring(idp, &change(reply).encoded()).await.reason().to_owned()
}

#[actix_web::test]
async fn a_refused_answer_names_somebody_only_where_a_signature_proved_it() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let who = |rows: &[Value]| rows.iter().map(|row| row["who"].clone()).collect::<Vec<_>>();
    let subject = "7F3Q-91BT-0000";
    for (name_id, email, told) in [
        ("grace", Some("Grace@ACME.example"), GRACE),
        (GRACE, None, GRACE),
        (subject, None, subject),
        (subject, Some("no address"), subject),
    ] {
        let change = |reply: Reply| {
            let reply = Reply { name_id: name_id.to_owned(), attributes: Vec::new(), ..reply };
            email.into_iter().fold(reply, |reply, email| reply.with("mail", &[email]))
        };
        assert_eq!(brought(&app, &idp, change).await, "saml_audience");
        assert_eq!(who(&listed(&app, &idp, "").await)[0], told, "{name_id} {email:?}");
    }
    assert_eq!(who(&listed(&app, &idp, &format!("person={GRACE}")).await), [GRACE, GRACE]);
    assert_eq!(who(&listed(&app, &idp, &format!("person={subject}")).await), [subject, subject]);
    let mut admin = app.admin().await;
    let page = admin.get(&format!("/admin/security/sso/{}/sign-ins?person=GRACE%40acme.example", idp.id)).await;
    let traces = page.links().into_iter().filter(|link| link.contains("/sign-ins/DW-"));
    assert_eq!(traces.count(), 2, "{}", page.text());
    let told = app.audit_of("sign_in.refused").await;
    assert_eq!(told.iter().filter(|event| event.changes["who"][1] == GRACE).count(), 2);

    // What nobody signed, or somebody else, or what was changed on the way, may say what it likes.
    let unsigned = |reply: Reply| Reply { signs: Signs::Nothing, ..reply };
    let forged = |reply: Reply| Reply { key: Key::other(), ..reply };
    assert_eq!(brought(&app, &idp, unsigned).await, "saml_signature_missing");
    assert_eq!(brought(&app, &idp, forged).await, "saml_signature_cert");
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let changed = idp.reply(app.now(), Some(&request.id)).xml().replace("grace@acme", "ada@acme");
    assert_eq!(browser.bring(&idp, &STANDARD.encode(changed)).await.reason(), "saml_signature_invalid");
    assert_eq!(who(&listed(&app, &idp, "").await)[..3], [json!(null), json!(null), json!(null)]);
    assert_eq!(who(&listed(&app, &idp, &format!("person={GRACE}")).await).len(), 2);

    // Nor does one whose certificate the connection no longer accepts.
    let idp = app.connection_of(ENTITY_ID, Key::expired(), SettingsChange::default()).await;
    app.change(
        &idp,
        SettingsChange { expired_certificates: Some(ExpiredCertificates::Refuse), ..SettingsChange::default() },
    )
    .await;
    app.activate(&idp).await;
    assert_eq!(
        brought(&app, &idp, |reply| Reply { key: Key::expired(), audience: idp.entity_id.clone(), ..reply }).await,
        "saml_cert_expired"
    );
    assert_eq!(who(&listed(&app, &idp, "").await), [json!(null)]);
}

#[actix_web::test]
async fn a_trace_says_how_late_it_was_which_certificate_and_what_the_name_is() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let mut admin = app.admin().await;
    let (mut browser, list) = (app.stranger(), format!("/admin/security/sso/{}/sign-ins", idp.id));
    let request = browser.start(&idp, "/").await;
    let late = idp.reply(app.now(), Some(&request.id)).earlier(minutes(65));
    assert_eq!(browser.bring(&idp, &late.encoded()).await.reason(), "saml_time_late");
    let newest = |page: &Answer| page.links().into_iter().find(|link| link.contains("/sign-ins/DW-")).unwrap();
    let trace = admin.get(&list).await;
    let trace = admin.get(&newest(&trace)).await.text();
    assert!(trace.contains(", 1 hour later."), "{trace}");
    assert!(trace.contains("NameID, unspecified. It is no email address"), "{trace}");

    assert_eq!(brought(&app, &idp, |reply| Reply { key: Key::other(), ..reply }).await, "saml_signature_cert");
    let trace = admin.get(&list).await;
    let trace = admin.get(&newest(&trace)).await;
    let text = trace.body.replace("<wbr>", "").replace("<mark>", "").replace("</mark>", "");
    for key in [Key::idp(), Key::other()] {
        let sha256 = Certificate::from_der(&key.identity.certificate_der).unwrap().sha256;
        let pairs: Vec<String> =
            sha256.as_bytes().chunks(2).map(|two| String::from_utf8_lossy(two).to_uppercase()).collect();
        assert!(text.contains(&pairs.join(":")) && !text.contains(&sha256), "{text}");
    }

    // Without an address there is nobody to find or make; the refusal shows the name that came.
    let nameless = |reply: Reply| Reply { attributes: Vec::new(), audience: idp.entity_id.clone(), ..reply };
    assert_eq!(brought(&app, &idp, nameless).await, "saml_nameid_missing");
    let trace = admin.get(&list).await;
    let trace = admin.get(&newest(&trace)).await.text();
    assert!(trace.contains("NameID: grace.") && trace.contains("The NameID is no email address"), "{trace}");
}

#[actix_web::test]
async fn a_page_of_sign_ins_goes_on_where_the_one_before_ended_whatever_the_filter() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    for _ in 0..3 {
        app.sign_in_by_saml(&idp, GRACE).await;
        refused(&app, &idp).await;
    }
    let api = app.api("admin").await;
    for (filter, total) in [("", 6), ("result=ok&", 3), ("code=saml_audience&", 3), ("person=grace@acme.example&", 6)] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/connections/{}/sign-ins?{filter}limit=2&cursor={cursor}", idp.id);
            let page = api.get(&path).await.is(200).json();
            seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        let is_falling = seen.windows(2).all(|pair| pair[0] > pair[1]);
        assert!(seen.len() == total && is_falling, "{filter}: {seen:?}");
    }
}

#[actix_web::test]
async fn filters_that_are_none_are_refused_by_the_api_and_told_on_the_page() {
    let app = TestApp::start().await;
    let (idp, _) = busy(&app).await;
    let api = app.api("admin").await;
    for (query, pointer) in
        [("result=maybe", "/result"), ("from=yesterday", "/from"), ("to=2026", "/to"), ("who=x", "/who")]
    {
        let answer = api.get(&format!("/api/v1/connections/{}/sign-ins?{query}", idp.id)).await;
        answer.is_invalid_at(&[pointer]);
    }
    let mut owner = app.owner().await;
    let path = format!("/admin/security/sso/{}/sign-ins", idp.id);
    for (query, told) in [
        ("person=gra", "gra is no address. Write the whole of it"),
        ("from=2026-13-01", "2026-13-01 is no date"),
        ("person=%27&to=x", "x is no date"),
        ("result=x", "x is no result"),
        ("person=%00%27", "without control characters"),
    ] {
        let page = owner.get(&format!("{path}?{query}")).await;
        assert_eq!(page.status, 200);
        assert!(page.text().contains(told), "{query}: {}", page.text());
    }
    for query in ["code=%00", "code=%27%22", "person=a%40b%25"] {
        assert_eq!(owner.get(&format!("{path}?{query}")).await.status, 200, "{query}");
    }
    let long = "a".repeat(3000);
    assert_eq!(owner.get(&format!("{path}?person={long}")).await.status, 200);
}

#[actix_web::test]
async fn the_page_keeps_its_filters_in_the_address_and_offers_the_codes_that_are_there() {
    let app = TestApp::start().await;
    let (idp, _) = busy(&app).await;
    let mut owner = app.owner().await;
    let path = format!("/admin/security/sso/{}/sign-ins", idp.id);
    let form = owner.get(&path).await.form("/sign-ins");
    let page = owner.get(&format!("{path}?{}", encoded(&form.fill("code", "saml_audience").fields))).await;
    assert_eq!(page.form("/sign-ins").get("code"), "saml_audience");
    assert!(page.body.contains("saml_audience") && !page.body.contains(GRACE), "{}", page.text());
    assert!(page.body.contains("value=\"saml_malformed\""));
    let page = owner.get(&format!("{path}?person={GRACE}")).await;
    assert!(page.body.contains("grace@") && !page.body.contains("alan@"), "{}", page.text());
}

fn encoded(fields: &[(String, String)]) -> String {
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    crate::support::caller::encode(&pairs)
}

#[actix_web::test]
async fn every_filter_walks_an_index() {
    let app = TestApp::start().await;
    let plan = |sql: &str| {
        let database = app.database();
        let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    let select = "SELECT id FROM sign_ins WHERE connection_id = 'c'";
    for (filter, index) in [
        ("AND id < 's'", "sign_ins_connection (connection_id=? AND id<?)"),
        ("AND code IS NOT NULL AND id < 's'", "sign_ins_refused (connection_id=? AND id<?)"),
        ("AND code = 'x' AND id < 's'", "sign_ins_code (connection_id=? AND code=? AND id<?)"),
        ("AND code IS NOT NULL AND who = 'w' AND id < 's'", "sign_ins_who (connection_id=? AND who=? AND id<?)"),
        ("AND code IS NOT NULL AND member_id IN ('m') AND id < 's'", "sign_ins_member (member_id=? AND id<?)"),
    ] {
        let plan = plan(&format!("{select} {filter} ORDER BY id DESC LIMIT 51"));
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE") && !plan.contains("SCAN"), "{filter}: {plan}");
    }
    let person = "AND id IN (SELECT 'sgn_' || substr(target_id, 5) FROM audit_events \
                  WHERE organization_id = (SELECT organization_id FROM connections WHERE id = 'c') AND actor_id IN ('m') \
                  AND code IS NULL AND action = 'sign_in.succeeded') AND code IS NULL";
    let plan = plan(&format!("{select} {person} ORDER BY id DESC LIMIT 51"));
    assert!(
        plan.contains("id=?") && plan.contains("audit_events_done_actor (organization_id=? AND actor_id=?"),
        "{plan}"
    );
}

#[actix_web::test]
async fn activity_is_what_was_done_to_this_connection() {
    let app = TestApp::start().await;
    let (idp, other) = (app.active_connection().await, app.active_connection().await);
    app.change(&other, SettingsChange { name: Some("Another".to_owned()), ..SettingsChange::default() }).await;
    let mut owner = app.owner().await;
    let page = owner.get(&format!("/admin/security/sso/{}/activity", idp.id)).await;
    let text = page.text();
    assert!(text.contains("Connection created") && text.contains("Connection turned on"), "{text}");
    assert!(!text.contains("Connection changed"), "{text}");
    assert_eq!(owner.get("/admin/security/sso/con_01k2v9q8xw3f6t0m4n7p5r1sza/activity").await.status, 404);
}

// Revisions.

async fn revisions(app: &TestApp, idp: &Idp) -> Vec<Value> {
    let answer = app.api("admin").await.get(&format!("/api/v1/connections/{}/revisions", idp.id)).await;
    answer.is(200).json()["data"].as_array().unwrap().clone()
}

async fn with_three_revisions(app: &TestApp) -> Idp {
    let idp = app.active_connection().await;
    app.change(&idp, SettingsChange { jit: Some(false), ..SettingsChange::default() }).await;
    app.activate(&idp).await;
    app.clock.advance(days(1));
    let url = Some(Some("https://idp.example/slo".to_owned()));
    app.change(&idp, SettingsChange { slo_url: url, clock_skew: Some(60), ..SettingsChange::default() }).await;
    idp
}

#[actix_web::test]
async fn every_saved_revision_is_listed_with_who_when_and_what_it_changed() {
    let app = TestApp::start().await;
    let idp = with_three_revisions(&app).await;
    let all = revisions(&app, &idp).await;
    let told: Vec<_> =
        all.iter().map(|row| (row["number"].as_u64().unwrap(), row["standing"].as_str().unwrap())).collect();
    assert_eq!(told, [(3, "draft"), (2, "active"), (1, "former")]);
    assert_eq!(
        all[0]["changes"],
        json!([
            {"field": "slo_url", "before": null, "after": "https://idp.example/slo"},
            {"field": "clock_skew", "before": 180, "after": 60}
        ])
    );
    assert_eq!(all[1]["changes"], json!([{"field": "jit", "before": true, "after": false}]));
    assert_eq!((&all[2]["changes"], &all[2]["settings"]["jit"]), (&json!([]), &json!(true)));
    assert_eq!((&all[1]["saved_by"], &all[0]["activated_at"]), (&json!("the command line"), &json!(null)));
    assert!(all[1]["activated_at"].is_string() && all[0]["saved_at"].as_str() > all[1]["saved_at"].as_str());
    let whole = serde_json::to_string(&all).unwrap();
    assert!(!whole.contains("CERTIFICATE") && !whole.contains("MII"), "a certificate is in it");
}

#[actix_web::test]
async fn an_edit_of_a_draft_is_saved_in_its_place_under_the_last_name() {
    let app = TestApp::start().await;
    let idp = with_three_revisions(&app).await;
    let before = revisions(&app, &idp).await;
    let mut owner = app.owner().await;
    let form = owner.get(&format!("/admin/security/sso/{}/edit", idp.id)).await.form("/edit");
    assert_eq!(owner.submit(&form.fill("jit", "true")).await.status, 303);
    let after = revisions(&app, &idp).await;
    assert_eq!((after.len(), &after[0]["id"]), (3, &before[0]["id"]));
    assert_eq!(after[0]["saved_by"], OWNER);
}

#[actix_web::test]
async fn bringing_a_revision_back_makes_a_draft_and_nobody_signs_in_by_it() {
    let app = TestApp::start().await;
    let idp = with_three_revisions(&app).await;
    let first = revisions(&app, &idp).await[2]["id"].as_str().unwrap().to_owned();
    let api = app.api("admin").await;
    let path = format!("/api/v1/connections/{}", idp.id);
    let restored = api.post(&format!("{path}/revisions/{first}/restore"), &json!({})).await.is(200).json();
    assert_eq!((&restored["jit"], &restored["draft"]["jit"]), (&json!(false), &json!(true)));
    assert_eq!((&restored["draft"]["slo_url"], &restored["draft"]["clock_skew"]), (&json!(null), &json!(180)));
    let told = app.audit_of("connection.restored").await;
    assert_eq!(told[0].changes["revision"][1], first);
    api.post(&format!("{path}/revisions/{first}/restore"), &json!({})).await.is_problem(409, "nothing_to_restore");
    api.post(&format!("{path}/activate"), &json!({})).await.is(200);
    assert_eq!(api.get(&path).await.json()["jit"], true);
}

#[actix_web::test]
async fn bringing_back_what_is_in_use_ends_the_draft() {
    let app = TestApp::start().await;
    let idp = with_three_revisions(&app).await;
    let active = revisions(&app, &idp).await[1]["id"].as_str().unwrap().to_owned();
    let api = app.api("admin").await;
    let path = format!("/api/v1/connections/{}/revisions/{active}/restore", idp.id);
    assert_eq!(api.post(&path, &json!({})).await.is(200).json()["draft"], json!(null));
    assert_eq!(revisions(&app, &idp).await.len(), 2);
}

#[actix_web::test]
async fn a_revision_of_another_connection_or_none_is_not_brought_back() {
    let app = TestApp::start().await;
    let (idp, other) = (with_three_revisions(&app).await, app.active_connection().await);
    let api = app.api("admin").await;
    let foreign = revisions(&app, &other).await[0]["id"].as_str().unwrap().to_owned();
    for id in [foreign.as_str(), "rev_01k2v9q8xw3f6t0m4n7p5r1sza", "rev_x", "%27"] {
        let path = format!("/api/v1/connections/{}/revisions/{id}/restore", idp.id);
        assert_eq!(api.post(&path, &json!({})).await.status, 404, "{id}");
    }
}

#[actix_web::test]
async fn a_role_above_ones_own_is_not_brought_back() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let owner_role = Some("owner".parse().unwrap());
    app.change(&idp, SettingsChange { default_role: owner_role, ..SettingsChange::default() }).await;
    app.activate(&idp).await;
    let member_role = Some("member".parse().unwrap());
    app.change(&idp, SettingsChange { default_role: member_role, ..SettingsChange::default() }).await;
    app.activate(&idp).await;
    let second = revisions(&app, &idp).await[1]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/connections/{}/revisions/{second}/restore", idp.id);
    assert_eq!(app.api("admin").await.post(&path, &json!({})).await.status, 403);
    app.api("owner").await.post(&path, &json!({})).await.is(200);
}

async fn restore_form(owner: &mut Browser, idp: &Idp) -> (Answer, crate::support::html::Form) {
    let page = owner.get(&format!("/admin/security/sso/{}/revisions", idp.id)).await;
    let form = page.form("/restore");
    (page, form)
}

#[actix_web::test]
async fn the_page_shows_the_difference_and_brings_back() {
    let app = TestApp::start().await;
    let idp = with_three_revisions(&app).await;
    let mut owner = app.owner().await;
    let (page, form) = restore_form(&mut owner, &idp).await;
    let text = page.text();
    for shown in [
        "Revision 3",
        "Draft",
        "Single logout URL",
        "Clocks may differ by",
        "In use",
        "New people are created",
        "The first settings.",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    // The draft itself has no button; the first that has one is what is in use.
    let answer = owner.submit_and_follow(&form).await;
    assert!(answer.text().contains("The draft is gone"), "{}", answer.text());
    let (_, form) = restore_form(&mut owner, &idp).await;
    let answer = owner.submit_and_follow(&form).await;
    assert!(answer.text().contains("A draft has these settings"), "{}", answer.text());
    // The page is older than what was saved meanwhile.
    assert_eq!(owner.submit(&form).await.status, 409);
}
