//! Asking a resource whether a filter holds. The resource is complete: with `id`, `meta`, and what its group or member
//! table says, in canonical names.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Map;
use serde_json::Value;

use crate::model::time::Timestamp;

use super::filter::Comparison;
use super::filter::Filter;
use super::filter::Literal;
use super::filter::Operator;
use super::path::AttributePath;
use super::schema::Attribute;
use super::schema::Type;
use super::schema::fold;

impl Filter {
    pub fn matches(&self, resource: &Value) -> bool {
        resource.as_object().is_some_and(|object| self.holds(object))
    }

    /// For a resource, or for one element of a multi-valued attribute.
    pub(super) fn holds(&self, object: &Map<String, Value>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|filter| filter.holds(object)),
            Self::Or(all) => all.iter().any(|filter| filter.holds(object)),
            Self::Not(filter) => !filter.holds(object),
            Self::Present(path) => values(path, object).any(has_value),
            Self::Compare(comparison) => comparison.holds(object),
            Self::ValuePath { path, filter } => {
                elements(attribute(path, object)).any(|element| element.as_object().is_some_and(|o| filter.holds(o)))
            }
            Self::Constant(value) => *value,
        }
    }
}

fn attribute<'o>(path: &AttributePath, object: &'o Map<String, Value>) -> Option<&'o Value> {
    match &path.extension {
        Some(extension) => object.get(&extension.urn)?.as_object()?.get(&*path.attribute.name),
        None => object.get(&*path.attribute.name),
    }
}

/// The elements of an array, or the one value itself.
pub(super) fn elements(value: Option<&Value>) -> std::slice::Iter<'_, Value> {
    match value {
        Some(Value::Array(all)) => all.iter(),
        Some(one) => std::slice::from_ref(one).iter(),
        None => [].iter(),
    }
}

/// Every value that the path leads to.
pub(super) fn values<'o>(path: &'o AttributePath, object: &'o Map<String, Value>) -> impl Iterator<Item = &'o Value> {
    elements(attribute(path, object)).filter_map(|element| match &path.sub {
        Some(sub) => element.as_object()?.get(&*sub.name),
        None => Some(element),
    })
}

/// RFC 7644 table 3, `pr`: neither null nor empty.
fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => all.iter().any(has_value),
        Value::Object(object) => object.values().any(has_value),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

impl Comparison {
    /// Any of several values may meet a condition. `ne` is the contrary of `eq`: no value is equal, so it also holds
    /// where there is none.
    fn holds(&self, object: &Map<String, Value>) -> bool {
        let of = self.path.target();
        let mut values = values(&self.path, object);
        match (self.operator, &self.literal) {
            (Operator::Equal, Literal::Null) => !values.any(has_value),
            (Operator::NotEqual, Literal::Null) => values.any(has_value),
            (Operator::NotEqual, literal) => !values.any(|value| compares(value, Operator::Equal, literal, of)),
            (operator, literal) => values.any(|value| compares(value, operator, literal, of)),
        }
    }
}

fn compares(value: &Value, operator: Operator, literal: &Literal, of: &Attribute) -> bool {
    match (value, literal) {
        (Value::Bool(value), Literal::Boolean(literal)) => value == literal,
        (Value::Number(number), Literal::Number(literal)) => {
            number.as_f64().is_some_and(|number| ordered(operator, number.partial_cmp(literal)))
        }
        (Value::String(text), Literal::Instant(literal)) => {
            Timestamp::parse(text).is_some_and(|at| ordered(operator, Some(at.cmp(literal))))
        }
        (Value::String(text), Literal::Text { .. }) => literal.form().is_some_and(|form| {
            if operator == Operator::Equal && !of.case_exact && text.is_ascii() && form.is_ascii() {
                return text.eq_ignore_ascii_case(form);
            }
            on_text(operator, &comparable(text, of), form)
        }),
        _ => false,
    }
}

/// The text in the form that comparisons of its attribute use.
pub(super) fn comparable<'t>(text: &'t str, of: &Attribute) -> Cow<'t, str> {
    let is_lower = || text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if of.case_exact || of.kind != Type::String || is_lower() { Cow::Borrowed(text) } else { Cow::Owned(fold(text)) }
}

fn on_text(operator: Operator, text: &str, form: &str) -> bool {
    match operator {
        Operator::Contains => text.contains(form),
        Operator::StartsWith => text.starts_with(form),
        Operator::EndsWith => text.ends_with(form),
        order => ordered(order, Some(text.cmp(form))),
    }
}

fn ordered(operator: Operator, order: Option<Ordering>) -> bool {
    let Some(order) = order else { return false };
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::NotEqual | Operator::Contains | Operator::StartsWith | Operator::EndsWith => false,
    }
}
