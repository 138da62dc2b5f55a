//! Every cookie we set, in one place (DOWNSTREAM.md 6). On https they carry the `__Host-` prefix and `Secure`; a plain
//! base is a loopback one, where only the pending sign-in is `Secure`, since it has to be `SameSite=None`.

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use actix_web::cookie::SameSite;
use actix_web::cookie::time::Duration;

use crate::app::App;
use crate::app::Urls;
use crate::crypto::token;
use crate::model::id::MemberId;
use crate::web::html::Notice;
use crate::web::view::Tone;

const MAX_PENDING: usize = 5;

fn prefixed(urls: &Urls, name: &str) -> String {
    if urls.is_https { format!("__Host-{name}") } else { name.to_owned() }
}

fn make<'a>(urls: &Urls, name: &str, value: String) -> Cookie<'a> {
    let mut cookie = Cookie::new(prefixed(urls, name), value);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(urls.is_https);
    cookie
}

fn expire(mut cookie: Cookie<'_>) -> Cookie<'_> {
    cookie.set_value("");
    cookie.set_max_age(Duration::ZERO);
    cookie
}

/// The value, if the browser sent exactly one: two cookies of a name are somebody's trick.
fn read(request: &HttpRequest, name: &str) -> Option<String> {
    let cookies = request.cookies().ok()?;
    let mut found = cookies.iter().filter(|cookie| cookie.name() == name);
    let value = found.next()?.value().to_owned();
    if found.next().is_some() { None } else { Some(value) }
}

pub fn session(urls: &Urls, token: &str) -> Cookie<'static> {
    make(urls, "doorward_session", token.to_owned())
}

pub fn end_session(urls: &Urls) -> Cookie<'static> {
    expire(make(urls, "doorward_session", String::new()))
}

pub fn read_session(request: &HttpRequest, urls: &Urls) -> Option<String> {
    read(request, &prefixed(urls, "doorward_session"))
}

/// The seed of forms before anybody is signed in.
pub fn pre(urls: &Urls, seed: &str) -> Cookie<'static> {
    make(urls, "doorward_pre", seed.to_owned())
}

pub fn read_pre(request: &HttpRequest, urls: &Urls) -> Option<String> {
    read(request, &prefixed(urls, "doorward_pre")).filter(|seed| (20..=100).contains(&seed.len()))
}

/// Says that this browser has signed in to an account: strangers' guesses do not lock it out.
pub fn device(app: &App, member: &MemberId) -> Cookie<'static> {
    let sealed = app.vault.seal("cookie|device|1", member.as_str().as_bytes());
    let mut cookie = make(&app.urls, "doorward_dev", sealed);
    cookie.set_max_age(Duration::days(365));
    cookie
}

pub fn read_device(request: &HttpRequest, app: &App) -> Option<MemberId> {
    let sealed = read(request, &prefixed(&app.urls, "doorward_dev"))?;
    let plain = app.vault.open("cookie|device|1", &sealed).ok()?;
    std::str::from_utf8(&plain).ok()?.parse().ok()
}

/// A sign-in that waits for its answer: ten minutes, and `SameSite=None`, because the answer is a cross-site POST.
pub fn pending(urls: &Urls, name: &str, sealed: &str) -> Cookie<'static> {
    let mut cookie = make(urls, &format!("doorward_login_{name}"), sealed.to_owned());
    cookie.set_same_site(SameSite::None);
    cookie.set_secure(true);
    cookie.set_max_age(Duration::minutes(10));
    cookie
}

pub fn end_pending(urls: &Urls, name: &str) -> Cookie<'static> {
    expire(pending(urls, name, ""))
}

/// Name and content of the pending sign-ins, at most five.
pub fn read_pending(request: &HttpRequest, urls: &Urls) -> Vec<(String, String)> {
    let prefix = prefixed(urls, "doorward_login_");
    let Ok(cookies) = request.cookies() else { return Vec::new() };
    let all = cookies
        .iter()
        .filter_map(|cookie| Some((cookie.name().strip_prefix(&prefix)?.to_owned(), cookie.value().to_owned())));
    all.take(MAX_PENDING * 2).collect()
}

/// The oldest pending sign-ins beyond the fifth go when a new one begins.
pub fn surplus_pending(names: &[(String, String)]) -> impl Iterator<Item = &str> {
    names.iter().take(names.len().saturating_sub(MAX_PENDING - 1)).map(|(name, _)| name.as_str())
}

/// A sign-out that waits for the identity provider's answer, or what became of it: as with a sign-in, the answer may be a
/// cross-site POST.
pub fn logout(urls: &Urls, sealed: &str) -> Cookie<'static> {
    let mut cookie = make(urls, "doorward_logout", sealed.to_owned());
    cookie.set_same_site(SameSite::None);
    cookie.set_secure(true);
    cookie.set_max_age(Duration::minutes(10));
    cookie
}

pub fn end_logout(urls: &Urls) -> Cookie<'static> {
    expire(logout(urls, ""))
}

pub fn read_logout(request: &HttpRequest, urls: &Urls) -> Option<String> {
    read(request, &prefixed(urls, "doorward_logout"))
}

/// The set-up code was right: the rest of the first run may be seen for half an hour.
pub fn setup(app: &App) -> Cookie<'static> {
    let proof = app.vault.mac("setup", app.setup_code.text().as_bytes());
    let mut cookie = make(&app.urls, "doorward_setup", token::hex(&proof));
    cookie.set_max_age(Duration::minutes(30));
    cookie
}

pub fn end_setup(urls: &Urls) -> Cookie<'static> {
    expire(make(urls, "doorward_setup", String::new()))
}

pub fn has_setup(request: &HttpRequest, app: &App) -> bool {
    let proof = token::hex(&app.vault.mac("setup", app.setup_code.text().as_bytes()));
    read(request, &prefixed(&app.urls, "doorward_setup"))
        .is_some_and(|sent| crate::crypto::token::equal(sent.as_bytes(), proof.as_bytes()))
}

/// A sentence for the next page; shown once.
pub fn notice(app: &App, notice: &Notice) -> Cookie<'static> {
    let sealed = app.vault.seal(notice_place(notice.tone), notice.text.as_bytes());
    let mut cookie = make(&app.urls, "doorward_notice", sealed);
    cookie.set_max_age(Duration::minutes(1));
    cookie
}

pub fn read_notice(request: &HttpRequest, app: &App) -> Option<Notice> {
    let sealed = read(request, &prefixed(&app.urls, "doorward_notice"))?;
    [Tone::Ok, Tone::Warn].into_iter().find_map(|tone| {
        let plain = app.vault.open(notice_place(tone), &sealed).ok()?;
        Some(Notice { tone, text: String::from_utf8(plain.to_vec()).ok()? })
    })
}

/// Its tone is told by what it was sealed as.
fn notice_place(tone: Tone) -> &'static str {
    if tone == Tone::Warn { "cookie|notice|warn|1" } else { "cookie|notice|1" }
}

pub fn end_notice(urls: &Urls) -> Cookie<'static> {
    expire(make(urls, "doorward_notice", String::new()))
}

/// Readable by the script, so that the switch needs no round trip.
pub fn theme(urls: &Urls, theme: &str) -> Cookie<'static> {
    let mut cookie = Cookie::new("doorward_theme", theme.to_owned());
    cookie.set_path("/");
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(urls.is_https);
    cookie.set_max_age(if theme == "system" { Duration::ZERO } else { Duration::days(365) });
    cookie
}

pub fn read_theme(request: &HttpRequest) -> Option<String> {
    read(request, "doorward_theme")
}
