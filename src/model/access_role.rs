//! What an access role may be called, and what an admin says about one: names and slugs by which no role can be taken for
//! another.

use unicode_normalization::UnicodeNormalization;

use crate::model::invalid::Invalid;
use crate::model::role::{AccessRole, Permissions, Role};

/// What an admin says about an access role; `None` leaves a field alone.
#[derive(Debug, Clone, Default)]
pub struct RoleInput {
    /// Made from the name unless said; fixed afterwards.
    pub slug: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub permissions: Option<Vec<String>>,
    pub rank: Option<u32>,
}

impl RoleInput {
    /// Puts what was said into the role; what is wrong is told at its field.
    pub fn apply(&self, role: &mut AccessRole) -> Result<(), Invalid> {
        let mut invalid = Invalid::new();
        if let Some(name) = &self.name {
            role.name = name.trim().to_owned();
        }
        if role.name.is_empty() || role.name.chars().count() > 80 || role.name.chars().any(is_unseen) {
            invalid.add("name", "name", "Give it a name of 1 to 80 characters, such as `Record All Viewer`.");
        }
        if let Some(text) = &self.description {
            role.description = text.trim().to_owned();
        }
        if role.description.chars().count() > 300 || role.description.chars().any(char::is_control) {
            invalid.add("description", "too_long", "Use at most 300 characters, on one line.");
        }
        if let Some(list) = &self.permissions {
            role.permissions = Permissions::NONE;
            for name in list {
                match name.parse() {
                    Ok(permission) => role.permissions.insert(permission),
                    Err(()) => invalid.add(
                        "permissions",
                        "no_such_permission",
                        format!(
                            "There is no permission `{name}`. `GET /roles` names those that Owner has: all of them."
                        ),
                    ),
                }
            }
        }
        role.rank = self.rank.unwrap_or(role.rank);
        if role.rank > 1000 {
            invalid.add("rank", "rank", "Use a number from 0 to 1000.");
        }
        invalid.or(())
    }
}

/// Lower case letters, digits and hyphens of a name.
pub fn slug_of(name: &str) -> String {
    let plain = name.nfkd().filter(char::is_ascii).map(|c| c.to_ascii_lowercase());
    let words: String = plain.map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    let slug = words.split_whitespace().collect::<Vec<_>>().join("-");
    let slug: String = slug.chars().take(60).collect();
    if slug.is_empty() { "role".to_owned() } else { slug.trim_end_matches('-').to_owned() }
}

/// `none` refuses people and `local` is where a role came from, so neither names a role.
pub fn is_reserved(slug: &str) -> bool {
    slug.parse::<Role>().is_ok() || matches!(slug, "none" | "local")
}

pub fn check_slug(slug: &str) -> Result<(), Invalid> {
    let mut invalid = Invalid::new();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if slug.is_empty() || slug.len() > 64 || !slug.chars().all(is_plain) || slug.starts_with(['-', '_']) {
        invalid.add("slug", "slug", "Use 1 to 64 lower case letters, digits, hyphens and underscores.");
    } else if is_reserved(slug) {
        invalid.add("slug", "slug_reserved", format!("`{slug}` is taken by Doorward itself. Use another."));
    }
    invalid.or(())
}

/// Names are compared as people read them: in any case, and with letters that look the same taken as the same.
fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).filter(|c| !c.is_whitespace()).collect()
}

/// No two roles may be taken for each other, and none for a built-in one: mappings name them.
pub fn check_distinct(all: &[AccessRole], role: &AccessRole, field: &'static str) -> Result<(), Invalid> {
    let (name, slug) = (folded(&role.name), folded(&role.slug));
    let built_in = Role::ALL.into_iter().find(|known| [known.name(), known.slug()].map(folded).contains(&name));
    if let Some(known) = built_in {
        let text = format!("{} is a built-in role. Give this one another name.", known.name());
        return Err(Invalid::field("name", "slug_reserved", text));
    }
    let is_alike = |known: &&AccessRole| {
        let theirs = [folded(&known.name), folded(&known.slug)];
        theirs.contains(&name) || theirs[0] == slug
    };
    if all.iter().filter(|known| known.slug != role.slug).any(|known| is_alike(&known)) {
        let text = "There is a role by that name already. Change that one, or use another name.";
        return Err(Invalid::field(field, "role_taken", text));
    }
    Ok(())
}

/// Characters that are not seen, or that turn the direction of those that are.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_the_name() {
        assert_eq!(slug_of("Record All Viewer"), "record-all-viewer");
        assert_eq!(slug_of("  Führung & Büro "), "fuhrung-buro");
        assert_eq!(slug_of("记录"), "role");
        assert_eq!(slug_of(&"x ".repeat(80)).len(), 59);
    }

    #[test]
    fn a_slug_of_our_own_is_reserved() {
        for slug in ["admin", "none", "local", "-x", "Viewer", "a b", ""] {
            assert!(check_slug(slug).is_err(), "{slug}");
        }
    }

    #[test]
    fn names_that_look_alike_are_one_name() {
        let role = |slug: &str, name: &str| AccessRole {
            slug: slug.to_owned(),
            name: name.to_owned(),
            description: String::new(),
            permissions: Permissions::NONE,
            rank: 0,
            version: 1,
        };
        let known = [role("viewer", "Record Viewer")];
        for name in ["record viewer", "RecordViewer", "Ｒecord Viewer", "Viewer", "Owner", "o wner"] {
            assert!(check_distinct(&known, &role("new", name), "name").is_err(), "{name}");
        }
        assert!(check_distinct(&known, &role("new", "Record Editor"), "name").is_ok());
        // Itself it may be called as it is.
        assert!(check_distinct(&known, &known[0], "name").is_ok());
    }
}
