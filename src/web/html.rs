//! What every page shares: the shell around it, the answer it becomes, and the list of all pages in all their states.

use std::fmt;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::Responder;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use askama::Template;
use askama::filters::HtmlSafe;
use tracing::error;

use crate::web::about;
use crate::web::account;
use crate::web::admin;
use crate::web::assets;
use crate::web::error as errors;
use crate::web::help;
use crate::web::link;
use crate::web::setup;
use crate::web::sign_in;
use crate::web::view::Tone;

/// A page: an askama struct beside its handler.
pub trait Page: Template + Sized {
    /// The page in each state that it can be in, for the tests that look at every page.
    fn samples() -> Vec<Self>;
}

/// A page as an answer: 200 unless `status` says otherwise.
pub struct Html<T>(pub T);

impl<T: Template> Html<T> {
    pub fn status(self, status: StatusCode) -> HttpResponse {
        match self.0.render() {
            Ok(html) => HttpResponse::build(status).content_type(ContentType::html()).body(html),
            Err(problem) => {
                error!(error = %problem, "A page could not be written");
                HttpResponse::InternalServerError().finish()
            }
        }
    }
}

impl<T: Template> Responder for Html<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.status(StatusCode::OK)
    }
}

/// What stands around a page. The same for all of them; `console.html`, `focus.html` and `plain.html` show what they need.
#[derive(Debug, Clone)]
pub struct Shell {
    /// Path prefix of `base_url`: empty, or `/door` without a slash at its end. Stands before every path in a template;
    /// paths in view data begin with `/` and do not have it.
    pub prefix: String,
    pub theme: Theme,
    /// Empty where it is not known: first run, errors before there is an organization.
    pub organization: String,
    /// Host of `base_url`.
    pub host: String,
    /// For every form of the page.
    pub csrf: String,
    /// Shown once, after a redirect.
    pub notice: Option<Notice>,
    /// The item of the navigation that the page belongs to.
    pub place: Place,
    /// Who is signed in.
    pub me: Option<Me>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    pub name: String,
    pub email: String,
    /// `Admin`, as people read it.
    pub role: String,
    pub sees_members: bool,
    pub sees_teams: bool,
    pub sees_roles: bool,
    pub sees_security: bool,
    pub sees_audit: bool,
    pub sees_sessions: bool,
    pub sees_api_keys: bool,
    pub sees_settings: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub tone: Tone,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Members,
    Teams,
    Roles,
    Security,
    Audit,
    Sessions,
    ApiKeys,
    Account,
    Guides,
    Search,
    Settings,
    Elsewhere,
}

impl Place {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Teams => "teams",
            Self::Roles => "roles",
            Self::Security => "security",
            Self::Audit => "audit",
            Self::Sessions => "sessions",
            Self::ApiKeys => "api-keys",
            Self::Account => "account",
            Self::Guides => "guides",
            Self::Search => "search",
            Self::Settings => "settings",
            Self::Elsewhere => "",
        }
    }
}

/// Cookie `doorward_theme`, set by `POST /preferences/theme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// The system's for anything else than `light` or `dark`.
    pub fn from_cookie(value: Option<&str>) -> Self {
        match value {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Me {
    /// At most two letters.
    pub fn initials(&self) -> String {
        initials(&self.name, &self.email)
    }

    pub fn sees_console(&self) -> bool {
        self.sees_members || self.sees_security
    }

    /// Where the console begins for this person.
    pub fn home(&self) -> &'static str {
        if self.sees_security { "/admin/security" } else { "/admin/members" }
    }
}

/// The first letters of the first and the last name, else of the address.
pub fn initials(name: &str, email: &str) -> String {
    let first = |word: &str| word.chars().next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let mut words = name.split_whitespace();
    match (words.next(), words.next_back()) {
        (Some(one), Some(last)) => first(one) + &first(last),
        (Some(one), None) => first(one),
        _ => first(email),
    }
}

impl Shell {
    /// The path of an asset, prefix and hash included.
    pub fn asset(&self, name: &str) -> String {
        assets::url(&self.prefix, name)
    }

    pub fn icon(&self, name: &'static str) -> Icon {
        Icon { sprite: self.asset("icons.svg"), name, class: "icon" }
    }

    pub fn small_icon(&self, name: &'static str) -> Icon {
        Icon { sprite: self.asset("icons.svg"), name, class: "icon icon--sm" }
    }

    pub fn is_at(&self, place: &str) -> bool {
        self.place.as_str() == place
    }

    pub fn theme_is(&self, theme: &str) -> bool {
        self.theme.as_str() == theme
    }

    pub fn sees_audit(&self) -> bool {
        self.me.as_ref().is_some_and(|me| me.sees_audit)
    }

    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// `· Acme · Doorward` after a page's own title.
    pub fn title_tail(&self) -> String {
        if self.organization.is_empty() { "Doorward".to_owned() } else { format!("{} · Doorward", self.organization) }
    }

    /// Sign-in, or any page that no one is signed in on.
    pub fn sample_outside() -> Self {
        Self {
            prefix: String::new(),
            theme: Theme::System,
            organization: "Acme".to_owned(),
            host: "auth.acme.example".to_owned(),
            csrf: "3q2JxN8v".to_owned(),
            notice: None,
            place: Place::Elsewhere,
            me: None,
        }
    }

    /// The console, for an admin.
    pub fn sample(place: Place) -> Self {
        let me = Me {
            name: "Ada Example".to_owned(),
            email: "ada@acme.example".to_owned(),
            role: "Admin".to_owned(),
            sees_members: true,
            sees_teams: true,
            sees_roles: true,
            sees_security: true,
            sees_audit: true,
            sees_sessions: true,
            sees_api_keys: true,
            sees_settings: true,
        };
        Self { place, me: Some(me), ..Self::sample_outside() }
    }

    #[must_use]
    pub fn with_notice(mut self, tone: Tone, text: &str) -> Self {
        self.notice = Some(Notice { tone, text: text.to_owned() });
        self
    }
}

/// An icon of the sprite. Its name is in the program, never in data, so it is safe as it stands.
pub struct Icon {
    sprite: String,
    name: &'static str,
    class: &'static str,
}

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sprite, name, class } = self;
        write!(f, r##"<svg class="{class}" aria-hidden="true"><use href="{sprite}#{name}"></use></svg>"##)
    }
}

