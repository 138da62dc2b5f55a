//! Who shows which token, read once and kept until somebody changes a directory or a token.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::app::scim::schemas_of;
use crate::model::directory::{Directory, DirectoryToken};
use crate::model::time::{Timestamp, seconds};
use crate::scim::Schemas;
use crate::store::directories;

/// A token with its directory as it was read, counts aside. A transaction asks whether they are still so.
pub(super) struct Known {
    pub directory: Arc<Directory>,
    pub token: DirectoryToken,
    pub schemas: Arc<Schemas>,
    pub generation: u64,
    /// The URL of the server, and the one that names the directory.
    pub bases: [Arc<str>; 2],
    /// When its use was written down last, in milliseconds since 1970.
    noted: AtomicI64,
}

impl Known {
    /// Whether its use is to be written down: not at each request of a push.
    pub(super) fn notes_use(&self, now: Timestamp) -> bool {
        let noted = self.noted.load(Ordering::Relaxed);
        let is_due = now.since(Timestamp::from_millis(noted)) >= seconds(5);
        is_due && self.noted.compare_exchange(noted, now.millis(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// By the hash of the token. Only tokens that there are stand here.
#[derive(Default)]
pub struct Callers {
    known: Mutex<HashMap<[u8; 32], Arc<Known>>>,
}

impl Callers {
    fn get(&self, hash: &[u8; 32], generation: u64) -> Option<Arc<Known>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(hash).filter(|known| known.generation == generation).cloned()
    }

    fn keep(&self, hash: [u8; 32], caller: Arc<Known>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, other| other.generation == caller.generation);
        known.insert(hash, caller);
    }
}

impl App {
    pub(super) async fn load_scim_caller(&self, hash: [u8; 32]) -> Result<Option<Arc<Known>>> {
        // From before the rows are read: what changes in between makes what we keep stale at once, never wrong.
        let generation = self.store.generation();
        if let Some(known) = self.scim_callers.get(&hash, generation) {
            return Ok(Some(known));
        }
        let found = self.store.read(move |tx| directories::find_by_token(tx, &hash).map_err(Error::from)).await?;
        let Some((directory, token)) = found else { return Ok(None) };
        let schemas = match &directory.extensions {
            Some(extensions) => schemas_of(extensions)?,
            None => Schemas::standard(),
        };
        let noted = AtomicI64::new(token.last_used_at.map_or(0, Timestamp::millis));
        let below = |path: String| Arc::from(self.urls.join(&path));
        let bases = [below("/scim/v2".to_owned()), below(format!("/scim/v2/{}", directory.id))];
        let known = Arc::new(Known { directory: Arc::new(directory), token, schemas, generation, bases, noted });
        self.scim_callers.keep(hash, Arc::clone(&known));
        Ok(Some(known))
    }
}
