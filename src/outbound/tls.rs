//! Whom outbound calls believe: the roots of this system and those of `outbound_ca_file`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tracing::warn;

/// Why `outbound_ca_file` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaFileError {
    #[error("The file {} that `outbound_ca_file` names cannot be read.", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("The file {} that `outbound_ca_file` names holds no certificate (PEM).", path.display())]
    NoCertificate { path: PathBuf },
    #[error("A certificate in the file {} that `outbound_ca_file` names is no root of a CA.", path.display())]
    NotARoot { path: PathBuf, source: rustls::Error },
}

pub(super) struct Roots {
    own: Vec<CertificateDer<'static>>,
    /// Made at the first call: reading the system's roots would only delay the start.
    client: OnceLock<ClientConfig>,
}

impl Roots {
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, CaFileError> {
        let own = ca_file.map_or_else(|| Ok(Vec::new()), read)?;
        Ok(Self { own, client: OnceLock::new() })
    }

    pub(super) fn client(&self) -> ClientConfig {
        self.client.get_or_init(|| self.make()).clone()
    }

    fn make(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            warn!(
                errors = ?system.errors,
                "This system has no root certificates, so calls over https fail. Install ca-certificates."
            );
        }
        roots.add_parsable_certificates(self.own.iter().cloned());
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, CaFileError> {
    let bytes = std::fs::read(path).map_err(|source| CaFileError::Unreadable { path: path.to_owned(), source })?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    let found = found.ok_or_else(|| CaFileError::NoCertificate { path: path.to_owned() })?;
    let mut probe = RootCertStore::empty();
    for certificate in &found {
        let added = probe.add(certificate.clone());
        added.map_err(|source| CaFileError::NotARoot { path: path.to_owned(), source })?;
    }
    Ok(found)
}
