//! XML as SAML messages use it: limits that hold before any parser runs, then roxmltree, and the few questions asked of it.

use memchr::memchr;
use roxmltree::Document;
use roxmltree::Node;
use roxmltree::ParsingOptions;

pub const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
pub const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";
pub const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// roxmltree is quadratic in the attributes of a tag and in the namespaces in scope, and recursive in depth.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub bytes: usize,
    pub depth: usize,
    /// Of one tag, namespace declarations included.
    pub attributes: usize,
    /// Namespace declarations in scope at one place. Their sum says little: Okta repeats two with every attribute value.
    pub in_scope: usize,
    /// roxmltree copies what is in scope for each element that declares a namespace: the sum of these copies.
    pub copies: usize,
    pub nodes: u32,
}

pub const MESSAGE: Limits =
    Limits { bytes: 256 * 1024, depth: 48, attributes: 64, in_scope: 64, copies: 20_000, nodes: 20_000 };
pub const METADATA_FILE: Limits =
    Limits { bytes: 1024 * 1024, depth: 48, attributes: 64, in_scope: 64, copies: 100_000, nodes: 100_000 };

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    #[error("it has {bytes} bytes; we read at most {limit}")]
    TooLarge { bytes: usize, limit: usize },
    #[error("it contains a DOCTYPE")]
    Doctype,
    #[error("it is XML {version:.200}; we read 1.0")]
    Version { version: String },
    #[error("it is declared as {encoding:.200}; we read UTF-8")]
    Encoding { encoding: String },
    #[error("its elements are nested more than {limit} deep")]
    TooDeep { limit: usize },
    #[error("one tag has more than {limit} attributes")]
    TooManyAttributes { limit: usize },
    #[error("more than {limit} namespaces are declared in one place")]
    TooManyNamespaces { limit: usize },
    #[error("its elements declare namespaces again and again")]
    TooManyDeclarations,
    #[error("it has more than {limit} parts")]
    TooManyNodes { limit: u32 },
    #[error("a namespace prefix is bound to nothing")]
    EmptyNamespace,
    #[error("it is cut off")]
    CutOff,
    #[error("it is not well-formed XML ({0:.200})")]
    NotWellFormed(String),
    #[error("<{parent:.200}> has no <{name}>")]
    Missing { name: &'static str, parent: String },
    #[error("<{parent:.200}> has more than one <{name}>")]
    Repeated { name: &'static str, parent: String },
    #[error("<{element:.200}> holds markup instead of text")]
    Markup { element: String },
}

/// The way from text to a document.
pub fn parse<'a>(text: &'a str, limits: &Limits) -> Result<Document<'a>, XmlError> {
    prescan(text, limits)?;
    parse_canonical(text, limits)
}

/// For text that our canonicalizer wrote from a document within the limits: it is no deeper, has a tag's attributes and at
/// most the namespaces that were in scope, and its size was limited in the writing.
pub fn parse_canonical<'a>(text: &'a str, limits: &Limits) -> Result<Document<'a>, XmlError> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: limits.nodes, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => XmlError::Doctype,
        roxmltree::Error::NodesLimitReached => XmlError::TooManyNodes { limit: limits.nodes },
        error => XmlError::NotWellFormed(error.to_string()),
    })
}

/// One pass over the text, without recursion. It may count too much where the text is not well-formed, never too little.
fn prescan(text: &str, limits: &Limits) -> Result<(), XmlError> {
    if text.len() > limits.bytes {
        return Err(XmlError::TooLarge { bytes: text.len(), limit: limits.bytes });
    }
    let mut scan = Scan { text, limits, open: Vec::with_capacity(limits.depth), in_scope: 0, copies: 0 };
    let mut at = 0;
    while let Some(found) = text.as_bytes().get(at..).and_then(|rest| memchr(b'<', rest)) {
        at = scan.markup(at + found)?;
    }
    Ok(())
}

struct Scan<'a> {
    text: &'a str,
    limits: &'a Limits,
    /// For each open element, how many namespaces it declares.
    open: Vec<usize>,
    in_scope: usize,
    copies: usize,
}

