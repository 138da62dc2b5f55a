//! Pages about who may do what: roles, role mappings, teams, the filters of members, and why somebody holds a role.

use serde_json::Value;
use serde_json::json;

use crate::support::Browser;
use crate::support::Idp;
use crate::support::TestApp;

const GRACE: &str = "grace.hopper@acme.example";

async fn member_page(app: &TestApp, email: &str) -> String {
    let id: String =
        app.database().query_row("SELECT id FROM members WHERE email_norm = ?1", [email], |row| row.get(0)).unwrap();
    format!("/admin/members/{id}")
}

async fn signs_in(app: &TestApp, idp: &Idp, groups: &[&str]) {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/account").await;
    let reply = idp.reply(app.now(), Some(&request.id)).naming(GRACE).with("groups", groups);
    assert_eq!(browser.bring(idp, &reply.encoded()).await.status, 303);
}

#[actix_web::test]
async fn an_access_role_is_made_changed_and_deleted_on_pages() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let form = admin.get("/admin/roles/new").await.form("/admin/roles/new");
    let made = admin.submit(&form.fill("name", "Record All Viewer").fill("permissions", "members.read")).await;
    assert_eq!(made.location(), "/admin/roles");
    let path = "/admin/roles/record-all-viewer";
    assert!(admin.get("/admin/roles").await.text().contains("Record All Viewer"));
    let form = admin.get(path).await.form(path);
    assert_eq!(form.get("name"), "Record All Viewer");
    let wrong = admin.submit(&form.fill("name", "Admin ").fill("rank", "high")).await;
    assert_eq!((wrong.status, wrong.form(path).get("rank")), (422, "high"));
    let late = admin.get(path).await.form(path);
    let form = admin.get(path).await.form(path);
    assert_eq!(admin.submit(&form.fill("description", "Sees all")).await.status, 303);
    assert_eq!(admin.submit(&late.fill("description", "Other")).await.status, 409);
    let delete = format!("{path}/delete");
    let form = admin.get(&delete).await.form(&delete);
    assert_eq!(admin.submit(&form).await.location(), "/admin/roles");
    assert_eq!(admin.get(path).await.status, 404);
    assert_eq!(admin.get("/admin/roles/owner").await.status, 404);
}

#[actix_web::test]
async fn holders_of_a_role_are_counted_as_the_list_behind_the_link_shows_them() {
    let app = TestApp::start().await;
    let (mut admin, api) = (app.admin().await, app.api("owner").await);
    let shown = async |admin: &mut Browser| admin.get("/admin/roles").await.body;
    let counted = async || {
        let roles = api.get("/api/v1/roles").await.json()["data"].as_array().unwrap().clone();
        roles.iter().find(|role| role["slug"] == "developer").unwrap()["members"].clone()
    };
    let new = json!({"email": "dev@acme.example", "roles": ["developer"]});
    let made = api.made("/api/v1/members", &new).await;
    assert!(shown(&mut admin).await.contains("/admin/members?role=developer\">1 member<"));
    assert_eq!(counted().await, 1);
    let path = format!("/api/v1/members/{}", made["id"].as_str().unwrap());
    api.post(&format!("{path}/deactivate"), &json!({})).await.is(200);
    assert!(!shown(&mut admin).await.contains("role=developer"));
    assert_eq!(counted().await, 0);
    assert!(admin.get("/admin/members?role=developer").await.text().contains("No member matches"));
}

