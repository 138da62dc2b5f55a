//! What is wrong and what to do: the list behind `doorward doctor`.

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::model::connection::Status;
use crate::model::page::Window;
use crate::model::time::{Timestamp, days};
use crate::store::{certificates, connection_keys, connections, organizations, roles};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    Warning,
    Failed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finding {
    pub check: String,
    pub verdict: Verdict,
    /// What was found and, unless it is fine, what to do.
    pub text: String,
}

impl Finding {
    pub(super) fn new(check: &str, verdict: Verdict, text: impl Into<String>) -> Self {
        Self { check: check.to_owned(), verdict, text: text.into() }
    }

    pub fn ok(check: &str, text: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, text)
    }

    pub fn failed(check: &str, text: impl Into<String>) -> Self {
        Self::new(check, Verdict::Failed, text)
    }
}

impl App {
    /// Able to write: what `/readyz` says.
    pub async fn is_ready(&self) -> bool {
        self.store.is_writable().await
    }

    pub async fn examine_health(&self, now: Timestamp) -> Result<Vec<Finding>> {
        let mut findings = vec![if self.store.is_writable().await {
            Finding::new("store", Verdict::Ok, "The database takes writes.")
        } else {
            Finding::new(
                "store",
                Verdict::Failed,
                "The database takes no writes. Look for a full disk or a read-only folder.",
            )
        }];
        let base = self.urls.clone();
        findings.push(if base.is_https {
            Finding::new("base_url", Verdict::Ok, format!("People reach this server at {}.", base.base))
        } else {
            Finding::new(
                "base_url",
                Verdict::Warning,
                format!(
                    "{} is plain http, for this machine alone. Set base_url to an https address before others use it.",
                    base.base
                ),
            )
        });
        let found: Vec<Finding> = self
            .store
            .read(move |tx| {
                let mut findings = Vec::new();
                let Some(organization) = organizations::find_first(tx)? else { return Ok::<_, Error>(findings) };
                findings.push(if roles::has_other_admin(tx, &organization.id, None)? {
                    Finding::new("admins", Verdict::Ok, "There is an active admin.")
                } else {
                    Finding::new("admins", Verdict::Failed, "There is no active admin. Open /setup with the code that `serve` printed, or run `doorward admin create`.")
                });
                for connection in connections::list(tx, &organization.id, &Window::first(Window::MAX))?.rows {
                    let expected = base.join(&format!("/saml/{}", connection.id));
                    if connection.entity_id != expected {
                        let text = format!("{}: its identity provider knows us as {}, but base_url makes it {expected}. Tell the provider, or set base_url back.", connection.name, connection.entity_id);
                        findings.push(Finding::new("connection_address", Verdict::Failed, text));
                    }
                    let ours = connection_keys::list(tx, &connection.id)?.into_iter().next().map(|ours| ours.key.not_after);
                    if let Some(end) = ours.filter(|end| connection.status == Status::Active && *end < now + days(30)) {
                        let text = format!("{}: our own certificate ends on {}. Publish the next one, give it to the provider, then switch.", connection.name, end.day());
                        findings.push(Finding::new("our_certificate", Verdict::Warning, text));
                    }
                    let last = certificates::list(tx, &connection.id)?.into_iter().map(|certificate| certificate.not_after).max();
                    if let Some(problem) = connection.metadata_problem.filter(|_| connection.status == Status::Active) {
                        let text = format!("{}: its metadata link could not be used. {}", connection.name, problem.text);
                        findings.push(Finding::new("metadata", Verdict::Warning, text));
                    }
                    if let Some(last) = last.filter(|last| connection.status == Status::Active && *last < now + days(30)) {
                        let text = format!("{}: its last certificate ends on {}. Ask the provider for the next one and add it.", connection.name, last.day());
                        let verdict = if last <= now { Verdict::Failed } else { Verdict::Warning };
                        findings.push(Finding::new("certificate", verdict, text));
                    }
                }
                Ok(findings)
            })
            .await?;
        findings.extend(found);
        findings.extend(self.examine_secrets().await?);
        findings.push(self.second_opinion_finding());
        Ok(findings)
    }
}
