//! What a change leaves to be done in steps: the change itself is one short write, and what follows for a whole company lets
//! sign-ins pass in between.

use crate::model::id::{ConnectionId, DirectoryId, OrganizationId, TeamId};
use crate::model::time::Timestamp;

/// What a run is about; there is one of each at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Another change of the same subject has another number, and starts over.
    pub number: i64,
    pub stage: Stage,
    /// How far it has come within the stage: the id that was done last.
    pub place: String,
    /// Members changed so far.
    pub changed: u32,
    pub stepped_at: Timestamp,
}

impl Run {
    pub fn new(organization: &OrganizationId, subject: Subject, number: i64, now: Timestamp) -> Self {
        let (stage, organization) = (subject.stages()[0], organization.clone());
        Self { subject, organization, number, stage, place: String::new(), changed: 0, stepped_at: now }
    }

    /// The same at its next stage; none when all is done.
    pub fn at_next_stage(self) -> Option<Self> {
        let stages = self.subject.stages();
        let at = stages.iter().position(|stage| *stage == self.stage)?;
        Some(Self { stage: *stages.get(at + 1)?, place: String::new(), ..self })
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
        let next = Run { place: "mem_1".to_owned(), changed: 7, ..run }.at_next_stage().unwrap();
        assert_eq!((next.stage, next.place.as_str(), next.changed, next.number), (Stage::Everybody, "", 7, 3));
        assert_eq!(next.at_next_stage(), None);
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
