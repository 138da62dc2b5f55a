//! What a sign-in needs of a connection, parsed once and kept until somebody changes a connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::crypto::certificate::Certificate;
use crate::crypto::signing::RsaSigner;
use crate::model::connection::{Connection, Revision, TrustedCertificate};
use crate::model::connection_key::KeyState;
use crate::model::id::ConnectionId;
use crate::model::mapping::RoleMapping;
use crate::model::time::{Timestamp, minutes};
use crate::saml::decrypt::DecryptionKey;
use crate::saml::signature::PinnedKey;
use crate::store::connection_keys::{self, SealedKey};
use crate::store::{certificates, connections, mappings};

pub struct Loaded {
    pub connection: Connection,
    /// How often the connection had been changed when it was read.
    pub changes: i64,
    /// Trusted for everybody's sign-in.
    pub pinned: Vec<PinnedKey>,
    /// These and what waits with the draft: trusted in tests of the draft alone.
    pub pinned_in_tests: Vec<PinnedKey>,
    pub decryption: Vec<DecryptionKey>,
    pub signer: RsaSigner,
    /// Our own published certificates: the one that signs, and the next one if there is one.
    pub certificates: Vec<Certificate>,
    pub mappings: Vec<RoleMapping>,
    /// Fingerprints of our keys, in the order of `decryption`.
    pub our_keys: Vec<String>,
    /// When the use of a certificate was last written down.
    noted: Mutex<HashMap<String, Timestamp>>,
}

/// Connections by id, each good for one generation.
#[derive(Default)]
pub struct LoadedConnections {
    generation: AtomicU64,
    known: Mutex<HashMap<ConnectionId, (u64, Arc<Loaded>)>>,
}

impl LoadedConnections {
    /// After the commit of a change, before it is answered.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self, id: &ConnectionId) -> Option<Arc<Loaded>> {
        let generation = self.generation.load(Ordering::SeqCst);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).filter(|(of, _)| *of == generation).map(|(_, loaded)| Arc::clone(loaded))
    }

    fn keep(&self, generation: u64, loaded: Arc<Loaded>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (of, _)| *of == generation);
        known.insert(loaded.connection.id.clone(), (generation, loaded));
    }
}

impl Loaded {
    /// Whether the use of this certificate, or of another thing by its name, is to be written down: once a minute, not at each
    /// sign-in of a busy morning.
    pub fn notes_use(&self, sha256: &str, now: Timestamp) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(sha256).is_some_and(|at| now.since(*at) < minutes(1)) {
            return false;
        }
        noted.insert(sha256.to_owned(), now);
        true
    }

    /// The keys that an answer under this revision may be signed with.
    pub fn pinned_for(&self, revision: &Revision) -> &[PinnedKey] {
        let is_draft = self.connection.draft.as_ref().is_some_and(|draft| draft.id == revision.id);
        if is_draft { &self.pinned_in_tests } else { &self.pinned }
    }
}

/// A connection as it is stored.
struct Rows {
    connection: Connection,
    changes: i64,
    trusted: Vec<TrustedCertificate>,
    keys: Vec<SealedKey>,
    mappings: Vec<RoleMapping>,
}

impl App {
    pub(super) async fn load_connection(&self, id: &ConnectionId) -> Result<Arc<Loaded>> {
        if let Some(loaded) = self.connections.get(id) {
            return Ok(loaded);
        }
        // Read before the rows: what changes in between makes what we keep stale at once, never wrong.
        let generation = self.connections.generation.load(Ordering::SeqCst);
        let wanted = id.clone();
        let rows: Rows = self
            .store
            .read(move |tx| {
                let connection = connections::find_anywhere(tx, &wanted)?.ok_or(Error::NotFound("connection"))?;
                Ok::<_, Error>(Rows {
                    connection,
                    changes: connections::count_changes(tx, &wanted)?,
                    trusted: certificates::list(tx, &wanted)?,
                    keys: connection_keys::list(tx, &wanted)?,
                    mappings: mappings::list(tx, wanted.as_str())?,
                })
            })
            .await?;
        let loaded = Arc::new(self.parse(rows)?);
        self.connections.keep(generation, Arc::clone(&loaded));
        Ok(loaded)
    }

    fn parse(&self, rows: Rows) -> Result<Loaded> {
        let Rows { connection, changes, trusted, keys, mappings } = rows;
        let (mut pinned, mut pinned_in_tests) = (Vec::new(), Vec::new());
        for certificate in &trusted {
            let key = PinnedKey::from_certificate(&Certificate::from_der(&certificate.der).map_err(Error::internal)?);
            if certificate.is_live {
                pinned.push(key.clone());
            }
            pinned_in_tests.push(key);
        }
        let (mut decryption, mut certificates, mut our_keys, mut signer) = (Vec::new(), Vec::new(), Vec::new(), None);
        for key in &keys {
            let pkcs8 = self.vault.open(&connection_keys::place(&key.id), &key.sealed)?;
            decryption.push(DecryptionKey::from_pkcs8(&pkcs8).map_err(|_| unusable())?);
            our_keys.push(key.key.sha256.clone());
            if key.key.state != KeyState::Retired {
                certificates.push(Certificate::from_der(&key.key.certificate).map_err(Error::internal)?);
            }
            if key.key.state == KeyState::Current {
                signer = Some(RsaSigner::from_pkcs8(&pkcs8).map_err(Error::internal)?);
            }
        }
        let signer = signer.ok_or_else(unusable)?;
        let noted = Mutex::default();
        Ok(Loaded {
            connection,
            changes,
            pinned,
            pinned_in_tests,
            decryption,
            signer,
            certificates,
            our_keys,
            mappings,
            noted,
        })
    }
}

fn unusable() -> Error {
    Error::internal(std::io::Error::other("the connection has no usable key of ours"))
}
