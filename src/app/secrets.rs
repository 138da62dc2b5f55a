//! Secrets at rest under the newest master key: after a new line stands first in the key file, every sealed value is sealed
//! again, and the former line can go.

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::health::{Finding, Verdict};
use crate::crypto::seal::SealError;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, NewEvent, Target};
use crate::store::sealed::{self, Column, SealedValue};
use crate::store::{audit, organizations};

/// So many values share a transaction: enough to be quick, few enough to let sign-ins pass in between.
const BATCH: u32 = 100;
/// The setting that tells whether a master key is this database's.
pub const CANARY: &str = "canary";

/// What a run sealed again.
#[derive(Debug, Default)]
pub struct Rewrapped {
    pub connection_keys: u32,
    pub answers: u32,
    /// Values that do not open, by why.
    pub failed: Vec<(SealError, u32)>,
    pub newest: String,
}

impl Rewrapped {
    pub fn total(&self) -> u32 {
        self.connection_keys + self.answers
    }

    fn count(&mut self, column: Column, n: u32) {
        match column {
            Column::ConnectionKeys => self.connection_keys += n,
            Column::Answers => self.answers += n,
        }
    }

    fn fail(&mut self, error: SealError) {
        match self.failed.iter_mut().find(|(known, _)| *known == error) {
            Some((_, n)) => *n += 1,
            None => self.failed.push((error, 1)),
        }
    }
}

impl App {
    /// Seals what is not under the newest master key again. Each value changes by itself, so a run that was killed is
    /// simply begun again; a second run finds nothing to do.
    pub async fn rewrap_secrets(&self, ctx: &Ctx) -> Result<Rewrapped> {
        let mut done = Rewrapped { newest: self.vault.newest().to_owned(), ..Rewrapped::default() };
        for column in Column::ALL {
            self.rewrap_column(column, &mut done).await?;
        }
        // Last: as long as it needs the former key, no start does without that key.
        let has_moved = self.rewrap_canary().await?;
        if done.total() > 0 || has_moved {
            let (ctx, total, newest) = (ctx.clone(), done.total(), done.newest.clone());
            self.store
                .write(move |tx| {
                    let event =
                        NewEvent::new(Action::SecretsRewrapped, Target::new("organization", &ctx.organization, ""));
                    let event = event.change("values", serde_json::Value::Null, total);
                    audit::insert(tx, &ctx, &event.change("master_key", serde_json::Value::Null, newest.clone()))?;
                    Ok::<_, Error>(())
                })
                .await?;
        }
        Ok(done)
    }

    async fn rewrap_column(&self, column: Column, done: &mut Rewrapped) -> Result<()> {
        let prefix = self.vault.prefix();
        let mut after = [String::new(), String::new()];
        loop {
            let (from, prefix) = (after.clone(), prefix.clone());
            let found: Vec<SealedValue> = self
                .store
                .read(move |tx| sealed::list_others(tx, column, &prefix, &from, BATCH).map_err(Error::from))
                .await?;
            let Some(last) = found.last() else { return Ok(()) };
            after.clone_from(&last.row);
            let mut again = Vec::new();
            for value in found {
                match self.vault.open(&value.place, &value.sealed) {
                    Ok(secret) => {
                        let sealed = self.vault.seal(&value.place, &secret);
                        again.push((value, sealed));
                    }
                    Err(error) => done.fail(error),
                }
            }
            let written = self
                .store
                .write(move |tx| {
                    let mut n = 0;
                    for (value, sealed) in &again {
                        n += u32::from(sealed::update(tx, value, sealed)?);
                    }
                    Ok::<_, Error>(n)
                })
                .await?;
            done.count(column, written);
        }
    }

    async fn rewrap_canary(&self) -> Result<bool> {
        let read: Option<String> =
            self.store.read(|tx| organizations::setting(tx, CANARY).map_err(Error::from)).await?;
        if read.is_some_and(|canary| canary.starts_with(&self.vault.prefix())) {
            return Ok(false);
        }
        let canary = self.vault.canary();
        self.store.write(move |tx| organizations::set_setting(tx, CANARY, &canary).map_err(Error::from)).await?;
        Ok(true)
    }

    /// Under which master keys the sealed values are, for the operator.
    pub(super) async fn examine_secrets(&self) -> Result<Vec<Finding>> {
        let counts: Vec<(String, u32)> = self.store.read(|tx| sealed::count_by_key(tx).map_err(Error::from)).await?;
        let newest = self.vault.newest();
        let mut findings = Vec::new();
        let sum = |is_it: &dyn Fn(&str) -> bool| -> (u32, Vec<&str>) {
            let found = counts.iter().filter(|(id, _)| is_it(id));
            (found.clone().map(|(_, n)| n).sum(), found.map(|(id, _)| id.as_str()).collect())
        };
        let (former, former_ids) = sum(&|id| id != newest && self.vault.knows(id));
        let (lost, lost_ids) = sum(&|id| !self.vault.knows(id));
        if former > 0 {
            let text = format!(
                "{former} sealed values are under former master keys ({}). Run `doorward secrets rewrap` before their lines go.",
                former_ids.join(", ")
            );
            findings.push(Finding::new("master_key", Verdict::Warning, text));
        }
        if lost > 0 {
            let text = format!(
                "{lost} sealed values are under master keys that are missing ({}). Put their lines back into the master key file.",
                lost_ids.join(", ")
            );
            findings.push(Finding::new("master_key", Verdict::Failed, text));
        }
        if findings.is_empty() {
            let unused = self.vault.former();
            let text = match unused.as_slice() {
                [] => "Every sealed value opens with the master key.".to_owned(),
                unused => format!(
                    "Every sealed value is under the newest master key. Nothing needs the former ones ({}): their lines can go.",
                    unused.join(", ")
                ),
            };
            findings.push(Finding::new("master_key", Verdict::Ok, text));
        }
        Ok(findings)
    }
}
