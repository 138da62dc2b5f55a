//! A member's history in sentences that explain themselves.

use serde_json::Value;

use crate::app::Urls;
use crate::app::timeline::Timeline;
use crate::app::timeline::Why;
use crate::model::audit::Action;
use crate::model::audit::AuditEvent;
use crate::model::connection::Connection;
use crate::model::role::AnyRole;
use crate::model::sign_in::SignIn;
use crate::model::time::Timestamp;
use crate::web::admin::connections::present;
use crate::web::admin::connections::present::Facts;
use crate::web::view::Action as Link;

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Moment {
    pub icon: &'static str,
    pub is_bad: bool,
    /// `Became Admin`
    pub title: String,
    /// `Through group Doorward Admins, sent by Okta`
    pub detail: String,
    pub link: Option<Link>,
    pub at: Timestamp,
}

/// Why a role is held: one sentence.
pub fn why(reason: &Why) -> String {
    match reason {
        Why::Given { event: Some(event) } => match event.actor.kind.as_str() {
            "connection" => {
                format!("Given at the first sign-in, as the default role of {}, {}.", event.actor.name, event.at.day())
            }
            _ => format!("Given here by {}, {}.", event.actor.name, event.at.day()),
        },
        Why::Given { event: None } => "Given here.".to_owned(),
        Why::Mapped { name, values, .. } => {
            format!("Through {}, as {name} sends it. Change it there, or the role mappings here.", values.join(" and "))
        }
        Why::Default { name, .. } => format!("The default role of {name}: no mapping matches any more."),
        Why::Pushed { idp, values, .. } => {
            format!("Through {} ({idp}). Change the group in {idp}.", values.join(" and "))
        }
        Why::PushedDefault { idp, .. } => {
            format!("The default role of the directory: no mapping matches what {idp} sends.")
        }
        Why::Elsewhere { source } => format!("From {source}."),
    }
}

/// Newest first.
pub fn moments(timeline: &Timeline, roles: &[AnyRole], urls: &Urls) -> Vec<Moment> {
    let mut all: Vec<Moment> = timeline.events.iter().map(|event| moment(event, roles)).collect();
    all.extend(timeline.refused.iter().map(|(sign_in, connection)| refused(sign_in, connection.as_ref(), urls)));
    all.sort_by_key(|moment| std::cmp::Reverse(moment.at));
    all
}

fn refused(sign_in: &SignIn, connection: Option<&Connection>, urls: &Urls) -> Moment {
    let code = sign_in.code.as_deref().unwrap_or_default();
    let words = connection.map(|connection| present::words(connection, urls, code, &Facts::of(sign_in)).what);
    let reference = sign_in.reference.as_deref().unwrap_or_default();
    let path = format!("/admin/security/sso/{}/sign-ins/{reference}", sign_in.connection);
    let has_trace = connection.is_some() && !reference.is_empty();
    Moment {
        icon: "circle-x",
        is_bad: true,
        title: "Sign-in refused".to_owned(),
        detail: words.unwrap_or_else(|| code.to_owned()),
        link: Some(Link::new("Read the trace", path)).filter(|_| has_trace),
        at: sign_in.at,
    }
}

fn before_after<'a>(event: &'a AuditEvent, field: &str) -> (Option<&'a Value>, Option<&'a Value>) {
    let change = event.changes.get(field);
    (change.and_then(|change| change.get(0)), change.and_then(|change| change.get(1)))
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => Vec::new(),
    }
}

fn text(event: &AuditEvent, field: &str) -> Option<String> {
    texts(before_after(event, field).1).into_iter().next()
}

