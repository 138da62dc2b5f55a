//! Help for everyone who is signed in: provider guides.

use doorward::testing::SettingsChange;
use doorward::testing::days;

use crate::support::Answer;
use crate::support::Idp;
use crate::support::TestApp;
use crate::support::idp_saml::Reply;

async fn draft_of_okta(app: &TestApp) -> Idp {
    let idp = app.draft_connection(SettingsChange::default()).await;
    app.change(&idp, SettingsChange { provider: Some("okta".to_owned()), ..SettingsChange::default() }).await;
    idp
}

#[actix_web::test]
async fn a_guide_tells_the_steps_in_the_providers_own_labels() {
    let app = TestApp::start().await;
    let mut member = app.member().await;
    let guide = member.get("/help/providers/okta-saml").await;
    assert_eq!(guide.status, 200);
    let text = guide.text();
    for told in
        ["Audience URI (SP Entity ID)", "Single sign-on URL", "Create App Integration", "job_title", "Reply URL"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    // What no source was seen to say is marked, word for word.
    let marked = text.split("From memory").nth(1).unwrap();
    assert!(marked.contains("Super Admin / App Admin role names"), "{marked}");
    assert!(member.get("/help/providers").await.body.contains("/help/providers/okta-saml"));
    assert_eq!(member.get("/help/providers/no-such-guide").await.status, 404);
}

/// A page without the places where a long address may break.
fn whole(answer: &Answer) -> String {
    answer.body.replace("<wbr>", "")
}

#[actix_web::test]
async fn a_guide_has_the_values_of_the_connection_that_it_is_asked_for() {
    let app = TestApp::start().await;
    let idp = draft_of_okta(&app).await;
    let path = "/help/providers/okta-saml";
    let mut admin = app.admin().await;
    let general = admin.get(path).await;
    assert!(!whole(&general).contains(&idp.acs_url) && whole(&general).contains("/saml/con_…/acs"));
    let named = general.links().into_iter().find(|link| link.contains("?connection=")).unwrap();
    assert_eq!(named, format!("{path}?connection={}", idp.id));
    let own = whole(&admin.get(&named).await);
    assert!(own.contains(&idp.acs_url) && own.contains(&idp.entity_id) && !own.contains("con_…"), "{own}");
    // At another provider than the connection's, that is told.
    let other = admin.get(&format!("/help/providers/entra-saml?connection={}", idp.id)).await;
    assert!(other.text().contains("These values belong to a connection with Okta"), "{}", other.text());
    assert!(whole(&other).contains(&idp.acs_url));
}

#[actix_web::test]
async fn whoever_may_not_see_connections_gets_no_values_of_one() {
    let app = TestApp::start().await;
    let idp = draft_of_okta(&app).await;
    let path = format!("/help/providers/okta-saml?connection={}", idp.id);
    for mut browser in [app.member().await, app.developer().await] {
        let refused = browser.get(&path).await;
        assert!(refused.status == 403 && !whole(&refused).contains(&idp.entity_id), "{}", refused.status);
        assert!(!browser.get("/help/providers/okta-saml").await.body.contains(idp.id.as_str()));
    }
    // An admin who was away too long signs in again, as for the console itself.
    let mut admin = app.admin().await;
    app.clock.advance(doorward::testing::minutes(31));
    assert!(admin.get(&path).await.location().contains("/sign-in?return_to="));
    assert!(!admin.get("/help/providers/okta-saml").await.body.contains(idp.id.as_str()));
}

#[actix_web::test]
async fn what_this_version_does_not_speak_is_told_and_gets_no_value() {
    let app = TestApp::start().await;
    let mut member = app.member().await;
    let scim = member.get("/help/providers/entra-scim").await.text();
    assert!(
        scim.contains("Set it up under Directory Sync") && scim.contains("Shown in the steps of Directory Sync"),
        "{scim}"
    );
    assert!(scim.contains("Tenant URL") && !scim.contains("{scim_base_url}"), "{scim}");
    for (guide, theirs) in [("entra-oidc", "Redirect URI (platform Web)"), ("okta-oidc", "Sign-in redirect URIs")] {
        let text = member.get(&format!("/help/providers/{guide}")).await.text();
        assert!(text.contains("can't be set up in this version") && text.contains(theirs), "{text}");
        assert!(text.contains("No value in this version") && !text.contains("/acs"), "{text}");
        // What the catalogue says of Doorward there is about a later one.
        for promise in
            ["Doorward stores", "Doorward asks", "Doorward also accepts", "{redirect_uri}", "{scim_base_url}"]
        {
            assert!(!text.contains(promise), "{guide}: {promise}");
        }
    }
}

#[actix_web::test]
async fn the_guide_to_pushing_leads_to_the_values_of_ones_own_directory() {
    let app = TestApp::start().await;
    let pusher = app.pending_directory().await;
    let step = format!("/admin/security/directories/{}/setup/connect", pusher.id);
    let mut owner = app.owner().await;
    assert!(owner.get("/help/providers/okta-scim").await.links().contains(&step));
    assert!(!owner.get("/help/providers/entra-scim").await.links().contains(&step), "it is of another provider");
    assert!(!app.developer().await.get("/help/providers/okta-scim").await.links().contains(&step));
    let shelves = owner.get("/help/providers").await.text();
    assert_eq!(
        shelves.matches("can't be set up this way yet").count(),
        2,
        "OpenID Connect and Google's API: {shelves}"
    );
}

#[actix_web::test]
async fn a_guide_is_found_by_any_word_and_bad_input_breaks_nothing() {
    let app = TestApp::start().await;
    let idp = draft_of_okta(&app).await;
    let mut admin = app.admin().await;
    let found = admin.get("/help/providers?q=azure+saml").await;
    assert!(found.body.contains("/help/providers/entra-saml") && !found.body.contains("/help/providers/okta-saml"));
    assert!(admin.get("/help/providers?q=zzz").await.text().contains("No provider by that name"));
    for query in ["q=%27%22%3Cb%3E%25%00", "q=%F0%9F%98%80", "q=%FF"] {
        let answer = admin.get(&format!("/help/providers?{query}")).await;
        assert!(answer.status == 200 && !answer.body.contains("<b>%"), "{query}: {}", answer.status);
    }
    for id in ["x", "%00", "con_01k2v9q8xw3f6t0m4n7p5r1sza", &format!("{}%27", idp.id)] {
        let answer = admin.get(&format!("/help/providers/okta-saml?connection={id}")).await;
        assert_eq!(answer.status, 404, "{id}");
    }
}

#[actix_web::test]
async fn any_label_leads_to_its_value() {
    let app = TestApp::start().await;
    let idp = draft_of_okta(&app).await;
    let mut admin = app.admin().await;
    for label in ["Reply+URL", "reply-url", "Repli+URL", "Assertion%20Consumer%20Service%20URL", "single+sign-on+url"] {
        let page = admin.get(&format!("/help/search?q={label}")).await;
        assert!(whole(&page).contains(&idp.acs_url), "{label}: {}", page.text());
        assert!(page.links().contains(&format!("/admin/security/sso/{}#h-sp", idp.id)), "{label}");
    }
    for label in ["Single+logout+URL", "SLO", "Logout+URL", "sign+out+url"] {
        let page = admin.get(&format!("/help/search?q={label}")).await;
        assert!(whole(&page).contains(&format!("/saml/{}/slo", idp.id)), "{label}: {}", page.text());
        assert!(!page.text().contains("Sign on URL"), "{label} is no way to sign in: {}", page.text());
    }
    let issuer = admin.get("/help/search?q=Identity+Provider+Issuer").await;
    assert!(whole(&issuer).contains(&idp.entity), "{}", issuer.text());
    // The same for whoever may not see connections, without the value.
    let mut member = app.member().await;
    let told = member.get("/help/search?q=Reply+URL").await;
    assert!(told.text().contains("ACS URL") && told.text().contains("Give these to the provider"), "{}", told.text());
    assert!(!whole(&told).contains(idp.id.as_str()));
}

#[actix_web::test]
async fn a_label_that_nobody_uses_gets_the_nearest_and_an_explanation() {
    let app = TestApp::start().await;
    let mut member = app.member().await;
    for query in ["Frobnicator", "%3Cb%3E%27%22%25%00", "%F0%9F%98%80", "%FF", &"x".repeat(5000)] {
        let page = member.get(&format!("/help/search?q={query}")).await;
        assert_eq!(page.status, 200, "{query:.20}");
        let text = page.text();
        assert!(text.contains("No label that we know") && text.contains("equivalent"), "{query:.20}: {text}");
        assert!(text.contains("The nearest labels") && !page.body.contains("<b>'"), "{query:.20}");
    }
    let all = member.get("/help/search").await.text();
    assert!(all.contains("All values") && all.contains("SCIM base URL") && all.contains("Tenant URL"), "{all}");
    assert!(member.get("/help/search?q=Tenant+URL").await.text().contains("Directory Sync"));
}

#[actix_web::test]
async fn the_paths_of_other_products_lead_to_the_page() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    for (path, page) in [
        ("Workspace Admin → Security & Access", "/admin/security"),
        ("workspace admin", "/admin/security"),
        ("Administration > Configuration > Authentication", "/admin/security"),
        ("User Management → User Authentication → Directory Sync", "/admin/security"),
        ("/dashboard/account/sso", "/admin/security"),
        ("/dashboard/account/members", "/admin/members"),
        ("Set up SSO", "/admin/security/sso/new"),
        ("audit trail", "/admin/audit"),
    ] {
        let query: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        let found = admin.get(&format!("/help/search?q={query}")).await;
        let main = found.body.split("<main").nth(1).unwrap();
        assert!(main.contains(&format!("href=\"{page}\"")), "{path}: {}", found.text());
    }
    let map = admin.get("/help/search").await.text();
    assert!(map.contains("Administration > Configuration > Authentication") && map.contains("Workspace Admin →"));
    // Nobody is led where they may not go; the addresses themselves lead on.
    let mut member = app.member().await;
    assert!(!member.get("/help/search?q=workspace+admin").await.body.contains("/admin/security"));
    assert_eq!(admin.get("/dashboard/account/sso").await.location(), "/admin/security");
    assert_eq!(admin.get("/dashboard/account/members").await.location(), "/admin/members");
}

