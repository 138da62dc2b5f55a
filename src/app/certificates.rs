//! The certificates that a connection trusts: those of its metadata, and those that an admin adds or removes by hand.

use std::collections::BTreeSet;

use crate::app::App;
use crate::app::access;
use crate::app::connections::{ConnectionView, target, view};
use crate::app::error::{Error, Result};
use crate::app::metadata::parse_certificates;
use crate::app::roles::all;
use crate::crypto::certificate::Certificate;
use crate::model::actor::{Actor, Ctx};
use crate::model::audit::{Action, Level, NewEvent};
use crate::model::connection::{Connection, Status, TrustedCertificate};
use crate::model::id::ConnectionId;
use crate::model::invalid::Invalid;
use crate::model::role::{AnyRole, DefaultRole, Permission};
use crate::model::time::Timestamp;
use crate::store::{WriteTx, audit, certificates, connections, mappings, roles};

impl App {
    /// Trusts what was pasted or uploaded, from now on.
    pub async fn add_certificates(&self, ctx: &Ctx, id: ConnectionId, text: &[u8]) -> Result<ConnectionView> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        let found = parse_certificates("certificates", text)?;
        self.change_connection(ctx, id, None, move |tx, ctx, connection| {
            if trust_by_hand(tx, ctx, &connection, &found)? == 0 {
                let text = "This certificate is already trusted, with the same fingerprint. There is nothing to do.";
                return Err(Invalid::field("certificates", "cert_known", text).into());
            }
            view(tx, connection, ctx.now)
        })
        .await
    }

    /// Reads certificates without trusting them: to compare fingerprints first.
    pub fn read_certificates(&self, ctx: &Ctx, text: &[u8]) -> Result<Vec<Certificate>> {
        access::require(ctx, Permission::ConnectionsWrite)?;
        parse_certificates("certificates", text)
    }

    /// Its use ends at once; for 30 days it can be brought back.
    pub async fn remove_certificate(&self, ctx: &Ctx, id: ConnectionId, sha256: &str) -> Result<()> {
        let sha256 = fingerprint(sha256);
        self.change_connection(ctx, id, None, move |tx, ctx, connection| {
            let all = certificates::list(tx, &connection.id)?;
            let found = all.iter().find(|certificate| certificate.sha256 == sha256);
            let found = found.ok_or(Error::NotFound("certificate"))?;
            let live = all.iter().filter(|certificate| certificate.is_live).count();
            if found.is_live && live == 1 && connection.status == Status::Active {
                let text = "This is the only certificate: without it nobody could sign in. Add the next one first.";
                return Err(Error::conflict("last_certificate", text));
            }
            certificates::remove(tx, &connection.id, &sha256, ctx.actor.name(), ctx.now)?;
            let event = NewEvent::new(Action::CertificateRemoved, target(&connection));
            audit::insert(tx, ctx, &event.change("certificate", sha256.clone(), serde_json::Value::Null))?;
            Ok(())
        })
        .await
    }

    /// Trusts a removed certificate again, as it was before. One that is trusted already stays so.
    pub async fn restore_certificate(&self, ctx: &Ctx, id: ConnectionId, sha256: &str) -> Result<ConnectionView> {
        let sha256 = fingerprint(sha256);
        self.change_connection(ctx, id, None, move |tx, ctx, connection| {
            let before = view(tx, connection, ctx.now)?;
            if before.all_certificates().any(|certificate| certificate.sha256 == sha256) {
                return Ok(before);
            }
            let removed = before.removed_certificates.iter().find(|removed| removed.certificate.sha256 == sha256);
            let is_live = removed.ok_or(Error::NotFound("removed certificate"))?.certificate.is_live;
            let connection = before.connection;
            certificates::restore(tx, &connection.id, &sha256)?;
            let event = NewEvent::new(Action::CertificateRestored, target(&connection));
            audit::insert(tx, ctx, &event.change("certificate", serde_json::Value::Null, sha256.clone()))?;
            if is_live {
                tell_vouching(tx, ctx, &connection)?;
            }
            view(tx, connection, ctx.now)
        })
        .await
    }
}

/// As it is stored; people copy it with colons and in capitals.
pub(super) fn fingerprint(text: &str) -> String {
    text.replace(':', "").trim().to_lowercase()
}

/// Trusts what an admin chose, live, also what they had removed before.
pub(super) fn trust_by_hand(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    found: &[Certificate],
) -> Result<usize> {
    forgive(tx, connection, found)?;
    trust(tx, ctx, connection, found, "upload", true)
}

