//! Every route on one page: method, path, who may call, handler. The list also feeds the tests that try every route
//! as every caller. Paths are matched in this order, so a fixed one stands before one with a place-holder.

use actix_web::FromRequest;
use actix_web::Handler;
use actix_web::Responder;
use actix_web::Route;
use actix_web::guard;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web;
use actix_web::web::ServiceConfig;

use crate::model::role::Permission;
use crate::web::about;
use crate::web::account;
use crate::web::admin;
use crate::web::api;
use crate::web::assets;
use crate::web::error::Failure;
use crate::web::error::PageError;
use crate::web::health;
use crate::web::help;
use crate::web::link;
use crate::web::saml;
use crate::web::saml_logout;
use crate::web::scim;
use crate::web::setup;
use crate::web::sign_in;

/// Who may call a route. Enforcement is in the handler's signature and in `app::access`; this is what tests hold it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Anybody, without a cookie of ours: protocol endpoints, assets, health.
    Nothing,
    /// A directory's bearer token.
    ScimToken,
    /// Anybody with a form of ours.
    Form,
    /// A signed-in member.
    Member,
    /// A member of the console with this permission.
    Console(Permission),
    /// An API key or session with this permission.
    Api(Permission),
    /// An API key or session, whatever it may do.
    ApiCaller,
}

pub struct Entry {
    pub method: Method,
    pub path: &'static str,
    pub needs: Needs,
    route: Option<Route>,
}

/// The path that a request was matched by, for its line in the log.
#[derive(Clone, Copy)]
pub struct Pattern(pub &'static str);

#[derive(Default)]
pub struct Routes {
    entries: Vec<Entry>,
}

impl Routes {
    pub fn add<F, Args>(&mut self, method: Method, path: &'static str, needs: Needs, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        // RFC 9110 9.3.2: what answers GET answers HEAD, and the server leaves the body out.
        let route = match method {
            Method::GET => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
            _ => web::method(method.clone()),
        };
        let route = Some(route.to(handler));
        self.entries.push(Entry { method, path, needs, route });
    }

    /// A path below which one handler answers everything; `configure` gives it to actix.
    pub fn tree(&mut self, path: &'static str, methods: &[Method], needs: Needs) {
        self.entries.extend(methods.iter().cloned().map(|method| Entry { method, path, needs, route: None }));
    }

    pub fn get<F, Args>(&mut self, path: &'static str, needs: Needs, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::GET, path, needs, handler);
    }

    pub fn post<F, Args>(&mut self, path: &'static str, needs: Needs, handler: F)
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::POST, path, needs, handler);
    }

    pub fn append(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

pub fn all() -> Routes {
    let mut routes = Routes::default();
    protocol(&mut routes);
    people(&mut routes);
    console(&mut routes);
    routes
}

fn protocol(r: &mut Routes) {
    // Each path before the one that fits is tried, so what a busy morning brings stands first.
    scim::routes(r);
    r.post("/saml/{connection}/acs", Needs::Nothing, saml::acs);
    r.get("/sso/{connection}/start", Needs::Nothing, saml::start);
    r.get("/healthz", Needs::Nothing, health::alive);
    r.get("/readyz", Needs::Nothing, health::ready);
    r.get("/static/{name:.*}", Needs::Nothing, assets::serve);
    r.get("/sso/{connection}/test/{token}", Needs::Nothing, saml::start_test);
    r.get("/sso/{connection}/tested/{test}", Needs::Nothing, saml::tested);
    r.get("/saml/{connection}", Needs::Nothing, saml::metadata);
    r.get("/saml/{connection}/metadata", Needs::Nothing, saml::metadata);
    r.get("/saml/{connection}/slo", Needs::Nothing, saml_logout::by_redirect);
    r.post("/saml/{connection}/slo", Needs::Nothing, saml_logout::by_post);
    r.get("/saml/{connection}/certificate", Needs::Nothing, saml::certificate);
}

fn people(r: &mut Routes) {
    r.get("/", Needs::Nothing, sign_in::home);
    r.get("/sign-in", Needs::Nothing, sign_in::show);
    r.post("/sign-in", Needs::Form, sign_in::choose);
    r.get("/login", Needs::Nothing, sign_in::login);
    r.get("/sign-in/password", Needs::Nothing, sign_in::show_password);
    r.post("/sign-in/password", Needs::Form, sign_in::by_password);
    r.get("/sign-in/continue/{connection}", Needs::Nothing, sign_in::go_on);
    r.get("/sign-out", Needs::Nothing, sign_in::ask_sign_out);
    r.post("/sign-out", Needs::Form, sign_in::sign_out);
    r.post("/preferences/theme", Needs::Form, sign_in::theme);
    r.get("/link/{token}", Needs::Nothing, link::show);
    r.post("/link/{token}", Needs::Form, link::set_password);
    r.get("/setup", Needs::Nothing, setup::code);
    r.post("/setup", Needs::Form, setup::check_code);
    r.get("/setup/address", Needs::Nothing, setup::address);
    r.post("/setup/address", Needs::Form, setup::confirm_address);
    r.get("/setup/admin", Needs::Nothing, setup::first_admin);
    r.post("/setup/admin", Needs::Form, setup::create_first_admin);
    account::routes(r);
    help::routes(r);
    r.get("/about/licences", Needs::Member, about::licences);
}

fn console(r: &mut Routes) {
    admin::routes(r);
    api::routes(r);
}

/// Hands the routes to actix: one resource a path, so that a wrong method is a 405 and not a 404.
pub fn configure(config: &mut ServiceConfig) {
    // Found by its beginning, without a pattern: a push is thousands of requests.
    let pushed = web::scope(scim::BELOW).app_data(Pattern(scim::PATTERN)).default_service(web::to(scim::serve));
    config.service(pushed);
    let mut resources: Vec<(&'static str, actix_web::Resource)> = Vec::new();
    for entry in all().entries {
        let Some(route) = entry.route else { continue };
        match resources.iter().position(|(path, _)| *path == entry.path) {
            Some(at) => {
                let (path, resource) = resources.remove(at);
                resources.insert(at, (path, resource.route(route)));
            }
            None => resources.push((entry.path, web::resource(entry.path).app_data(Pattern(entry.path)).route(route))),
        }
    }
    for (path, resource) in resources {
        let resource = resource.default_service(web::to(wrong_method));
        if path.starts_with("/api/") {
            config.service(resource.wrap(from_fn(api::idempotency::once)));
        } else {
            config.service(resource);
        }
    }
    config.default_service(web::to(nothing_here));
}

async fn wrong_method() -> Result<actix_web::HttpResponse, PageError> {
    Err(PageError(Failure::MethodNotAllowed))
}

async fn nothing_here() -> Result<actix_web::HttpResponse, PageError> {
    Err(PageError(Failure::NotFound))
}