impl Scan<'_> {
    /// Reads the markup that begins at `start`; returns where it ends.
    fn markup(&mut self, start: usize) -> Result<usize, XmlError> {
        let rest = self.text.as_bytes().get(start + 1..).unwrap_or(&[]);
        match rest {
            [b'!', b'-', b'-', ..] => self.end_of(start + 4, "-->"),
            [b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => self.end_of(start + 9, "]]>"),
            [b'!', b'D' | b'd', ..] => Err(XmlError::Doctype),
            [b'!', ..] => Err(XmlError::NotWellFormed("<! begins nothing known".to_owned())),
            [b'?', ..] => {
                let end = self.end_of(start + 2, "?>")?;
                self.instruction(start, end)?;
                Ok(end)
            }
            [b'/', ..] => {
                let declared =
                    self.open.pop().ok_or_else(|| XmlError::NotWellFormed("an element ends twice".into()))?;
                self.in_scope -= declared;
                self.after(start + 2, b'>')
            }
            [] => Err(XmlError::CutOff),
            _ => self.start_tag(start + 1),
        }
    }

    /// Behind the next `mark`. Values are short, so a plain loop beats a search that prepares itself.
    fn after(&self, from: usize, mark: u8) -> Result<usize, XmlError> {
        let rest = self.text.as_bytes().get(from..).unwrap_or(&[]);
        let found = rest.iter().position(|byte| *byte == mark).ok_or(XmlError::CutOff)?;
        Ok(from + found + 1)
    }

    fn end_of(&self, from: usize, mark: &str) -> Result<usize, XmlError> {
        let found = self.text.get(from..).and_then(|rest| rest.find(mark)).ok_or(XmlError::CutOff)?;
        Ok(from + found + mark.len())
    }

    /// roxmltree accepts any version and encoding; XML 1.1 has other line ends and characters, so what is signed would differ.
    fn instruction(&self, start: usize, end: usize) -> Result<(), XmlError> {
        let body = self.text.get(start + 2..end - 2).unwrap_or("");
        if !body.get(..3).is_some_and(|target| target.eq_ignore_ascii_case("xml")) {
            return Ok(());
        }
        match body.as_bytes().get(3) {
            Some(b' ') if start == 0 && body.starts_with("xml") => {}
            None | Some(b' ' | b'\t' | b'\r' | b'\n') => {
                return Err(XmlError::NotWellFormed("an XML declaration stands in the wrong place".to_owned()));
            }
            Some(_) => return Ok(()),
        }
        match pseudo_attribute(body, "version") {
            Some("1.0") => {}
            version => return Err(XmlError::Version { version: version.unwrap_or("without a version").to_owned() }),
        }
        match pseudo_attribute(body, "encoding") {
            Some(encoding) if !encoding.eq_ignore_ascii_case("utf-8") => {
                Err(XmlError::Encoding { encoding: encoding.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn start_tag(&mut self, start: usize) -> Result<usize, XmlError> {
        let bytes = self.text.as_bytes();
        let (mut at, mut word, mut after_space) = (start, start, false);
        let (mut attributes, mut declared) = (0, 0);
        loop {
            match bytes.get(at) {
                None => return Err(XmlError::CutOff),
                Some(quote @ (b'"' | b'\'')) => {
                    let end = self.after(at + 1, *quote)?;
                    attributes += 1;
                    if attributes > self.limits.attributes {
                        return Err(XmlError::TooManyAttributes { limit: self.limits.attributes });
                    }
                    let name = bytes.get(word..at).unwrap_or(&[]);
                    if let [b'x', b'm', b'l', b'n', b's', rest @ ..] = name {
                        declared += 1;
                        // XML namespaces 1.0, 2.2: only the default namespace may be undone.
                        if rest.first() == Some(&b':') && end == at + 2 {
                            return Err(XmlError::EmptyNamespace);
                        }
                    }
                    at = end;
                    after_space = true;
                    continue;
                }
                Some(b'>') => break,
                Some(b'<') => return Err(XmlError::NotWellFormed("a tag begins within a tag".to_owned())),
                Some(b' ' | b'\t' | b'\r' | b'\n') => after_space = true,
                Some(b'=') => after_space = false,
                Some(_) if after_space => {
                    word = at;
                    after_space = false;
                }
                Some(_) => {}
            }
            at += 1;
        }
        self.opened(declared, bytes.get(at - 1) == Some(&b'/'))?;
        Ok(at + 1)
    }

    fn opened(&mut self, declared: usize, is_empty: bool) -> Result<(), XmlError> {
        if self.open.len() >= self.limits.depth {
            return Err(XmlError::TooDeep { limit: self.limits.depth });
        }
        if self.in_scope + declared > self.limits.in_scope {
            return Err(XmlError::TooManyNamespaces { limit: self.limits.in_scope });
        }
        if declared > 0 {
            self.copies += self.in_scope + declared;
            if self.copies > self.limits.copies {
                return Err(XmlError::TooManyDeclarations);
            }
        }
        if !is_empty {
            self.open.push(declared);
            self.in_scope += declared;
        }
        Ok(())
    }
}

fn pseudo_attribute<'a>(declaration: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = declaration.split_once(name)?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    rest.get(1..)?.split_once(quote).map(|(value, _)| value)
}

pub fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    let tag = node.tag_name();
    tag.name() == name && tag.namespace() == Some(namespace)
}

pub fn elements<'a, 'i>(parent: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    parent.children().filter(Node::is_element)
}

pub fn children<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    parent.children().filter(move |child| is(*child, namespace, name))
}

/// The child of that name, if there is exactly one.
pub fn optional<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'a, 'i>>, XmlError> {
    let mut found = children(parent, namespace, name);
    let first = found.next();
    if found.next().is_some() {
        return Err(XmlError::Repeated { name, parent: parent.tag_name().name().to_owned() });
    }
    Ok(first)
}

pub fn required<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Node<'a, 'i>, XmlError> {
    optional(parent, namespace, name)?
        .ok_or_else(|| XmlError::Missing { name, parent: parent.tag_name().name().to_owned() })
}

/// The text of an element that holds one text node and nothing else. A comment would split it, and readers that take the
/// first part see another value than those that take all.
pub fn text<'a>(element: Node<'a, '_>) -> Result<&'a str, XmlError> {
    let mut nodes = element.children();
    match (nodes.next(), nodes.next()) {
        (None, _) => Ok(""),
        (Some(only), None) if only.is_text() => Ok(only.text().unwrap_or("")),
        _ => Err(XmlError::Markup { element: element.tag_name().name().to_owned() }),
    }
}

/// For text that becomes markup.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // Line ends and tabs in attributes would come back as spaces.
            '\t' | '\n' | '\r' => escaped.push_str(&format!("&#{};", character as u32)),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> XmlError {
        parse(text, &MESSAGE).unwrap_err()
    }

    #[test]
    fn doctypes_other_versions_and_encodings_are_refused() {
        assert_eq!(error("<!DOCTYPE a><a/>"), XmlError::Doctype);
        assert_eq!(error("<a><!DOCTYPE a></a>"), XmlError::Doctype);
        assert_eq!(error("<?xml version='1.1'?><a/>"), XmlError::Version { version: "1.1".to_owned() });
        assert_eq!(
            error("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>"),
            XmlError::Encoding { encoding: "ISO-8859-1".to_owned() }
        );
        for text in
            [" <?xml version='1.0'?><a/>", "<?xml\tversion='1.1'?><a/>", "<?XML version='1.1'?><a/>", "<?xml?><a/>"]
        {
            assert!(matches!(error(text), XmlError::NotWellFormed(_)), "{text}");
        }
        assert!(parse("<?xml version='1.0' encoding='utf-8' standalone='yes'?><a/>", &MESSAGE).is_ok());
        assert!(parse("<?xml-stylesheet href='a'?><a/>", &MESSAGE).is_ok());
    }

    #[test]
    fn depth_attributes_and_namespaces_have_limits() {
        let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
        assert!(parse(&deep(48), &MESSAGE).is_ok());
        assert_eq!(error(&deep(49)), XmlError::TooDeep { limit: 48 });
        let wide = |n: usize| format!("<a {}/>", (0..n).map(|i| format!("a{i}='1' ")).collect::<String>());
        assert!(parse(&wide(64), &MESSAGE).is_ok());
        assert_eq!(error(&wide(65)), XmlError::TooManyAttributes { limit: 64 });
        let declarations = |of: usize| (0..16).map(|i| format!("xmlns:n{of}x{i} = 'u' ")).collect::<String>();
        let spaces = |n: usize| {
            format!("{}{}", (0..n).map(|i| format!("<a {}>", declarations(i))).collect::<String>(), "</a>".repeat(n))
        };
        assert!(parse(&spaces(4), &MESSAGE).is_ok());
        assert_eq!(error(&spaces(5)), XmlError::TooManyNamespaces { limit: 64 });
        let siblings = format!("<r>{}</r>", "<a xmlns:x='u' xmlns:y='v'/>".repeat(1000));
        assert!(parse(&siblings, &MESSAGE).is_ok());
        let outer: String = (0..60).map(|i| format!("xmlns:n{i}='u' ")).collect();
        let repeated = format!("<r {outer}>{}</r>", "<a xmlns:x='u'/>".repeat(400));
        assert_eq!(error(&repeated), XmlError::TooManyDeclarations);
    }

    #[test]
    fn a_prefix_bound_to_nothing_is_refused_anywhere() {
        assert_eq!(error("<a xmlns:b=\"\"/>"), XmlError::EmptyNamespace);
        assert_eq!(error("<a><c xmlns:b = ''/></a>"), XmlError::EmptyNamespace);
        assert!(parse("<a xmlns='u'><b xmlns=''/></a>", &MESSAGE).is_ok());
    }

    #[test]
    fn cut_off_and_broken_text_is_an_error_never_a_panic() {
        for text in
            ["", "<", "<a", "<a b='", "<!--", "<![CDATA[", "<?", "</a>", "<a></a></a>", "<é", "<a é='ü'>ö", "<!x>"]
        {
            assert!(parse(text, &MESSAGE).is_err(), "{text}");
        }
    }
}
