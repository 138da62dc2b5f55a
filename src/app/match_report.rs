//! Whom a connection would take in, and who has no other way: what an admin wants to know before it is turned on or off.

use crate::app::App;
use crate::app::access;
use crate::app::error::{Error, Result};
use crate::model::actor::Ctx;
use crate::model::id::ConnectionId;
use crate::model::page::Window;
use crate::model::role::Permission;
use crate::store::connections;
use crate::store::members::{self, Filter};

/// So many people of a connection are looked at for a page.
const MOST_LOOKED_AT: u32 = 5_000;

/// Who would be joined by address if `link_existing` were on, and who would not.
#[derive(Debug, Clone, Default)]
pub struct MatchReport {
    pub joins: Vec<String>,
    pub stays: Vec<(String, &'static str)>,
    pub more: bool,
}

impl App {
    /// Members of whom this connection is the only way in: linked to it, to no other, and without a password.
    /// Of a connection with many people so many are looked at; whether that was all is said beside the number.
    pub async fn count_only_way_in(&self, ctx: &Ctx, id: ConnectionId) -> Result<(u64, bool)> {
        access::require(ctx, Permission::ConnectionsRead)?;
        self.store.read_slowly(move |tx| Ok(members::count_only_way_in(tx, &id, MOST_LOOKED_AT)?)).await
    }

    /// What turning `link_existing` on would do to the members who are here now.
    pub async fn match_report(&self, ctx: &Ctx, id: ConnectionId) -> Result<MatchReport> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let organization = ctx.organization.clone();
        self.store
            .read_slowly(move |tx| {
                connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                let mut report = MatchReport::default();
                let page = members::list(tx, &organization, &Filter::default(), &Window::first(500))?;
                report.more = page.next.is_some();
                for member in page.rows {
                    if members::has_identity(tx, &id, &member.id)? {
                        continue;
                    }
                    let address = member.email.as_str().to_owned();
                    if member.is_administrator() {
                        report.stays.push((address, "Admins link by hand: My account, Sign-in methods."));
                    } else if !member.is_active() {
                        report.stays.push((address, "Deactivated."));
                    } else {
                        report.joins.push(address);
                    }
                }
                Ok(report)
            })
            .await
    }
}
