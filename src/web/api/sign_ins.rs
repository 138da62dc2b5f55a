//! What happened at a connection: its log of sign-ins, and tests of it.

use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::model::connection::Test;
use crate::model::id::SignInId;
use crate::model::role::Permission as P;
use crate::model::sign_in::SignIn;
use crate::model::sign_in::SignInFilter;
use crate::model::sign_in::Trace;
use crate::model::sign_in::TraceGrant;
use crate::web::api::answer::Answer;
use crate::web::api::answer::created;
use crate::web::api::answer::list;
use crate::web::api::answer::ok;
use crate::web::api::call::Call;
use crate::web::api::call::Nothing;
use crate::web::api::call::Parameter;
use crate::web::api::call::Sent;
use crate::web::api::call::choice;
use crate::web::api::call::parameter;
use crate::web::api::call::times;
use crate::web::api::operations::Operations;
use crate::web::error::ApiError;
use crate::web::routes::Needs;

const FILTERS: &[Parameter] = &[
    choice("result", "Whether it was let in.", &["ok", "refused"]),
    parameter("code", "Why it was refused, such as `saml_audience`."),
    parameter("person", "Address, or id of a member; or the NameID of refused ones without an address."),
    parameter("from", "Not before this time."),
    parameter("to", "Before this time."),
];

pub fn operations(api: &mut Operations) {
    let (read, write) = (Needs::Api(P::ConnectionsRead), Needs::Api(P::ConnectionsWrite));
    api.get("/api/v1/connections/{connection}/sign-ins", read, "List sign-ins of a connection", index)
        .about("The newest first, kept 30 days.")
        .filters(FILTERS)
        .lists::<SignInObject>();
    api.get("/api/v1/connections/{connection}/sign-ins/{reference}", read, "Show a refused sign-in", show)
        .about("By the reference that the person was shown, `DW-…`.")
        .gives::<SignInObject>();
    api.post("/api/v1/connections/{connection}/tests", write, "Start a test", start_test)
        .about("A browser opens `url` within 15 minutes and signs in at the identity provider. Nobody is signed in here by it.")
        .makes::<NewTest>()
        .refuses(&[(409, "connection_incomplete")]);
    api.get("/api/v1/connections/{connection}/tests/{test}", read, "Show a test", show_test).gives::<TestObject>();
}

#[derive(Serialize, ToSchema)]
#[schema(as = SignIn)]
struct SignInObject {
    id: String,
    #[schema(format = DateTime)]
    at: String,
    /// `ok` or `refused`.
    result: String,
    /// Why it was refused.
    code: Option<String>,
    received: Option<String>,
    expected: Option<String>,
    member_id: Option<String>,
    /// Whom it names, once a signature proved it: the address, else the NameID of a refused one.
    who: Option<String>,
    /// Leads to a refused sign-in.
    reference: Option<String>,
    /// The certificate that signed.
    certificate_sha256: Option<String>,
    trace: Option<TraceObject>,
}

/// The readable account of one answer of the identity provider.
#[derive(Serialize, ToSchema)]
#[schema(as = Trace)]
struct TraceObject {
    checks: Vec<CheckObject>,
    attributes: Vec<AttributeObject>,
    /// Slugs that the person has, or would get.
    roles: Vec<String>,
    notes: Vec<String>,
    /// The document without its secrets; null in a list.
    xml: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Check)]
struct CheckObject {
    name: String,
    /// Null: not reached.
    ok: Option<bool>,
    received: Option<String>,
    expected: Option<String>,
    detail: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Attribute)]
struct AttributeObject {
    name: String,
    values: Vec<String>,
    /// The field that it fills here.
    used_as: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TraceGrant)]
struct GrantObject {
    /// `group Doorward Admins`
    value: String,
    /// Names of roles, `team …` and `tag …`.
    gives: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct NewTest {
    id: String,
    /// For one browser.
    url: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Test)]
