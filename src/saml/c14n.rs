//! Exclusive XML Canonicalization 1.0 without comments (W3C xml-exc-c14n), one pass over a parsed document.
//!
//! roxmltree forgets prefixes, so qualified names come from the source text by position.

use std::cmp::Ordering;

use roxmltree::Document;
use roxmltree::Node;
use roxmltree::NodeType;

use super::xml::MESSAGE;

const MAX_BYTES: usize = 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum C14nError {
    /// C14N 1.0, 1.3: relative namespace URIs are an error. Other implementations then give empty output, whose digest an
    /// attacker knows.
    #[error("the relative namespace URI {0:.200}")]
    RelativeNamespace(String),
    #[error("a prefix without a namespace")]
    UndeclaredPrefix,
    #[error("elements nested too deep")]
    TooDeep,
    #[error("more than a megabyte in canonical form")]
    TooLarge,
}

/// The canonical form of `top`'s subtree, without the subtree `omitted`. `prefixes` is the PrefixList of
/// InclusiveNamespaces.
pub fn canonicalize<'a>(
    document: &'a Document<'_>,
    top: Node<'a, 'a>,
    omitted: Option<Node<'a, 'a>>,
    prefixes: &[&'a str],
) -> Result<String, C14nError> {
    let mut writer = Writer {
        source: document.input_text(),
        omitted,
        prefixes,
        rendered: Vec::with_capacity(16),
        declarations: Vec::with_capacity(8),
        attributes: Vec::with_capacity(16),
        out: String::with_capacity(top.range().len() + 512),
    };
    writer.element(top, 0)?;
    Ok(writer.out)
}

struct Attribute<'a> {
    namespace: &'a str,
    local: &'a str,
    name: &'a str,
    value: &'a str,
}

struct Writer<'a, 'p> {
    source: &'a str,
    omitted: Option<Node<'a, 'a>>,
    prefixes: &'p [&'a str],
    /// Prefix and URI of the declarations written and in scope, innermost last.
    rendered: Vec<(&'a str, &'a str)>,
    declarations: Vec<(&'a str, &'a str)>,
    attributes: Vec<Attribute<'a>>,
    out: String,
}