/// `a, b and c`
fn and(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn by(event: &AuditEvent) -> String {
    match event.actor.kind.as_str() {
        "directory" => format!("Sent by the directory {}", event.actor.name),
        _ => format!("By {}", event.actor.name),
    }
}

fn moment(event: &AuditEvent, roles: &[AnyRole]) -> Moment {
    let action = Action::parse(&event.action);
    let (icon, title, detail) = match action {
        Some(Action::SignedIn) => (
            "log-in",
            format!("Signed in with {}", text(event, "connection").unwrap_or_else(|| "a password".to_owned())),
            from(event),
        ),
        Some(Action::SignedOut) => ("log-out", "Signed out".to_owned(), from(event)),
        Some(Action::MemberCreated) => ("user-round-plus", created(event), roles_at_start(event, roles)),
        Some(Action::MemberRolesChanged) => ("badge-check", changed_roles(event, roles), through(event)),
        Some(Action::MemberUpdated) => ("pencil", changed_fields(event), by(event)),
        Some(Action::TeamMemberAdded) => {
            ("users-round", format!("Joined team {}", text(event, "team").unwrap_or_default()), by(event))
        }
        Some(Action::TeamMemberRemoved) => {
            let team = texts(before_after(event, "team").0);
            ("users-round", format!("Left team {}", and(&team)), by(event))
        }
        Some(Action::IdentityLinked) => {
            let name = text(event, "connection").unwrap_or_else(|| "an identity provider".to_owned());
            ("link", format!("Sign-in with {name} linked"), by(event))
        }
        Some(Action::MemberJoinedDirectory) => {
            let name = text(event, "directory").unwrap_or_else(|| event.actor.name.clone());
            ("link", format!("Covered by the directory {name} from now on"), by(event))
        }
        Some(Action::MemberMerged) => {
            ("link", format!("Merged with {}", text(event, "merged").unwrap_or_default()), by(event))
        }
        Some(Action::MemberReactivated) if event.changes.contains_key("revived") => {
            ("play", "Brought back after having been removed".to_owned(), by(event))
        }
        Some(Action::MemberDeactivated) => ("lock-keyhole", "Deactivated".to_owned(), by(event)),
        Some(Action::MemberReactivated) => ("play", "Reactivated".to_owned(), by(event)),
        Some(Action::LastAdminKept) => (
            "triangle-alert",
            "Kept Admin although the provider no longer gives it".to_owned(),
            "Nobody else administers. Give somebody Admin by hand.".to_owned(),
        ),
        Some(Action::PasswordLinkCreated | Action::RecoveryLinkCreated | Action::PasswordChanged) => {
            ("key-round", event.label().to_owned(), by(event))
        }
        _ => ("list-checks", event.label().to_owned(), by(event)),
    };
    let is_bad = event.code.is_some() || action == Some(Action::LastAdminKept);
    let link = Link::new("Event", format!("/admin/audit/{}", event.id));
    Moment { icon, is_bad, title, detail, link: Some(link), at: event.at }
}

fn from(event: &AuditEvent) -> String {
    event.ip.as_ref().map_or_else(String::new, |ip| format!("From {ip}"))
}

fn created(event: &AuditEvent) -> String {
    // Whoever turned a directory on acts for all whom it makes then.
    if let Some(directory) = text(event, "from") {
        return format!("Made by the directory {directory}");
    }
    match event.actor.kind.as_str() {
        "connection" => format!("Came in for the first time, through {}", event.actor.name),

        "command_line" | "stranger" => "Made at set-up".to_owned(),
        _ => format!("Added by {}", event.actor.name),
    }
}

fn name_of(slug: &str, roles: &[AnyRole]) -> String {
    roles.iter().find(|role| role.slug() == slug).map_or_else(|| slug.to_owned(), |role| role.name().to_owned())
}

fn roles_at_start(event: &AuditEvent, roles: &[AnyRole]) -> String {
    let mut slugs = texts(before_after(event, "roles").1);
    slugs.extend(texts(before_after(event, "role").1));
    let names: Vec<String> = slugs.iter().map(|slug| name_of(slug, roles)).collect();
    if names.is_empty() { String::new() } else { format!("As {}", and(&names)) }
}

/// `Became Developer, no longer Admin; joined team iOS`
fn changed_roles(event: &AuditEvent, roles: &[AnyRole]) -> String {
    let moved = |field: &str| {
        let (before, after) = before_after(event, field);
        let (before, after) = (texts(before), texts(after));
        let gained: Vec<String> = after.iter().filter(|one| !before.contains(one)).cloned().collect();
        let lost: Vec<String> = before.iter().filter(|one| !after.contains(one)).cloned().collect();
        (gained, lost)
    };
    let names = |slugs: Vec<String>| slugs.iter().map(|slug| name_of(slug, roles)).collect::<Vec<_>>();
    let (gained, lost) = moved("roles");
    let mut parts = Vec::new();
    for (words, list) in [("became", names(gained)), ("no longer", names(lost))] {
        if !list.is_empty() {
            parts.push(format!("{words} {}", and(&list)));
        }
    }
    for (field, joined, left) in [("teams", "joined team", "left team"), ("tags", "tagged", "no longer tagged")] {
        let (gained, lost) = moved(field);
        for (words, list) in [(joined, gained), (left, lost)] {
            if !list.is_empty() {
                parts.push(format!("{words} {}", and(&list)));
            }
        }
    }
    let sentence = parts.join(", ");
    let mut letters = sentence.chars();
    letters.next().map_or_else(|| event.label().to_owned(), |first| first.to_uppercase().chain(letters).collect())
}

fn through(event: &AuditEvent) -> String {
    let values = texts(before_after(event, "through").1);
    match (text(event, "from"), values.is_empty()) {
        (Some(name), false) => format!("Through {}, sent by {name}", and(&values)),
        (Some(name), true) if ["connection", "directory"].contains(&event.actor.kind.as_str()) => {
            let (before, after) = before_after(event, "roles");
            match texts(after).iter().any(|role| !texts(before).contains(role)) {
                true => format!("By default: {name} sends nothing that gives another role"),
                false => format!("{name} sends nothing any more that gives it"),
            }
        }
        (Some(name), true) => format!("By a change of {name} or its role mappings, by {}", event.actor.name),
        (None, _) => by(event),
    }
}

fn changed_fields(event: &AuditEvent) -> String {
    let label = |field: &str| match field {
        "email" => "Email",
        "name" => "Name",
        "given_name" => "Given name",
        "family_name" => "Family name",
        "job_title" => "Job title",
        "picture" => "Picture",
        _ => "Profile",
    };
    let parts = event.changes.iter().map(|(field, change)| {
        let shown = |at: usize| texts(change.get(at)).into_iter().next();
        match (shown(0), shown(1)) {
            (None, Some(new)) => format!("{} set to {new}", label(field)),
            (Some(old), None) => format!("{} {old} taken away", label(field)),
            (Some(old), Some(new)) => format!("{} changed from {old} to {new}", label(field)),
            (None, None) => format!("{} changed", label(field)),
        }
    });
    parts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::Map;
    use serde_json::json;

    use super::*;
    use crate::model::audit::Level;
    use crate::model::audit::Target;
    use crate::model::id::AuditEventId;
    use crate::model::role::Role;

    fn event(action: Action, actor: (&str, &str), changes: Value) -> AuditEvent {
        AuditEvent {
            id: AuditEventId::new(),
            at: Timestamp::from_secs(1_795_338_000),
            action: action.as_str().to_owned(),
            level: Level::Info,
            code: None,
            actor: Target { kind: actor.0.to_owned(), id: String::new(), name: actor.1.to_owned() },
            target: Target::default(),
            ip: Some("203.0.113.9".to_owned()),
            user_agent: None,
            request_id: None,
            reference: None,
            changes: changes.as_object().cloned().unwrap_or_else(Map::new),
        }
    }

    fn told(action: Action, actor: (&str, &str), changes: Value) -> (String, String) {
        let roles: Vec<AnyRole> = Role::ALL.into_iter().map(AnyRole::from).collect();
        let moment = moment(&event(action, actor, changes), &roles);
        (moment.title, moment.detail)
    }

    #[test]
    fn a_change_of_roles_says_what_and_through_what() {
        let changes = json!({"roles": [["member"], ["admin", "developer", "member"]], "teams": [[], ["iOS"]],
                             "from": [null, "Okta"], "through": [null, ["group Builders"]]});
        assert_eq!(
            told(Action::MemberRolesChanged, ("connection", "Okta"), changes),
            (
                "Became Admin and Developer, joined team iOS".to_owned(),
                "Through group Builders, sent by Okta".to_owned()
            )
        );
        let changes = json!({"roles": [["admin"], []]});
        let told = told(Action::MemberRolesChanged, ("member", "ada@example.com"), changes);
        assert_eq!(told, ("No longer Admin".to_owned(), "By ada@example.com".to_owned()));
    }

    #[test]
    fn sign_ins_and_edits_are_sentences() {
        let (title, detail) = told(Action::SignedIn, ("member", "x"), json!({"connection": [null, "Okta"]}));
        assert_eq!((title.as_str(), detail.as_str()), ("Signed in with Okta", "From 203.0.113.9"));
        assert_eq!(told(Action::SignedIn, ("member", "x"), json!({})).0, "Signed in with a password");
        let changes = json!({"job_title": ["Nurse", "Doctor"], "name": [null, "Ada"]});
        let title = told(Action::MemberUpdated, ("connection", "Okta"), changes).0;
        assert_eq!(title, "Job title changed from Nurse to Doctor; Name set to Ada");
        let pushed = json!({"from": [null, "Acme"], "roles": [null, ["member"]]});
        let (title, detail) = told(Action::MemberCreated, ("member", "ada@example.com"), pushed);
        assert_eq!((title.as_str(), detail.as_str()), ("Made by the directory Acme", "As Member"));
        assert_eq!(
            told(Action::MemberDeactivated, ("directory", "Acme"), json!({})),
            ("Deactivated".to_owned(), "Sent by the directory Acme".to_owned())
        );
        let changes = json!({"roles": [["admin", "member"], ["member"]], "from": [null, "Acme"]});
        assert_eq!(
            told(Action::MemberRolesChanged, ("directory", "Acme"), changes).1,
            "Acme sends nothing any more that gives it"
        );
        let changes = json!({"roles": [[], ["member"]], "from": [null, "Acme"]});
        assert_eq!(
            told(Action::MemberRolesChanged, ("directory", "Acme"), changes).1,
            "By default: Acme sends nothing that gives another role"
        );
        assert_eq!(
            told(Action::MemberCreated, ("connection", "Okta"), json!({"role": [null, "member"]})).1,
            "As Member"
        );
    }
}