#[actix_web::test]
async fn a_team_is_filled_by_address_and_what_a_mapping_gives_stays() {
    let app = TestApp::start().await;
    let (mut admin, idp) = (app.admin().await, app.active_connection().await);
    app.person("ada2@acme.example", "member").await;
    let form = admin.get("/admin/teams/new").await.form("/admin/teams/new");
    let path = admin.submit(&form.fill("name", "iOS")).await.location().to_owned();
    let add = format!("{path}/add");
    let form = admin.get(&path).await.form(&add);
    let nobody = admin.submit(&form.fill("email", "nobody@acme.example")).await;
    assert_eq!((nobody.status, nobody.form(&add).get("email")), (422, "nobody@acme.example"));
    let form = admin.get(&path).await.form(&add);
    assert_eq!(admin.submit(&form.fill("email", "ADA2@acme.example")).await.status, 303);
    assert!(admin.get(&path).await.text().contains("Added here"));
    let mapping = json!([{"match": "group", "value": "Mobile", "team": path.rsplit('/').next().unwrap()}]);
    app.api("admin").await.put(&format!("/api/v1/connections/{}/role-mappings", idp.id), &mapping).await.is(200);
    signs_in(&app, &idp, &["Mobile"]).await;
    let page = admin.get(&path).await;
    assert!(page.text().contains("2 people"), "{}", page.text());
    let removals = page.body.matches("/remove\"").count();
    assert_eq!(removals, 1, "only the place given here can be taken");
    let delete = format!("{path}/delete");
    let form = admin.get(&delete).await.form(&delete);
    let refused = admin.submit(&form).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("Take it out there first"));
}

#[actix_web::test]
async fn mappings_are_previewed_saved_and_explained_on_the_member() {
    let app = TestApp::start().await;
    let (mut admin, idp) = (app.admin().await, app.active_connection().await);
    signs_in(&app, &idp, &["Builders"]).await;
    let path = format!("/admin/security/sso/{}/attributes", idp.id);
    let page = admin.get(&path).await;
    assert!(page.text().contains("Builders"), "a value that was seen is offered");
    let form = page.form(&path).fill("value", "Builders").fill("roles", "Developer, king").fill("do", "preview");
    let wrong = admin.submit(&form).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("There is no role <code>king</code>"), "{}", wrong.text());
    assert_eq!(wrong.form(&path).get("roles"), "Developer, king");
    // A value that was seen goes into a row by its button, and what was typed stays.
    let mut form = admin.get(&path).await.form(&path).fill("value", "Typed").fill("roles", "admin");
    form.fields.push(("use".to_owned(), "group Builders".to_owned()));
    let used = admin.submit(&form).await;
    assert!(used.status == 200 && used.body.contains("value=\"group Builders\" formaction="), "{}", used.body);
    let values: Vec<String> =
        used.form(&path).fields.into_iter().filter(|(name, _)| name == "value").map(|(_, value)| value).collect();
    assert_eq!(values[..2], ["Typed", "Builders"]);
    assert_eq!(used.form(&path).get("roles"), "admin");
    let form = admin.get(&path).await.form(&path).fill("value", " Builders ").fill("roles", "developer");
    let preview = admin.submit(&form.fill("do", "preview")).await;
    assert!(preview.text().contains("1 person changes") && preview.text().contains("Developer"), "{}", preview.text());
    assert_eq!(app.count("SELECT count(*) FROM role_mappings"), 0);
    let edited = admin.submit(&preview.form(&path).fill("do", "edit")).await;
    assert_eq!(edited.form(&path).get("roles"), "developer");
    let saved = admin.submit(&preview.form(&path).fill("do", "save")).await;
    assert_eq!(saved.location(), path);
    assert_eq!(app.count("SELECT count(*) FROM role_mappings"), 1);
    // Several roles of one value are chosen in rows of their own.
    let api = app.api("admin").await;
    let both = json!([{"match": "group", "value": "Builders", "roles": ["developer", "member"]}]);
    let mappings = format!("/api/v1/connections/{}/role-mappings", idp.id);
    api.put(&mappings, &both).await.is(200);
    let form = admin.get(&path).await.form(&path);
    let roles: Vec<&str> = form
        .fields
        .iter()
        .filter(|(name, value)| name == "roles" && !value.is_empty())
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(roles, ["developer", "member"]);
    assert_eq!(admin.submit(&form.fill("do", "save")).await.location(), path);
    assert_eq!(api.get(&mappings).await.json()[0]["roles"], json!(["developer", "member"]));
    // A value that is too long is told once, and not as if it were empty.
    let long = json!([{"match": "group", "value": "x".repeat(301), "roles": ["member"]}]);
    let told = api.put(&mappings, &long).await.is(422).json()["errors"].clone();
    assert_eq!(
        (told.as_array().unwrap().len(), &told[0]["detail"]),
        (1, &json!("Use at most 300 characters, on one line."))
    );
    // Saved from the same preview again, it is somebody else's version by now.
    assert_eq!(admin.submit(&preview.form(&path).fill("do", "save").fill("roles", "member")).await.status, 409);

    let member = admin.get(&member_page(&app, GRACE).await).await.text();
    assert!(member.contains("Through group Builders, as"), "{member}");
    assert!(member.contains("Became Developer"), "{member}");
    assert!(member.contains("Came in for the first time, through"), "{member}");
    assert!(member.contains("Given at the first sign-in, as the default role"), "{member}");
}

