//! Groups as identity providers name them: read here, changed there.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::group::Group;
use crate::model::id::GroupId;
use crate::model::page::{Page, Window};
use crate::model::role::Permission;
use crate::store::groups;

impl App {
    /// With how many people are in each.
    pub async fn list_groups(&self, ctx: &Ctx, name: Option<String>, window: Window) -> Result<Page<(Group, u32)>> {
        access::require(ctx, Permission::GroupsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                let page = groups::list(tx, &organization, name.as_deref(), &window)?;
                let mut rows = Vec::new();
                for group in page.rows {
                    let members = groups::count_members(tx, &group.id)?;
                    rows.push((group, members));
                }
                Ok(Page { rows, next: page.next })
            })
            .await
    }

    pub async fn find_group(&self, ctx: &Ctx, id: GroupId) -> Result<(Group, u32)> {
        access::require(ctx, Permission::GroupsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read(move |tx| {
                let group = groups::find(tx, &organization, &id)?.ok_or(Error::NotFound("group"))?;
                let members = groups::count_members(tx, &id)?;
                Ok((group, members))
            })
            .await
    }
}