/// Trusts what an admin's edit of the metadata brought. Beside an active revision that the edit changes, it waits with
/// the draft: until that is tested and turned on, nobody signs in by it. Where nothing else changes, the edit is a look at
/// what the provider names now.
pub(super) fn trust_metadata(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    found: &[Certificate],
) -> Result<()> {
    match (&connection.active, &connection.draft) {
        (Some(_), None) => trust_refreshed(tx, ctx, connection, found).map(drop),
        (Some(_), Some(_)) => trust(tx, ctx, connection, found, "metadata", false).map(drop),
        (None, _) => {
            forgive(tx, connection, found)?;
            trust(tx, ctx, connection, found, "metadata", true).map(drop)
        }
    }
}

/// What an admin chooses counts again, though it was removed before.
fn forgive(tx: &WriteTx<'_>, connection: &Connection, found: &[Certificate]) -> Result<()> {
    for certificate in found {
        certificates::delete_removed(tx, &connection.id, &certificate.sha256)?;
    }
    Ok(())
}

/// Trusts what the provider's metadata link brought, but nothing that an admin has removed. Says how many are new, and
/// which were left out: a removed one, and another that was issued for the key of a removed one.
pub(super) fn trust_refreshed(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    found: &[Certificate],
) -> Result<(usize, Vec<String>)> {
    let (mut wanted, mut left_out) = (Vec::new(), Vec::new());
    for certificate in found {
        if certificates::is_removed(tx, &connection.id, &certificate.sha256, &certificate.key_sha256())? {
            left_out.push(certificate.sha256.clone());
        } else {
            wanted.push(certificate.clone());
        }
    }
    let added = trust(tx, ctx, connection, &wanted, "metadata", true)?;
    Ok((added, left_out))
}

/// The identity providers that certificates are trusted for: those of the settings that they came with.
fn providers(connection: &Connection, source: &str, is_live: bool) -> Vec<String> {
    let revisions = match (source, is_live) {
        ("upload", _) => [&connection.active, &connection.draft].map(Option::as_ref),
        (_, true) => [connection.shown(), None],
        (_, false) => [connection.editable(), None],
    };
    let mut ids: Vec<String> =
        revisions.into_iter().flatten().filter_map(|revision| revision.settings.idp_entity_id.clone()).collect();
    ids.dedup();
    ids
}

/// Says how many were new.
fn trust(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    found: &[Certificate],
    source: &str,
    is_live: bool,
) -> Result<usize> {
    let mut added = 0;
    for certificate in found {
        let row = TrustedCertificate {
            sha256: certificate.sha256.clone(),
            sha1: certificate.sha1.clone(),
            subject: certificate.subject.clone(),
            key: certificate.key.clone(),
            key_sha256: certificate.key_sha256(),
            providers: providers(connection, source, is_live),
            not_before: Timestamp::from_secs(certificate.not_before),
            not_after: Timestamp::from_secs(certificate.not_after),
            der: certificate.der.clone(),
            source: source.to_owned(),
            added_by: ctx.actor.name().to_owned(),
            added_at: ctx.now,
            is_live,
            first_used_at: None,
            last_used_at: None,
        };
        if certificates::insert(tx, &connection.id, &row)? {
            added += 1;
            let event = NewEvent::new(Action::CertificateAdded, target(connection));
            audit::insert(tx, ctx, &event.change("certificate", serde_json::Value::Null, row.sha256.clone()))?;
        }
    }
    if added > 0 && is_live {
        connections::note_change(tx, &connection.id)?;
        tell_vouching(tx, ctx, connection)?;
    }
    Ok(added)
}

/// Whoever chooses a connection's certificates, or where it reads people from, can sign in as anybody linked to it, and as
/// a new person with whatever it gives (docs/security.md). An admin must be able to; where that reaches above their own
/// role, the owners are told. What changes by itself has no role of its own: there any administrator counts.
pub(super) fn tell_vouching(tx: &WriteTx<'_>, ctx: &Ctx, connection: &Connection) -> Result<()> {
    let is_above = |role: &AnyRole| match ctx.actor {
        Actor::System => role.is_administrator(),
        _ => !ctx.permissions.contains(role.permissions()),
    };
    let mut given: BTreeSet<String> =
        mappings::list(tx, connection.id.as_str())?.into_iter().flat_map(|mapping| mapping.roles).collect();
    if let Some(DefaultRole::Role(role)) = connection.live().map(|revision| revision.settings.default_role) {
        given.insert(role.slug().to_owned());
    }
    for role in all(tx, &connection.organization)?.iter().filter(|role| is_above(role)) {
        if given.contains(role.slug()) || roles::is_linked(tx, &connection.organization, role.slug(), &connection.id)? {
            let event = NewEvent::new(Action::CertificateVouchesAbove, target(connection)).level(Level::Alarm);
            audit::insert(tx, ctx, &event.change("role", serde_json::Value::Null, role.slug()))?;
            break;
        }
    }
    Ok(())
}
