//! Directories on Security & Access: a row each, and what is wrong with them.

use crate::app::directories::DirectoryView;
use crate::app::directory_pages::Standing;
use crate::model::directory::DirectoryStatus;
use crate::model::directory::DirectoryToken;
use crate::model::time::Timestamp;
use crate::web::admin::directories::SAMPLE_ID;
use crate::web::admin::directories::present;
use crate::web::admin::directories::present::Head;
use crate::web::admin::directories::show;
use crate::web::view::Action;
use crate::web::view::Alert;
use crate::web::view::Chip;
use crate::web::view::Tile;
use crate::web::view::Tone;
use crate::web::view::count;

/// One directory on the card.
#[derive(Debug, Clone)]
pub struct DirectoryRow {
    pub name: String,
    pub tile: Tile,
    pub chip: Chip,
    /// `142 people, 6 groups`
    pub text: String,
    pub last_request: Option<Timestamp>,
    /// What needs a look.
    pub problems: Vec<String>,
    pub actions: Vec<Action>,
    /// How much it matters that someone looks at it.
    weight: u8,
}

/// The chip of the card: the state that matters most.
pub fn chip(rows: &[DirectoryRow]) -> Chip {
    let worst = rows.iter().max_by_key(|row| row.weight);
    worst.map_or(Chip::new(Tone::Neutral, "Not set up"), |row| row.chip.clone())
}

/// Of the tokens that the identity provider may still use, the one that ends last says when nothing works any more.
fn last_end(view: &DirectoryView) -> Option<Timestamp> {
    let ends: Option<Vec<Timestamp>> = view.tokens.iter().map(DirectoryToken::ends_at).collect();
    ends.unwrap_or_default().into_iter().max()
}

/// There is no token, or the last one ends within two weeks or has ended: a title and what to do.
pub fn token_words(view: &DirectoryView, now: Timestamp) -> Option<(String, String)> {
    if view.tokens.is_empty() && view.directory.is_enabled() {
        let idp = present::connector(&view.directory).idp();
        let text = format!("{idp} can send nothing until it has one. Make it, and put it in there.");
        return Some((format!("{} has no token", view.directory.name), text));
    }
    let end = last_end(view)?;
    let (name, idp) = (&view.directory.name, present::connector(&view.directory).idp());
    let text = format!("Make the next one, put it into {idp}, and both work for a day.");
    match present::days_until(end, now) {
        _ if end <= now => {
            let title = format!("{name}'s token has ended");
            Some((title, format!("It ended on {}. Whatever {idp} sends is refused. {text}", end.minute())))
        }
        left @ ..=14 => {
            let when = match left {
                0 => "today".to_owned(),
                left => format!("in {}", count(left.unsigned_abs(), "day", "days")),
            };
            Some((format!("{name}'s token ends {when}"), format!("It ends on {}. {text}", end.minute())))
        }
        _ => None,
    }
}

pub fn row(view: &DirectoryView, standing: &Standing, now: Timestamp) -> DirectoryRow {
    let (directory, path) = (&view.directory, present::path(view.directory.id.as_str()));
    let connector = present::connector(directory);
    let is_held = view.guard.held_at.is_some();
    let manage = Action::new("Manage", path.clone());
    let (chip, text, weight, actions) = match directory.status {
        DirectoryStatus::Pending if directory.last_request_at.is_none() => {
            let resume = Action::new("Resume", format!("{path}/setup/connect"));
            let text = format!("No request from {} yet", connector.idp());
            (present::chip(directory.status, false), text, 1, vec![resume])
        }
        DirectoryStatus::Pending => {
            let step = if directory.users > 0 { "sync" } else { "connect" };
            let resume = Action::new("Resume", format!("{path}/setup/{step}"));
            (Chip::new(Tone::Info, "Ready"), format!("{}, not turned on", present::synced(directory)), 2, vec![resume])
        }
        DirectoryStatus::Disabled => (
            present::chip(directory.status, false),
            format!("{}, turned off", present::synced(directory)),
            0,
            vec![manage],
        ),
        DirectoryStatus::Enabled if is_held => {
            let pass = Action::new("Let pass", format!("{path}/let-pass"));
            let off = Action::new("Turn off", format!("{path}/disable"));
            (present::chip(directory.status, true), present::synced(directory), 5, vec![pass, off, manage])
        }
        DirectoryStatus::Enabled => (Chip::new(Tone::Ok, "Syncing"), present::synced(directory), 3, vec![manage]),
    };
    let mut row = DirectoryRow {
        name: directory.name.clone(),
        tile: Tile::of_connection(Some(connector), &directory.name),
        chip,
        text,
        last_request: directory.last_request_at,
        problems: Vec::new(),
        actions,
        weight,
    };
    if directory.status != DirectoryStatus::Disabled {
        add_problems(&mut row, view, standing, now);
    }
    row
}

fn add_problems(row: &mut DirectoryRow, view: &DirectoryView, standing: &Standing, now: Timestamp) {
    if let Some(since) = view.guard.held_at {
        row.problems.push(format!("Held since {}: many people would lose access", since.minute()));
    }
    row.problems.extend(token_words(view, now).map(|(title, _)| title));
    if let Some((taken, seats)) = standing.full.filter(|_| view.directory.is_enabled()) {
        row.problems.push(format!("No seat left: {taken} of {seats} are taken"));
    }
    row.problems.extend(standing.problems.iter().map(|(code, n)| present::problems(code, *n)));
    if row.weight == 3 && !row.problems.is_empty() {
        (row.weight, row.chip) = (4, Chip::new(Tone::Warn, "Needs a look"));
    }
}

/// What stands at the top of the page, the worst first: whether it is as bad as nobody being able to sign in.
pub fn alerts(view: &DirectoryView, standing: &Standing, now: Timestamp) -> Vec<Alert> {
    let head = Head::of(view);
    if head.status == DirectoryStatus::Disabled {
        return Vec::new();
    }
    let mut alerts: Vec<Alert> = Vec::new();
    if let Some(since) = view.guard.held_at {
        let mut alert = show::held(&head.path(), since, view.lost);
        alert.title = format!("{} is held: many people would lose access", head.name);
        alert.action = Some(Action::new("Look at it", head.path()));
        alerts.push(alert);
    }
    if let Some((title, text)) = token_words(view, now) {
        let tone = if last_end(view).is_some_and(|end| end <= now) { Tone::Bad } else { Tone::Warn };
        let action = Some(Action::new("Make the next one", format!("{}/tokens/new", head.path())));
        alerts.push(Alert { tone, title, text, action });
    }
    if standing.full.is_some() {
        alerts.extend(show::standing_alerts(&head, &Standing { full: standing.full, ..Standing::default() }));
    }
    alerts
}

pub fn sample(chip: Chip, text: &str, problems: &[&str], actions: &[&str]) -> DirectoryRow {
    DirectoryRow {
        name: "Okta".to_owned(),
        tile: Tile { letter: "O".to_owned(), tint: "a".to_owned() },
        chip,
        text: text.to_owned(),
        last_request: Some(Timestamp::from_secs(1_795_338_000)),
        problems: problems.iter().map(|text| (*text).to_owned()).collect(),
        actions: actions.iter().map(|label| Action::new(label, present::path(SAMPLE_ID))).collect(),
        weight: 1,
    }
}
