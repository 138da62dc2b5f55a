//! The grammar of filters (RFC 7644 3.4.2.2 figure 1): `not` before `and` before `or`, keywords in any case, and the
//! dialects of trap 10. Names are resolved and values typed while reading.

use std::sync::Arc;

use crate::model::time::Timestamp;

use super::error::Error;
use super::filter::Comparison;
use super::filter::Filter;
use super::filter::Literal;
use super::filter::MAX_DEPTH;
use super::filter::Operator;
use super::lexer::Cursor;
use super::lexer::Token;
use super::path::AttributePath;
use super::path::Name;
use super::quirks::Quirk;
use super::quirks::Quirks;
use super::schema::Attribute;
use super::schema::ResourceType;
use super::schema::Type;
use super::schema::fold;

pub(super) fn filter(
    text: &str,
    kind: &ResourceType,
    others: &[&ResourceType],
    quirks: &mut Quirks,
) -> Result<Filter, Error> {
    let mut parser = Parser { cursor: Cursor::new(text), scope: Scope::Resource { kind, others }, depth: 0, quirks };
    let filter = parser.or()?;
    parser.cursor.skip_blanks();
    if parser.cursor.is_at_end() {
        return Ok(filter);
    }
    Err(parser.cursor.fault("expected `and`, `or`, or the end"))
}

/// The filter up to the closing bracket, and what follows that.
pub(super) fn in_brackets<'t>(
    text: &'t str,
    attribute: &Arc<Attribute>,
    quirks: &mut Quirks,
) -> Result<(Filter, &'t str), Error> {
    let mut parser = Parser { cursor: Cursor::new(text), scope: Scope::Element(attribute), depth: 0, quirks };
    let filter = parser.or()?;
    parser.close(']')?;
    Ok((filter, parser.cursor.rest()))
}

#[derive(Clone, Copy)]
enum Scope<'s> {
    Resource {
        kind: &'s ResourceType,
        others: &'s [&'s ResourceType],
    },
    /// Between brackets the names are those of sub-attributes.
    Element(&'s Arc<Attribute>),
}

/// Which resource type has an attribute.
enum Place {
    Here(AttributePath),
    /// Only another one of the same search.
    Elsewhere(AttributePath),
}

struct Parser<'t, 's> {
    cursor: Cursor<'t>,
    scope: Scope<'s>,
    depth: usize,
    quirks: &'s mut Quirks,
}

impl Parser<'_, '_> {
    fn or(&mut self) -> Result<Filter, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::filter(format!("The filter is nested more than {MAX_DEPTH} deep.")));
        }
        let mut all = vec![self.and()?];
        while self.cursor.eat_keyword("or") {
            all.push(self.and()?);
        }
        self.depth -= 1;
        Ok(joined(all, Filter::Or))
    }

    fn and(&mut self) -> Result<Filter, Error> {
        let mut all = vec![self.term()?];
        while self.cursor.eat_keyword("and") {
            all.push(self.term()?);
        }
        Ok(joined(all, Filter::And))
    }

    fn term(&mut self) -> Result<Filter, Error> {
        self.cursor.skip_blanks();
        if self.cursor.eat('(') {
            let filter = self.or()?;
            self.close(')')?;
            return Ok(filter);
        }
        let mut ahead = self.cursor;
        let word = ahead.word();
        if word.is_empty() {
            return Err(self.cursor.fault("expected the name of an attribute"));
        }
        if word.eq_ignore_ascii_case("not") {
            self.cursor = ahead;
            self.cursor.skip_blanks();
            if !self.cursor.eat('(') {
                return Err(self.cursor.fault("expected `(` after `not`"));
            }
            let filter = self.or()?;
            self.close(')')?;
            return Ok(Filter::Not(Box::new(filter)));
        }
        let place = self.path(word)?;
        self.cursor = ahead;
        let is_value_path = self.cursor.eat('[');
        match place {
            Place::Here(path) if is_value_path => self.value_path(path),
            Place::Here(path) => self.condition(path),
            Place::Elsewhere(path) if is_value_path => self.value_path(path).map(without_value),
            Place::Elsewhere(path) => self.condition(path).map(without_value),
        }
    }

    fn close(&mut self, bracket: char) -> Result<(), Error> {
        self.cursor.skip_blanks();
        if self.cursor.eat(bracket) { Ok(()) } else { Err(self.cursor.fault(&format!("expected `{bracket}`"))) }
    }

    fn path(&mut self, word: &str) -> Result<Place, Error> {
        let (kind, others) = match self.scope {
            Scope::Element(attribute) => {
                let sub = attribute.sub(word).ok_or_else(|| {
                    self.cursor.fault(&format!("`{}` has no sub-attribute of that name", attribute.name))
                })?;
                return Ok(Place::Here(AttributePath { extension: None, attribute: Arc::clone(sub), sub: None }));
            }
            Scope::Resource { kind, others } => (kind, others),
        };
        match Name::resolve(word, kind, self.quirks) {
            Ok(Name::Attribute(path)) => Ok(Place::Here(path)),
            Ok(_) => Err(self.cursor.fault("this is a schema; add `:` and an attribute of it")),
            Err(unknown) => {
                let mut elsewhere = others.iter().filter_map(|other| Name::resolve(word, other, self.quirks).ok());
                match elsewhere.next() {
                    Some(Name::Attribute(path)) => Ok(Place::Elsewhere(path)),
                    _ => Err(Error::filter(unknown.to_string())),
                }
            }
        }
    }

    fn value_path(&mut self, path: AttributePath) -> Result<Filter, Error> {
        if path.sub.is_some() || path.attribute.kind != Type::Complex {
            return Err(self.cursor.fault(&format!("`{path}` has no sub-attributes")));
        }
        let scope = Scope::Element(&path.attribute);
        let mut inner = Parser { cursor: self.cursor, scope, depth: self.depth, quirks: &mut *self.quirks };
        let mut filter = inner.or()?;
        inner.close(']')?;
        if inner.cursor.eat('.') {
            // Entra ID: `emails[type eq "work"].value eq "x"` asks one element for both.
            let condition = inner.sub_condition()?;
            inner.quirks.note(Quirk::FilterAfterValuePath);
            filter = match filter {
                Filter::And(mut all) => {
                    all.push(condition);
                    Filter::And(all)
                }
                other => Filter::And(vec![other, condition]),
            };
        }
        self.cursor = inner.cursor;
        Ok(Filter::ValuePath { path, filter: Box::new(filter) })
    }

    fn sub_condition(&mut self) -> Result<Filter, Error> {
        let mut ahead = self.cursor;
        let (Place::Here(sub) | Place::Elsewhere(sub)) = self.path(ahead.word())?;
        self.cursor = ahead;
        self.condition(sub)
    }

    fn operator(&mut self) -> Result<Option<Operator>, Error> {
        self.cursor.skip_blanks();
        let mut ahead = self.cursor;
        let word = ahead.word();
        if word.eq_ignore_ascii_case("pr") {
            self.cursor = ahead;
            return Ok(None);
        }
        let operator = Operator::parse(word)
            .ok_or_else(|| self.cursor.fault("expected one of eq, ne, co, sw, ew, gt, ge, lt, le, pr"))?;
        self.cursor = ahead;
        Ok(Some(operator))
    }

    fn condition(&mut self, path: AttributePath) -> Result<Filter, Error> {
        let Some(operator) = self.operator()? else { return Ok(Filter::Present(path)) };
        let at = self.cursor;
        let token = self.cursor.value()?;
        let path = self.comparable(path, &token).ok_or_else(|| at.fault("compare one of its sub-attributes"))?;
        let literal = literal(&token, path.target(), operator, self.quirks).map_err(|what| at.fault(&what))?;
        Ok(Filter::Compare(Comparison { path, operator, literal }))
    }

    /// A complex attribute compares by its `value`; with null it compares as a whole.
    fn comparable(&mut self, path: AttributePath, token: &Token<'_>) -> Option<AttributePath> {
        if path.target().kind != Type::Complex || is_null(token) {
            return Some(path);
        }
        let value = Arc::clone(path.attribute.value()?);
        if !matches!(&*path.attribute.name, "members" | "groups" | "manager") {
            self.quirks.note(Quirk::FilterOnComplex);
        }
        Some(AttributePath { sub: Some(value), ..path })
    }
}

