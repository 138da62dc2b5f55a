//! Users with whom something is odd, each with its sentence; and the page that asks before two members become one.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder as _;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::Error;
use crate::app::access::require;
use crate::app::directories::DirectoryView;
use crate::app::merge::Odd;
use crate::model::actor::Ctx;
use crate::model::id::MemberId;
use crate::model::id::ScimUserId;
use crate::model::invalid::Invalid;
use crate::model::member::Member;
use crate::model::role::Permission;
use crate::web::admin::directories::confirm::ConfirmPage;
use crate::web::admin::directories::handle::load;
use crate::web::admin::directories::present;
use crate::web::admin::directories::present::Head;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::extract::window;
use crate::web::filters::Filters;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;

/// Another member of the same address.
#[derive(Debug, Clone)]
pub struct OtherRow {
    pub id: String,
    pub label: String,
    /// Two who become one; none where there is nobody to merge.
    pub merge: Option<String>,
    /// Why they cannot become one.
    pub refused: Option<String>,
}

#[derive(Debug, Clone)]
pub struct OddRow {
    pub user_name: String,
    pub email: String,
    /// The user's member, if they have one.
    pub member: Option<String>,
    pub why: String,
    pub others: Vec<OtherRow>,
}

/// `GET …/duplicates?cursor=`
#[derive(Template)]
#[template(path = "admin/directories/duplicates.html")]
pub struct DuplicatesPage {
    pub shell: Shell,
    pub head: Head,
    pub rows: Vec<OddRow>,
    pub next: Option<String>,
}

impl Page for DuplicatesPage {
    fn samples() -> Vec<Self> {
        let row = |user_name: &str, email: &str, code: &str, others: Vec<OtherRow>| OddRow {
            user_name: user_name.to_owned(),
            email: email.to_owned(),
            member: (!others.is_empty()).then(|| "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned()),
            why: present::problem(code, "Okta"),
            others,
        };
        let other = OtherRow {
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1szb".to_owned(),
            label: "Ada Example".to_owned(),
            merge: Some("/admin/security/directories/dir_01k2v9q8xw3f6t0m4n7p5r1sza/duplicates/mem_a/mem_b".to_owned()),
            refused: None,
        };
        let twin = OtherRow {
            merge: None,
            refused: Some(
                "A directory covers both. Remove one of the two in your identity provider instead.".to_owned(),
            ),
            ..other.clone()
        };
        let rows = vec![
            row("ada@acme.example", "ada@acme.example", "scim_conflict", vec![other]),
            row("ada.example@acme.example", "ada@acme.example", "scim_conflict", vec![twin]),
            row("jonas.weber", "", "scim_email", Vec::new()),
            row("lea@acme.example", "lea@acme.example", "seats_full", Vec::new()),
        ];
        let page = |rows, next: Option<&str>| Self {
            shell: Shell::sample(Place::Security),
            head: Head::sample(),
            rows,
            next: next.map(str::to_owned),
        };
        vec![page(Vec::new(), None), page(rows, Some("/admin/security/directories/dir_1/duplicates?cursor=x"))]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<DuplicatesPage>(all, "admin/directories/duplicates");
}

fn row(odd: &Odd, view: &DirectoryView, may_merge: bool) -> OddRow {
    let (user, idp) = (&odd.user, present::connector(&view.directory).idp());
    let path = present::path(view.directory.id.as_str());
    let merge = |other: &MemberId| {
        let own = user.member.as_ref().filter(|_| may_merge)?;
        Some(format!("{path}/duplicates/{own}/{other}"))
    };
    let other = |(other, refused): &(Member, Option<String>)| OtherRow {
        id: other.id.to_string(),
        label: other.label().to_owned(),
        merge: merge(&other.id).filter(|_| refused.is_none()),
        refused: refused.clone(),
    };
    OddRow {
        user_name: user.user_name.clone(),
        email: user.email.clone().unwrap_or_default(),
        member: user.member.as_ref().map(ToString::to_string),
        why: present::problem(user.problem.as_deref().unwrap_or_default(), idp),
        others: odd.others.iter().map(other).collect(),
    }
}

/// `GET …/duplicates`
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<DuplicatesPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let query = Filters::of_address(&[], &request);
    let window = window::<ScimUserId>(&query.cursor)?;
    let found = app.list_odd_users(&admin.ctx, view.directory.id.clone(), window).await?;
    let path = format!("{}/duplicates", present::path(view.directory.id.as_str()));
    let may_merge = admin.ctx.may(Permission::MembersWrite);
    Ok(Html(DuplicatesPage {
        shell: shell(&request, Place::Security).await,
        head: Head::of(&view),
        rows: found.rows.iter().map(|odd| row(odd, &view, may_merge)).collect(),
        next: found.next.map(|cursor| query.path(&path, Some(&cursor))),
    }))
}

type Ids = (String, String, String);

async fn merge_page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    (directory, from, into): (&str, &str, &str),
) -> Result<ConfirmPage, PageError> {
    require(ctx, Permission::MembersWrite)?;
    let view = load(app, ctx, directory).await?;
    let member = |id: &str| id.parse::<MemberId>().map_err(|_| PageError(Error::NotFound("member").into()));
    let (from, into) = (member(from)?, member(into)?);
    let one = app.find_member(ctx, from.clone()).await?;
    let other = app.find_member(ctx, into.clone()).await?;
    let head = Head::of(&view);
    let (path, idp) = (format!("{}/duplicates/{from}/{into}", head.path()), head.idp());
    Ok(ConfirmPage {
        title: format!("Merge the two members of {}?", one.member.email),
        lines: vec![
            format!("{} stays, with their roles, teams and ways to sign in.", other.member.label()),
            format!("What {idp} says of the person goes to them, and {idp} covers them from now on."),
            "The member that the directory made is removed, and their sessions end.".to_owned(),
            "It cannot be undone.".to_owned(),
        ],
        button: "Merge the two".to_owned(),
        path,
        ..ConfirmPage::of(shell(request, Place::Security).await, head, "Merge")
    })
}

/// `GET …/duplicates/{member}/{other}`
pub async fn ask(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    ids: Path<Ids>,
) -> Result<Html<ConfirmPage>, PageError> {
    Ok(Html(merge_page(&request, &app, &admin.ctx, (&ids.0, &ids.1, &ids.2)).await?))
}

/// `POST …/duplicates/{member}/{other}`
pub async fn merge(
    request: HttpRequest,
    app: Data<App>,
    ids: Path<Ids>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let ctx = &form.admin.ctx;
    let mut page = merge_page(&request, &app, ctx, (&ids.0, &ids.1, &ids.2)).await?;
    let from: MemberId = ids.1.parse().map_err(|_| PageError(Error::NotFound("member").into()))?;
    match app.merge_members(ctx, from, &ids.2).await {
        Ok(merged) => {
            let text = format!("{} is one member now.", merged.member.label());
            Ok(see_other(format!("{}/duplicates", page.head.path())).notice(text).respond_to(&request))
        }
        Err(Error::Conflict { code, text }) => {
            page.errors = Invalid::field("form", code, text);
            Ok(Html(page).status(StatusCode::CONFLICT))
        }
        Err(error) => Err(error.into()),
    }
}
