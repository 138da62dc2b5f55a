//! What is wrong with an input, field by field.

use std::fmt;

/// One field that cannot stand as it is. `text` says what happened and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub field: &'static str,
    /// Stable word, `snake_case`; a code of errors.toml where there is one.
    pub code: &'static str,
    pub text: String,
    /// What could stand there instead, where that is known.
    pub choices: Vec<String>,
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
        self.errors.push(FieldError { field, code, text: text.into(), choices: Vec::new() });
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
