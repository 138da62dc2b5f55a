//! `doorward demo` as a newcomer meets it: the real program, a sign-in that works, one that is refused, and no trace of
//! it afterwards.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Lines;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Child;
use std::process::ChildStderr;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use super::support::Answer;
use super::support::Browser;

/// The running program, in a temporary folder of its own to make its folder in.
struct Demo {
    process: Child,
    gateway: SocketAddr,
    /// What it said about where to click.
    guide: Vec<String>,
    folder: TempDir,
    /// Kept open: it has more to say at the end.
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Demo {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_doorward"))
            .args(["demo", "--listen", "127.0.0.1:0"])
            .env("TMPDIR", folder.path())
            .env("DOORWARD_BASE_URL", "https://not-for-the-demo.example")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let gateway = line.trim().strip_prefix("listening on http://").expect(&line).parse().unwrap();
        let mut stderr = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut guide = Vec::new();
        for line in stderr.by_ref().map(Result::unwrap) {
            let is_last = line.contains("metadata link");
            guide.push(line);
            if is_last {
                break;
            }
        }
        Self { process, gateway, guide, folder, stderr }
    }

    fn gateway(&self) -> Browser {
        Browser::new(self.gateway, &format!("http://localhost:{}", self.gateway.port()), "")
    }

    /// The word after `before` in the guide.
    fn said_after(&self, before: &str) -> &str {
        let line = self.guide.iter().find_map(|line| line.split_once(before)).expect("the guide says it").1;
        line.split_whitespace().next().unwrap()
    }

    /// Goes to the provider, presses a button there, and brings its answer back.
    async fn sign_in(&self, browser: &mut Browser, name: &str, value: &str) -> Answer {
        let link = browser.get("/sign-in").await.links().into_iter().find(|link| link.contains("/start")).unwrap();
        let to_provider = browser.get(&link).await;
        let url = url::Url::parse(to_provider.location()).unwrap();
        let address = SocketAddr::new("127.0.0.1".parse().unwrap(), url.port().unwrap());
        let mut provider = Browser::new(address, &url.origin().ascii_serialization(), "");
        let picked = provider.get(url.as_str()).await.form("/answer").fill(name, value);
        let form = provider.submit(&picked).await.form("/acs");
        let fields: Vec<_> = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.cross_site_post(&form.action, &fields).await
    }

    fn folders(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn end_by(&mut self, signal: &str) -> Option<i32> {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[tokio::test]
async fn the_demo_shows_a_good_and_a_refused_sign_in_and_leaves_nothing() {
    let mut demo = Demo::start();
    assert_eq!(demo.folders().len(), 1);

    let mut ada = demo.gateway();
    let back = demo.sign_in(&mut ada, "person", "ada").await;
    assert!(back.is_redirect(), "{}", back.body);
    assert!(ada.open("/account").await.text().contains("ada@example.com"));

    let mut nobody = demo.gateway();
    let refused = demo.sign_in(&mut nobody, "fault", "tampered").await;
    assert_eq!((refused.status, refused.reason()), (403, "saml_signature_invalid"));
    assert!(refused.text().contains("You couldn't be signed in."), "{}", refused.text());
    assert!(!nobody.is_signed_in());

    let mut admin = demo.gateway();
    let password = demo.said_after("ada-admin@example.com, password ");
    assert_eq!(admin.sign_in("ada-admin@example.com", password).await.status, 303);
    let sign_ins = admin.get(demo.said_after("Read the refusal")).await;
    assert!(sign_ins.text().contains(&refused.reference()), "{}", sign_ins.text());

    assert_eq!(demo.end_by("-TERM"), Some(0));
    assert_eq!(demo.folders(), Vec::<PathBuf>::new());
    let last = demo.stderr.by_ref().last().unwrap().unwrap();
    assert_eq!(last, "The demo has ended. Nothing of it is left.");
}

#[tokio::test]
async fn the_owner_is_linked_and_who_left_stays_out() {
    let mut demo = Demo::start();
    let mut owner = demo.gateway();
    assert!(demo.sign_in(&mut owner, "person", "ada-admin").await.is_redirect());
    assert_eq!(owner.open("/admin/security").await.status, 200);

    let refused = demo.sign_in(&mut demo.gateway(), "person", "edsger").await;
    assert_eq!((refused.status, refused.reason()), (403, "sso_deactivated"));

    assert_eq!(demo.end_by("-INT"), Some(0));
    assert_eq!(demo.folders(), Vec::<PathBuf>::new());
}

#[test]
fn the_demo_listens_on_this_machine_alone() {
    let refused =
        Command::new(env!("CARGO_BIN_EXE_doorward")).args(["demo", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("this machine alone"));
}
