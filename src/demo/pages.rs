//! What people see of the demo identity provider: pick who signs in, or what goes wrong, and go back with the answer.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Route;
use actix_web::guard;
use actix_web::http::header;
use actix_web::http::header::HeaderValue;
use actix_web::middleware::DefaultHeaders;
use actix_web::web;
use actix_web::web::Data;
use actix_web::web::Form;
use actix_web::web::FormConfig;
use actix_web::web::Query;
use actix_web::web::ServiceConfig;
use askama::Template;
use serde::Deserialize;

use crate::crypto::certificate::fingerprint;
use crate::demo::answer::Sign;
use crate::demo::directory_pages;
use crate::demo::idp::Idp;
use crate::demo::idp::IdpError;
use crate::demo::idp::Options;
use crate::demo::keys::Stage;
use crate::demo::logout::Handled;
use crate::demo::logout::There;
use crate::demo::people::Fault;
use crate::demo::people::Person;
use crate::demo::request::Request;
use crate::saml::error::Error as SamlError;
use crate::saml::key::colons;
use crate::saml::logout::Received;
use crate::web::assets;
use crate::web::cookies;
use crate::web::html::Html;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::Theme;
use crate::web::html::initials;
use crate::web::security;
use crate::web::view::Kept;

const FORM_LIMIT: usize = 512 * 1024;

pub fn headers() -> DefaultHeaders {
    security::HEADERS.into_iter().fold(DefaultHeaders::new(), DefaultHeaders::add)
}

pub fn configure(config: &mut ServiceConfig) {
    config
        .app_data(FormConfig::default().limit(FORM_LIMIT))
        .route("/", web::get().to(about))
        .route("/metadata", web::get().to(metadata))
        .route("/sso", web::get().to(sso))
        .route("/sso", web::post().to(sso_by_post))
        .route("/answer", web::post().to(answer))
        .route("/slo", web::get().to(slo))
        .route("/slo", web::post().to(slo_by_post))
        .route("/sign-out", web::post().to(sign_out))
        .route("/key", pressed().to(change_key))
        .route("/directory", web::get().to(directory_pages::show))
        .route("/directory/application", pressed().to(directory_pages::connect))
        .route("/directory/{change}", pressed().to(directory_pages::push))
        .route("/static/{name:.*}", web::get().to(assets::serve));
}

/// A button of these pages; one of another site in the same browser finds nothing here.
fn pressed() -> Route {
    web::post().guard(guard::fn_guard(|asked| {
        let header = |name: &str| asked.head().headers().get(name).and_then(|value| value.to_str().ok());
        match (header("sec-fetch-site"), header("origin")) {
            (Some(site), _) => matches!(site, "same-origin" | "none"),
            (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == header("host"),
            (None, None) => true,
        }
    }))
}

/// What a service provider sends along with the browser.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(rename = "SAMLRequest", default)]
    saml_request: String,
    #[serde(rename = "RelayState", default)]
    relay_state: String,
}

/// What a person pressed: somebody, or a fault.
#[derive(Debug, Deserialize)]
struct Pressed {
    #[serde(rename = "SAMLRequest", default)]
    saml_request: String,
    #[serde(rename = "RelayState", default)]
    relay_state: String,
    person: Option<String>,
    fault: Option<String>,
    #[serde(default)]
    sign: String,
    encrypt: Option<String>,
}

/// `GET /`
#[derive(Template)]
#[template(path = "demo/about.html")]
struct AboutPage {
    shell: Shell,
    entity_id: String,
    sso_url: String,
    slo_url: String,
    /// What the metadata names, the one that signs first.
    keys: Vec<KeyView>,
    stage: Stage,
    sessions: Vec<There>,
    /// `3 people and 3 groups`
    directory: String,
}

struct KeyView {
    id: String,
    title: &'static str,
    fingerprint: String,
}

impl KeyView {
    fn of(n: usize, der: &[u8], stage: Stage) -> Self {
        let title = match (stage, n) {
            (Stage::One, _) => "The key",
            (_, 0) => "Signs",
            (Stage::Published, _) => "Published, signs nothing yet",
            (Stage::Switched, _) => "Still published, signs no more",
        };
        Self { id: format!("fp-{n}"), title, fingerprint: colons(&fingerprint(der)) }
    }
}

impl AboutPage {
    /// What a press of the button does, and what it is for.
    fn next_step(&self) -> (&'static str, &'static str) {
        match self.stage {
            Stage::One => (
                "Make a second key",
                "The metadata then names both, and the first goes on signing. Read the metadata in Doorward before you go on.",
            ),
            Stage::Published => (
                "Sign with the second key",
                "The provider switches. Where Doorward trusts the second certificate, nobody notices; where it doesn't, nobody gets in.",
            ),
            Stage::Switched => (
                "Retire the first key",
                "The metadata then names the second alone. Remove the old one in Doorward after that.",
            ),
        }
    }
}