#[actix_web::test]
async fn the_timeline_has_refused_sign_ins_and_leads_to_its_older_part() {
    let app = TestApp::start().await;
    let (mut admin, idp) = (app.admin().await, app.active_connection().await);
    signs_in(&app, &idp, &[]).await;
    let path = member_page(&app, GRACE).await;
    let api = app.api("admin").await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    api.post(&format!("/api/v1/members/{id}/deactivate"), &json!({})).await.is(200);
    let mut browser = app.stranger();
    let request = browser.start(&idp, "/").await;
    let reply = idp.reply(app.now(), Some(&request.id)).naming(GRACE);
    assert_eq!(browser.bring(&idp, &reply.encoded()).await.reason(), "sso_deactivated");
    let page = admin.get(&path).await;
    assert!(page.text().contains("Sign-in refused") && page.text().contains("is deactivated"), "{}", page.text());
    assert!(page.links().iter().any(|link| link.contains("/sign-ins/DW-")));
    for n in 0..30 {
        let path = format!("/api/v1/members/{id}");
        api.patch(&path, &json!({"job_title": format!("Title {n}")})).await.is(200);
    }
    let page = admin.get(&path).await;
    let older = page.links().into_iter().find(|link| link.contains("?cursor=evt_")).unwrap();
    assert!(!page.text().contains("Sign-in refused"));
    let older = admin.get(older.split('#').next().unwrap()).await;
    assert!(older.text().contains("Sign-in refused") && older.text().contains("to Title 0"));
}

#[actix_web::test]
async fn members_are_filtered_by_what_they_are_and_their_roles_changed_together() {
    let app = TestApp::start().await;
    let (mut admin, api) = (app.admin().await, app.api("admin").await);
    for (email, title) in
        [("n1@acme.example", "Nurse"), ("n2@acme.example", "Nurse"), ("doctor@acme.example", "100% \"it\"")]
    {
        api.made("/api/v1/members", &json!({"email": email, "name": email.split('@').next(), "job_title": title}))
            .await;
    }
    let found = admin.get("/admin/members?job_title=Nurse&role=member&source=manual").await;
    assert!(found.body.contains("<b>n1</b>") && !found.body.contains("<b>doctor</b>"));
    let odd = admin.get("/admin/members?job_title=100%25+%22it%22").await;
    assert!(odd.body.contains("<b>doctor</b>") && odd.body.contains("100% &#34;it&#34;"));
    let short = admin.get("/admin/members?q=nurse+n1").await.text();
    assert!(short.contains("“n1” is looked for where a word begins"), "{short}");
    assert!(!admin.get("/admin/members?q=nurse").await.text().contains("is looked for where"));
    let none = admin.get("/admin/members?tag=Group%3ANobody&q=%27%25_").await;
    assert!(none.text().contains("No member matches"));
    let king = admin.get("/admin/members?role=king").await;
    assert!(king.text().contains("king is no role") && king.body.contains("<b>n1</b>"));

    let path = found.links().into_iter().find(|link| link.starts_with("/admin/members/roles?")).unwrap();
    let page = admin.get(&path).await;
    assert!(page.text().contains("Change the roles of 2 members"), "{}", page.text());
    let form = page.form("/admin/members/roles");
    let nothing = admin.submit(&form).await;
    assert_eq!((nothing.status, nothing.form("/admin/members/roles").get("job_title")), (422, "Nurse"));
    let done = admin.submit(&page.form("/admin/members/roles").fill("add", "developer")).await;
    assert!(done.location().starts_with("/admin/members?"));
    let list: Vec<Value> = api.get("/api/v1/members?role=developer").await.json()["data"].as_array().unwrap().clone();
    assert_eq!(list.len(), 2);
}

