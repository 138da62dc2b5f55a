//! The import rule and the word rules of docs/architecture.md, read from the source text. Comments are left out;
//! what stands after `#[cfg(test)]`, or in a module named `tests`, is test code, which the rules about words do not bind.

use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom. The longest entry that begins a file's path is the one that counts; a file without an entry
/// may import nothing of ours. `lib.rs` names every folder and is left out.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model/", &[]),
    ("crypto/", &[]),
    ("config/", &[]),
    ("saml/", &["crypto", "model"]),
    ("oidc/", &["crypto", "model"]),
    ("scim/", &["crypto", "model"]),
    ("store/", &["crypto", "model"]),
    ("outbound/", &["config", "crypto", "model"]),
    ("app/", &["config", "crypto", "model", "oidc", "outbound", "saml", "scim", "store"]),
    ("jobs/", &["app", "model"]),
    ("web/", &["app", "config", "crypto", "model", "oidc", "saml", "scim"]),
    ("server.rs", &["app", "config", "crypto", "jobs", "model", "outbound", "saml", "server", "store", "web"]),
    ("demo/", &["app", "config", "crypto", "model", "oidc", "saml", "scim", "server", "web"]),
    ("cli/", &["app", "config", "crypto", "model", "server", "web"]),
    ("cli/backup.rs", &["app", "config", "crypto", "model", "server", "store"]),
    ("cli/demo.rs", &["config", "demo", "model", "server"]),
    ("testing.rs", &["app", "config", "crypto", "demo", "model", "outbound", "saml", "scim", "server", "store", "web"]),
];

/// A word, and the only places under `src/` that may say it outside tests.
const WORDS: &[(&str, &[&str])] = &[
    ("rusqlite", &["store/sqlite.rs"]),
    ("SELECT ", &["store/"]),
    ("INSERT INTO", &["store/"]),
    ("UPDATE ", &["store/"]),
    ("DELETE FROM", &["store/"]),
    ("CREATE TABLE", &["store/"]),
    ("actix_", &["demo/", "server.rs", "web/"]),
    ("StatusCode::", &["web/"]), // without the colons it is an element of SAML
    ("SystemTime::now", &["model/time.rs"]),
    ("Utc::now", &["model/time.rs"]),
    ("now_utc", &["model/time.rs"]),
    ("now_local", &["model/time.rs"]),
    ("samael", &["saml/second_opinion.rs"]),
    ("unwrap(", &[]),
];

#[test]
fn the_source_keeps_the_import_rule_and_the_word_rules() {
    let faults = faults(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn each_planted_fault_is_found() {
    let planted: &[(&str, &str, &str)] = &[
        ("model/a.rs", "use crate::store::Store;", "model/ must not import store"),
        ("saml/a.rs", "fn f(x: crate::oidc::Token) {}", "saml/ must not import oidc"),
        ("cli/keys.rs", "use crate::store::Store;", "cli/ must not import store"),
        ("cli/keys.rs", "use crate::demo::Demo;", "cli/ must not import demo"),
        ("util.rs", "use crate::model::id::Id;", "util.rs must not import model"),
        ("web/a.rs", "use crate::{app::App, store::Store};", "one `use crate::folder` a line"),
        ("web/mod.rs", "use super::store::Store;", "name another folder by `crate::`"),
        ("web/a.rs", "use super::super::store::Store;", "name another folder by `crate::`"),
        ("app/a.rs", "let rows = tx.query(\"SELECT id FROM members\");", "`SELECT ` belongs in store/"),
        ("app/a.rs", "use actix_web::web;", "`actix_` belongs in demo/, server.rs, web/"),
        ("app/a.rs", "let ok = StatusCode::OK;", "`StatusCode::` belongs in web/"),
        ("app/a.rs", "let now = SystemTime::now();", "`SystemTime::now` belongs in model/time.rs"),
        ("store/members.rs", "use rusqlite::Row;", "`rusqlite` belongs in store/sqlite.rs"),
        ("saml/signature.rs", "use samael::crypto;", "`samael` belongs in saml/second_opinion.rs"),
        ("app/a.rs", "let x = y.unwrap();", "`unwrap(` belongs in tests"),
        ("app/a.rs", "#[cfg(test)]\nuse crate::web::Page;", "app/ must not import web"),
    ];
    for (name, source, fault) in planted {
        let found = faults_of_file(name, source);
        assert!(found.len() == 1 && found[0].contains(fault), "{name}: {source}: {found:?}, not {fault:?}");
    }
}

#[test]
fn what_the_rules_allow_is_no_fault() {
    let allowed: &[(&str, &str)] = &[
        ("app/a.rs", "use crate::store::Store;\nuse crate::app::error::Error;"),
        ("app/a.rs", "// SELECT, rusqlite, unwrap(): only a comment\nlet x = y.unwrap_or(0);"),
        ("app/a.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n    fn f() { g().unwrap(); }\n}"),
        ("saml/tests/corpus.rs", "fn f() { g().unwrap(); }"),
        ("saml/read.rs", "let code = status.child(\"StatusCode\");"),
        ("web/admin/members.rs", "use super::super::error::PageError;"),
        ("store/sqlite.rs", "use rusqlite::Connection;"),
        ("cli/backup.rs", "use crate::store::Store;"),
        ("cli/demo.rs", "use crate::demo::Demo;"),
        ("lib.rs", "pub use crate::server::Server;"),
    ];
    for (name, source) in allowed {
        assert_eq!(faults_of_file(name, source), Vec::<String>::new(), "{name}: {source}");
    }
}

fn faults(src: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    for file in rust_files(src) {
        let name = file.strip_prefix(src).unwrap().to_str().unwrap().replace('\\', "/");
        faults.extend(faults_of_file(&name, &fs::read_to_string(&file).unwrap()));
    }
    faults
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn faults_of_file(name: &str, source: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
    for (number, line) in source.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        is_test |= code.contains("#[cfg(test)]");
        let found = import_faults(name, code, is_test).into_iter().chain(word_faults(name, code, is_test));
        faults.extend(found.map(|fault| format!("src/{name}:{}: {fault}", number + 1)));
    }
    faults
}

fn import_faults(name: &str, code: &str, is_test: bool) -> Vec<String> {
    if name == "lib.rs" {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let folder = name.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    let entry = MAY_IMPORT.iter().filter(|(place, _)| name.starts_with(place)).max_by_key(|(place, _)| place.len());
    let (place, may) = entry.map_or((name, &[][..]), |(place, may)| (*place, *may));
    for after in code.split("crate::").skip(1) {
        let target: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if target.is_empty() {
            faults.push("one `use crate::folder` a line, no group at the root".to_owned());
        } else if target != folder && !may.contains(&target.as_str()) {
            faults.push(format!("{place} must not import {target}"));
        }
    }
    // A chain of `super::` as long as the module is deep ends at the root; a test module is one deeper than its file.
    let depth = name.trim_end_matches("/mod.rs").split('/').count() + usize::from(is_test);
    if code.contains(&"super::".repeat(depth)) {
        faults.push("name another folder by `crate::`, not from the root by `super::`".to_owned());
    }
    faults
}

fn word_faults(name: &str, code: &str, is_test: bool) -> Vec<String> {
    let misplaced = WORDS.iter().filter(|(word, places)| {
        !is_test && code.contains(word) && !places.iter().any(|place| name.starts_with(place))
    });
    misplaced
        .map(|(word, places)| {
            let places = if places.is_empty() { "tests".to_owned() } else { places.join(", ") };
            format!("`{word}` belongs in {places}")
        })
        .collect()
}
