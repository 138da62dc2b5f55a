//! Our side of a connection, for the identity provider: metadata and certificate.

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::model::id::ConnectionId;
use crate::saml::sp_metadata::{self, SpMetadata};

impl App {
    /// Our metadata for this connection (SAML metadata 2.4.4). Public: it holds nothing secret.
    pub async fn sp_metadata(&self, id: &ConnectionId) -> Result<String> {
        let loaded = self.load_connection(id).await?;
        Ok(sp_metadata::write(&SpMetadata {
            entity_id: &loaded.connection.entity_id,
            acs_url: &loaded.connection.acs_url,
            slo_url: Some(&loaded.connection.slo_url()),
            certificates: &loaded.certificates,
            name: Some("Doorward"),
        }))
    }

    /// The certificate that our requests are signed with, as PEM; or the next one.
    pub async fn sp_certificate(&self, id: &ConnectionId, is_next: bool) -> Result<String> {
        let loaded = self.load_connection(id).await?;
        let found = loaded.certificates.get(usize::from(is_next)).ok_or(Error::NotFound("certificate"))?;
        Ok(found.to_pem())
    }
}
