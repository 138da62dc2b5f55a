//! The saved revisions of a connection, and the way back to one of them: as a draft, which is tested and turned on like any
//! other.

use crate::app::App;
use crate::app::access;
use crate::app::activation::require_grants;
use crate::app::connections::{ConnectionView, SettingsChange, edit, target, view};
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent};
use crate::model::connection::{Connection, SamlSettings, SavedRevision};
use crate::model::id::{ConnectionId, RevisionId};
use crate::model::page::{Page, Window};
use crate::model::role::Permission;
use crate::store::{audit, connections, revisions};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Signs people in, or did until the connection was turned off.
    Active,
    Draft,
    /// Was active before, and can be swapped back in at once.
    Former,
    Past,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Draft => "draft",
            Self::Former => "former",
            Self::Past => "past",
        }
    }
}

#[derive(Debug, Clone)]
pub struct RevisionView {
    /// The first is 1.
    pub number: u32,
    pub saved: SavedRevision,
    pub standing: Standing,
    /// The settings of the revision before it.
    pub before: Option<SamlSettings>,
    /// It differs from what an edit works on now.
    pub may_restore: bool,
}

fn standing(connection: &Connection, id: &RevisionId) -> Standing {
    let is = |revision: &Option<crate::model::connection::Revision>| {
        revision.as_ref().is_some_and(|revision| revision.id == *id)
    };
    if is(&connection.active) {
        Standing::Active
    } else if is(&connection.draft) {
        Standing::Draft
    } else if connection.former.as_ref() == Some(id) {
        Standing::Former
    } else {
        Standing::Past
    }
}

impl App {
    /// Newest first.
    pub async fn list_revisions(&self, ctx: &Ctx, id: ConnectionId, window: Window) -> Result<Page<RevisionView>> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                let connection = connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                let page = revisions::list(tx, &id, &window)?;
                let mut number = match page.rows.first() {
                    Some((newest, _)) => revisions::count_to(tx, &id, &newest.revision.id)? + 1,
                    None => 0,
                };
                Ok(page.map(|(saved, before)| {
                    number = number.saturating_sub(1);
                    RevisionView {
                        number,
                        standing: standing(&connection, &saved.revision.id),
                        may_restore: connection
                            .editable()
                            .is_none_or(|editable| editable.settings != saved.revision.settings),
                        saved,
                        before,
                    }
                }))
            })
            .await
    }

    /// Makes a draft of a revision's settings, in the place of one that is there. Nobody signs in by it before it is turned on.
    pub async fn restore_revision(
        &self,
        ctx: &Ctx,
        id: ConnectionId,
        revision: RevisionId,
        version: Option<i64>,
    ) -> Result<ConnectionView> {
        self.change_connection(ctx, id, version, move |tx, ctx, mut connection| {
            let found = revisions::find(tx, &connection.id, &revision)?.ok_or(Error::NotFound("revision"))?;
            require_grants(ctx, Some(&found))?;
            if connection.editable().is_some_and(|editable| editable.settings == found.settings) {
                let text = "The settings are these already. There is nothing to bring back.";
                return Err(Error::conflict("nothing_to_restore", text));
            }
            let event = NewEvent::new(Action::ConnectionRestored, target(&connection));
            audit::insert(tx, ctx, &event.change("revision", serde_json::Value::Null, revision.to_string()))?;
            edit(tx, ctx, &mut connection, &SettingsChange::default(), |settings| {
                settings.clone_from(&found.settings)
            })?;
            view(tx, connection, ctx.now)
        })
        .await
    }
}
