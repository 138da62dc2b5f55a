//! Teams: groups of members inside Doorward. A place in one is given here, or comes from the mappings of a connection or directory.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::app::lock::Lock;
use crate::app::provision;
use crate::app::runs::PATIENCE;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::model::id::{ConnectionId, DirectoryId, MemberId, TeamId};
use crate::model::invalid::Invalid;
use crate::model::member::Member;
use crate::model::page::{Page, Window};
use crate::model::role::{LOCAL, Permission};
use crate::model::run::{Run, Subject};
use crate::model::team::Team;
use crate::store::{ReadTx, audit, connections, directories, mappings, members, runs, teams};

#[derive(Debug, Clone)]
pub struct TeamView {
    pub team: Team,
    pub members: u32,
}

/// Somebody in a team.
#[derive(Debug, Clone)]
pub struct TeamMember {
    pub member: Member,
    /// `local`, or names of connections and directories that put them there.
    pub sources: Vec<String>,
    /// One of them at least may be taken away by hand.
    pub is_removable: bool,
}

fn target(team: &Team) -> Target {
    Target::new("team", &team.id, &team.name)
}

fn check_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        return Err(Invalid::field("name", "name", "Give it a name of 1 to 80 characters, such as `iOS`.").into());
    }
    Ok(name.to_owned())
}

fn find_unchanged(tx: &ReadTx<'_>, ctx: &Ctx, id: &TeamId, version: Option<i64>) -> Result<Team> {
    let team = teams::find(tx, &ctx.organization, id)?.ok_or(Error::NotFound("team"))?;
    if !ctx.has_seen(team.version) || version.is_some_and(|version| version != team.version) {
        return Err(Error::Changed);
    }
    Ok(team)
}

fn check_free(tx: &ReadTx<'_>, ctx: &Ctx, name: &str, but: Option<&TeamId>) -> Result<()> {
    match teams::find_by_name(tx, &ctx.organization, name)? {
        Some(known) if Some(&known.id) != but => {
            let text = "There is a team by that name already. Open it, or use another name.";
            Err(Invalid::field("name", "team_taken", text).into())
        }
        _ => Ok(()),
    }
}

fn view(tx: &ReadTx<'_>, team: Team) -> Result<TeamView> {
    Ok(TeamView { members: teams::count_members(tx, &team.id)?, team })
}

