//! The directory of the demo identity provider: its people and groups, and what it pushes when one of them changes. A change
//! counts here once the application took all of it; what was sent before a refusal is found again the next time, by name.

use tokio::sync::Mutex;
use tokio::sync::MutexGuard;

use crate::demo::okta::Exchange;
use crate::demo::okta::Okta;
use crate::demo::okta::PushError;
use crate::demo::people::ENGINEERING;
use crate::demo::people::FINANCE;
use crate::demo::people::LEADS;
use crate::demo::people::Person;
use crate::model::id::DirectoryId;
use crate::model::time::Timestamp;

/// So many people there may be.
const MOST: usize = 60;

/// What an admin of the provider does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Everybody and every group once more.
    Everybody,
    Joiner,
    /// These name a person by their id.
    Mover(String),
    Leaver(String),
    Rename(String),
    /// A group by its key.
    RenameGroup(String),
}

impl Change {
    /// As the address of a form says it; `who` is the field beside.
    pub fn parse(name: &str, who: &str) -> Option<Self> {
        let who = who.to_owned();
        Some(match name {
            "everybody" => Self::Everybody,
            "joiner" => Self::Joiner,
            "mover" => Self::Mover(who),
            "leaver" => Self::Leaver(who),
            "rename" => Self::Rename(who),
            "rename-group" => Self::RenameGroup(who),
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Stays when it is renamed.
    pub key: &'static str,
    pub name: String,
}

impl Group {
    fn new(key: &'static str) -> Self {
        Self { key, name: key.to_owned() }
    }

    pub fn renamed(&self) -> String {
        if self.name == self.key { format!("{} EU", self.key) } else { self.key.to_owned() }
    }
}

/// What the last push came to.
#[derive(Debug, Clone)]
pub struct Report {
    pub at: Timestamp,
    /// What was done, and what to look at next.
    pub done: Result<(String, String), PushError>,
    pub sent: Vec<Exchange>,
}

#[derive(Debug, Clone)]
struct Population {
    people: Vec<Person>,
    groups: Vec<Group>,
    joined: usize,
}

struct State {
    population: Population,
    okta: Option<Okta>,
    report: Option<Report>,
}

/// A copy for a page.
#[derive(Debug, Clone)]
pub struct Look {
    pub people: Vec<Person>,
    pub groups: Vec<Group>,
    /// Who joins next.
    pub joiner: Person,
    pub application: Option<DirectoryId>,
    pub report: Option<Report>,
}

/// One push at a time; who looks meanwhile waits for its end.
pub struct Directory(Mutex<State>);

impl Default for Directory {
    fn default() -> Self {
        let population = Population {
            people: vec![Person::ada(), Person::grace(), Person::alan(), Person::edsger()],
            groups: [ENGINEERING, FINANCE, LEADS].map(Group::new).to_vec(),
            joined: 0,
        };
        Self(Mutex::new(State { population, okta: None, report: None }))
    }
}

impl Directory {
    async fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().await
    }

    pub async fn look(&self) -> Look {
        let state = self.state().await;
        let Population { people, groups, joined } = state.population.clone();
        let application = state.okta.as_ref().map(|okta| okta.directory.clone());
        Look { people, groups, joiner: Person::joiner(joined), application, report: state.report.clone() }
    }

    pub async fn people(&self) -> Vec<Person> {
        self.state().await.population.people.clone()
    }

    /// Pushes there from now on, once it took a first request.
    pub async fn connect(&self, mut okta: Okta, now: Timestamp) -> Result<(), PushError> {
        let mut state = self.state().await;
        okta.test().await?;
        let done = ("Doorward took the token".to_owned(), "Push everybody to fill the directory.".to_owned());
        state.report = Some(Report { at: now, done: Ok(done), sent: std::mem::take(&mut okta.sent) });
        state.okta = Some(okta);
        Ok(())
    }

    /// Makes the change and tells the application. Says who cannot sign in here any more.
    pub async fn push(&self, change: &Change, now: Timestamp) -> Result<Option<Person>, PushError> {
        let mut state = self.state().await;
        let State { population, okta, report } = &mut *state;
        let mut next = population.clone();
        let (done, sent) = match okta {
            Some(okta) => {
                okta.sent.clear();
                let done = next.make(change, okta).await;
                (done, std::mem::take(&mut okta.sent))
            }
            None => (Err(PushError::Nowhere), Vec::new()),
        };
        if done.is_ok() {
            *population = next;
        }
        *report = Some(Report { at: now, done: done.clone(), sent });
        done?;
        let gone = match change {
            Change::Leaver(id) => population.people.iter().find(|person| person.id == *id).cloned(),
            _ => None,
        };
        Ok(gone)
    }
}

impl Population {
    async fn make(&mut self, change: &Change, okta: &mut Okta) -> Result<(String, String), PushError> {
        match change {
            Change::Everybody => self.everybody(okta).await,
            Change::Joiner => self.join(okta).await,
            Change::Mover(id) => self.move_over(id, okta).await,
            Change::Leaver(id) => self.leave(id, okta).await,
            Change::Rename(id) => self.rename(id, okta).await,
            Change::RenameGroup(key) => self.rename_group(key, okta).await,
        }
    }

    fn active(&mut self, id: &str) -> Result<&mut Person, PushError> {
        self.people.iter_mut().find(|person| person.id == id && person.is_active).ok_or(PushError::Unknown)
    }

    fn name_of(&self, key: &str) -> String {
        self.groups.iter().find(|group| group.key == key).map_or_else(|| key.to_owned(), |group| group.name.clone())
    }

    async fn everybody(&self, okta: &mut Okta) -> Result<(String, String), PushError> {
        let mut users = Vec::new();
        for person in self.people.iter().filter(|person| person.is_active) {
            users.push((okta.bring(person, person).await?, person));
        }
        for group in &self.groups {
            let id = okta.group(group.key, &group.name).await?;
            okta.name_group(&id, &group.name).await?;
            let members = users.iter().filter(|(_, person)| person.groups.contains(&group.name));
            okta.set_members(&id, &members.cloned().collect::<Vec<_>>()).await?;
        }
        let title = format!("Pushed {} people and {} groups", users.len(), self.groups.len());
        Ok((title, "The directory in Doorward shows all of them.".to_owned()))
    }

    async fn join(&mut self, okta: &mut Okta) -> Result<(String, String), PushError> {
        if self.people.len() >= MOST {
            return Err(PushError::Full(MOST));
        }
        let mut person = Person::joiner(self.joined);
        person.groups = vec![self.name_of(&person.department)];
        let user = okta.bring(&person, &person).await?;
        self.add(okta, &person.department, &user, &person).await?;
        let name = person.name();
        let title = format!("{name} joined {}", person.groups.join(", "));
        self.joined += 1;
        self.people.push(person);
        Ok((title, format!("Sign in to Doorward by SSO as {name}, or look at the new member in the console.")))
    }

    async fn move_over(&mut self, id: &str, okta: &mut Okta) -> Result<(String, String), PushError> {
        let before = self.active(id)?.clone();
        let mut after = before.moved();
        after.groups = vec![self.name_of(&after.department)];
        let user = okta.bring(&before, &after).await?;
        for group in self.groups.iter().filter(|group| before.groups.contains(&group.name)) {
            let id = okta.group(group.key, &group.name).await?;
            okta.name_group(&id, &group.name).await?;
            okta.remove_member(&id, &user, &after).await?;
        }
        self.add(okta, &after.department, &user, &after).await?;
        let title = format!("{} moved from {} to {}", after.name(), before.groups.join(", "), after.groups.join(", "));
        *self.active(id)? = after;
        Ok((
            title,
            "What the old groups gave is gone and what the new one gives is there: look at the member.".to_owned(),
        ))
    }

    async fn add(&self, okta: &mut Okta, key: &str, user: &str, person: &Person) -> Result<(), PushError> {
        let name = self.name_of(key);
        let id = okta.group(key, &name).await?;
        okta.name_group(&id, &name).await?;
        okta.add_member(&id, user, person).await
    }

    async fn leave(&mut self, id: &str, okta: &mut Okta) -> Result<(String, String), PushError> {
        let person = self.active(id)?;
        // Whom the application does not know has nothing to lose there.
        if let Some(user) = okta.user(person).await? {
            okta.deactivate(&user).await?;
        }
        person.is_active = false;
        let name = person.name();
        Ok((
            format!("{name} left"),
            format!(
                "Every session of theirs has ended. Try to sign in as {name}: the provider still vouches, Doorward refuses."
            ),
        ))
    }

    async fn rename(&mut self, id: &str, okta: &mut Okta) -> Result<(String, String), PushError> {
        let person = self.active(id)?;
        let after = person.renamed();
        okta.bring(person, &after).await?;
        let title = format!("{} is called {} now, {}", person.name(), after.name(), after.email);
        *person = after;
        Ok((title, "It is the same member under a new name and address; whoever is signed in stays so.".to_owned()))
    }

    async fn rename_group(&mut self, key: &str, okta: &mut Okta) -> Result<(String, String), PushError> {
        let group = self.groups.iter_mut().find(|group| group.key == key).ok_or(PushError::Unknown)?;
        let (old, new) = (group.name.clone(), group.renamed());
        let id = okta.group(group.key, &old).await?;
        okta.name_group(&id, &new).await?;
        group.name.clone_from(&new);
        for name in self.people.iter_mut().flat_map(|person| &mut person.groups).filter(|name| **name == old) {
            name.clone_from(&new);
        }
        let next = "What a mapping gives by the old name stays, and the audit log says so; the tags carry the new one.";
        Ok((format!("The group {old} is called {new} now"), next.to_owned()))
    }
}
