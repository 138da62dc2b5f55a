//! What runs by itself, driven by the clock. Each job is idempotent: it may run twice, late, or not at all for a while.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// How often the list is looked at.
const PERIOD: Duration = Duration::from_secs(60);

/// Runs every job in turn until the server stops.
pub async fn run(app: Arc<App>) {
    loop {
        tokio::time::sleep(PERIOD).await;
        run_once(&app).await;
    }
}

/// Every job, once.
pub async fn run_once(app: &App) {
    let now = app.clock.now();
    if let Err(problem) = app.refresh_metadata(now).await {
        tracing::error!(error = &problem as &dyn std::error::Error, "Reading watched metadata links failed");
    }
    if let Err(problem) = app.watch_certificates(now).await {
        tracing::error!(error = &problem as &dyn std::error::Error, "Watching the certificates failed");
    }
    if let Err(problem) = app.watch_keys(now).await {
        tracing::error!(error = &problem as &dyn std::error::Error, "Watching our own certificates failed");
    }
    if let Err(problem) = app.sweep(now).await {
        tracing::error!(error = &problem as &dyn std::error::Error, "Sweeping what has ended failed");
    }
}
