//! Would the sign-ins of the last 30 days still work with another set of certificates?

use std::collections::HashMap;

use crate::app::App;
use crate::app::access;
use crate::app::certificates::fingerprint;
use crate::app::error::{Error, Result};
use crate::crypto::certificate::Certificate;
use crate::model::actor::Ctx;
use crate::model::connection::TrustedCertificate;
use crate::model::id::ConnectionId;
use crate::model::invalid::Invalid;
use crate::model::rehearsal::{COUNTED, Named, Rehearsal, SignedBy};
use crate::model::role::Permission;
use crate::model::rollover;
use crate::model::time::Timestamp;
use crate::store::{ReadTx, certificates, connections, sign_ins};

/// Of each certificate so many refused answers are named.
const NAMED: u32 = 20;
/// More certificates no connection has.
const MOST: usize = 50;

/// What the set of trusted certificates would lose and gain: fingerprints.
#[derive(Debug, Clone, Default)]
pub struct SetChange {
    pub without: Vec<String>,
    pub with: Vec<String>,
}

impl SetChange {
    pub fn without(sha256: &str) -> Self {
        Self { without: vec![fingerprint(sha256)], with: Vec::new() }
    }

    pub fn with<'a>(found: impl IntoIterator<Item = &'a str>) -> Self {
        Self { without: Vec::new(), with: found.into_iter().map(fingerprint).collect() }
    }

    /// From comma-separated lists, as a query has them.
    pub fn parse(without: Option<&str>, with: Option<&str>) -> Result<Self> {
        let mut invalid = Invalid::new();
        let mut read = |field: &'static str, text: Option<&str>| -> Vec<String> {
            let found: Vec<String> = text.into_iter().flat_map(|text| text.split(',')).map(fingerprint).collect();
            let is_one = |one: &String| one.len() == 64 && one.chars().all(|digit| digit.is_ascii_hexdigit());
            if found.len() > MOST || !found.iter().all(is_one) {
                let text = "Name certificates by their SHA-256 fingerprint, 64 hexadecimal digits each, with commas between them.";
                invalid.add(field, "fingerprint", text);
            }
            found
        };
        let change = Self { without: read("without", without), with: read("with", with) };
        Ok(invalid.or(change)?)
    }
}

impl App {
    pub async fn rehearse(&self, ctx: &Ctx, id: ConnectionId, change: SetChange) -> Result<Rehearsal> {
        access::require(ctx, Permission::ConnectionsRead)?;
        let (organization, now) = (ctx.organization.clone(), ctx.now);
        self.store
            .read_slowly(move |tx| {
                connections::find(tx, &organization, &id)?.ok_or(Error::NotFound("connection"))?;
                rehearse(tx, &id, &change, now)
            })
            .await
    }
}

/// The public keys of certificates: an answer verifies by any that has the key that signed it.
type Keys = HashMap<String, Vec<u8>>;

fn keys<'a>(all: impl Iterator<Item = &'a TrustedCertificate>) -> Result<Keys> {
    let key = |one: &TrustedCertificate| {
        Ok((one.sha256.clone(), Certificate::from_der(&one.der).map_err(Error::internal)?.public_key()))
    };
    all.map(key).collect()
}

fn rehearse(tx: &ReadTx<'_>, id: &ConnectionId, change: &SetChange, now: Timestamp) -> Result<Rehearsal> {
    let since = now - rollover::kept();
    let all = certificates::list(tx, id)?;
    let removed = certificates::list_removed(tx, id, since)?;
    let live = all.iter().filter(|one| one.is_live);
    let known = keys(all.iter().chain(removed.iter().map(|removed| &removed.certificate)))?;
    let kept: Vec<&str> =
        live.clone().map(|one| one.sha256.as_str()).filter(|one| !has(&change.without, one)).collect();
    let gained = change.with.iter().map(String::as_str).filter(|one| !kept.contains(one));
    let set: Vec<&str> = kept.iter().copied().chain(gained.clone()).collect();
    let kept_keys: Vec<&Vec<u8>> = set.iter().filter_map(|one| known.get(*one)).collect();
    let holds = |sha256: &str| set.contains(&sha256) || known.get(sha256).is_some_and(|key| kept_keys.contains(&key));

    let mut signed = Vec::new();
    for one in live.chain(removed.iter().map(|removed| &removed.certificate)) {
        let (count, last_at) = sign_ins::count_by_certificate(tx, id, &one.sha256, since, COUNTED)?;
        let holds = holds(&one.sha256);
        signed.push(SignedBy { sha256: one.sha256.clone(), holds, count, last_at, later: count });
    }
    let mut rehearsal = Rehearsal { since, signed, named: Vec::new() };
    if let Some(last) = rehearsal.last_lost_at() {
        for one in rehearsal.signed.iter_mut().filter(|one| one.holds) {
            one.later = sign_ins::count_by_certificate(tx, id, &one.sha256, last, COUNTED)?.0;
        }
    }
    for sha256 in gained {
        let found = sign_ins::list_naming(tx, id, sha256, since, NAMED)?;
        let named = |(reference, at)| Named { sha256: sha256.to_owned(), reference, at };
        rehearsal.named.extend(found.into_iter().map(named));
    }
    rehearsal.named.sort_by_key(|named| std::cmp::Reverse(named.at));
    Ok(rehearsal)
}

fn has(list: &[String], one: &str) -> bool {
    list.iter().any(|known| known == one)
}
