//! Style sheet, script, icons and fonts: embedded, named by their content, kept by the browser for a year.

use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, VARY};
use actix_web::web::{Bytes, Path};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::Embed;

use crate::crypto::token;

#[derive(Embed)]
#[folder = "static/"]
struct Folder;

struct Asset {
    /// `doorward.3f9a1c….css`: the first 12 hex digits of the SHA-256 stand before the extension.
    hashed: String,
    mime: &'static str,
    body: Bytes,
    /// None where it would not get smaller.
    gzip: Option<Bytes>,
}

struct Assets {
    by_name: HashMap<String, Asset>,
    /// Hashed name to name.
    names: HashMap<String, String>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(Assets::read);

impl Assets {
    fn read() -> Self {
        let mut by_name = HashMap::new();
        // The style sheet names the fonts, so it comes last and is hashed with their hashed names in it.
        let (sheets, others): (Vec<_>, Vec<_>) = Folder::iter().partition(|name| name.ends_with(".css"));
        for name in others.into_iter().chain(sheets) {
            let Some(file) = Folder::get(&name) else { continue };
            let mut body = file.data.into_owned();
            if name.ends_with(".css") {
                body = with_hashed_fonts(&String::from_utf8_lossy(&body), &by_name).into_bytes();
            }
            let asset =
                Asset { hashed: hashed_name(&name, &body), mime: mime(&name), gzip: gzip(&body), body: body.into() };
            by_name.insert(name.into_owned(), asset);
        }
        let names = by_name.iter().map(|(name, asset)| (asset.hashed.clone(), name.clone())).collect();
        Self { by_name, names }
    }
}

fn with_hashed_fonts(css: &str, known: &HashMap<String, Asset>) -> String {
    let fonts = known.iter().filter(|(name, _)| name.ends_with(".woff2"));
    fonts.fold(css.to_owned(), |css, (name, font)| css.replace(name.as_str(), &font.hashed))
}

fn hashed_name(name: &str, body: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
    let hash = token::hex(&digest.as_ref()[..6]);
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}.{hash}.{extension}"),
        None => format!("{name}.{hash}"),
    }
}

fn mime(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        _ => "text/plain; charset=utf-8",
    }
}

fn gzip(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < body.len() * 9 / 10).then(|| packed.into())
}

/// The path of an asset, from the path prefix of `base_url` on. A name that is not in `static/` keeps it, and a test finds it.
pub fn url(prefix: &str, name: &str) -> String {
    let file = ASSETS.by_name.get(name).map_or(name, |asset| asset.hashed.as_str());
    format!("{prefix}/static/{file}")
}

/// An asset that is text, for a page that shows what is in it.
pub fn text(name: &str) -> &'static str {
    ASSETS.by_name.get(name).and_then(|asset| std::str::from_utf8(&asset.body).ok()).unwrap_or_default()
}

/// `GET /static/{name:.*}`
pub async fn serve(request: HttpRequest, name: Path<String>) -> HttpResponse {
    let asset = ASSETS.names.get(name.as_str()).and_then(|name| ASSETS.by_name.get(name));
    let Some(asset) = asset else { return HttpResponse::NotFound().finish() };
    let mut response = HttpResponse::Ok();
    response.content_type(asset.mime);
    response.insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
    response.insert_header((VARY, "accept-encoding"));
    let accepted = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match &asset.gzip {
        Some(packed) if accepts_gzip(accepted) => {
            response.insert_header((CONTENT_ENCODING, "gzip")).body(packed.clone())
        }
        _ => response.body(asset.body.clone()),
    }
}

fn accepts_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|one| {
        let mut parts = one.trim().split(';');
        let refused = |part: &str| matches!(part.trim().trim_start_matches("q="), "0" | "0.0" | "0.00" | "0.000");
        matches!(parts.next(), Some("gzip" | "*")) && !parts.any(refused)
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::Deserialize;

    use super::*;

    fn bytes(name: &str) -> Vec<u8> {
        Folder::get(name).unwrap().data.into_owned()
    }

    #[derive(Deserialize)]
    struct Vendor {
        asset: Vec<Vendored>,
    }

    #[derive(Deserialize)]
    struct Vendored {
        file: String,
        bytes: usize,
        integrity: String,
    }

    #[test]
    fn what_others_made_is_as_recorded() {
        let vendor: Vendor = toml::from_str(&String::from_utf8(bytes("VENDOR.toml")).unwrap()).unwrap();
        for asset in &vendor.asset {
            let body = bytes(asset.file.strip_prefix("static/").unwrap());
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA384, &body);
            assert_eq!(asset.integrity, format!("sha384-{}", STANDARD.encode(digest.as_ref())), "{}", asset.file);
            assert_eq!(asset.bytes, body.len(), "{}", asset.file);
        }
        for name in Folder::iter().filter(|name| name.ends_with(".woff2")) {
            assert!(
                vendor.asset.iter().any(|asset| asset.file == format!("static/{name}")),
                "{name} is not in VENDOR.toml"
            );
        }
    }

    #[test]
    fn assets_keep_their_budgets() {
        let css = bytes("doorward.css");
        assert!(css.len() <= 56 * 1024, "style sheet: {}", css.len());
        let packed = gzip(&css).unwrap().len();
        assert!(packed <= 11 * 1024, "style sheet, gzip: {packed}");
        assert!(bytes("doorward.js").len() <= 8 * 1024, "script: {}", bytes("doorward.js").len());
        assert!(bytes("icons.svg").len() <= 16 * 1024, "icons: {}", bytes("icons.svg").len());
        let first_view = bytes("fonts/inter-latin-wght-normal.woff2").len()
            + bytes("fonts/jetbrains-mono-latin-wght-normal.woff2").len();
        assert!(first_view <= 90 * 1024, "fonts: {first_view}");
    }

    #[test]
    fn a_name_carries_its_hash_and_the_style_sheet_names_fonts_by_theirs() {
        let css = url("/door", "doorward.css");
        assert!(
            css.starts_with("/door/static/doorward.") && css.len() == "/door/static/doorward..css".len() + 12,
            "{css}"
        );
        let sheet = String::from_utf8(ASSETS.by_name["doorward.css"].body.to_vec()).unwrap();
        let font = &ASSETS.by_name["fonts/inter-latin-wght-normal.woff2"].hashed;
        assert!(sheet.contains(&format!("url(\"{font}\")")));
        assert!(!sheet.contains("-normal.woff2"));
    }

    #[test]
    fn gzip_is_sent_to_whom_takes_it() {
        assert!(accepts_gzip("br, gzip;q=0.8") && accepts_gzip("*"));
        assert!(!accepts_gzip("") && !accepts_gzip("br") && !accepts_gzip("gzip;q=0, br"));
    }
}