#[actix_web::test]
async fn the_picker_tells_the_two_protocols_apart_and_what_to_have_ready() {
    let app = TestApp::start().await;
    let mut admin = app.admin().await;
    let page = admin.get("/admin/security/sso/new?q=openid").await;
    let guides = |answer: &Answer| answer.links().iter().filter(|link| link.contains("/help/providers/")).count();
    assert_eq!(guides(&page), 13, "one for each provider: {:?}", page.links());
    assert!(!page.body.contains("name=\"connector\" value=\"entra-saml\""), "{}", page.text());
    assert!(page.text().contains("Not in this version"), "{}", page.text());
    let both = admin.get("/admin/security/sso/new?q=entra").await;
    assert!(both.body.contains("value=\"entra-saml\"") && both.body.contains("/help/providers/entra-oidc"));
    // None can be chosen that cannot be set up.
    let path = "/admin/security/sso/new";
    let csrf = crate::authorization::token(&mut admin).await;
    assert_eq!(admin.post(path, &[("csrf", &csrf), ("connector", "entra-oidc")]).await.status, 404);
    let ready = both.text();
    for told in
        ["An admin account at the provider", "people are matched by them", "Admin, Developer or Member", "A pilot"]
    {
        assert!(ready.contains(told), "{told}: {ready}");
    }
}

