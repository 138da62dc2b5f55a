//! What a change leaves to be done in steps: the change itself is one short write, and what follows for a whole company lets
//! sign-ins pass in between.

use crate::model::id::{ConnectionId, DirectoryId, OrganizationId, TeamId};
use crate::model::time::Timestamp;

/// What a run is about; there is one of each at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Everybody is brought up to date with the role mappings of a connection.
    Mappings(ConnectionId),
    /// What hung on a connection that was deleted goes.
    Connection(ConnectionId),
    /// Everybody of a directory is brought up to date with what it sent.
    Directory(DirectoryId),
    /// What a directory that was deleted gave is taken back, and what hung on it goes.
    DeletedDirectory(DirectoryId),
    /// Whoever held an access role that was deleted holds it no more.
    Role(String),
    /// Whoever was in a team that was deleted is in it no more.
    Team(TeamId),
}

impl Subject {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Mappings(_) => "mappings",
            Self::Connection(_) => "connection",
            Self::Directory(_) => "directory",
            Self::DeletedDirectory(_) => "deleted_directory",
            Self::Role(_) => "role",
            Self::Team(_) => "team",
        }
    }

    /// An id or a slug.
    pub fn name(&self) -> &str {
        match self {
            Self::Mappings(id) | Self::Connection(id) => id.as_str(),
            Self::Directory(id) | Self::DeletedDirectory(id) => id.as_str(),
            Self::Role(slug) => slug,
            Self::Team(id) => id.as_str(),
        }
    }

    pub fn parse(kind: &str, name: &str) -> Option<Self> {
        match kind {
            "mappings" => name.parse().ok().map(Self::Mappings),
            "connection" => name.parse().ok().map(Self::Connection),
            "directory" => name.parse().ok().map(Self::Directory),
            "deleted_directory" => name.parse().ok().map(Self::DeletedDirectory),
            "role" => Some(Self::Role(name.to_owned())),
            "team" => name.parse().ok().map(Self::Team),
            _ => None,
        }
    }

    /// In their order.
    fn stages(&self) -> &'static [Stage] {
        match self {
            Self::Mappings(_) => &[Stage::Admins, Stage::Everybody],
            Self::Connection(_) => &[Stage::Sessions, Stage::Everybody, Stage::Rows],
            Self::Directory(_) => &[Stage::Everybody],
            Self::DeletedDirectory(_) => &[Stage::Everybody, Stage::Rows],
            Self::Role(_) | Self::Team(_) => &[Stage::Rows],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Whoever becomes an owner or admin does so before anybody ceases to be one.
    Admins,
    Everybody,
    Sessions,
    /// Rows that nothing reads any more.
    Rows,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admins => "admins",
            Self::Everybody => "everybody",
            Self::Sessions => "sessions",
            Self::Rows => "rows",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admins, Self::Everybody, Self::Sessions, Self::Rows].into_iter().find(|stage| stage.as_str() == text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub subject: Subject,
    pub organization: OrganizationId,
    /// Another change of the same mappings has another number.
    pub number: i64,
    pub stage: Stage,
    /// How far it has come within the stage: the id that was done last. Ids sort as they are gone through.
    pub place: String,
    /// Where the last change found it among everybody. From there it goes to the end and, once round, back to there: whom it
    /// has not reached yet need not wait for the last of many changes. Empty: from the start to the end.
    pub round_from: String,
    /// It has passed the end.
    pub is_round: bool,
    /// Members changed so far.
    pub changed: u32,
    pub stepped_at: Timestamp,
}

impl Run {
    pub fn new(organization: &OrganizationId, subject: Subject, number: i64, now: Timestamp) -> Self {
        let (stage, organization) = (subject.stages()[0], organization.clone());
        let (place, round_from) = (String::new(), String::new());
        Self { subject, organization, number, stage, place, round_from, is_round: false, changed: 0, stepped_at: now }
    }

    /// Another change came: everybody is due again. It begins with its first stage, and with whom it would have come to.
    pub fn begun_anew(self, number: i64, now: Timestamp) -> Self {
        let round_from = if self.stage == Stage::Everybody { self.place } else { self.round_from };
        let run = Self { round_from, number, changed: 0, stepped_at: now, place: String::new(), ..self };
        let first = run.subject.stages()[0];
        run.at(first)
    }

    fn at(self, stage: Stage) -> Self {
        let place = if stage == Stage::Everybody { self.round_from.clone() } else { String::new() };
        Self { stage, place, is_round: false, ..self }
    }

    /// Whether nobody at this place or behind it is due any more.
    pub fn has_passed(&self, place: &str) -> bool {
        self.is_round && place >= self.round_from.as_str()
    }