impl App {
    pub async fn list_teams(&self, ctx: &Ctx, window: Window) -> Result<Page<TeamView>> {
        access::require(ctx, Permission::TeamsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                let page = teams::list(tx, &organization, &window)?;
                let rows = page.rows.into_iter().map(|team| view(tx, team)).collect::<Result<Vec<_>>>()?;
                Ok(Page { rows, next: page.next })
            })
            .await
    }

    /// The first of them without their people, for a list to choose from.
    pub async fn team_choices(&self, ctx: &Ctx) -> Result<Vec<Team>> {
        access::require(ctx, Permission::TeamsRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| Ok(teams::list(tx, &organization, &Window::first(Window::MAX))?.rows)).await
    }

    pub async fn find_team(&self, ctx: &Ctx, id: TeamId) -> Result<TeamView> {
        access::require(ctx, Permission::TeamsRead)?;
        let organization = ctx.organization.clone();
        self.store.read(move |tx| view(tx, teams::find(tx, &organization, &id)?.ok_or(Error::NotFound("team"))?)).await
    }

    pub async fn list_team_members(&self, ctx: &Ctx, id: TeamId, window: Window) -> Result<Page<TeamMember>> {
        access::require(ctx, Permission::TeamsRead)?;
        access::require(ctx, Permission::MembersRead)?;
        let ctx = ctx.clone();
        self.store
            .read(move |tx| {
                teams::find(tx, &ctx.organization, &id)?.ok_or(Error::NotFound("team"))?;
                let lock = Lock::read(tx, &ctx)?;
                let page = teams::list_members(tx, &id, &window)?;
                let ids: Vec<&MemberId> = page.rows.iter().map(|(member, _)| member).collect();
                let mut known = members::list_by_ids(tx, &ctx.organization, &ids)?;
                let mut rows = Vec::new();
                for (id, sources) in &page.rows {
                    let Some(place) = known.iter().position(|member| member.id == *id) else { continue };
                    let is_removable = sources.iter().any(|from| lock.leaves(from));
                    let sources = sources.iter().map(|from| source_name(tx, from)).collect::<Result<Vec<_>>>()?;
                    rows.push(TeamMember { member: known.swap_remove(place), sources, is_removable });
                }
                Ok(Page { rows, next: page.next })
            })
            .await
    }

    /// What fills it beside hands: `group iOS` and whose it is.
    pub async fn list_team_fillers(&self, ctx: &Ctx, id: TeamId) -> Result<Vec<(String, String)>> {
        access::require(ctx, Permission::TeamsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                let all = mappings::list_of_team(tx, &organization, &id)?;
                all.iter().map(|(source, mapping)| Ok((mapping.label(), source_name(tx, source)?))).collect()
            })
            .await
    }

    pub async fn create_team(&self, ctx: &Ctx, name: &str) -> Result<TeamView> {
        access::require(ctx, Permission::TeamsWrite)?;
        let name = check_name(name)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                check_free(tx, &ctx, &name, None)?;
                let team = Team {
                    id: TeamId::new(),
                    organization: ctx.organization.clone(),
                    name: name.clone(),
                    created_at: ctx.now,
                    version: 1,
                };
                teams::insert(tx, &team)?;
                audit::insert(tx, &ctx, &NewEvent::new(Action::TeamCreated, target(&team)))?;
                view(tx, team)
            })
            .await
    }

    pub async fn rename_team(&self, ctx: &Ctx, id: TeamId, name: &str, version: Option<i64>) -> Result<TeamView> {
        access::require(ctx, Permission::TeamsWrite)?;
        let name = check_name(name)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let mut team = find_unchanged(tx, &ctx, &id, version)?;
                check_free(tx, &ctx, &name, Some(&id))?;
                let before = std::mem::replace(&mut team.name, name.clone());
                let event = NewEvent::new(Action::TeamUpdated, target(&team)).change("name", before, name.clone());
                if !event.changes.is_empty() {
                    teams::update(tx, &team)?;
                    audit::insert(tx, &ctx, &event)?;
                    team.version += 1;
                }
                view(tx, team)
            })
            .await
    }

    /// Its people stay members. A team that a mapping fills stays until the mapping is changed.
    pub async fn delete_team(&self, caller: &Ctx, id: TeamId) -> Result<()> {
        access::require(caller, Permission::TeamsWrite)?;
        let (ctx, subject) = (caller.clone(), Subject::Team(id.clone()));
        self.store
            .write(move |tx| {
                let team = find_unchanged(tx, &ctx, &id, None)?;
                if let Some(source) = mappings::find_user_of_team(tx, &ctx.organization, &id)? {
                    let text = format!("The role mappings of {source} fill this team. Take it out there first.");
                    return Err(Error::conflict("team_in_use", text));
                }
                teams::delete(tx, &id)?;
                runs::put(tx, &Run::new(&ctx.organization, Subject::Team(id.clone()), team.version, ctx.now))?;
                audit::insert(tx, &ctx, &NewEvent::new(Action::TeamDeleted, target(&team)))?;
                Ok::<_, Error>(())
            })
            .await?;
        self.finish_run(caller, subject, Some(PATIENCE)).await;
        Ok(())
    }

    pub async fn add_to_team(&self, ctx: &Ctx, id: TeamId, member: MemberId) -> Result<()> {
        self.change_team(ctx, id, member, true).await
    }

    /// Takes the places that were given here, or by a directory that is off; one that a mapping gives stays, and is named.
    pub async fn remove_from_team(&self, ctx: &Ctx, id: TeamId, member: MemberId) -> Result<()> {
        self.change_team(ctx, id, member, false).await
    }

    async fn change_team(&self, ctx: &Ctx, id: TeamId, member: MemberId, is_added: bool) -> Result<()> {
        access::require(ctx, Permission::TeamsWrite)?;
        let ctx = ctx.clone();
        self.store
            .write(move |tx| {
                let team = teams::find(tx, &ctx.organization, &id)?.ok_or(Error::NotFound("team"))?;
                let member = members::find(tx, &ctx.organization, &member)?.ok_or(Error::NotFound("member"))?;
                let (mut sources, lock) = (teams::list_sources(tx, &id, &member.id)?, Lock::read(tx, &ctx)?);
                let left: Vec<String> = sources.extract_if(.., |from| lock.leaves(from)).collect();
                let has_changed = match is_added {
                    true => teams::insert_member(tx, &id, &member.id, LOCAL)?,
                    false => !left.is_empty(),
                };
                if has_changed {
                    let action = if is_added { Action::TeamMemberAdded } else { Action::TeamMemberRemoved };
                    let (before, after) = if is_added { (None, Some(&team.name)) } else { (Some(&team.name), None) };
                    let event = NewEvent::new(action, provision::target(&member));
                    let mut event = event.change("team", before.cloned(), after.cloned());
                    for from in left.iter().filter(|_| !is_added) {
                        teams::delete_member(tx, &id, &member.id, from)?;
                    }
                    if !is_added {
                        event = tell_left(tx, event, &left)?;
                    }
                    audit::insert(tx, &ctx, &event)?;
                    return Ok(());
                }
                match sources.first() {
                    Some(from) if !is_added => {
                        let name = source_name(tx, from)?;
                        let text = format!(
                            "{} is in {} through {name}. Change the group there, or the role mappings here.",
                            member.label(),
                            team.name
                        );
                        Err(Error::conflict("team_mapped", text))
                    }
                    None if !is_added => Err(Error::NotFound("member of this team")),
                    _ => Ok(()),
                }
            })
            .await
    }
}

/// The event of something that is taken away by hand, with which directories had given it.
pub(super) fn tell_left(tx: &ReadTx<'_>, event: NewEvent, sources: &[String]) -> Result<NewEvent> {
    let given = sources.iter().filter(|from| *from != LOCAL);
    let names = given.map(|from| source_name(tx, from)).collect::<Result<Vec<_>>>()?;
    Ok(if names.is_empty() { event } else { event.change("left_by", names, serde_json::Value::Null) })
}

/// `local`, the name of the connection, or what a directory's identity provider is called.
pub(super) fn source_name(tx: &ReadTx<'_>, from: &str) -> Result<String> {
    if let Ok(id) = from.parse::<DirectoryId>() {
        let directory = directories::find_anywhere(tx, &id)?;
        return Ok(directory.map_or_else(|| "a deleted directory".to_owned(), |directory| directory.idp().to_owned()));
    }
    let Ok(id) = from.parse::<ConnectionId>() else { return Ok(from.to_owned()) };
    let connection = connections::find_anywhere(tx, &id)?;
    Ok(connection.map_or_else(|| "a deleted connection".to_owned(), |connection| connection.name))
}
