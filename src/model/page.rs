//! Pages of a list: keyset paging by an opaque cursor.

use crate::model::invalid::Invalid;

/// What the caller asks for: at most `limit` rows after `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    pub limit: usize,
    pub after: Option<String>,
}

impl Window {
    pub const DEFAULT: usize = 50;
    pub const MAX: usize = 200;

    pub fn first(limit: usize) -> Self {
        Self { limit, after: None }
    }

    pub fn parse(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, Invalid> {
        let mut invalid = Invalid::new();
        let limit = match limit.map(str::parse::<usize>) {
            None => Self::DEFAULT,
            Some(Ok(n @ 1..=Self::MAX)) => n,
            Some(_) => {
                invalid.add("limit", "limit", format!("Use a number from 1 to {}.", Self::MAX));
                Self::DEFAULT
            }
        };
        let after = cursor.filter(|text| !text.is_empty()).map(|text| {
            if text.len() > 300 || text.chars().any(char::is_control) {
                invalid.add("cursor", "cursor", "Use `next_cursor` of the page before, unchanged.");
            }
            text.to_owned()
        });
        invalid.or(Self { limit, after })
    }
}

/// One page of a list; `next` is the cursor of the page after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// From `limit + 1` rows: the extra one only says that there is more.
    pub fn cut(mut rows: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(cursor) } else { None };
        Self { rows, next }
    }

    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(change).collect(), next: self.next }
    }
}
