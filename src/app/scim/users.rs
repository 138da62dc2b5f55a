//! `/Users`.

use std::sync::Arc;

use super::places::LARGE;
use super::{Body, Note, ScimCaller, Shown, not_found, require_open, scim, understand};
use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::provision::directory::{Met, remove, take};
use crate::model::directory::Directory;
use crate::model::email::Email;
use crate::model::id::{GroupId, ScimUserId};
use crate::model::scim::{ScimUser, UserDocument};
use crate::model::time::Timestamp;
use crate::scim::list::ListRequest;
use crate::scim::patch::Patch;
use crate::scim::profile::Profile;
use crate::scim::project::Projection;
use crate::scim::resource::{Meta, Versions};
use crate::scim::schema::fold;
use crate::scim::user::{self, Document, GroupRow};
use crate::scim::{ErrorKind, Kind, Quirks, Schemas};
use crate::store::{ReadTx, WriteTx, scim_users};

/// An edit is worked out anew so many times where others change the user meanwhile.
const TRIES: usize = 5;

/// What is stored beside a document so that it can be found and acted on.
struct Facts {
    profile: Profile,
    text: String,
    emails: Vec<String>,
}

impl Facts {
    fn of(document: &Document, quirks: &mut Quirks) -> Result<Self> {
        let profile = document.profile(quirks);
        Ok(Self { text: document.text()?, emails: emails_of(&profile), profile })
    }

    /// As the log calls whom it is about.
    fn called(&self) -> &str {
        self.profile.email.as_deref().unwrap_or(&self.profile.user_name)
    }

    /// Into the row; `is_active` stays where nothing is said.
    fn fill(&self, user: &mut ScimUser) {
        user.external_id.clone_from(&self.profile.external_id);
        user.user_name = fold(&self.profile.user_name);
        user.email = self.profile.email.as_deref().and_then(Email::parse).map(|email| email.as_str().to_owned());
        user.document.clone_from(&self.text);
        user.is_active = self.profile.active.unwrap_or(user.is_active);
    }
}

/// By which a user is found. Of a user who goes they are taken away by the document: whoever changes this makes the rows of
/// scim_emails anew.
fn emails_of(profile: &Profile) -> Vec<String> {
    let mut emails: Vec<String> = profile.emails.iter().map(|email| fold(email)).collect();
    emails.sort();
    emails.dedup();
    emails
}

/// Of a document as it is kept.
fn kept_emails(document: &Document) -> Vec<String> {
    emails_of(&document.profile(&mut Quirks::new()))
}

fn taken(profile: &Profile) -> Error {
    scim(ErrorKind::Uniqueness, format!("There is a user with the userName {} in this directory.", profile.user_name))
}

/// The id as it stands in a path. What cannot be one is not looked for.
fn parse_id(text: &str) -> Result<ScimUserId> {
    text.parse().map_err(|_| not_found())
}

pub(super) fn find(tx: &ReadTx<'_>, directory: &Directory, id: &ScimUserId) -> Result<ScimUser> {
    scim_users::find(tx, directory, id)?.ok_or_else(not_found)
}

/// What a user is written out of.
pub(super) struct Written<'a> {
    document: &'a str,
    meta: Meta<'a>,
}

impl<'a> Written<'a> {
    pub(super) fn new(caller: &'a ScimCaller, user: UserDocument<&'a str>) -> Self {
        let meta = Meta {
            base: &caller.base,
            id: user.id,
            created: user.created_at,
            last_modified: user.modified_at,
            version: user.version,
        };
        Self { document: user.text, meta }
    }

    pub(super) fn write_whole(&self, out: &mut String, groups: Option<&[(i64, GroupId, String)]>) {
        let rows = groups.map(|groups| groups.iter().map(|(_, id, name)| GroupRow { id: id.as_str(), display: name }));
        user::write(out, self.document, &self.meta, rows);
    }

    /// `groups` are those of the user, or none where they are left out.
    pub(super) fn write(
        &self,
        out: &mut String,
        schemas: &Schemas,
        groups: Option<&[(i64, GroupId, String)]>,
        projection: &Projection,
    ) -> Result<()> {
        if projection.is_default() || projection.is_splice() {
            self.write_whole(out, groups);
            return Ok(());
        }
        let mut whole = String::new();
        self.write_whole(&mut whole, groups);
        let whole = serde_json::from_str(&whole).map_err(Error::internal)?;
        out.push_str(&projection.apply(whole, &schemas.user).to_string());
        Ok(())
    }

    fn shown(
        &self,
        schemas: &Schemas,
        groups: Option<&[(i64, GroupId, String)]>,
        projection: &Projection,
    ) -> Result<Shown> {
        let mut text = String::new();
        self.write(&mut text, schemas, groups, projection)?;
        Ok(Shown { text, location: self.meta.location(Kind::User), version: self.meta.version })
    }
}

/// With its groups, as far as they are asked for.
fn show(
    tx: &ReadTx<'_>,
    caller: &ScimCaller,
    schemas: &Schemas,
    user: &ScimUser,
    projection: &Projection,
) -> Result<Shown> {
    let groups = groups_of(tx, user.number, projection)?;
    Written::new(caller, user.written()).shown(schemas, groups.as_deref(), projection)
}

