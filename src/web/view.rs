//! Small things that many pages show.

use std::fmt;

use askama::filters::HtmlSafe;

use crate::model::provider::Catalogue;
use crate::model::provider::Connector;
use crate::model::provider::Protocol;
use crate::model::provider::Provider;
use crate::model::time::Timestamp;

/// How a chip, an alert or a check is meant; its colour and icon follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Ok,
    Warn,
    Bad,
    Info,
    Neutral,
}

impl Tone {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
            Self::Neutral => "neutral",
        }
    }

    pub fn icon(self) -> &'static str {
        match self {
            Self::Ok => "circle-check",
            Self::Warn => "triangle-alert",
            Self::Bad => "circle-x",
            Self::Info => "info",
            Self::Neutral => "circle-dashed",
        }
    }
}

/// A word with a colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    pub tone: Tone,
    pub text: String,
}

impl Chip {
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// The monogram of an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    pub letter: String,
    /// `a` to `d`.
    pub tint: String,
}

impl Tile {
    pub fn of(provider: &Provider) -> Self {
        Self { letter: provider.letter.clone(), tint: provider.tile.clone() }
    }

    /// By the id of a provider, for a connection called `name`.
    pub fn of_provider(provider: &str, name: &str) -> Self {
        let connector = Catalogue::get().connectors(Protocol::Saml).find(|connector| connector.provider == provider);
        Self::of_connection(connector, name)
    }

    /// For a connection: its connector's, else the first letter of its name.
    pub fn of_connection(connector: Option<&Connector>, name: &str) -> Self {
        match connector {
            Some(connector) if connector.provider != "custom" => Self::of(connector.vendor()),
            _ => Self {
                letter: name.chars().next().map_or("…".to_owned(), |c| c.to_uppercase().to_string()),
                tint: "c".to_owned(),
            },
        }
    }
}

/// One option of a select or a group of radio buttons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub hint: String,
    pub chosen: bool,
}

impl Choice {
    pub fn new(value: &str, label: &str, chosen: bool) -> Self {
        Self { value: value.to_owned(), label: label.to_owned(), hint: String::new(), chosen }
    }

    #[must_use]
    pub fn hint(mut self, hint: &str) -> Self {
        hint.clone_into(&mut self.hint);
        self
    }
}

/// A hidden field that keeps what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub name: String,
    pub value: String,
}

/// A link or button of an alert; `path` begins with `/`, without the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub label: String,
    pub path: String,
}

impl Action {
    pub fn new(label: &str, path: impl Into<String>) -> Self {
        Self { label: label.to_owned(), path: path.into() }
    }
}

/// The one strip at the top of a page that says what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub tone: Tone,
    pub title: String,
    pub text: String,
    pub action: Option<Action>,
}

/// One audit event, for people.
#[derive(Debug, Clone)]
pub struct ActivityRow {
    /// `Certificate added to Okta`
    pub title: String,
    pub chip: Option<Chip>,
    pub detail: String,
    pub link: Option<Action>,
    pub who: String,
    pub at: Timestamp,
}

/// `text` with places where a long address may break: before `/`, `.` and `@`. Everything else is escaped.
pub fn breakable(text: &str) -> Breakable<'_> {
    Breakable(text)
}

pub struct Breakable<'a>(&'a str);

impl fmt::Display for Breakable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = ' ';
        let mut letters = self.0.chars().peekable();
        while let Some(letter) = letters.next() {
            let next = letters.peek().is_some_and(char::is_ascii_alphanumeric);
            if matches!(letter, '/' | '.' | '@') && before.is_ascii_alphanumeric() && next {
                f.write_str("<wbr>")?;
            }
            escaped(f, letter)?;
            before = letter;
        }
        Ok(())
    }
}

impl HtmlSafe for Breakable<'_> {}

fn escaped(f: &mut fmt::Formatter<'_>, letter: char) -> fmt::Result {
    match letter {
        '&' => f.write_str("&#38;"),
        '<' => f.write_str("&#60;"),
        '>' => f.write_str("&#62;"),
        '"' => f.write_str("&#34;"),
        '\'' => f.write_str("&#39;"),
        other => fmt::Write::write_char(f, other),
    }
}

/// A sentence in which what stands between backticks is code, as sentences for the API and the terminal have it. Everything
/// else is escaped.
pub fn prose(text: &str) -> Prose<'_> {
    Prose(text)
}

pub struct Prose<'a>(&'a str);

impl fmt::Display for Prose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((before, code, after)) = first_code(rest) {
            before.chars().try_for_each(|letter| escaped(f, letter))?;
            f.write_str("<code>")?;
            code.chars().try_for_each(|letter| escaped(f, letter))?;
            f.write_str("</code>")?;
            rest = after;
        }
        rest.chars().try_for_each(|letter| escaped(f, letter))
    }
}

/// What stands before, between and after the first pair of backticks.
fn first_code(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
}

impl HtmlSafe for Prose<'_> {}

/// `73:71:42:D1` and so on: a fingerprint in groups of four bytes, so that two can be compared by eye.
pub fn four_byte_groups(fingerprint: &str) -> Vec<String> {
    let bytes: Vec<&str> = fingerprint.split(':').collect();
    bytes.chunks(4).map(|group| group.join(":")).collect()
}

/// `1 person`, `2 people`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The first moment of a day in UTC.
pub fn day(text: &str) -> Option<Timestamp> {
    Timestamp::parse(&format!("{}T00:00:00Z", text.trim())).filter(|_| text.trim().len() == 10)
}

/// For a date field, which shows nothing else.
pub fn date(text: String) -> String {
    if day(&text).is_some() { text.trim().to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_address_may_break_and_is_escaped() {
        let shown = breakable("https://a.example/<b>&c").to_string();
        assert_eq!(shown, "https://a<wbr>.example/&#60;b&#62;&#38;c");
        assert_eq!(breakable("grace@acme.example").to_string(), "grace<wbr>@acme<wbr>.example");
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_all_is_escaped() {
        assert_eq!(prose("Run `a <b>` & `c`.").to_string(), "Run <code>a &#60;b&#62;</code> &#38; <code>c</code>.");
        assert_eq!(prose("one ` alone").to_string(), "one ` alone");
        assert_eq!(prose("`a` ` 'b'").to_string(), "<code>a</code> ` &#39;b&#39;");
    }

    #[test]
    fn a_fingerprint_is_read_in_groups() {
        assert_eq!(four_byte_groups("73:71:42:D1:D7:6A"), ["73:71:42:D1", "D7:6A"]);
    }
}
