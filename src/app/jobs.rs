//! What runs by itself: forgetting what has ended.

use crate::app::App;
use crate::app::connections::trust;
use crate::app::error::{Error, Result};
use crate::app::metadata::MetadataInput;
use crate::app::setup::system;
use crate::model::time::{Timestamp, days, hours};
use crate::store::{api_keys, connections, sign_ins};

impl App {
    /// Reads the watched metadata links again, every six hours, and trusts new certificates of the same provider.
    /// Anything else that changed is told, not taken: a link that was taken over must not move a sign-in.
    pub async fn refresh_metadata(&self, now: Timestamp) -> Result<()> {
        let due =
            self.store.read(move |tx| connections::list_to_refresh(tx, now - hours(6)).map_err(Error::from)).await?;
        for connection in due {
            let Some(settings) = connection.live().map(|live| live.settings.clone()) else { continue };
            let Some(url) = settings.metadata_url.clone() else { continue };
            let read =
                self.read_metadata(&MetadataInput::Link { url, entity_id: settings.idp_entity_id.clone() }, now).await;
            let (certificates, problem) = match read {
                Ok(read) if Some(&read.idp_entity_id) == settings.idp_entity_id.as_ref() => (read.certificates, None),
                Ok(read) => (
                    Vec::new(),
                    Some(format!("The link now describes {}; nothing was taken from it.", read.idp_entity_id)),
                ),
                Err(error) => (Vec::new(), Some(error.public())),
            };
            let ctx = system(&connection.organization, now);
            let added = self
                .store
                .write(move |tx| {
                    connections::update_metadata_read(tx, &connection.id, now, problem.as_deref())?;
                    trust(tx, &ctx, &connection, &certificates, "metadata")
                })
                .await?;
            if added > 0 {
                self.connections.forget();
            }
        }
        Ok(())
    }

    /// Idempotent; each part may run at any time.
    pub async fn sweep(&self, now: Timestamp) -> Result<()> {
        self.sweep_sessions(now).await?;
        self.sweep_links(now - days(30)).await?;
        self.store
            .write(move |tx| {
                sign_ins::delete_consumed(tx, now)?;
                sign_ins::delete_old(tx, now - days(30))?;
                api_keys::delete_old_answers(tx, now - days(1))?;
                Ok::<_, Error>(())
            })
            .await
    }
}
