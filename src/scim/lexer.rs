//! The text of a filter or a path, read from left to right.

use std::borrow::Cow;

use super::error::Error;
use super::error::excerpt;

#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

/// The right side of a comparison, before anybody knows what type it has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Quoted(Cow<'t, str>),
    Bare(&'t str),
}

impl<'t> Cursor<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// Takes the character if it is the next one.
    pub fn eat(&mut self, wanted: char) -> bool {
        let is_next = self.rest().starts_with(wanted);
        if is_next {
            self.at += wanted.len_utf8();
        }
        is_next
    }

    /// An attribute's name or URN, or a keyword; empty if there is none here.
    pub fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest
            .bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || b"$_.:-".contains(&byte)))
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Takes the keyword, in any case, if it is the next word.
    pub fn eat_keyword(&mut self, keyword: &str) -> bool {
        let mut ahead = *self;
        ahead.skip_blanks();
        let found = ahead.word().eq_ignore_ascii_case(keyword);
        if found {
            *self = ahead;
        }
        found
    }

    /// A comparison value. Without quotes it goes on until a bracket closes, `and` or `or` follows, or the text ends,
    /// so that a name with blanks is read as it was meant.
    pub fn value(&mut self) -> Result<Token<'t>, Error> {
        self.skip_blanks();
        if self.rest().starts_with('"') {
            return self.quoted().map(Token::Quoted);
        }
        let start = self.at;
        let mut end = self.chunk();
        if end == start {
            return Err(self.fault("expected a value in double quotes"));
        }
        loop {
            let mut ahead = *self;
            ahead.skip_blanks();
            let from = ahead.at;
            let to = ahead.chunk();
            let chunk = &self.text[from..to];
            if chunk.is_empty() || chunk.eq_ignore_ascii_case("and") || chunk.eq_ignore_ascii_case("or") {
                break;
            }
            *self = ahead;
            end = to;
        }
        let bare = &self.text[start..end];
        Ok(Token::Bare(bare.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(bare)))
    }

    /// Moves over what is neither blank nor closing bracket; the place behind it.
    fn chunk(&mut self) -> usize {
        let rest = self.rest();
        self.at += rest.find(|c: char| c.is_whitespace() || c == ')' || c == ']').unwrap_or(rest.len());
        self.at
    }

    /// A JSON string (RFC 7644 3.4.2.2 takes its grammar from there).
    fn quoted(&mut self) -> Result<Cow<'t, str>, Error> {
        let rest = self.rest();
        let mut escaped = false;
        let mut plain = true;
        for (at, byte) in rest.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => (escaped, plain) = (true, false),
                b'"' => {
                    let literal = &rest[..=at];
                    let text = if plain {
                        Cow::Borrowed(&rest[1..at])
                    } else {
                        Cow::Owned(serde_json::from_str(literal).map_err(|_| {
                            self.fault("the text has an escape that JSON does not know; write \\\\ for a backslash")
                        })?)
                    };
                    self.at += at + 1;
                    return Ok(text);
                }
                _ => {}
            }
        }
        Err(self.fault("the text has no closing quote"))
    }

    /// What is wrong, and where: characters are counted from 1.
    pub fn fault(&self, what: &str) -> Error {
        let at = self.text[..self.at].chars().count() + 1;
        let near = self.rest();
        if near.is_empty() {
            return Error::filter(format!("The filter ends too early, at character {at}: {what}."));
        }
        Error::filter(format!("At character {at} of the filter, before `{}`: {what}.", excerpt(near)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<Token<'_>, Error> {
        Cursor::new(text).value()
    }

    #[test]
    fn values_are_read_to_where_they_end() {
        assert_eq!(value("\"a b\" and x").unwrap(), Token::Quoted("a b".into()));
        assert_eq!(value(r#" "a\"b\\c\u00e9" "#).unwrap(), Token::Quoted("a\"b\\cé".into()));
        assert_eq!(value("ada@example.com").unwrap(), Token::Bare("ada@example.com"));
        assert_eq!(value("Sales Team and x pr").unwrap(), Token::Bare("Sales Team"));
        assert_eq!(value("Sales  Team) or x pr").unwrap(), Token::Bare("Sales  Team"));
        assert_eq!(value("'ada'").unwrap(), Token::Bare("ada"));
        assert_eq!(value("true]").unwrap(), Token::Bare("true"));
        for broken in ["", "  ", ")", "\"open", "\"a\\", r#""a\d""#] {
            assert!(value(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_fault_counts_characters_and_not_bytes() {
        let mut cursor = Cursor::new("éé )");
        cursor.at = "éé ".len();
        assert!(cursor.fault("x").detail.contains("character 4"), "{}", cursor.fault("x"));
    }
}
