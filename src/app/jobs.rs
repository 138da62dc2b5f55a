//! What runs by itself: forgetting what has ended.

use crate::app::App;
use crate::app::error::{Error, Result};
use crate::model::time::{Timestamp, days};
use crate::store::{api_keys, sign_ins};

impl App {
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