/// A refused sign-in, and what its page told the person.
async fn refused(app: &TestApp, idp: &Idp) -> String {
    let mut browser = app.stranger();
    let request = browser.start(idp, "/account").await;
    let reply = Reply { audience: "https://other.example/".to_owned(), ..idp.reply(app.now(), Some(&request.id)) };
    let text = browser.bring(idp, &reply.encoded()).await.text();
    let at = text.find("DW-").unwrap();
    text[at..at + 8].to_owned()
}

#[actix_web::test]
async fn a_reference_in_the_search_leads_to_its_refusal() {
    let app = TestApp::start().await;
    let idp = app.active_connection().await;
    let reference = refused(&app, &idp).await;
    let trace = format!("/admin/security/sso/{}/sign-ins/{reference}", idp.id);
    let (mut admin, mut member) = (app.admin().await, app.member().await);
    for typed in [reference.clone(), format!("+{}%20", reference.to_lowercase())] {
        let answer = admin.get(&format!("/help/search?q={typed}")).await;
        assert_eq!((answer.status, answer.location()), (303, trace.as_str()), "{typed}");
    }
    assert_eq!(admin.get(&trace).await.status, 200);

    // Nobody is led where they may not go, nor learns that there is something.
    for (browser, typed) in [(&mut member, reference.as_str()), (&mut admin, "DW-00000")] {
        let answer = browser.get(&format!("/help/search?q={typed}")).await;
        let told = format!("Nothing that you may see has the reference {typed}");
        assert!(answer.status == 200 && answer.text().contains(&told), "{}", answer.text());
    }
    for odd in ["DW-%27%22%25%00", "DW-8K3F00", "DW-", "dw-%F0%9F%92%A9"] {
        assert_eq!(admin.get(&format!("/help/search?q={odd}")).await.status, 200, "{odd}");
    }

    // The trace goes after a month; what the audit log has of it stays.
    app.clock.advance(days(32));
    app.run_jobs().await;
    let answer = app.owner().await.open(&format!("/help/search?q={reference}")).await;
    assert!(answer.path.starts_with("/admin/audit/") && answer.text().contains(&reference), "{}", answer.path);
}

#[actix_web::test]
async fn each_guide_says_a_word_on_signing_out_and_entras_on_groups_where_they_are_set_up() {
    let app = TestApp::start().await;
    let idp = draft_of_okta(&app).await;
    let (mut admin, mut member) = (app.admin().await, app.member().await);
    for (guide, told) in [
        ("okta-saml", "Allow application to initiate Single Logout"),
        ("entra-saml", "Logout Url (Optional)"),
        ("rippling-saml", "often called SLO or Logout URL"),
    ] {
        let page = member.get(&format!("/help/providers/{guide}")).await;
        let text = page.text();
        assert!(text.contains(told) && text.contains("is always signed out here"), "{guide}: {text}");
        assert!(whole(&page).contains("/saml/con_…/slo"), "{guide}");
    }
    // An OpenID Connect guide has no such value.
    assert!(!member.get("/help/providers/okta-oidc").await.text().contains("Single logout URL"));
    let own = admin.get(&format!("/help/providers/okta-saml?connection={}", idp.id)).await;
    assert!(whole(&own).contains(&format!("{}/slo", idp.entity_id)));
    let entra = member.get("/help/providers/entra-saml").await.text();
    let steps = entra.split("When the signing certificate changes").next().unwrap();
    assert!(steps.contains("They come as object IDs"), "{steps}");
}
