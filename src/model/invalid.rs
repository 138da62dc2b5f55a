//! What is wrong with an input, field by field.

use std::fmt;

/// One field that cannot stand as it is. `text` says what happened and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub field: &'static str,
    /// Which row of a list, counted from 0.
    pub row: Option<usize>,
    /// Stable word, `snake_case`; a code of errors.toml where there is one.
    pub code: &'static str,
    pub text: String,
    /// The sentence for owners of the instance, where it says more: what others must not learn of its network.
    pub inside: Option<String>,
    /// What could stand there instead, where that is known.
    pub choices: Vec<String>,
}

impl FieldError {
    /// The id of the place in a page.
    pub fn anchor(&self) -> String {
        match self.row {
            Some(row) => format!("{}-{row}", self.field),
            None => self.field.to_owned(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invalid {
    pub errors: Vec<FieldError>,
}

impl Invalid {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn field(field: &'static str, code: &'static str, text: impl Into<String>) -> Self {
        let mut invalid = Self::new();
        invalid.add(field, code, text);
        invalid
    }

    pub fn add(&mut self, field: &'static str, code: &'static str, text: impl Into<String>) {
        self.errors.push(FieldError { field, row: None, code, text: text.into(), inside: None, choices: Vec::new() });
    }

    pub fn add_in_row(&mut self, row: usize, field: &'static str, code: &'static str, text: impl Into<String>) {
        self.errors.push(FieldError {
            field,
            row: Some(row),
            code,
            text: text.into(),
            inside: None,
            choices: Vec::new(),
        });
    }

    /// Text to look for. A control character is in nothing of ours, and SQLite ends a text at its first NUL: it would find more
    /// than was meant.
    pub fn search(field: &'static str, text: &str) -> Result<(), Self> {
        if text.chars().any(char::is_control) {
            return Err(Self::field(field, "control_character", "Look for text without control characters."));
        }
        if text.chars().count() > 200 {
            return Err(Self::field(field, "too_long", "Look for at most 200 characters."));
        }
        Ok(())
    }

    /// What is wrong in a row of a list, all of it.
    pub fn in_row(&self, row: usize) -> Vec<&str> {
        self.errors.iter().filter(|error| error.row == Some(row)).map(|error| error.text.as_str()).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub fn at(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.text.as_str())
    }

    /// `value` if nothing was found wrong.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.errors.iter().enumerate() {
            write!(f, "{}{}: {}", if n > 0 { "; " } else { "" }, error.field, error.text)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}
