//! The keys that the demo identity provider signs with: one, or two while it takes another, as providers do it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::crypto::signing::RsaSigner;
use crate::crypto::signing::SigningError;
use crate::crypto::signing::SigningIdentity;
use crate::model::time::Clock;

pub struct Signing {
    pub signer: RsaSigner,
    pub certificate_der: Vec<u8>,
}

impl Signing {
    /// Takes a good part of a second.
    pub fn make(name: &str, clock: &dyn Clock) -> Result<Self, SigningError> {
        let identity = SigningIdentity::generate(name, clock.now().secs(), 1)?;
        Ok(Self { signer: identity.signer()?, certificate_der: identity.certificate_der })
    }
}

/// How far the change of keys has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    One,
    /// The metadata names a second one, which signs nothing yet.
    Published,
    /// The second one signs, and the metadata still names the first.
    Switched,
}

impl Stage {
    pub const ALL: [Self; 3] = [Self::One, Self::Published, Self::Switched];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Published => "published",
            Self::Switched => "switched",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text)
    }
}

struct Held {
    signs: Arc<Signing>,
    other: Option<Arc<Signing>>,
    stage: Stage,
}

pub struct Keys(Mutex<Held>);

impl Keys {
    pub fn new(first: Signing) -> Self {
        Self(Mutex::new(Held { signs: Arc::new(first), other: None, stage: Stage::One }))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn stage(&self) -> Stage {
        self.held().stage
    }

    pub fn signs(&self) -> Arc<Signing> {
        Arc::clone(&self.held().signs)
    }

    /// What the metadata names, the one that signs first.
    pub fn published(&self) -> Vec<Arc<Signing>> {
        let held = self.held();
        std::iter::once(&held.signs).chain(&held.other).map(Arc::clone).collect()
    }

    /// Goes on from `from`; nothing happens where it stands elsewhere, as when a button was pressed twice.
    pub fn go_on(&self, from: Stage, make: impl FnOnce() -> Result<Signing, SigningError>) -> Result<(), SigningError> {
        let mut held = self.held();
        if held.stage != from {
            return Ok(());
        }
        held.stage = match from {
            Stage::One => {
                held.other = Some(Arc::new(make()?));
                Stage::Published
            }
            Stage::Published => {
                if let Some(next) = held.other.take() {
                    held.other = Some(std::mem::replace(&mut held.signs, next));
                }
                Stage::Switched
            }
            Stage::Switched => {
                held.other = None;
                Stage::One
            }
        };
        Ok(())
    }
}
