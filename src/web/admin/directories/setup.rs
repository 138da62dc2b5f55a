//! The wizard of a directory: its steps, and what each page of it shows. What comes is kept from the first moment; nothing acts on
//! members before the last step.

use crate::app::directories::DirectoryView;
use crate::model::directory::DirectoryStatus;
use crate::model::provider::Connector;
use crate::web::admin::connections::setup::StepView;
use crate::web::admin::directories::SAMPLE_ID;
use crate::web::admin::directories::present;
use crate::web::view::Tile;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Provider,
    Connect,
    Sync,
    Groups,
    On,
}

impl Step {
    pub const ALL: [Self; 5] = [Self::Provider, Self::Connect, Self::Sync, Self::Groups, Self::On];

    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// Last part of its path: `…/setup/connect`.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Connect => "connect",
            Self::Sync => "sync",
            Self::Groups => "groups",
            Self::On => "on",
        }
    }

    fn title(self, idp: &str) -> String {
        match self {
            Self::Provider => "Choose a provider".to_owned(),
            Self::Connect => format!("Connect {idp}"),
            Self::Sync => "First sync".to_owned(),
            Self::Groups => "Map groups".to_owned(),
            Self::On => "Turn it on".to_owned(),
        }
    }
}

fn view(step: Step, idp: &str, current: Step) -> StepView {
    StepView {
        number: step.number(),
        title: step.title(idp),
        hint: String::new(),
        path: String::new(),
        is_done: false,
        is_current: step == current,
    }
}

/// The steps before a provider is chosen.
pub fn first_steps() -> Vec<StepView> {
    Step::ALL.into_iter().map(|step| view(step, "it", Step::Provider)).collect()
}

/// What every step shows of the directory that it sets up.
#[derive(Debug, Clone)]
pub struct Wizard {
    pub id: String,
    pub name: String,
    pub connector: &'static Connector,
    pub step: Step,
    /// Steps whose answers are there.
    pub done: Vec<Step>,
    pub is_enabled: bool,
    /// Hidden in each form; another one means that someone saved in between.
    pub version: String,
}

impl Wizard {
    pub fn of(view: &DirectoryView, step: Step, has_mappings: bool) -> Self {
        let directory = &view.directory;
        let is_enabled = directory.status == DirectoryStatus::Enabled;
        let done = [
            (Step::Connect, directory.last_request_at.is_some()),
            (Step::Sync, directory.users > 0),
            (Step::Groups, has_mappings),
            (Step::On, is_enabled),
        ];
        Self {
            id: directory.id.to_string(),
            name: directory.name.clone(),
            connector: present::connector(directory),
            step,
            done: done.into_iter().filter(|(_, is)| *is).map(|(step, _)| step).collect(),
            is_enabled,
            version: directory.version.to_string(),
        }
    }

    pub fn idp(&self) -> &'static str {
        self.connector.idp()
    }

    pub fn tile(&self) -> Tile {
        Tile::of_connection(Some(self.connector), &self.name)
    }

    pub fn title(&self) -> String {
        self.step.title(self.idp())
    }

    pub fn directory(&self) -> String {
        present::path(&self.id)
    }

    pub fn path(&self, step: Step) -> String {
        format!("{}/setup/{}", self.directory(), step.slug())
    }

    /// This step's own path.
    pub fn here(&self) -> String {
        self.path(self.step)
    }

    pub fn back(&self) -> Option<String> {
        let at = Step::ALL.iter().position(|step| *step == self.step)?;
        let before = Step::ALL.get(at.checked_sub(1)?).copied()?;
        Some(before).filter(|step| *step != Step::Provider).map(|step| self.path(step))
    }

    pub fn next(&self) -> Option<String> {
        let at = Step::ALL.iter().position(|step| *step == self.step)?;
        Step::ALL.get(at + 1).map(|step| self.path(*step))
    }

    pub fn steps(&self) -> Vec<StepView> {
        let line = |step: Step| {
            let mut line = view(step, self.idp(), self.step);
            line.is_done = step == Step::Provider || self.done.contains(&step);
            match step {
                Step::Provider => line.hint = format!("{}, SCIM 2.0", self.connector.vendor().name),
                _ => line.path = self.path(step),
            }
            line
        };
        Step::ALL.into_iter().map(line).collect()
    }

    pub fn sample(connector: &str, step: Step) -> Self {
        let connector = present::sample_connector(connector);
        Self {
            id: SAMPLE_ID.to_owned(),
            name: connector.vendor().name.clone(),
            connector,
            step,
            done: Step::ALL.into_iter().filter(|other| *other < step).collect(),
            is_enabled: false,
            version: "4".to_owned(),
        }
    }
}
