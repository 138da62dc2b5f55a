//! What runs by itself, driven by the clock. Each job is idempotent: it may run twice, late, or not at all for a while.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::app::Error;

/// How often each list is looked at.
const PERIOD: Duration = Duration::from_secs(60);

/// Runs every job until the server stops. What waits for other machines has a loop of its own: links that hang hold up
/// nothing here.
pub async fn run(app: Arc<App>) {
    tokio::join!(read_links(&app), take_up_runs(&app), look_after(&app), gather(&app));
}

/// What the last process left goes on at once.
async fn take_up_runs(app: &App) {
    report("Taking up what was left half done", app.resume_all_runs(app.clock.now()).await);
    loop {
        tokio::time::sleep(PERIOD).await;
        report("Taking up what was left half done", app.resume_runs(app.clock.now()).await);
    }
}

/// Lines of the SCIM log are written together, and texts of members indexed.
async fn gather(app: &App) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        report("Writing the SCIM log", app.flush_scim_log().await);
        report("Indexing texts of members", app.index_member_texts().await);
        app.store.rest();
    }
}

async fn read_links(app: &App) {
    loop {
        tokio::time::sleep(PERIOD).await;
        report("Reading watched metadata links", app.refresh_metadata(app.clock.now()).await);
    }
}

async fn look_after(app: &App) {
    loop {
        tokio::time::sleep(PERIOD).await;
        let now = app.clock.now();
        report("Watching the certificates", app.watch_certificates(now).await);
        report("Watching our own certificates", app.watch_keys(now).await);
        report("Watching the tokens of directories", app.watch_directory_tokens(now).await);
        report("Sweeping what has ended", app.sweep(now).await);
    }
}

fn report(job: &str, outcome: Result<(), Error>) {
    if let Err(problem) = outcome {
        tracing::error!(error = &problem as &dyn std::error::Error, "{job} failed");
    }
}