/// None where they are left out.
fn groups_of(tx: &ReadTx<'_>, number: i64, projection: &Projection) -> Result<Option<Vec<(i64, GroupId, String)>>> {
    Ok(match projection.excludes_groups() {
        true => None,
        false => Some(scim_users::list_groups(tx, &[number])?),
    })
}

/// An edit of a document: what came, read before the transaction.
enum Edit {
    Replace(Body),
    /// With the length of the body.
    Patch(Patch, usize),
}

impl Edit {
    fn is_large(&self) -> bool {
        match self {
            Self::Replace(body) => body.len() > LARGE,
            Self::Patch(_, length) => *length > LARGE,
        }
    }

    fn apply(&self, document: &Document, schemas: &Schemas, quirks: &mut Quirks) -> Result<user::Edited> {
        Ok(match self {
            Self::Replace(body) => document.replace(body, schemas, quirks)?,
            Self::Patch(patch, _) => document.patch(patch, schemas, quirks)?,
        })
    }
}

/// Whom the log names.
fn name(note: &mut Note, user: &ScimUser) {
    note.resource = Some(user.id.to_string());
    note.who = Some(user.email.clone().unwrap_or_else(|| user.user_name.clone()));
}

impl App {
    pub fn scim_user(&self, caller: &ScimCaller, id: &str, request: &ListRequest, note: &mut Note) -> Result<Shown> {
        let (id, schemas) = (parse_id(id)?, &caller.schemas);
        let projection = request.projection(&schemas.user);
        let read = |tx: &ReadTx<'_>| {
            let directory = require_open(tx, caller)?;
            let (user, who) = scim_users::find_shown(tx, &directory, &id)?.ok_or_else(not_found)?;
            let groups = groups_of(tx, user.number, &projection)?;
            Ok::<_, Error>((Written::new(caller, user.borrowed()).shown(schemas, groups.as_deref(), &projection)?, who))
        };
        let (shown, who) = self.store.read_here(read)?;
        (note.resource, note.who) = (Some(id.to_string()), Some(who));
        Ok(shown)
    }

    pub async fn create_scim_user(
        &self,
        caller: &ScimCaller,
        body: &Body,
        request: &ListRequest,
        note: &mut Note,
    ) -> Result<Shown> {
        let schemas = Arc::clone(&caller.schemas);
        let read = |body: &[u8], schemas: &Schemas, quirks: &mut Quirks| {
            Facts::of(&Document::create(body, schemas, quirks)?, quirks)
        };
        let facts = understand(caller, body, &mut note.quirks, read).await?;
        note.who = Some(facts.called().to_owned());
        let (owned, now, projection) = (caller.clone(), caller.ctx.now, request.projection(&schemas.user));
        let work = move |tx: &WriteTx<'_>, directory: &Directory| {
            let mut user = blank(now);
            facts.fill(&mut user);
            if scim_users::is_taken(tx, directory, &user.user_name, None)? {
                return Err(taken(&facts.profile));
            }
            // Who they are comes first, so that they are written once.
            let met = match directory.is_enabled() {
                true => Some(Met::first(tx, &owned.ctx, directory, &mut user, &facts.profile)?),
                false => None,
            };
            scim_users::insert(tx, directory, &mut user, &facts.emails)?;
            let words = match met {
                Some(met) => met.settle(tx, &owned.ctx, directory, &facts.profile)?,
                None => vec!["Kept; the directory is not turned on yet.".to_owned()],
            };
            let shown = Written::new(&owned, user.written()).shown(&schemas, Some(&[]), &projection)?;
            Ok((user, shown, words))
        };
        let (user, shown, words) = self.push(caller, work).await?;
        name(note, &user);
        note.words = words;
        Ok(shown)
    }

    pub async fn replace_scim_user(
        &self,
        caller: &ScimCaller,
        (id, body): (&str, &Body),
        request: &ListRequest,
        expected: Option<Versions>,
        note: &mut Note,
    ) -> Result<Shown> {
        self.edit_scim_user(caller, id, Edit::Replace(Arc::clone(body)), request, expected, note).await
    }

    pub async fn patch_scim_user(
        &self,
        caller: &ScimCaller,
        (id, body): (&str, &Body),
        request: &ListRequest,
        expected: Option<Versions>,
        note: &mut Note,
    ) -> Result<Shown> {
        let read = |body: &[u8], schemas: &Schemas, quirks: &mut Quirks| Ok(Patch::parse(body, schemas, quirks)?);
        let patch = understand(caller, body, &mut note.quirks, read).await?;
        self.edit_scim_user(caller, id, Edit::Patch(patch, body.len()), request, expected, note).await
    }

    async fn edit_scim_user(
        &self,
        caller: &ScimCaller,
        id: &str,
        edit: Edit,
        request: &ListRequest,
        expected: Option<Versions>,
        note: &mut Note,
    ) -> Result<Shown> {
        let (id, schemas, edit) = (parse_id(id)?, Arc::clone(&caller.schemas), Arc::new(edit));
        let (projection, before) = (request.projection(&schemas.user), note.quirks);
        for _ in 0..TRIES {
            // Worked out where nobody waits for it; the write only compares the version.
            let (owned, wanted, of, by) = (caller.clone(), id.clone(), Arc::clone(&schemas), Arc::clone(&edit));
            let versions = expected.clone();
            // None where the document is larger than that.
            let work_out = move |tx: &ReadTx<'_>, most: usize| {
                let mut quirks = before;
                let directory = require_open(tx, &owned)?;
                let user = find(tx, &directory, &wanted)?;
                if user.document.len() > most {
                    return Ok(None);
                }
                if let Some(versions) = &versions {
                    versions.require(user.version)?;
                }
                let document = Document::read(&user.document).map_err(Error::internal)?;
                let edited = by.apply(&document, &of, &mut quirks)?;
                let facts = Facts::of(&edited.document, &mut quirks)?;
                let change = edited.is_changed.then(|| kept_emails(&document));
                Ok::<_, Error>(Some((user.version, change, facts, quirks)))
            };
            let small = if edit.is_large() { None } else { self.store.read_here(|tx| work_out(tx, LARGE))? };
            let worked_out = match small {
                Some(worked_out) => Some(worked_out),
                None => self.store.read_slowly(move |tx| work_out(tx, usize::MAX)).await?,
            };
            let Some((version, emails, facts, quirks)) = worked_out else { continue };
            // Also where it is refused.
            (note.resource, note.who) = (Some(id.to_string()), Some(facts.called().to_owned()));
            let (owned, wanted, of, shown) = (caller.clone(), id.clone(), Arc::clone(&schemas), projection.clone());
            let work = move |tx: &WriteTx<'_>, directory: &Directory| {
                let mut user = find(tx, directory, &wanted)?;
                if user.version != version {
                    return Ok(None);
                }
                let words = match &emails {
                    Some(emails) => change(tx, &owned, directory, &mut user, (emails, &facts))?,
                    // What could not be done before is tried again.
                    None if user.member.is_none() && directory.is_enabled() => {
                        take(tx, &owned.ctx, directory, &mut user, &facts.profile)?
                    }
                    None => vec!["Nothing changed.".to_owned()],
                };
                let shown = show(tx, &owned, &of, &user, &shown)?;
                Ok(Some((user, shown, words)))
            };
            if let Some((user, shown, words)) = self.push(caller, work).await? {
                name(note, &user);
                (note.words, note.quirks) = (words, quirks);
                return Ok(shown);
            }
        }
        let text = "Others change this user all the time, so nothing was changed. Send it again.";
        Err(scim(ErrorKind::PreconditionFailed, text))
    }

    pub async fn delete_scim_user(
        &self,
        caller: &ScimCaller,
        id: &str,
        expected: Option<Versions>,
        note: &mut Note,
    ) -> Result<()> {
        let (id, owned) = (parse_id(id)?, caller.clone());
        let wanted = id.clone();
        let work = move |tx: &WriteTx<'_>, directory: &Directory| {
            let user = find(tx, directory, &id)?;
            if let Some(expected) = &expected {
                expected.require(user.version)?;
            }
            let emails = kept_emails(&Document::read(&user.document).map_err(Error::internal)?);
            scim_users::delete(tx, directory, &user, &emails, owned.ctx.now)?;
            let words = if directory.is_enabled() { remove(tx, &owned.ctx, directory, &user)? } else { Vec::new() };
            Ok((user, words))
        };
        match self.push(caller, work).await {
            Ok((user, words)) => {
                name(note, &user);
                note.words = words;
                Ok(())
            }
            Err(refused) => {
                // The log names them also where they stay.
                let found = self.store.read_here(|tx| find(tx, &caller.directory, &wanted));
                found.iter().for_each(|user| name(note, user));
                Err(refused)
            }
        }
    }
}

fn blank(now: Timestamp) -> ScimUser {
    ScimUser {
        number: 0,
        id: ScimUserId::new(),
        external_id: None,
        user_name: String::new(),
        email: None,
        document: String::new(),
        is_active: true,
        member: None,
        problem: None,
        created_at: now,
        modified_at: now,
        version: 1,
    }
}

/// Writes a document that differs from the one before, which had these addresses, and what follows for the member.
fn change(
    tx: &WriteTx<'_>,
    caller: &ScimCaller,
    directory: &Directory,
    user: &mut ScimUser,
    (emails, facts): (&[String], &Facts),
) -> Result<Vec<String>> {
    facts.fill(user);
    if scim_users::is_taken(tx, directory, &user.user_name, Some(user.number))? {
        return Err(taken(&facts.profile));
    }
    user.modified_at = caller.ctx.now;
    user.version += 1;
    scim_users::update(tx, directory, user, (emails, &facts.emails))?;
    if !directory.is_enabled() {
        return Ok(vec!["Kept; the directory is not turned on yet.".to_owned()]);
    }
    take(tx, &caller.ctx, directory, user, &facts.profile)
}