impl<'a> Writer<'a, '_> {
    fn element(&mut self, node: Node<'a, 'a>, depth: usize) -> Result<(), C14nError> {
        if depth > MESSAGE.depth {
            return Err(C14nError::TooDeep);
        }
        // A long namespace URI, declared once, is written with every element that uses it.
        if self.out.len() > MAX_BYTES {
            return Err(C14nError::TooLarge);
        }
        let name = self.qualified_name(node);
        let outer = self.rendered.len();
        self.out.push('<');
        self.out.push_str(name);
        self.gather(node, name)?;
        self.write_declarations();
        self.write_attributes();
        self.out.push('>');
        for child in node.children() {
            match child.node_type() {
                NodeType::Element if Some(child) == self.omitted => {}
                NodeType::Element => self.element(child, depth + 1)?,
                NodeType::Text => escape_text(child.text().unwrap_or(""), &mut self.out),
                NodeType::PI => self.instruction(child),
                NodeType::Comment | NodeType::Root => {}
            }
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        self.rendered.truncate(outer);
        Ok(())
    }

    fn qualified_name(&self, node: Node<'a, 'a>) -> &'a str {
        let tag = self.source.get(node.range().start + 1..).unwrap_or("");
        let end = tag.bytes().position(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>'));
        tag.get(..end.unwrap_or(0)).unwrap_or("")
    }

    /// Collects the attributes, and the namespaces that are visibly utilized or on the PrefixList (exc-c14n 3).
    fn gather(&mut self, node: Node<'a, 'a>, name: &'a str) -> Result<(), C14nError> {
        self.declarations.clear();
        self.attributes.clear();
        self.declare(prefix(name), node.tag_name().namespace().unwrap_or(""))?;
        for attribute in node.attributes() {
            let name = self.source.get(attribute.range_qname()).unwrap_or("");
            let namespace = attribute.namespace().unwrap_or("");
            let prefix = prefix(name);
            if !prefix.is_empty() {
                self.declare(prefix, namespace)?;
            }
            self.attributes.push(Attribute { namespace, local: attribute.name(), name, value: attribute.value() });
        }
        for listed in self.prefixes {
            if *listed == "#default" {
                self.declare("", node.default_namespace().unwrap_or(""))?;
            } else if let Some(uri) = node.lookup_namespace_uri(Some(listed)) {
                self.declare(listed, uri)?;
            }
        }
        Ok(())
    }

    fn declare(&mut self, prefix: &'a str, uri: &'a str) -> Result<(), C14nError> {
        if prefix == "xml" || self.declarations.iter().any(|(declared, _)| *declared == prefix) {
            return Ok(());
        }
        match self.rendered.iter().rev().find(|(rendered, _)| *rendered == prefix) {
            Some((_, rendered)) if is_same(rendered, uri) => return Ok(()),
            None if prefix.is_empty() && uri.is_empty() => return Ok(()),
            _ => {}
        }
        if uri.is_empty() && !prefix.is_empty() {
            return Err(C14nError::UndeclaredPrefix);
        }
        if !uri.is_empty() && !uri.contains(':') {
            return Err(C14nError::RelativeNamespace(uri.to_owned()));
        }
        self.declarations.push((prefix, uri));
        Ok(())
    }

    fn write_declarations(&mut self) {
        self.declarations.sort_unstable();
        for (prefix, uri) in &self.declarations {
            self.out.push_str(" xmlns");
            if !prefix.is_empty() {
                self.out.push(':');
                self.out.push_str(prefix);
            }
            self.out.push_str("=\"");
            escape_value(uri, &mut self.out);
            self.out.push('"');
        }
        self.rendered.extend_from_slice(&self.declarations);
    }

    fn write_attributes(&mut self) {
        self.attributes.sort_unstable_by(|a, b| {
            let by_namespace =
                if is_same(a.namespace, b.namespace) { Ordering::Equal } else { a.namespace.cmp(b.namespace) };
            by_namespace.then_with(|| a.local.cmp(b.local))
        });
        for attribute in &self.attributes {
            self.out.push(' ');
            self.out.push_str(attribute.name);
            self.out.push_str("=\"");
            escape_value(attribute.value, &mut self.out);
            self.out.push('"');
        }
    }

    fn instruction(&mut self, node: Node<'a, 'a>) {
        let Some(instruction) = node.pi() else { return };
        self.out.push_str("<?");
        self.out.push_str(instruction.target);
        if let Some(value) = instruction.value {
            self.out.push(' ');
            self.out.push_str(value);
        }
        self.out.push_str("?>");
    }
}

fn prefix(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

/// Equal; nearly always the very same string, and namespaces are long.
fn is_same(one: &str, two: &str) -> bool {
    std::ptr::eq(one, two) || one == two
}

fn escape_text(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'\r' => "&#xD;",
        _ => "",
    });
}

fn escape_value(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'"' => "&quot;",
        b'\t' => "&#x9;",
        b'\n' => "&#xA;",
        b'\r' => "&#xD;",
        _ => "",
    });
}

/// Copies `text`, with the replacement of each byte that has one.
fn escape(text: &str, out: &mut String, replacement: impl Fn(u8) -> &'static str) {
    let is_special = |byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\t' | b'\n' | b'\r');
    // Without an early exit the compiler compares many bytes at once, and most text has nothing to replace.
    if !text.bytes().fold(false, |found, byte| found | is_special(byte)) {
        return out.push_str(text);
    }
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = replacement(byte);
        if !escaped.is_empty() {
            out.push_str(text.get(from..at).unwrap_or(""));
            out.push_str(escaped);
            from = at + 1;
        }
    }
    out.push_str(text.get(from..).unwrap_or(""));
}
