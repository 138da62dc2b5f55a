//! The filters of a list, as an address or a form says them: read once, left out with a word where they are none, and written
//! back into the links of the page.

use actix_web::HttpRequest;

use crate::model::invalid::Invalid;
use crate::model::time::Timestamp;
use crate::web::form::FormData;
use crate::web::view::Kept;
use crate::web::view::date;
use crate::web::view::day;

/// No value of ours that a list is narrowed by is longer.
const MOST: usize = 200;

#[derive(Debug, Clone)]
struct Given {
    name: &'static str,
    value: String,
    counts: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Filters {
    given: Vec<Given>,
    /// The page of the list, as it was sent.
    pub cursor: String,
    /// What of it is none, and why.
    pub problems: Invalid,
}

impl Filters {
    /// Of these names each value once, without the white space around it; what stands in no text of ours is left out.
    fn read<'a>(names: &[&'static str], value_of: impl Fn(&str) -> Option<&'a str>) -> Self {
        let mut filters = Self { cursor: value_of("cursor").unwrap_or_default().to_owned(), ..Self::default() };
        for name in names {
            let Some(value) = value_of(name).map(str::trim).filter(|value| !value.is_empty()) else { continue };
            let shown: String = value.chars().filter(|c| !c.is_control()).take(MOST).collect();
            filters.given.push(Given { name, value: shown, counts: true });
            if let Err(wrong) = Invalid::search(name, value) {
                filters.leave_out(name, &wrong.errors[0].text);
            }
        }
        filters
    }

    pub fn of_address(names: &[&'static str], request: &HttpRequest) -> Self {
        let sent: Vec<(String, String)> =
            url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
        Self::read(names, |name| sent.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()))
    }

    /// Those that a form carries on.
    pub fn of_form(names: &[&'static str], data: &FormData) -> Self {
        Self { cursor: String::new(), ..Self::read(names, |name| Some(data.get(name))) }
    }

    /// Just these; an empty one is none.
    pub fn with(all: &[(&'static str, &str)]) -> Self {
        let names: Vec<&'static str> = all.iter().map(|(name, _)| *name).collect();
        Self::read(&names, |name| all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
    }

    /// The filter; empty where there is none, or where it is left out.
    pub fn get(&self, name: &str) -> &str {
        self.given.iter().find(|one| one.name == name && one.counts).map_or("", |one| &one.value)
    }

    pub fn text(&self, name: &str) -> Option<String> {
        Some(self.get(name).to_owned()).filter(|text| !text.is_empty())
    }

    /// As it was typed, for its field, also where it is left out.
    pub fn typed(&self, name: &str) -> &str {
        self.given.iter().find(|one| one.name == name).map_or("", |one| &one.value)
    }

    /// For a date field, which shows nothing else.
    pub fn typed_day(&self, name: &str) -> String {
        date(self.typed(name).to_owned())
    }

    /// It narrows nothing, and this says why.
    pub fn leave_out(&mut self, name: &'static str, why: &str) {
        self.given.iter_mut().filter(|one| one.name == name).for_each(|one| one.counts = false);
        self.problems.add(name, "no_filter", why);
    }

    /// What the list shows anyhow needs no saying.
    pub fn drop_usual(&mut self, name: &str, usual: &str) {
        self.given.retain(|one| one.name != name || one.value != usual);
    }

    /// Left out where it is not known; `why` goes on after the value.
    pub fn require(&mut self, name: &'static str, is_known: bool, why: &str) {
        let value = self.get(name);
        if !value.is_empty() && !is_known {
            let brief: String = value.chars().take(40).collect();
            self.leave_out(name, &format!("{brief} {why}"));
        }
    }

    /// The filter as something else, left out where it is none.
    pub fn parse<T>(&mut self, name: &'static str, read: impl Fn(&str) -> Option<T>, why: &str) -> Option<T> {
        let value = Some(self.get(name)).filter(|value| !value.is_empty()).and_then(read);
        self.require(name, value.is_some(), why);
        value
    }

    pub fn day(&mut self, name: &'static str) -> Option<Timestamp> {
        self.parse(name, day, "is no date. Write it as 2026-11-20.")
    }

    /// Those that narrow the list.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.given.iter().filter(|one| one.counts).map(|one| (one.name, one.value.as_str()))
    }

    pub fn is_filtered(&self) -> bool {
        self.given.iter().any(|one| one.counts)
    }

    /// Whether there is anything to clear.
    pub fn is_given(&self) -> bool {
        !self.given.is_empty()
    }

    /// The same list without this one, from its start.
    pub fn without(&self, name: &str) -> Self {
        let given = self.given.iter().filter(|one| one.name != name).cloned().collect();
        Self { given, cursor: String::new(), problems: Invalid::new() }
    }

    /// `path` with these filters, and where in the list.
    pub fn path(&self, path: &str, cursor: Option<&str>) -> String {
        let pairs = self.pairs().chain(cursor.map(|cursor| ("cursor", cursor)));
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// For a form that acts on what the list shows.
    pub fn kept(&self) -> Vec<Kept> {
        self.pairs().map(|(name, value)| Kept { name: name.to_owned(), value: value.to_owned() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_narrows_nothing_is_told_kept_in_its_field_and_in_no_link() {
        let long = "a".repeat(300);
        let mut filters = Filters::with(&[("q", " ada & grace "), ("role", "king"), ("tag", "a\0b"), ("ip", &long)]);
        filters.require("role", false, "is no role.");
        filters.require("source", false, "is no source.");
        assert_eq!(filters.path("/list", Some("x")), "/list?q=ada+%26+grace&cursor=x");
        assert_eq!((filters.get("role"), filters.typed("role"), filters.typed("tag")), ("", "king", "ab"));
        assert_eq!(filters.typed("ip").len(), MOST);
        let told: Vec<&str> = filters.problems.errors.iter().map(|error| error.field).collect();
        assert_eq!(told, ["tag", "ip", "role"]);
        assert!(filters.is_filtered() && !filters.without("q").is_filtered());
    }

    #[test]
    fn a_filter_is_read_as_what_it_means() {
        let mut filters = Filters::with(&[("from", "2026-11-20"), ("to", "2026-11-31"), ("n", "7")]);
        assert_eq!(filters.parse("n", |text| text.parse::<u8>().ok(), "is no number."), Some(7));
        assert!(filters.day("from").is_some() && filters.day("to").is_none() && filters.day("none").is_none());
        assert_eq!(filters.problems.errors.len(), 1);
        assert_eq!(filters.problems.at("to"), Some("2026-11-31 is no date. Write it as 2026-11-20."));
        assert_eq!((filters.typed_day("from").as_str(), filters.typed_day("to").as_str()), ("2026-11-20", ""));
    }
}