/// `GET, POST /sso`
#[derive(Template)]
#[template(path = "demo/pick.html")]
struct PickPage {
    shell: Shell,
    /// Host of the ACS URL.
    to: String,
    request: Request,
    kept: Vec<Kept>,
    people: Vec<Someone>,
    faults: Vec<Choice>,
    can_encrypt: bool,
    /// Why the last press led back here.
    problem: Option<String>,
}

struct Someone {
    key: String,
    initials: String,
    name: String,
    email: String,
    about: String,
}

struct Choice {
    name: &'static str,
    value: String,
    title: &'static str,
    text: String,
}

/// `POST /answer`: goes on by itself where scripts run. Sent with `CONTENT_SECURITY_POLICY_POST`.
#[derive(Template)]
#[template(path = "demo/answer.html")]
struct AnswerPage {
    shell: Shell,
    to: String,
    acs_url: String,
    fields: Vec<Kept>,
}

/// `GET, POST /slo`: what the application made of our request.
#[derive(Template)]
#[template(path = "demo/signed_out.html")]
struct SignedOutPage {
    shell: Shell,
    name: String,
    is_out: bool,
}

/// The request cannot be answered.
#[derive(Template)]
#[template(path = "demo/problem.html")]
struct ProblemPage {
    shell: Shell,
    sentence: String,
}

async fn about(request: HttpRequest, idp: Data<Idp>) -> Html<AboutPage> {
    Html(AboutPage {
        shell: shell(&request, &idp),
        entity_id: idp.entity_id(),
        sso_url: idp.sso_url(),
        slo_url: idp.slo_url(),
        keys: idp.certificates().iter().enumerate().map(|(n, der)| KeyView::of(n, der, idp.stage())).collect(),
        stage: idp.stage(),
        sessions: idp.sessions(),
        directory: directory_pages::summary(&idp.directory.look().await),
    })
}

#[derive(Debug, Deserialize)]
struct KeyForm {
    from: String,
}

/// `POST /key`: one step on from where the page stood.
async fn change_key(idp: Data<Idp>, form: Form<KeyForm>) -> HttpResponse {
    let Some(from) = Stage::parse(&form.from) else { return HttpResponse::BadRequest().finish() };
    match web::block(move || idp.change_key(from)).await {
        Ok(Ok(())) => HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish(),
        _ => HttpResponse::InternalServerError().finish(),
    }
}

#[derive(Debug, Deserialize)]
struct SignOutForm {
    session: String,
}

/// `POST /sign-out`: this provider signs somebody out, and the gateway is told by their browser.
async fn sign_out(request: HttpRequest, idp: Data<Idp>, form: Form<SignOutForm>) -> HttpResponse {
    match idp.ask_logout(&form.session).await {
        Ok((url, field, message)) => carried(&request, &idp, url, kept([(field, message)])),
        Err(error) => refused(ProblemPage { shell: shell(&request, &idp), sentence: error.to_string() }),
    }
}

async fn slo(request: HttpRequest, idp: Data<Idp>) -> HttpResponse {
    let received = Received::from_query(request.query_string());
    handle(&request, &idp, received).await
}

async fn slo_by_post(request: HttpRequest, idp: Data<Idp>, form: Form<Vec<(String, String)>>) -> HttpResponse {
    handle(&request, &idp, Received::from_form(&form)).await
}

async fn handle(request: &HttpRequest, idp: &Idp, received: Result<Received, SamlError>) -> HttpResponse {
    let handled = match received {
        Ok(received) => idp.receive_logout(&received).await,
        Err(error) => Err(error.into()),
    };
    match handled {
        Ok(Handled::Answer(url)) => HttpResponse::Found().insert_header((header::LOCATION, url)).finish(),
        Ok(Handled::Told { name, is_out }) => {
            written(HttpResponse::Ok(), SignedOutPage { shell: shell(request, idp), name, is_out })
        }
        Err(error) => refused(ProblemPage { shell: shell(request, idp), sentence: error.to_string() }),
    }
}

/// A page whose form goes to the gateway by itself.
fn carried(request: &HttpRequest, idp: &Idp, url: String, fields: Vec<Kept>) -> HttpResponse {
    let page = AnswerPage { shell: shell(request, idp), to: host(&url), acs_url: url, fields };
    let mut answer = written(HttpResponse::Ok(), page);
    let policy = HeaderValue::from_static(security::CONTENT_SECURITY_POLICY_POST);
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    answer
}

async fn metadata(idp: Data<Idp>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/samlmetadata+xml").body(idp.metadata())
}

async fn sso(request: HttpRequest, idp: Data<Idp>, asked: Query<Asked>) -> HttpResponse {
    pick(&request, &idp, asked.into_inner(), None).await
}