struct TestObject {
    id: String,
    /// `waiting`, `passed` or `failed`.
    status: String,
    /// Why it failed.
    code: Option<String>,
    attributes: Vec<AttributeObject>,
    /// Slugs that the person has, or would get.
    roles: Vec<String>,
    /// The role mappings that what came matches.
    grants: Vec<GrantObject>,
    checks: Vec<CheckObject>,
    /// Sentences that are no failure, such as what a sign-in would meet here.
    notes: Vec<String>,
    started_by: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    #[schema(format = DateTime)]
    finished_at: Option<String>,
}

fn trace_object(trace: Trace, with_xml: bool) -> TraceObject {
    let checks = trace.checks.into_iter().map(|check| CheckObject {
        name: check.name,
        ok: check.ok,
        received: check.received,
        expected: check.expected,
        detail: check.detail,
    });
    let attributes = trace.attributes.into_iter().map(|attribute| AttributeObject {
        name: attribute.name,
        values: attribute.values,
        used_as: attribute.used_as,
    });
    TraceObject {
        checks: checks.collect(),
        attributes: attributes.collect(),
        roles: trace.roles,
        notes: trace.notes,
        xml: Some(trace.xml).filter(|_| with_xml),
    }
}

fn sign_in_object(sign_in: SignIn, with_xml: bool) -> SignInObject {
    SignInObject {
        id: sign_in.id.to_string(),
        at: sign_in.at.rfc3339(),
        result: if sign_in.code.is_some() { "refused" } else { "ok" }.to_owned(),
        code: sign_in.code,
        received: sign_in.received,
        expected: sign_in.expected,
        member_id: sign_in.member.map(|id| id.to_string()),
        who: sign_in.who,
        reference: sign_in.reference,
        certificate_sha256: sign_in.certificate_sha256,
        trace: sign_in.trace.map(|trace| trace_object(trace, with_xml)),
    }
}

impl From<Test> for TestObject {
    fn from(test: Test) -> Self {
        let trace = test.trace.unwrap_or_default();
        let grant = |grant: TraceGrant| GrantObject { value: grant.value, gives: grant.gives };
        let grants = trace.grants.iter().cloned().map(grant).collect();
        let trace = trace_object(trace, false);
        Self {
            id: test.id.to_string(),
            status: test.status.as_str().to_owned(),
            code: test.code,
            attributes: trace.attributes,
            roles: trace.roles,
            grants,
            checks: trace.checks,
            notes: trace.notes,
            started_by: test.started_by,
            created_at: test.created_at.rfc3339(),
            expires_at: test.expires_at.rfc3339(),
            finished_at: test.finished_at.map(|at| at.rfc3339()),
        }
    }
}

/// `GET /api/v1/connections/{connection}/sign-ins`
async fn index(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let (query, window) = call.list::<SignInId>(FILTERS)?;
    let (from, to) = times(&query)?;
    let refused = query.get("result").map(|result| result == "refused");
    let filter = SignInFilter { refused, code: query.text("code"), person: None, from, to };
    let page = app.list_sign_ins(&call.ctx, call.id("connection")?, filter, query.text("person"), window).await?;
    Ok(list(page.map(|sign_in| sign_in_object(sign_in, false))))
}

/// `GET /api/v1/connections/{connection}/sign-ins/{reference}`
async fn show(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let sign_in = app.find_sign_in(&call.ctx, call.id("connection")?, call.part("reference")).await?;
    Ok(ok(&sign_in_object(sign_in, true)))
}

/// `POST /api/v1/connections/{connection}/tests`
async fn start_test(app: Data<App>, sent: Sent<Nothing>) -> Result<Answer, ApiError> {
    let (test, url) = app.start_test(&sent.call.ctx, sent.call.id("connection")?).await?;
    let path = format!("/api/v1/connections/{}/tests/{}", test.connection, test.id);
    Ok(created(path, &NewTest { id: test.id.to_string(), url, expires_at: test.expires_at.rfc3339() }))
}

/// `GET /api/v1/connections/{connection}/tests/{test}`
async fn show_test(app: Data<App>, call: Call) -> Result<Answer, ApiError> {
    let test = app.find_test(&call.ctx, call.id("connection")?, call.id("test")?).await?;
    Ok(ok(&TestObject::from(test)))
}
