//! Forms come from our own pages: three layers (DOWNSTREAM.md 6). SameSite cookies, the browser's word about the
//! origin, and a token that only our pages hold. The token is bound to the session or, before one, to the `_pre`
//! cookie; a page that was open while its person signed in in another tab still counts.

use actix_web::HttpRequest;

use crate::app::App;
use crate::app::Urls;
use crate::crypto::token;
use crate::model::time::Timestamp;
use crate::web::client::host_name;
use crate::web::cookies;

/// A token is good for a day.
const HOURS: i64 = 24;

fn mac(app: &App, seed: &str, hour: i64) -> String {
    token::hex(&app.vault.mac("csrf", format!("{seed}|{hour}").as_bytes())[..16])
}

/// A token for forms of this browser: `hour.mac`.
pub fn token(app: &App, seed: &str, now: Timestamp) -> String {
    let hour = now.secs() / 3600;
    format!("{hour}.{}", mac(app, seed, hour))
}

pub fn is_token(app: &App, seeds: &[String], sent: &str, now: Timestamp) -> bool {
    let Some((hour, tag)) = sent.split_once('.') else { return false };
    let Ok(hour) = hour.parse::<i64>() else { return false };
    let Some(age) = (now.secs() / 3600).checked_sub(hour) else { return false };
    (0..=HOURS).contains(&age) && seeds.iter().any(|seed| token::equal(mac(app, seed, hour).as_bytes(), tag.as_bytes()))
}

/// What tokens of this browser may be bound to.
pub fn seeds(request: &HttpRequest, app: &App) -> Vec<String> {
    let session = cookies::read_session(request, &app.urls).map(|token| format!("s{token}"));
    let pre = cookies::read_pre(request, &app.urls).map(|seed| format!("p{seed}"));
    session.into_iter().chain(pre).collect()
}

/// Whether the browser itself says that another site sent this.
pub fn is_foreign(request: &HttpRequest, urls: &Urls) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = header("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    header("origin").is_some_and(|origin| !is_our_origin(origin, urls))
}

fn is_our_origin(origin: &str, urls: &Urls) -> bool {
    if origin == urls.origin {
        return true;
    }
    let host = origin.split_once("://").map(|(_, host)| host_name(host)).unwrap_or_default();
    urls.is_loopback && matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1")
}
