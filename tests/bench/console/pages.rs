//! Every page of the console that reads much, with every filter: what is common, what is rare, what is nowhere.

use super::Admin;

/// The first link of a page that begins so and is longer.
fn link(admin: &mut Admin, page: &str, begins: &str) -> String {
    let (_, body) = admin.get(page);
    let mut links = body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let found = links.find(|link| link.starts_with(begins) && link.len() > begins.len() && !link.contains("/new"));
    found
        .unwrap_or_else(|| panic!("{page} leads nowhere that begins with {begins}"))
        .replace("&amp;", "&")
        .replace("&#38;", "&")
}

pub fn paths(admin: &mut Admin, connection: &str) -> Vec<String> {
    let sso = format!("/admin/security/sso/{connection}");
    let mut all: Vec<String> = [
        "/admin/security",
        "/admin/members",
        "/admin/members?status=inactive",
        "/admin/members?status=all",
        "/admin/members?q=person77777",
        "/admin/members?q=hopper",
        "/admin/members?q=engineer&status=all",
        "/admin/members?q=nowhere+to+be+found&status=all",
        "/admin/members?q=acme.example&status=all",
        "/admin/members?q=zz&status=all",
        "/admin/members?q=%25&status=all",
        "/admin/members?q=acme.example&status=inactive",
        "/admin/members?q=hopper&role=admin",
        "/admin/members?q=hopper&source=manual",
        "/admin/members?q=nowhere+to+be+found&source=manual&status=all",
        "/admin/members?role=member",
        "/admin/members?role=admin&status=all",
        "/admin/members?role=owner",
        "/admin/members?role=developer&status=inactive",
        "/admin/members?source=manual",
        "/admin/members?source=scim",
        "/admin/members?job_title=Engineer",
        "/admin/members?job_title=Nobody",
        "/admin/members?job_title=Engineer&role=admin",
        "/admin/members?tag=mobile",
        "/admin/members?tag=mobile&role=admin&status=inactive",
        "/admin/members?tag=Group:All+staff",
        "/admin/members?tag=Group:All+staff&role=admin&status=all",
        "/admin/members?tag=Group:Group+700&role=member",
        "/admin/members?tag=Group:Nobody",
        "/admin/members/roles?role=developer&status=all",
        "/admin/members/roles?job_title=Engineer",
        "/admin/members/new",
        "/admin/roles",
        "/admin/roles/nurses",
        "/admin/roles/nurses/delete",
        "/admin/teams",
        "/admin/teams/new",
        "/admin/security/checklist",
        "/admin/security/sso/new",
        "/admin/settings/general",
        "/admin/settings/health",
        "/admin/settings/network",
        "/help/search?q=Reply+URL",
        "/help/providers",
        "/help/providers/okta-saml",
        "/account/sessions",
        "/account/sign-in-methods",
        "/admin/sessions",
        "/admin/sessions?q=person77",
        "/admin/sessions?q=nowhere+to+be+found",
        "/admin/sessions?method=password",
        "/admin/sessions?ip=198.51.100.7",
        "/admin/sessions?from=2099-01-01",
        "/admin/sessions/end",
        "/admin/sessions/end?method=saml&q=acme",
        "/admin/audit",
        "/admin/audit?q=person77777",
        "/admin/audit?q=person777",
        "/admin/audit?q=sign",
        "/admin/audit?q=saml_audience&result=refused",
        "/admin/audit?q=nowhere+to+be+found",
        "/admin/audit?event=sign_in.succeeded",
        "/admin/audit?event=sign_in.refused",
        "/admin/audit?event=connection.updated",
        "/admin/audit?event=backup.made",
        "/admin/audit?result=ok",
        "/admin/audit?result=refused",
        "/admin/audit?event=sign_in.succeeded&result=refused",
        "/admin/audit?event=sign_in.refused&result=ok",
        "/admin/audit?from=2026-01-01&to=2026-01-02",
        "/admin/audit?from=2020-01-01&to=2020-01-02",
        "/admin/audit?to=2020-01-02",
        "/admin/audit?from=2099-01-01",
        "/admin/audit?event=connection.updated&from=2026-01-01&to=2026-01-02",
        "/admin/audit?event=sign_in.succeeded&from=2026-01-01&to=2026-01-02",
        "/admin/audit?event=sign_in.succeeded&from=2020-01-01&to=2020-01-02",
        "/admin/audit?result=refused&from=2026-01-01&to=2026-01-02",
        "/admin/audit?result=refused&from=2020-01-01&to=2020-01-02",
        "/admin/api-keys",
        "/account",
    ]
    .map(str::to_owned)
    .into();
    let tabs = [
        "",
        "/attributes",
        "/activity",
        "/revisions",
        "/sign-ins",
        "/sign-ins?result=ok",
        "/sign-ins?result=refused",
        "/sign-ins?code=saml_audience",
        "/sign-ins?code=saml_replayed",
        "/sign-ins?person=person77777@acme.example",
        "/sign-ins?person=nobody@acme.example",
        "/deactivate",
        "/certificates/new",
    ];
    all.extend(tabs.map(|rest| format!("{sso}{rest}")));
    all.extend(["app", "metadata", "attributes", "test", "on"].map(|step| format!("{sso}/setup/{step}")));
    all.push(format!("{sso}/edit"));
    all.push(format!("{sso}/delete"));
    all.push(format!("{sso}/certificates/rehearsal"));
    let refused = format!("{sso}/sign-ins?result=refused");
    all.push(link(admin, &refused, &format!("{sso}/sign-ins/DW-")));
    let member = link(admin, "/admin/members?q=person77777", "/admin/members/mem_");
    let id = member.rsplit('/').next().unwrap().to_owned();
    all.push(member.clone());
    all.push(format!("{member}/deactivate"));
    all.push(format!("{member}/remove"));
    all.push(link(admin, "/admin/teams", "/admin/teams/team_"));
    all.push(format!("/admin/audit?actor={id}"));
    all.push(format!("/admin/audit?target={id}"));
    all.push(format!("/admin/audit?actor={id}&event=sign_in.succeeded&from=2026-01-01"));
    all.push(format!("/admin/audit?actor={id}&result=refused"));
    all.push(format!("/admin/audit?target={connection}"));
    all.push(format!("/admin/audit?target={connection}&event=connection.updated"));
    all.push(format!("/admin/audit?target={connection}&result=ok"));
    all.push("/admin/audit?actor=mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned());
    all.push(link(admin, "/admin/audit", "/admin/audit/evt_"));
    // The second page, and one from the middle of everything.
    for list in ["/admin/members?status=all", "/admin/sessions", "/admin/audit", "/admin/audit?result=refused"] {
        let begins = format!("{}?", list.split('?').next().unwrap());
        let (_, body) = admin.get(list);
        let next = body.split("href=\"").find(|rest| rest.starts_with(&begins) && rest.contains("cursor="));
        let next = next
            .unwrap_or_else(|| panic!("{list} has one page"))
            .split('"')
            .next()
            .unwrap()
            .replace("&#38;", "&")
            .replace("&amp;", "&");
        all.push(next);
    }
    all.push(format!("/admin/members?status=all&cursor=mem_{:026}", 50_000));
    all.push(format!("/admin/audit?cursor=evt_{:026}", 500_000));
    all.push(format!("/admin/audit?event=sign_in.refused&cursor=evt_{:026}", 500_000));
    all
}
