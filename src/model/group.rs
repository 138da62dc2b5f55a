//! A group as a directory or an assertion names it.

/// The tag that every member of a group carries.
pub fn tag(name: &str) -> String {
    format!("Group:{name}")
}
