//! Two members who are one person: the question which of them goes on, and the answer.

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
use crate::model::actor::Ctx;
use crate::model::id::MemberId;
use crate::model::invalid::Invalid;
use crate::model::member::Member;
use crate::model::role::Permission;
use crate::web::admin::members::member_id;
use crate::web::admin::teams::find_person;
use crate::web::answer::see_other;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::extract::AdminForm;
use crate::web::form::FormData;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Choice;

/// `GET, POST /admin/members/{id}/merge`
#[derive(Template)]
#[template(path = "admin/members/merge.html")]
pub struct MergePage {
    pub shell: Shell,
    /// Errors at `form`, `into`, `email`.
    pub errors: Invalid,
    pub id: String,
    /// Name, or address.
    pub name: String,
    /// Other members of the same address; chosen by `into`.
    pub into: Vec<Choice>,
    /// Of anybody else.
    pub email: String,
}

impl Page for MergePage {
    fn samples() -> Vec<Self> {
        let choice = |id: &str, name: &str, hint: &str| Choice::new(id, name, false).hint(hint);
        let page = |errors, into| Self {
            shell: Shell::sample(Place::Members),
            errors,
            id: "mem_01k2v9q8xw3f6t0m4n7p5r1sza".to_owned(),
            name: "Grace Example".to_owned(),
            into,
            email: String::new(),
        };
        let others = vec![
            choice("mem_01k2v9q8xw3f6t0m4n7p5r1szb", "Grace E.", "scim, active"),
            choice("", "Somebody else", "By address, below."),
        ];
        let nobody = "No member has that address. Add them under Members first.";
        let mut wrong = page(Invalid::field("email", "no_such_member", nobody), Vec::new());
        wrong.email = "nobody@acme.example".to_owned();
        let covered = "A directory covers both. Remove one of the two in your identity provider instead.";
        vec![
            page(Invalid::new(), others.clone()),
            wrong,
            page(Invalid::field("form", "merge_covered", covered), others),
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<MergePage>(all, "admin/members/merge");
}

fn choice(other: &Member, chosen: &str) -> Choice {
    let status = if other.is_active() { "active" } else { "deactivated" };
    let hint =
        format!("{}, {status}, here since {}", super::source_word(other.source.as_str()), other.created_at.day());
    Choice::new(other.id.as_str(), other.label(), other.id.as_str() == chosen).hint(&hint)
}

async fn page(
    request: &HttpRequest,
    app: &App,
    ctx: &Ctx,
    id: MemberId,
    errors: Invalid,
    typed: Option<&FormData>,
) -> Result<MergePage, PageError> {
    let detail = app.find_member_detail(ctx, id).await?;
    let first = detail.same_address.first().map(|other| other.id.to_string()).unwrap_or_default();
    let chosen = typed.map_or(first, |data| data.get("into").to_owned());
    let mut into: Vec<Choice> = detail.same_address.iter().map(|other| choice(other, &chosen)).collect();
    if !into.is_empty() {
        into.push(Choice::new("", "Somebody else", chosen.is_empty()).hint("By address, below."));
    }
    Ok(MergePage {
        shell: shell(request, Place::Members).await,
        errors,
        id: detail.view.member.id.to_string(),
        name: detail.view.member.label().to_owned(),
        into,
        email: typed.map(|data| data.get("email").to_owned()).unwrap_or_default(),
    })
}

/// `GET /admin/members/{id}/merge`
pub async fn ask(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<MergePage>, PageError> {
    require(&admin.ctx, Permission::MembersWrite)?;
    Ok(Html(page(&request, &app, &admin.ctx, member_id(&id)?, Invalid::new(), None).await?))
}

/// `POST /admin/members/{id}/merge`
pub async fn merge(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    form: AdminForm,
) -> Result<HttpResponse, PageError> {
    let (ctx, data, id) = (&form.admin.ctx, &form.data, member_id(&id)?);
    require(ctx, Permission::MembersWrite)?;
    let (errors, status) = match act(&app, ctx, id.clone(), data).await {
        Ok((into, name)) => {
            let text = format!("They are one member now: {name}.");
            return Ok(see_other(format!("/admin/members/{into}")).notice(text).respond_to(&request));
        }
        Err(Error::Invalid(errors)) => (errors, StatusCode::UNPROCESSABLE_ENTITY),
        Err(Error::Conflict { code, text }) => (Invalid::field("form", code, text), StatusCode::CONFLICT),
        Err(Error::Refused { code, text }) => (Invalid::field("form", code, text), StatusCode::FORBIDDEN),
        Err(error) => return Err(error.into()),
    };
    Ok(Html(page(&request, &app, ctx, id, errors, Some(data)).await?).status(status))
}

async fn act(app: &App, ctx: &Ctx, id: MemberId, data: &FormData) -> Result<(MemberId, String), Error> {
    let into = match data.get("into") {
        "" => find_person(app, ctx, data.get("email")).await?.to_string(),
        into => into.to_owned(),
    };
    let mut view = app.merge_members(ctx, id, &into).await;
    if let Err(Error::Invalid(errors)) = &mut view {
        let field = if data.get("into").is_empty() { "email" } else { "into" };
        errors.errors.iter_mut().for_each(|error| error.field = field);
    }
    let member = view?.member;
    Ok((member.id.clone(), member.label().to_owned()))
}
