//! The wizard's step that looks at who came first, each with what would become of them.

use actix_web::HttpRequest;
use actix_web::web::Data;
use actix_web::web::Path;
use askama::Template;

use crate::app::App;
use crate::app::directory_mappings::Meeting;
use crate::app::directory_pages::Arrived;
use crate::model::scim::SyncedGroup;
use crate::model::time::Timestamp;
use crate::web::admin::directories::connect::Waiting;
use crate::web::admin::directories::connect::waiting;
use crate::web::admin::directories::handle::load;
use crate::web::admin::directories::handle::wizard;
use crate::web::admin::directories::present;
use crate::web::admin::directories::setup::Step;
use crate::web::admin::directories::setup::Wizard;
use crate::web::error::PageError;
use crate::web::extract::Admin;
use crate::web::html::Html;
use crate::web::html::Page;
use crate::web::html::Place;
use crate::web::html::Shell;
use crate::web::html::add;
use crate::web::shell::shell;
use crate::web::view::Tone;
use crate::web::view::count;

#[derive(Debug, Clone)]
pub struct ArrivalRow {
    pub tone: Tone,
    pub who: String,
    pub text: String,
}

/// `GET …/setup/sync`
#[derive(Template)]
#[template(path = "admin/directories/arrivals.html")]
pub struct ArrivalsPage {
    pub shell: Shell,
    pub wizard: Wizard,
    pub waiting: Waiting,
    pub people: Vec<ArrivalRow>,
    pub groups: Vec<ArrivalRow>,
    pub all_people: u64,
    pub all_groups: u64,
}

impl ArrivalsPage {
    /// There may be more to come.
    fn poll(&self) -> bool {
        self.people.len() < 10
    }

    fn people_count(&self) -> String {
        count(self.all_people, "person", "people")
    }

    fn groups_count(&self) -> String {
        count(self.all_groups, "group", "groups")
    }
}

fn group_row(group: &SyncedGroup) -> ArrivalRow {
    let text = match group.people {
        0 => "Nobody is in it yet.".to_owned(),
        n => format!("{}.", count(n.into(), "person", "people")),
    };
    ArrivalRow { tone: Tone::Ok, who: group.name.clone(), text }
}

fn person_row(arrived: &Arrived, idp: &str) -> ArrivalRow {
    let user = &arrived.user;
    let (tone, text) = match (&user.problem, arrived.meeting) {
        (Some(code), _) => (Tone::Warn, present::problem(code, idp)),
        (None, Some(Meeting::Made | Meeting::Joined | Meeting::Revived)) if !user.is_active => {
            (Tone::Neutral, format!("Is inactive in {idp}, and gets no access."))
        }
        (None, Some(meeting)) => present::meeting(meeting, idp),
        (None, None) if !user.is_active => (Tone::Neutral, format!("Is inactive in {idp}, and has no access.")),
        (None, None) => (Tone::Ok, "Is a member.".to_owned()),
    };
    ArrivalRow { tone, who: user.email.clone().unwrap_or_else(|| user.user_name.clone()), text }
}

impl Page for ArrivalsPage {
    fn samples() -> Vec<Self> {
        let okta = present::sample_connector("okta-scim");
        let at = Timestamp::from_secs(1_795_338_002);
        let row = |tone, who: &str, text: String| ArrivalRow { tone, who: who.to_owned(), text };
        let said = |who: &str, meeting| {
            let (tone, text) = present::meeting(meeting, "Okta");
            row(tone, who, text)
        };
        let page = |people: Vec<ArrivalRow>, groups: Vec<ArrivalRow>, waiting| Self {
            shell: Shell::sample(Place::Security),
            wizard: Wizard::sample("okta-scim", Step::Sync),
            waiting,
            all_people: people.len() as u64,
            all_groups: groups.len() as u64,
            people,
            groups,
        };
        let group = |name: &str, people| group_row(&SyncedGroup { name: name.to_owned(), mapped_name: None, people });
        let people = vec![
            said("grace@acme.example", Meeting::Made),
            said("alan@acme.example", Meeting::Joined),
            said("mia@acme.example", Meeting::Reactivated),
            said("ada@acme.example", Meeting::Apart),
            said("jonas.weber", Meeting::NoAddress),
            row(Tone::Neutral, "lea@acme.example", "Is inactive in Okta, and gets no access.".to_owned()),
        ];
        let groups = vec![group("Doorward Admins", 2), group("Doorward Members", 140), group("Interns", 0)];
        let mut many =
            page(people.iter().cycle().take(10).cloned().collect(), groups.clone(), waiting(okta, Some(at), 142, 3));
        many.all_people = 142;
        vec![
            page(Vec::new(), Vec::new(), waiting(okta, None, 0, 0)),
            page(Vec::new(), Vec::new(), waiting(okta, Some(at), 0, 0)),
            page(people, groups, waiting(okta, Some(at), 5, 3)),
            many,
        ]
    }
}

pub fn samples(all: &mut Vec<(&'static str, String)>) {
    add::<ArrivalsPage>(all, "admin/directories/arrivals");
}

/// `GET …/setup/sync`
pub async fn show(
    request: HttpRequest,
    app: Data<App>,
    admin: Admin,
    id: Path<String>,
) -> Result<Html<ArrivalsPage>, PageError> {
    let view = load(&app, &admin.ctx, &id).await?;
    let directory = &view.directory;
    let connector = present::connector(directory);
    let arrivals = app.list_arrivals(&admin.ctx, directory.id.clone()).await?;
    let last = arrivals.last.map(|request| request.at);
    Ok(Html(ArrivalsPage {
        shell: shell(&request, Place::Security).await,
        wizard: wizard(&app, &admin.ctx, &view, Step::Sync).await?,
        waiting: waiting(connector, last, directory.users, directory.groups),
        people: arrivals.users.iter().map(|one| person_row(one, connector.idp())).collect(),
        groups: arrivals.groups.iter().map(group_row).collect(),
        all_people: directory.users.into(),
        all_groups: directory.groups.into(),
    }))
}
