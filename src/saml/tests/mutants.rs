//! Mutates signed documents; whatever is still accepted must hand on exactly the bytes that were signed.

use roxmltree::Document;
use roxmltree::Node;

use super::document;
use super::pinned;
use super::verdict;
use crate::saml::signature::PinnedKey;
use crate::saml::signature::verify;

const SOURCES: [&str; 8] = [
    "assertion_signed",
    "response_signed",
    "both_signed",
    "entra_default_namespace",
    "adfs_response_signed",
    "prefix_list_of_outer_prefix",
    "xml_attributes",
    "characters_that_are_escaped",
];
const IDS: [&str; 3] = ["_a1b2c3d4e5f60718293a4b5c6d7e8f90", "_r0011223344556677", "_z"];

/// SplitMix64: the same mutants in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }

    fn text(&mut self, from: &[&'static str]) -> &'static str {
        self.pick::<&'static str>(from)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The text with a range replaced.
fn splice(text: &str, range: std::ops::Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..range.start], &text[range.end..])
}

/// Right behind an element's start tag, or, if it is empty, behind the element.
fn inside(text: &str, node: Node<'_, '_>) -> usize {
    let last = node.attributes().next_back().map_or(node.range().start, |attribute| attribute.range().end);
    text[last..].find('>').map_or(node.range().end, |at| last + at + 1)
}

fn mutate(text: &str, random: &mut Random) -> String {
    let Ok(parsed) = Document::parse(text) else { return text.to_owned() };
    let elements: Vec<Node<'_, '_>> = parsed.descendants().filter(Node::is_element).collect();
    let (node, other) = (*random.pick(&elements), *random.pick(&elements));
    let own = text[node.range()].to_owned();
    let attributes: Vec<_> = node.attributes().collect();
    let at = inside(text, other);
    match random.below(14) {
        0 if node != parsed.root_element() => splice(text, node.range(), ""),
        1 => splice(text, at..at, &own),
        2 if node != parsed.root_element() && !node.range().contains(&at) => {
            let mut moved = splice(text, at..at, &own);
            let shift = if at <= node.range().start { own.len() } else { 0 };
            moved.replace_range(node.range().start + shift..node.range().end + shift, "");
            moved
        }
        3 if !attributes.is_empty() => {
            let end = random.pick(&attributes).range_value().end;
            splice(text, end..end, "x")
        }
        4 if !attributes.is_empty() => splice(text, random.pick(&attributes).range(), ""),
        5 => {
            let name = random.text(&["ID", "Id", "id", "xml:id", "samlp:ID", "x"]);
            let end = text[node.range()].find([' ', '/', '>']).map_or(0, |end| node.range().start + end);
            splice(text, end..end, &format!(" {name}=\"{}\"", random.pick(&IDS)))
        }
        6 => splice(text, at..at, random.text(&["x", " ", "\n", "attacker@evil.test"])),
        7 => splice(text, node.range().end..node.range().end, random.text(&["x", " ", "\n"])),
        8 => splice(text, at..at, "<!--c-->"),
        9 => splice(text, at..at, "<?p q?>"),
        10 => evil_twin(text, &parsed, at, random),
        11 => {
            let wrapper = random.text(&["w", "saml:Advice", "ds:Object", "samlp:Extensions"]);
            splice(text, node.range(), &format!("<{wrapper}>{own}</{wrapper}>"))
        }
        12 => splice(text, node.range(), &text[other.range()]),
        _ => {
            let mut at = random.below(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            splice(text, at..at, random.text(&["<", ">", "&", "\"", "<!---->", " ", "<![CDATA[]]>", "&#120;", "&#13;"]))
        }
    }
}

fn evil_twin(text: &str, parsed: &Document<'_>, at: usize, random: &mut Random) -> String {
    let Some(assertion) = parsed.descendants().find(|node| node.tag_name().name() == "Assertion") else {
        return text.to_owned();
    };
    let mut twin = text[assertion.range()].replace("alice@example.com", "attacker@evil.test");
    if random.below(3) > 0 {
        twin = twin.replacen(IDS[0], "_evil", 1);
    }
    splice(text, at..at, &twin)
}

/// So many documents, each changed in one to four ways; the same ones for the same seed.
pub fn mutants(sources: &[String], count: usize, seed: u64) -> impl Iterator<Item = String> {
    let mut random = Random(seed);
    (0..count).map(move |_| {
        let mut text = random.pick(sources).clone();
        for _ in 0..*random.pick(&[1, 1, 1, 2, 2, 3, 4]) {
            text = mutate(&text, &mut random);
        }
        text
    })
}

pub fn sources() -> Vec<String> {
    SOURCES.iter().map(|name| document(&format!("good/{name}"))).collect()
}

fn signed_bytes(text: &str, keys: &[PinnedKey]) -> Option<String> {
    verify(text, keys).ok().map(|bytes| bytes.as_str().to_owned())
}

#[test]
fn what_is_accepted_of_a_changed_document_are_the_signed_bytes() {
    let mutants = std::env::var("DOORWARD_MUTANTS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    let keys = [pinned("idp")];
    let sources = sources();
    let mut signed: Vec<String> = sources.iter().map(|text| signed_bytes(text, &keys).unwrap()).collect();
    // Without the Response's signature, the assertion's own is what counts.
    let both = &sources[2];
    let start = both.find("<ds:Signature ").unwrap();
    let end = both.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    signed.push(signed_bytes(&splice(both, start..end, ""), &keys).unwrap());
    let seed = std::env::var("DOORWARD_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut accepted = 0;
    for (n, text) in self::mutants(&sources, mutants, seed).enumerate() {
        if let Some(bytes) = signed_bytes(&text, &keys) {
            accepted += 1;
            assert!(signed.contains(&bytes), "mutant {n} was accepted with other bytes:\n{text}");
        }
        // The whole way down must hold, too, and neither panics.
        if let Ok(assertion) = verdict(&text).result {
            assert_eq!(assertion.name_id.unwrap().value, "alice@example.com", "mutant {n}:\n{text}");
        }
    }
    assert!(
        accepted > mutants / 50 && accepted < mutants / 2,
        "{accepted} of {mutants} accepted: the mutations are off"
    );
}