#[actix_web::test]
async fn the_checklist_is_ticked_by_what_was_seen() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let path = "/admin/security/checklist";
    assert!(admin.get(path).await.text().contains("No connection yet"));
    let idp = app.active_connection().await;
    let ticked = |body: &str| body.matches("class=\"check ok\"").count();
    // Saved, and the way back in: nobody has come through it yet.
    assert_eq!(ticked(&admin.get(path).await.body), 2);
    signs_in(&app, &idp, &["Builders"]).await;
    assert_eq!(ticked(&admin.get(path).await.body), 4);
    // Nobody pushes yet; then the provider asks, and somebody comes.
    let text = admin.get(path).await.text();
    assert!(text.contains("4 of 9 done") && text.contains("There is no directory for"), "{text}");
    let pusher = app.pending_directory().await;
    assert!(admin.get(path).await.text().contains("No request has come yet"));
    pusher.get("/Users?count=1").await.is(200);
    pusher.user("pilot@acme.example").await;
    app.run_jobs().await;
    let text = admin.get(path).await.text();
    assert!(text.contains("6 of 9 done") && text.contains("act on nobody until the directory is turned on"), "{text}");
    pusher.act("enable").await;
    assert!(admin.get(path).await.text().contains("7 of 9 done"));
    pusher.act("disable").await;
    let mapping = json!([{"match": "group", "value": "builders", "roles": ["developer"]}]);
    app.api("admin").await.put(&format!("/api/v1/connections/{}/role-mappings", idp.id), &mapping).await.is(200);
    let page = admin.get(path).await;
    assert!(page.text().contains("Never sent so far: group builders"), "{}", page.text());
    // The page of the mappings says which value was meant.
    let page = admin.get(&format!("/admin/security/sso/{}/attributes", idp.id)).await.text();
    assert!(page.contains("Nearly") && page.contains("values match exactly"), "{page}");

    let test = app.app().start_test(&app.ctx().await, idp.id.clone()).await.unwrap();
    app.clock.advance(doorward::testing::minutes(16));
    let page = admin.get(&format!("{path}?connection={}", idp.id)).await.text();
    assert!(page.contains("never came back"), "{} {page}", test.1);
    assert_eq!(admin.get(&format!("{path}?connection=con_00000000000000000000000000")).await.status, 404);
    assert_eq!(admin.get(&format!("{path}?connection=%27%00")).await.status, 404);
}

#[actix_web::test]
async fn what_is_code_in_a_sentence_is_code_on_the_page() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let form = admin.get("/admin/teams/new").await.form("/admin/teams/new");
    let page = admin.submit(&form.fill("name", " ")).await;
    assert_eq!(page.status, 422);
    assert!(page.body.contains("such as <code>iOS</code>") && !page.body.contains('`'), "{}", page.body);
    // Whoever calls reads the sentence as it was written.
    let answer = app.api("admin").await.post("/api/v1/teams", &json!({"name": " "})).await;
    assert!(answer.is(422).body.contains("such as `iOS`"), "{}", answer.body);
}

#[actix_web::test]
async fn a_connection_that_fails_is_the_alert_in_its_own_words() {
    let app = TestApp::start().await;
    let (mut admin, idp) = (app.admin().await, app.active_connection().await);
    for _ in 0..3 {
        let mut browser = app.stranger();
        let request = browser.start(&idp, "/").await;
        let mut reply = idp.reply(app.now(), Some(&request.id));
        reply.audience = "https://elsewhere.example".to_owned();
        assert_eq!(browser.bring(&idp, &reply.encoded()).await.reason(), "saml_audience");
    }
    let page = admin.get("/admin/security").await;
    assert!(page.text().contains("3 sign-ins with Okta refused since"), "{}", page.text());
    assert!(page.text().contains("The last: Okta's audience doesn't match ours. Set"), "{}", page.text());
    assert!(page.links().iter().any(|link| link.contains("/sign-ins/DW-")));
}
