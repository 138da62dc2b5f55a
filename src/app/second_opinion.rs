//! The second opinion on a SAML answer that our verifier accepted: asked where this build has somebody to ask, told as
//! an alarm where the two differ, and where the operator wants it, decisive.

use std::time::Duration;

use crate::app::App;
use crate::app::error::Result;
use crate::app::health::Finding;
use crate::config::SecondOpinion;
use crate::model::actor::Ctx;
use crate::model::audit::{Action, Level, NewEvent, Target};
use crate::model::connection::Connection;
use crate::saml::key::PinnedKey;
use crate::saml::response::{Check, CheckName, Error as SamlError, Examination};
use crate::saml::second_opinion::{self, Difference};
use crate::store::{WriteTx, audit};

pub const CODE: &str = "saml_second_opinion";

/// It takes a millisecond. One that hangs must not hold up a whole company's sign-ins.
const PATIENCE: Duration = Duration::from_secs(10);

/// What this build does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// One verifier, ours.
    Alone,
    Reports,
    Enforces,
}

impl Standing {
    pub fn of(chosen: SecondOpinion) -> Self {
        match (second_opinion::IS_COMPILED_IN, chosen) {
            (false, _) => Self::Alone,
            (true, SecondOpinion::Report) => Self::Reports,
            (true, SecondOpinion::Enforce) => Self::Enforces,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Alone => "SAML answers are verified by our own verifier alone; this build has no second one.",
            Self::Reports => {
                "SAML answers that our verifier accepts are verified by xmlsec1 too. Where the two differ there is an alarm, and the sign-in goes on (second_opinion = report)."
            }
            Self::Enforces => {
                "SAML answers are accepted only where our verifier and xmlsec1 agree (second_opinion = enforce)."
            }
        }
    }
}

/// What the settings ask of this build that it cannot do: why it must not start, or what is worth a warning.
pub fn lacking(chosen: SecondOpinion, is_set: bool) -> std::result::Result<Option<&'static str>, &'static str> {
    match (second_opinion::IS_COMPILED_IN, chosen, is_set) {
        (false, SecondOpinion::Enforce, _) => Err(
            "`second_opinion` is `enforce`, but this build has no second verifier of SAML answers. Leave the key out, or \
             run a build that has one (docs/second-opinion.md).",
        ),
        (false, SecondOpinion::Report, true) => {
            Ok(Some("This build has no second verifier of SAML answers, so `second_opinion` does nothing."))
        }
        _ => Ok(None),
    }
}

impl App {
    /// Which verifiers run: for `doctor` and the console.
    pub fn second_opinion_finding(&self) -> Finding {
        Finding::ok("second_opinion", self.second_opinion.text())
    }

    /// Asks about what was accepted, and about nothing else. The answer stands as the last check; where it decides, a
    /// difference is a refusal.
    pub(super) async fn ask_second(&self, mut examination: Examination, keys: &[PinnedKey]) -> Examination {
        if self.second_opinion == Standing::Alone || examination.result.is_err() {
            return examination;
        }
        let (questions, keys) = (std::mem::take(&mut examination.questions), keys.to_vec());
        let asked = tokio::task::spawn_blocking(move || second_opinion::ask(&questions, &keys));
        let answer = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Difference::Panicked),
            Err(_) => Err(Difference::Late { seconds: PATIENCE.as_secs() }),
        };
        let error = answer.err().map(|difference| SamlError::SecondOpinion { received: difference.to_string() });
        examination.checks.push(match &error {
            None => Check::passed(
                CheckName::SecondOpinion,
                None,
                None,
                "xmlsec1 verified the same bytes with the same certificates.".to_owned(),
            ),
            Some(error) => Check::failed(CheckName::SecondOpinion, error),
        });
        if let Some(error) = error.filter(|_| self.second_opinion == Standing::Enforces) {
            examination.result = Err(error);
        }
        examination
    }
}

/// What the other answered, where it did not agree.
pub(super) fn difference(checks: &[Check]) -> Option<&str> {
    let check = checks.iter().find(|check| check.name == CheckName::SecondOpinion && check.ok == Some(false))?;
    check.received.as_deref()
}

/// Somebody has to look at it, whether or not the sign-in went on. `is_refused` says which.
pub(super) fn alarm(
    tx: &WriteTx<'_>,
    ctx: &Ctx,
    connection: &Connection,
    theirs: &str,
    is_refused: bool,
    reference: Option<&str>,
) -> Result<()> {
    let target = Target::new("connection", &connection.id, &connection.name);
    let mut event = NewEvent::new(Action::SecondOpinionDiffers, target).level(Level::Alarm);
    if is_refused {
        event = event.refused(CODE, None);
    }
    event.reference = reference.map(str::to_owned);
    audit::insert(tx, ctx, &event.change("independent_verifier", serde_json::Value::Null, theirs))?;
    Ok(())
}
