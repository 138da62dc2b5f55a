//! What is wrong with the connections that are on, the worst first.

use crate::app::Urls;
use crate::app::connections::ConnectionView;
use crate::model::connection::Status;
use crate::model::rollover;
use crate::model::time::Timestamp;
use crate::web::admin::connections::present;
use crate::web::admin::connections::present::Facts;
use crate::web::admin::security::FAILING;
use crate::web::admin::security::days_left;
use crate::web::view::Action;
use crate::web::view::Alert;
use crate::web::view::Tone;
use crate::web::view::count;

/// What matters most stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worst {
    Expired,
    /// A directory that does nothing until somebody looks.
    Stopped,
    Failing,
    Link,
    Ending,
}

pub fn worst_of(alert: &Alert) -> Worst {
    if alert.tone == Tone::Bad { Worst::Stopped } else { Worst::Ending }
}

/// What is wrong with a connection that is on.
pub fn alerts(view: &ConnectionView, urls: &Urls, now: Timestamp) -> Vec<(Worst, Alert)> {
    let connection = &view.connection;
    if connection.status != Status::Active {
        return Vec::new();
    }
    let (idp, page) = (present::idp(connection), format!("/admin/security/sso/{}", connection.id));
    [certificate_alert(view, now, &idp, &page), failing_alert(view, urls, &page), link_alert(view, &idp, &page)]
        .into_iter()
        .flatten()
        .collect()
}

fn certificate_alert(view: &ConnectionView, now: Timestamp, idp: &str, page: &str) -> Option<(Worst, Alert)> {
    let used = rollover::in_use(&view.certificates, now)?;
    let (end, is_replaced) = (used.not_after, rollover::has_replacement(&view.certificates, used, now));
    let action = Some(Action::new("Review certificates", format!("{page}#certificates")));
    match days_left(end, now) {
        ..0 if is_replaced => {
            let title = format!("The certificate that {idp} last signed with has expired");
            let text = format!(
                "It ended on {}. The replacement is already trusted here: ask your {idp} admin to make it active.",
                end.minute()
            );
            Some((Worst::Ending, Alert { tone: Tone::Warn, title, text, action }))
        }
        ..0 => {
            let title = format!("{idp}'s signing certificate has expired");
            let text = format!("It ended on {}. Add the new one, or refresh the metadata.", end.minute());
            Some((Worst::Expired, Alert { tone: Tone::Bad, title, text, action }))
        }
        left @ 0..=60 => {
            let title = format!("{idp}'s signing certificate expires in {}", count(left.unsigned_abs(), "day", "days"));
            let text = if is_replaced {
                format!(
                    "The replacement is already trusted here. Ask your {idp} admin to make it active before {}, and nobody will notice the switch.",
                    end.minute()
                )
            } else {
                format!("Ask for the next one and add it here before {}. Both may be trusted at once.", end.minute())
            };
            Some((Worst::Ending, Alert { tone: Tone::Warn, title, text, action }))
        }
        _ => None,
    }
}

fn failing_alert(view: &ConnectionView, urls: &Urls, page: &str) -> Option<(Worst, Alert)> {
    let (refused, since) = view.streak.filter(|(refused, _)| *refused >= FAILING)?;
    let last = view.last_refused.as_ref()?;
    let code = last.code.as_deref().unwrap_or_default();
    let words = present::words(&view.connection, urls, code, &Facts::of(last));
    let title = format!(
        "{} with {} refused since {}",
        count(u64::from(refused), "sign-in", "sign-ins"),
        view.connection.name,
        since.minute()
    );
    let path = format!("{page}/sign-ins/{}", last.reference.as_deref().unwrap_or_default());
    let text = format!("The last: {}. {}", words.what, words.fix);
    Some((Worst::Failing, Alert { tone: Tone::Bad, title, text, action: Some(Action::new("Read the trace", path)) }))
}

fn link_alert(view: &ConnectionView, idp: &str, page: &str) -> Option<(Worst, Alert)> {
    let problem = view.connection.metadata_problem.as_ref()?;
    let text = format!("{} Sign-in goes on with what was read before.", problem.text);
    let title = format!("{idp}'s metadata link could not be used");
    Some((Worst::Link, Alert { tone: Tone::Warn, title, text, action: Some(Action::new("Open the connection", page)) }))
}
