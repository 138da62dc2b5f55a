//! Addresses of people. One `@`, an IDNA domain, lower-cased and NFC for look-ups; anything else is no address
//! (several `@` and odd domains are how addresses have been smuggled past such checks elsewhere).

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// As it was written, and the form that look-ups use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email {
    written: String,
    normal: String,
}

impl Email {
    pub fn parse(text: &str) -> Option<Self> {
        let written: String = text.trim().nfc().collect();
        let (local, domain) = written.split_once('@')?;
        let is_plain =
            |text: &str| !text.chars().any(|c| c.is_whitespace() || c.is_control() || "@\"(),:;<>[\\]".contains(c));
        if local.is_empty() || local.len() > 64 || !is_plain(local) || !is_plain(domain) || domain.ends_with('.') {
            return None;
        }
        let domain = idna::domain_to_ascii_strict(domain).ok()?;
        if domain.is_empty() || written.len() > 254 {
            return None;
        }
        let normal = format!("{}@{}", local.to_lowercase().nfc().collect::<String>(), domain);
        Some(Self { written, normal })
    }

    pub fn as_str(&self) -> &str {
        &self.written
    }

    pub fn normal(&self) -> &str {
        &self.normal
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_spelling_of_the_domain_do_not_make_two_people() {
        let plain = Email::parse("Ada@Example.COM").unwrap();
        assert_eq!((plain.as_str(), plain.normal()), ("Ada@Example.COM", "ada@example.com"));
        assert_eq!(Email::parse("zoë@bücher.example").unwrap().normal(), "zoë@xn--bcher-kva.example");
    }

    #[test]
    fn what_could_be_read_two_ways_is_no_address() {
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@evil@example.com",
            "a b@example.com",
            "\"ada@x\"@example.com",
            "ada@exa mple.com",
            "ada@example.com.",
            "ada@example.com\u{0}",
            "<ada@example.com>",
        ] {
            assert_eq!(Email::parse(text), None, "{text:?}");
        }
    }
}