/// The answer to a condition on an attribute that has no value.
fn without_value(condition: Filter) -> Filter {
    let holds = match condition {
        Filter::Compare(Comparison { operator, literal, .. }) => {
            operator.is_equality() && (operator == Operator::Equal) == (literal == Literal::Null)
        }
        _ => false,
    };
    Filter::Constant(holds)
}

fn joined(mut all: Vec<Filter>, join: impl Fn(Vec<Filter>) -> Filter) -> Filter {
    if all.len() == 1 { all.swap_remove(0) } else { join(all) }
}

fn is_null(token: &Token<'_>) -> bool {
    *token == Token::Bare("null")
}

/// The value in the attribute's type, or what is wrong with it.
fn literal(token: &Token<'_>, of: &Attribute, operator: Operator, quirks: &mut Quirks) -> Result<Literal, String> {
    let text: &str = match token {
        Token::Quoted(text) => text,
        Token::Bare(text) => text,
    };
    if is_null(token) {
        return if operator.is_equality() {
            Ok(Literal::Null)
        } else {
            Err("null compares with eq and ne only".to_owned())
        };
    }
    let refuse = || Err(format!("`{}` cannot be compared by {}", of.name, operator.as_str()));
    let is_bare = matches!(token, Token::Bare(_));
    match of.kind {
        Type::Boolean if !operator.is_equality() => refuse(),
        Type::Boolean => {
            let value = boolean(text).ok_or_else(|| format!("`{}` is true or false", of.name))?;
            if !is_bare || !matches!(text, "true" | "false") {
                quirks.note(Quirk::StringBoolean);
            }
            Ok(Literal::Boolean(value))
        }
        Type::Integer | Type::Decimal if operator.is_on_text() => refuse(),
        Type::Integer | Type::Decimal => {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            number.map(Literal::Number).ok_or_else(|| format!("`{}` is a number", of.name))
        }
        Type::DateTime if operator.is_on_text() => refuse(),
        Type::DateTime => instant(text, is_bare, quirks)
            .map(Literal::Instant)
            .ok_or_else(|| format!("`{}` is a time such as \"2026-11-22T06:00:00Z\"", of.name)),
        // RFC 7644 table 3: order means nothing for binaries.
        Type::Binary if !operator.is_equality() && !operator.is_on_text() => refuse(),
        Type::String | Type::Reference | Type::Binary => {
            if is_bare {
                quirks.note(Quirk::FilterUnquoted);
            }
            let folded = if of.case_exact { None } else { Some(fold(text)).filter(|folded| folded != text) };
            Ok(Literal::Text { sent: text.to_owned(), folded })
        }
        Type::Complex => refuse(),
    }
}

/// "True" and "FALSE" too (trap 3).
pub(super) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}

fn instant(text: &str, is_bare: bool, quirks: &mut Quirks) -> Option<Timestamp> {
    if is_bare {
        quirks.note(Quirk::FilterUnquoted);
    }
    Timestamp::parse(text).or_else(|| {
        quirks.note(Quirk::FilterTimeWithoutZone);
        Timestamp::parse(&format!("{text}Z")).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")))
    })
}
