//! static/licences.txt is what the lock file says: every crate that is linked into the program, with its licence and
//! the notices that have to go with it. Written anew by: DOORWARD_WRITE_LICENCES=1 cargo test --features testing licences

#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/static/licences.txt");
const HEAD: &str = "What is in Doorward beside Doorward itself, and under which terms. Doorward is under the Apache License 2.0.\n\
     Where a crate offers that licence too, it is the one chosen, and its text is ours (LICENSE); notices and the texts of\n\
     all others follow the list.\n";
/// Their packages hold no text of their licence; their repositories do.
const WITHOUT_TEXT: &[&str] = &["alloc-stdlib"];

struct Crate {
    name: String,
    version: String,
    licence: String,
    folder: String,
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn cargo(arguments: &[&str]) -> String {
    let common = ["--locked", "--offline"];
    let mut command = Command::new(env!("CARGO"));
    let output = command.args(arguments).args(common).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the program is linked from, as `name version`: what is needed to run, without what only builds or tests it.
/// Of the features, `cargo tree` knows which are on; `cargo metadata` would count those of tests too.
fn names() -> BTreeSet<String> {
    let edges = ["tree", "--edges=normal,no-proc-macro", "--target=x86_64-unknown-linux-gnu"];
    let tree = cargo(&[&edges[..], &["--prefix=none", "--no-dedupe", "--format={p}"]].concat());
    let name = |line: &str| {
        let (name, rest) = line.split_once(" v")?;
        Some(format!("{name} {}", rest.split(' ').next()?))
    };
    tree.lines().filter(|line| !line.starts_with("doorward ")).filter_map(name).collect()
}

fn linked() -> Vec<Crate> {
    let names = names();
    let metadata = cargo(&["metadata", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let linked = packages.filter(|one| names.contains(&format!("{} {}", text(one, "name"), text(one, "version"))));
    let mut linked: Vec<Crate> = linked
        .map(|one| Crate {
            name: text(one, "name").to_owned(),
            version: text(one, "version").to_owned(),
            licence: text(one, "license").to_owned(),
            folder: Path::new(text(one, "manifest_path")).parent().unwrap().display().to_string(),
        })
        .collect();
    linked.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    assert_eq!(linked.len(), names.len());
    linked
}

/// Our own licence may be chosen for it.
fn offers_ours(licence: &str) -> bool {
    !licence.contains("AND") && licence.replace('/', " OR ").split(" OR ").any(|choice| choice.trim() == "Apache-2.0")
}

/// The texts that have to go with a crate: its notices, and its licence unless ours is chosen.
fn texts(of: &Crate) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(&of.folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut found = Vec::new();
    for path in names.iter().filter(|path| path.is_file()) {
        let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
        let is_notice = name.starts_with("notice");
        let is_licence =
            ["licence", "license", "copying", "copyright", "unlicense"].iter().any(|word| name.starts_with(word));
        if !is_notice && (!is_licence || offers_ours(&of.licence)) {
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).replace('\r', "");
        let is_ours = text.trim_start().starts_with("Apache License") && text.len() < 11_700;
        if !is_ours {
            found.push(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned());
        }
    }
    found
}

fn written() -> String {
    let linked = linked();
    let mut file = format!("{HEAD}\n");
    for one in &linked {
        writeln!(file, "{} {}: {}", one.name, one.version, one.licence).unwrap();
    }
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in &linked {
        let texts = texts(one);
        let is_told = !texts.is_empty() || offers_ours(&one.licence) || WITHOUT_TEXT.contains(&one.name.as_str());
        assert!(is_told, "{} has no text of its licence {}", one.name, one.licence);
        for text in texts {
            by_text.entry(text).or_default().push(format!("{} {}", one.name, one.version));
        }
    }
    let mut by_text: Vec<_> = by_text.into_iter().collect();
    by_text.sort_by(|(_, a), (_, b)| a.cmp(b));
    for (text, names) in by_text {
        write!(file, "\n{}\n{}\n\n{text}\n", "=".repeat(80), names.join(", ")).unwrap();
    }
    file
}

#[test]
fn the_licences_are_those_of_what_is_linked() {
    let written = written();
    if std::env::var_os("DOORWARD_WRITE_LICENCES").is_some() {
        fs::write(FILE, &written).unwrap();
    }
    let kept = fs::read_to_string(FILE).unwrap_or_default();
    let differing = written.lines().zip(kept.lines()).find(|(new, old)| new != old);
    assert!(
        written == kept,
        "static/licences.txt is behind: {differing:?}. DOORWARD_WRITE_LICENCES=1 cargo test --features testing licences"
    );
}

#[test]
fn nothing_that_is_linked_would_bind_the_whole() {
    for one in linked() {
        let choices = one.licence.replace('/', " OR ");
        let free = choices.split(" OR ").any(|choice| !choice.contains("GPL") && !choice.contains("MPL"));
        assert!(free && !one.licence.is_empty(), "{}: {}", one.name, one.licence);
    }
}

#[test]
fn a_choice_is_ours_where_it_stands_alone() {
    for (licence, is_ours) in [
        ("MIT OR Apache-2.0", true),
        ("Apache-2.0 / MIT", true),
        ("MIT/Apache-2.0", true),
        ("MIT", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
        ("Apache-2.0 WITH LLVM-exception", false),
    ] {
        assert_eq!(offers_ours(licence), is_ours, "{licence}");
    }
}