impl HtmlSafe for Icon {}

/// Every page in every state: the template's path and the HTML.
pub fn samples() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    sign_in::samples(&mut all);
    link::samples(&mut all);
    setup::samples(&mut all);
    account::samples(&mut all);
    errors::samples(&mut all);
    admin::samples(&mut all);
    help::samples(&mut all);
    about::samples(&mut all);
    all
}

/// Adds the samples of one page to `all`.
pub fn add<T: Page>(all: &mut Vec<(&'static str, String)>, name: &'static str) {
    for page in T::samples() {
        all.push((name, page.render().unwrap_or_else(|problem| format!("{name}: {problem}"))));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::fs;
    use std::path::PathBuf;

    use scraper::Html as Document;
    use scraper::Selector;

    use super::*;

    fn all(document: &Document, selector: &str, attribute: &str) -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        document.select(&selector).filter_map(|element| element.value().attr(attribute)).map(str::to_owned).collect()
    }

    /// What is wrong with a page, as far as a program can see.
    fn faults(html: &str, icons: &BTreeSet<String>) -> Vec<String> {
        let document = Document::parse_document(html);
        let mut faults = Vec::new();
        let ids = all(&document, "[id]", "id");
        let known: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        if known.len() < ids.len() {
            faults.push(format!("an id twice: {ids:?}"));
        }
        for attribute in ["for", "aria-labelledby", "aria-describedby", "aria-controls"] {
            let named = all(&document, &format!("[{attribute}]"), attribute);
            for id in named.iter().flat_map(|ids| ids.split_whitespace()).filter(|id| !known.contains(id)) {
                faults.push(format!("{attribute} names {id}, which is not there"));
            }
        }
        for link in all(&document, "a[href^='#']", "href").iter().filter(|link| !known.contains(&link[1..])) {
            faults.push(format!("a link to {link}, which is not there"));
        }
        for link in all(&document, "use", "href") {
            let name = link.rsplit('#').next().unwrap_or_default().to_owned();
            if !icons.contains(&name) {
                faults.push(format!("no icon {name}"));
            }
        }
        for selector in
            ["script:not([src])", "style", "[style]", "[onclick]", "[onsubmit]", "[href='#']", "form:not([action])"]
        {
            if document.select(&Selector::parse(selector).unwrap()).next().is_some() {
                faults.push(format!("has {selector}"));
            }
        }
        let labelled: BTreeSet<String> = all(&document, "label[for]", "for").into_iter().collect();
        for id in all(
            &document,
            "input:not([type=hidden]):not([type=radio]):not([aria-label]), select:not([aria-label]), textarea",
            "id",
        ) {
            if !labelled.contains(&id) {
                faults.push(format!("{id} has no label"));
            }
        }
        let posts = Selector::parse("form[method=post]:not([data-autosubmit])").unwrap();
        let token = Selector::parse("input[name=csrf]").unwrap();
        if document.select(&posts).any(|form| form.select(&token).next().is_none()) {
            faults.push("a form without csrf".to_owned());
        }
        if all(&document, "h1", "class").len() > 1 || document.select(&Selector::parse("h1").unwrap()).count() != 1 {
            faults.push("not one h1".to_owned());
        }
        for word in ["lease ", "uccessful", ">Submit<", "{label", "{theirs", "{acs_url", "{entity_id", "`"] {
            if html.contains(word) {
                faults.push(format!("says {word:?}"));
            }
        }
        if html.len() > 30 * 1024 {
            faults.push(format!("{} bytes", html.len()));
        }
        faults
    }

    #[test]
    fn every_page_in_every_state_is_sound() {
        let sprite = include_str!("../../static/icons.svg");
        let icons: BTreeSet<String> =
            sprite.split("<symbol id=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
        // To look at the pages: DOORWARD_SAMPLES=folder cargo test every_page
        let folder = std::env::var_os("DOORWARD_SAMPLES").map(PathBuf::from);
        let mut report = String::new();
        let (mut before, mut n) = ("", 0);
        for (name, html) in samples() {
            n = if name == before { n + 1 } else { 1 };
            before = name;
            if let Some(folder) = &folder {
                let file = folder.join(format!("{}.{n}.html", name.replace('/', "-")));
                fs::write(file, &html).unwrap();
            }
            for fault in faults(&html, &icons) {
                writeln!(report, "{name} {n}: {fault}").unwrap();
            }
        }
        assert!(report.is_empty(), "\n{report}");
    }

    #[test]
    fn initials_are_of_the_first_and_the_last_name() {
        assert_eq!(initials("Ada Example", ""), "AE");
        assert_eq!(initials("Ada B. Example", ""), "AE");
        assert_eq!(initials("", "grace@acme.example"), "G");
    }
}