    /// After a step that came so far, or to the end of the stage; none when all is done.
    pub fn stepped(self, place: Option<String>) -> Option<Self> {
        match place {
            Some(place) if !self.has_passed(&place) => Some(Self { place, ..self }),
            None if self.stage == Stage::Everybody && !self.is_round && !self.round_from.is_empty() => {
                Some(Self { place: String::new(), is_round: true, ..self })
            }
            _ => self.at_next_stage(),
        }
    }

    /// The same at its next stage; none when all is done.
    fn at_next_stage(self) -> Option<Self> {
        let stages = self.subject.stages();
        let at = stages.iter().position(|stage| *stage == self.stage)?;
        let next = *stages.get(at + 1)?;
        Some(self.at(next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_through_the_stages_of_its_subject_and_ends() {
        let run = Run::new(
            &OrganizationId::new(),
            Subject::Mappings(ConnectionId::new()),
            3,
            Timestamp::from_millis(1_795_327_200_123),
        );
        assert_eq!(run.stage, Stage::Admins);
        let next = Run { place: "mem_1".to_owned(), changed: 7, ..run }.stepped(None).unwrap();
        assert_eq!((next.stage, next.place.as_str(), next.changed, next.number), (Stage::Everybody, "", 7, 3));
        assert_eq!(next.stepped(None), None);
    }

    const PEOPLE: usize = 10;

    /// Goes one step of three people on, and says whom it met.
    fn step(run: Run) -> (Vec<usize>, Option<Run>) {
        let name = |n: usize| format!("{n:02}");
        let met: Vec<usize> = match run.stage {
            Stage::Everybody => (0..PEOPLE).filter(|n| name(*n) > run.place).take(3).collect(),
            _ => Vec::new(),
        };
        let reached = met.last().filter(|_| met.len() == 3).map(|last| name(*last));
        (met, run.stepped(reached))
    }

    #[test]
    fn a_change_at_each_step_keeps_nobody_from_being_reached() {
        let now = Timestamp::from_millis(1_795_327_200_123);
        for subject in [Subject::Directory(DirectoryId::new()), Subject::Mappings(ConnectionId::new())] {
            let mut run = Run::new(&OrganizationId::new(), subject, 1, now);
            let mut reached = vec![0; PEOPLE];
            for number in 2..=40 {
                // A change begins with the admins again where there are such a stage.
                while run.stage != Stage::Everybody {
                    run = step(run).1.unwrap();
                }
                let (met, next) = step(run);
                met.into_iter().for_each(|n| reached[n] += 1);
                run = next.unwrap().begun_anew(number, now);
            }
            assert!(reached.iter().all(|times| *times >= 9), "{reached:?}");
        }
    }

    #[test]
    fn whoever_is_due_is_met_after_the_last_change_and_then_it_ends() {
        let now = Timestamp::from_millis(1_795_327_200_123);
        // Changes come before these steps.
        for changes in [vec![], vec![1], vec![2, 3], vec![4], vec![5, 6, 7], vec![1, 9], (0..30).collect()] {
            let mut run = Some(Run::new(&OrganizationId::new(), Subject::Directory(DirectoryId::new()), 1, now));
            let (mut at, mut last, mut met_at) = (0, 0, vec![0; PEOPLE]);
            while let Some(current) = run {
                at += 1;
                let current = match changes.contains(&(at - 1)) {
                    true => current.begun_anew(at, now),
                    false => current,
                };
                last = if changes.contains(&(at - 1)) { at } else { last };
                let (met, next) = step(current);
                met.into_iter().for_each(|n| met_at[n] = at);
                run = next;
                assert!(at < 60, "{changes:?} never ends");
            }
            assert!(met_at.iter().all(|met| *met >= last), "{changes:?}: {met_at:?}, the last change before {last}");
            // Once round, and one step for each end of it.
            assert!(at - last <= 6, "{changes:?}: {at} {last}");
        }
    }

    #[test]
    fn subjects_and_stages_read_back() {
        let id = ConnectionId::new();
        for subject in [
            Subject::Mappings(id.clone()),
            Subject::Connection(id),
            Subject::Directory(DirectoryId::new()),
            Subject::DeletedDirectory(DirectoryId::new()),
            Subject::Role("viewer".to_owned()),
            Subject::Team(TeamId::new()),
        ] {
            assert_eq!(Subject::parse(subject.kind(), subject.name()).as_ref(), Some(&subject));
            for stage in subject.stages() {
                assert_eq!(Stage::parse(stage.as_str()), Some(*stage));
            }
        }
        assert_eq!(Subject::parse("mappings", "viewer"), None);
    }
}
