//! `doorward demo`: a throw-away gateway to look around in, with an identity provider beside it.

use std::net::SocketAddr;

use clap::Args;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::cli::Stop;
use crate::cli::chain;
use crate::cli::serve::on_runtime;
use crate::cli::serve::start_log;
use crate::demo::gateway::Demo as Running;
use crate::demo::gateway::DemoError;
use crate::demo::people::Person;

#[derive(Debug, Args)]
pub struct Demo {
    /// Address and port of the gateway, on this machine; port 0 picks one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = loopback)]
    listen: String,
}

impl Demo {
    pub fn run(self) -> Result<(), Stop> {
        on_runtime(async move {
            let unheard = |problem| Stop::failed(format!("Signals cannot be heard on this system: {problem}."));
            let mut terminate = signal(SignalKind::terminate()).map_err(unheard)?;
            let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
            // The window that it runs in was closed.
            let mut hang_up = signal(SignalKind::hangup()).map_err(unheard)?;
            let signalled = async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                    _ = hang_up.recv() => {}
                }
            };
            tokio::pin!(signalled);
            let demo = tokio::select! {
                () = &mut signalled => return Ok(()),
                started = Running::start(&self.listen, start_log) => started?,
            };
            println!("listening on http://{}", demo.server.address);
            eprint!("{}", guide(&demo));
            signalled.await;
            demo.stop().await;
            eprintln!("The demo has ended. Nothing of it is left.");
            Ok(())
        })
    }
}

impl From<DemoError> for Stop {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Start(error) => error.into(),
            DemoError::App(error) => error.into(),
            error => Self::failed(chain(&error)),
        }
    }
}

/// Where to click, within a minute.
fn guide(demo: &Running) -> String {
    let sign_ins = demo.url(&format!("/admin/security/sso/{}/sign-ins", demo.connection));
    format!(
        "\n\
         Doorward is open at {gateway}. This is a demo: Ctrl-C ends it, and nothing is kept.\n\n  \
         1  Sign in by SSO     {sign_in}\n                        \
         Choose \"Sign in with SSO\", then who you are, or a fault to see refused.\n  \
         2  Sign in as admin   {password_page}\n                        \
         {email}, password {password}\n                        \
         (or by SSO, as Ada Admin)\n  \
         3  Read the refusal   {sign_ins}\n                        \
         Its reference leads to what was sent and what was expected.\n  \
         4  Push a change      {directory}\n                        \
         Joiner, mover, leaver, rename, over SCIM as Okta sends them. What came of it:\n                        \
         {pushed}\n  \
         5  Walk the wizard    {wizard}\n                        \
         with the metadata link {metadata}\n\n",
        gateway = demo.url("/"),
        sign_in = demo.url("/sign-in"),
        password_page = demo.url("/sign-in/password"),
        email = Person::admin().email,
        password = demo.password,
        wizard = demo.url("/admin/security/sso/new"),
        directory = demo.idp.directory_url(),
        pushed = demo.url(&format!("/admin/security/directories/{}", demo.directory)),
        metadata = demo.idp.metadata_url(),
    )
}

/// The identity provider believes anybody, so nobody else may come near.
fn loopback(text: &str) -> Result<String, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address: SocketAddr =
        numeric.as_deref().unwrap_or(text).parse().map_err(|_| "write it such as 127.0.0.1:8080")?;
    if address.ip().is_loopback() {
        Ok(address.to_string())
    } else {
        Err("the demo listens on this machine alone; use 127.0.0.1 and a port".to_owned())
    }
}
