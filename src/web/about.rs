//! The licences of everything in the program: the crates of static/licences.txt, which a test holds against the lock
//! file, and what static/VENDOR.toml records.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use askama::Template;
use serde::Deserialize;

use crate::web::assets;
use crate::web::extract::Member;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;

#[derive(Deserialize)]
struct Vendor {
    #[serde(rename = "asset")]
    assets: Vec<Asset>,
}

/// A font or an icon set that somebody else made.
#[derive(Deserialize)]
pub struct Asset {
    pub name: String,
    pub version: String,
    pub licence: String,
}

/// Crates under one licence.
pub struct Shelf {
    pub licence: String,
    /// `name version`
    pub crates: Vec<&'static str>,
}

/// `GET /about/licences`
#[derive(Template)]
#[template(path = "about/licences.html")]
pub struct LicencesPage {
    pub shell: Shell,
    pub assets: Vec<Asset>,
    /// The most used licence first.
    pub shelves: Vec<Shelf>,
}

impl LicencesPage {
    fn of(shell: Shell) -> Self {
        let vendor: Vendor = toml::from_str(assets::text("VENDOR.toml")).unwrap_or(Vendor { assets: Vec::new() });
        Self { shell, assets: vendor.assets, shelves: shelves(assets::text("licences.txt")) }
    }

    fn number(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.crates.len()).sum()
    }
}

/// The list at the top of the file: a line `name version: licence` each, up to the first empty line after it.
fn shelves(text: &'static str) -> Vec<Shelf> {
    let list = text.split("\n\n").find(|part| part.lines().next().is_some_and(|line| line.contains(": ")));
    let mut by_licence: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for line in list.unwrap_or_default().lines() {
        if let Some((name, licence)) = line.split_once(": ") {
            by_licence.entry(tidy(licence)).or_default().push(name);
        }
    }
    let mut shelves: Vec<Shelf> = by_licence.into_iter().map(|(licence, crates)| Shelf { licence, crates }).collect();
    shelves.sort_by_key(|shelf| std::cmp::Reverse(shelf.crates.len()));
    shelves
}

/// One choice is written in several ways: as the old slash, and in either order.
fn tidy(licence: &str) -> String {
    let licence = licence.replace(" / ", "/").replace('/', " OR ");
    if licence.contains("AND") || licence.contains('(') {
        return licence;
    }
    let mut choices: Vec<&str> = licence.split(" OR ").collect();
    choices.sort_unstable();
    choices.join(" or ")
}

impl Page for LicencesPage {
    fn samples() -> Vec<Self> {
        vec![Self::of(Shell::sample(Place::Elsewhere))]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<LicencesPage>(all, "about/licences");
}

/// `GET /about/licences`
pub async fn licences(request: HttpRequest, _: Member) -> Html<LicencesPage> {
    Html(LicencesPage::of(shell(&request, Place::Elsewhere).await))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_every_crate_and_every_asset() {
        let page = LicencesPage::of(Shell::sample_outside());
        assert!(page.number() > 200 && page.assets.len() >= 4, "{} {}", page.number(), page.assets.len());
        assert_eq!(page.shelves[0].licence, "Apache-2.0 or MIT");
        assert!(page.shelves[0].crates.iter().any(|name| name.starts_with("actix-web ")));
    }
}