async fn sso_by_post(request: HttpRequest, idp: Data<Idp>, asked: Form<Asked>) -> HttpResponse {
    pick(&request, &idp, asked.into_inner(), None).await
}

async fn pick(request: &HttpRequest, idp: &Idp, asked: Asked, problem: Option<String>) -> HttpResponse {
    let sent = match Request::read(&asked.saml_request) {
        Ok(sent) => sent,
        Err(error) => return refused(ProblemPage { shell: shell(request, idp), sentence: error.to_string() }),
    };
    let (people, left): (Vec<Person>, _) = idp.directory.people().await.into_iter().partition(|one| one.is_active);
    let page = PickPage {
        shell: shell(request, idp),
        to: host(&sent.acs_url),
        request: sent,
        kept: kept([("SAMLRequest", asked.saml_request), ("RelayState", asked.relay_state)]),
        people: people.iter().chain([&Person::admin()]).map(Someone::from).collect(),
        faults: faults(&left),
        can_encrypt: idp.can_encrypt(),
        problem,
    };
    if page.problem.is_some() { refused(page) } else { written(HttpResponse::Ok(), page) }
}

async fn answer(request: HttpRequest, idp: Data<Idp>, pressed: Form<Pressed>) -> HttpResponse {
    let pressed = pressed.into_inner();
    let asked = Asked { saml_request: pressed.saml_request.clone(), relay_state: pressed.relay_state.clone() };
    match answer_to(&idp, &pressed).await {
        Ok((acs_url, response)) => {
            let fields = kept([("SAMLResponse", response), ("RelayState", pressed.relay_state)]);
            carried(&request, &idp, acs_url, fields)
        }
        Err(problem) => pick(&request, &idp, asked, Some(problem.to_string())).await,
    }
}

async fn answer_to(idp: &Idp, pressed: &Pressed) -> Result<(String, String), IdpError> {
    let picked = idp.find_person(pressed.person.as_deref().unwrap_or_default()).await;
    let person = picked.unwrap_or_else(Person::ada);
    let fault = pressed.fault.as_deref().and_then(Fault::find);
    let encrypt_for = match pressed.encrypt {
        Some(_) => idp.certificate_of(&Request::read(&pressed.saml_request)?.issuer).await,
        None => None,
    };
    let sign = match pressed.sign.as_str() {
        "response" => Sign::Response,
        "both" => Sign::Both,
        _ => Sign::Assertion,
    };
    idp.answer(&pressed.saml_request, &person, fault, &Options { sign, encrypt_for })
}

/// What is wrong with an answer, or with a person: those who left the directory, and one who was never in it.
fn faults(left: &[Person]) -> Vec<Choice> {
    let of_answer = Fault::ALL.into_iter().map(|fault| {
        let (title, text) = fault.words();
        Choice { name: "fault", value: fault.slug().to_owned(), title, text: text.to_owned() }
    });
    let of_person = |person: &Person, title: &'static str, why: &str| Choice {
        name: "person",
        value: person.key().to_owned(),
        title,
        text: format!("{}, {why}.", person.name()),
    };
    let left = left.iter().map(|person| of_person(person, "Somebody who left", "switched off by the directory"));
    let unknown = of_person(&Person::charles(), "Somebody unknown", "whom the directory never sent");
    of_answer.chain(left).chain([unknown]).collect()
}

impl From<&Person> for Someone {
    fn from(person: &Person) -> Self {
        Self {
            key: person.key().to_owned(),
            initials: initials(&person.name(), &person.email),
            name: person.name(),
            email: person.email.clone(),
            about: format!("{} · {}", person.job_title, person.groups.join(", ")),
        }
    }
}

/// The fields that have a value.
fn kept<const N: usize>(fields: [(&str, String); N]) -> Vec<Kept> {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
    fields.map(|(name, value)| Kept { name: name.to_owned(), value }).collect()
}

pub(super) fn host(url: &str) -> String {
    let Ok(url) = url::Url::parse(url) else { return url.to_owned() };
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

pub(super) fn shell(request: &HttpRequest, idp: &Idp) -> Shell {
    Shell {
        prefix: String::new(),
        theme: Theme::from_cookie(cookies::read_theme(request).as_deref()),
        organization: String::new(),
        host: host(&idp.base),
        csrf: String::new(),
        notice: None,
        place: Place::Elsewhere,
        me: None,
    }
}

fn refused(page: impl Template) -> HttpResponse {
    written(HttpResponse::BadRequest(), page)
}

pub(super) fn written(mut response: actix_web::HttpResponseBuilder, page: impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => response.content_type(header::ContentType::html()).body(html),
        Err(problem) => {
            tracing::error!(error = %problem, "A page could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
