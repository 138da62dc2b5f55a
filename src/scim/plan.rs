//! What of a filter the store can look up in its indexes, and whether that says all. What is not said has to be asked
//! of each candidate with `Filter::matches`.

pub use crate::model::scim::Bound;
pub use crate::model::scim::Condition;

use super::filter::Comparison;
use super::filter::Filter;
use super::filter::Literal;
use super::filter::Operator;
use super::path::AttributePath;

/// All conditions have to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub conditions: Vec<Condition>,
    /// The conditions say all that the filter says.
    pub is_exact: bool,
    /// Nothing can match.
    pub is_empty: bool,
}

impl Filter {
    pub fn plan(&self) -> Plan {
        let mut plan = Plan { conditions: Vec::new(), is_exact: true, is_empty: false };
        plan.add(self);
        plan
    }
}

impl Plan {
    /// Of a list without a filter.
    pub fn everything() -> Self {
        Self { conditions: Vec::new(), is_exact: true, is_empty: false }
    }

    fn add(&mut self, filter: &Filter) {
        match filter {
            Filter::And(all) => all.iter().for_each(|filter| self.add(filter)),
            Filter::Constant(true) => {}
            Filter::Constant(false) => self.is_empty = true,
            Filter::Compare(comparison) => self.compare(&comparison.path, comparison),
            Filter::ValuePath { path, filter } => self.value_path(path, filter),
            Filter::Or(_) | Filter::Not(_) | Filter::Present(_) => self.is_exact = false,
        }
    }

    fn compare(&mut self, path: &AttributePath, comparison: &Comparison) {
        match condition(path, comparison) {
            Some(condition) => self.conditions.push(condition),
            None => self.is_exact = false,
        }
    }

    /// The element's `value` leads to candidates; anything else asked of the element needs the document.
    fn value_path(&mut self, path: &AttributePath, filter: &Filter) {
        let terms = match filter {
            Filter::And(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        self.is_exact &= terms.len() == 1;
        for term in terms {
            match term {
                Filter::Compare(comparison) if comparison.path.attribute.name == "value" => {
                    let whole = AttributePath { sub: Some(comparison.path.attribute.clone()), ..path.clone() };
                    self.compare(&whole, comparison);
                }
                _ => self.is_exact = false,
            }
        }
    }
}

fn condition(path: &AttributePath, comparison: &Comparison) -> Option<Condition> {
    if let Literal::Instant(at) = comparison.literal {
        let bound = bound(comparison.operator)?;
        return match () {
            () if path.is("meta", Some("lastModified")) => Some(Condition::LastModified(bound, at)),
            () if path.is("meta", Some("created")) => Some(Condition::Created(bound, at)),
            () => None,
        };
    }
    let form = comparison.literal.form()?.to_owned();
    match comparison.operator {
        Operator::Equal => equal(path, form),
        Operator::StartsWith if path.is("userName", None) => Some(Condition::UserNameStartsWith(form)),
        _ => None,
    }
}

fn equal(path: &AttributePath, form: String) -> Option<Condition> {
    if path.extension.is_some() {
        return None;
    }
    match (&*path.attribute.name, path.sub.as_ref().map(|sub| &*sub.name)) {
        ("id", None) => Some(Condition::Id(form)),
        ("externalId", None) => Some(Condition::ExternalId(form)),
        ("userName", None) => Some(Condition::UserName(form)),
        ("displayName", None) => Some(Condition::DisplayName(form)),
        ("emails", Some("value")) => Some(Condition::Email(form)),
        ("members", Some("value")) => Some(Condition::Member(form)),
        ("groups", Some("value")) => Some(Condition::Group(form)),
        _ => None,
    }
}

fn bound(operator: Operator) -> Option<Bound> {
    match operator {
        Operator::Equal => Some(Bound::Equal),
        Operator::Greater => Some(Bound::Greater),
        Operator::GreaterOrEqual => Some(Bound::GreaterOrEqual),
        Operator::Less => Some(Bound::Less),
        Operator::LessOrEqual => Some(Bound::LessOrEqual),
        Operator::NotEqual | Operator::Contains | Operator::StartsWith | Operator::EndsWith => None,
    }
}
