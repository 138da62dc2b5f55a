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
pub struct Demo {
    process: Child,
    gateway: SocketAddr,
    /// What it said about where to click.
    guide: Vec<String>,
    folder: TempDir,
    /// Kept open: it has more to say at the end.
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Demo {
    pub fn start() -> Self {
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

    pub fn gateway(&self) -> Browser {
        Browser::new(self.gateway, &format!("http://localhost:{}", self.gateway.port()))
    }

    /// The word after `before` in the guide.
    pub fn said_after(&self, before: &str) -> &str {
        let line = self.guide.iter().find_map(|line| line.split_once(before)).expect("the guide says it").1;
        line.split_whitespace().next().unwrap()
    }

    /// Goes to the provider, presses a button there, and brings its answer back.
    pub async fn sign_in(&self, browser: &mut Browser, name: &str, value: &str) -> Answer {
        let link = browser.get("/sign-in").await.links().into_iter().find(|link| link.contains("/start")).unwrap();
        let to_provider = browser.get(&link).await;
        let url = url::Url::parse(to_provider.location()).unwrap();
        let address = SocketAddr::new("127.0.0.1".parse().unwrap(), url.port().unwrap());
        let mut provider = Browser::new(address, &url.origin().ascii_serialization());
        let picked = provider.get(url.as_str()).await.form("/answer").fill(name, value);
        let form = provider.submit(&picked).await.form("/acs");
        let fields: Vec<_> = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.cross_site_post(&form.action, &fields).await
    }

    /// The provider's own pages.
    pub fn provider(&self) -> Browser {
        let url = url::Url::parse(self.said_after("metadata link ")).unwrap();
        let address = SocketAddr::new("127.0.0.1".parse().unwrap(), url.port().unwrap());
        Browser::new(address, &url.origin().ascii_serialization())
    }

    pub async fn admin(&self) -> Browser {
        let mut admin = self.gateway();
        let password = self.said_after("ada-admin@example.com, password ");
        assert_eq!(admin.sign_in("ada-admin@example.com", password).await.status, 303);
        admin
    }

    /// Where the console shows the directory.
    pub fn directory(&self) -> String {
        let line = self.guide.iter().find(|line| line.contains("/admin/security/directories/")).unwrap();
        url::Url::parse(line.trim()).unwrap().path().to_owned()
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

    let mut admin = demo.admin().await;
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
    // The provider vouches for him too, but who exists is the directory's to say.
    let unknown = demo.sign_in(&mut demo.gateway(), "person", "charles").await;
    assert_eq!((unknown.status, unknown.reason()), (403, "sso_not_provisioned"));

    assert_eq!(demo.end_by("-INT"), Some(0));
    assert_eq!(demo.folders(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_sign_out_reaches_the_other_side_both_ways() {
    let demo = Demo::start();
    let (mut ada, mut provider) = (demo.gateway(), demo.provider());
    assert!(demo.sign_in(&mut ada, "person", "ada").await.is_redirect());
    assert!(provider.get("/").await.text().contains("Ada Example"));

    // From the gateway: a page leads there, and the provider's answer leads back.
    let form = ada.get("/sign-out").await.form("/sign-out");
    let between = ada.submit(&form).await;
    let asked = between.links().into_iter().find(|link| link.contains("/slo?SAMLRequest=")).unwrap();
    let answered = provider.get(&asked).await;
    assert_eq!(answered.status, 302, "{}", answered.text());
    let told = ada.open(answered.location()).await.text();
    assert!(told.contains("says that it signed you out too"), "{told}");
    assert!(provider.get("/").await.text().contains("Nobody yet"));

    // From the provider: the browser carries the word, and brings back that it was obeyed.
    assert!(demo.sign_in(&mut ada, "person", "ada").await.is_redirect());
    let form = provider.get("/").await.form("/sign-out");
    let carried = provider.submit(&form).await.form("/slo");
    let fields: Vec<_> = carried.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answered = ada.cross_site_post(&carried.action, &fields).await;
    assert!(answered.location().contains("/slo?SAMLResponse="), "{} {}", answered.status, answered.text());
    let told = provider.get(answered.location()).await;
    assert!(told.text().contains("Ada Example is signed out there too"), "{}", told.text());
    assert_ne!(ada.get("/account").await.status, 200);
    // The same answer a second time, and a session that is over.
    assert_eq!(provider.get(answered.location()).await.status, 400);
    assert!(provider.submit(&form).await.text().contains("This session is over already"));

    // What nobody signed ends nothing and is answered with a sentence.
    for odd in ["", "?SAMLRequest=x", "?SAMLResponse=%00&RelayState=%27", "?SAMLRequest=a&SAMLRequest=b"] {
        assert_eq!(provider.get(&format!("/slo{odd}")).await.status, 400, "{odd}");
    }
    let unsigned = asked.split("&SigAlg=").next().unwrap();
    let refused = provider.get(unsigned).await;
    assert!(refused.status == 400 && refused.text().contains("not believed"), "{}", refused.text());
}

#[tokio::test]
async fn a_change_of_the_providers_key_can_be_rehearsed() {
    let demo = Demo::start();
    let (mut admin, mut provider) = (demo.admin().await, demo.provider());
    let sign_ins = demo.said_after("Read the refusal");
    let page = sign_ins.strip_suffix("/sign-ins").unwrap().to_owned();
    assert!(demo.sign_in(&mut demo.gateway(), "person", "ada").await.is_redirect());

    let first = provider.get("/").await.form("/key");
    assert_eq!(provider.submit(&first).await.location(), "/");
    // Pressed twice it is one step.
    provider.submit(&first).await;
    assert_eq!(provider.get("/metadata").await.body.matches("<md:KeyDescriptor").count(), 2);
    let read = admin.get(&page).await.form("/refresh");
    let text = admin.submit_and_follow(&read).await.text();
    assert!(text.contains("1 new certificate is now trusted") && text.contains("Rolling over"), "{text}");
    assert!(demo.sign_in(&mut demo.gateway(), "person", "ada").await.is_redirect());

    let switch = provider.get("/").await.form("/key");
    provider.submit(&switch).await;
    assert!(demo.sign_in(&mut demo.gateway(), "person", "ada").await.is_redirect());
    let text = admin.get(&page).await.text();
    assert!(text.contains("First on"), "the rail has seen the new one: {text}");

    let retire = provider.get("/").await.form("/key");
    provider.submit(&retire).await;
    assert_eq!(provider.get("/metadata").await.body.matches("<md:KeyDescriptor").count(), 1);
    assert!(demo.sign_in(&mut demo.gateway(), "person", "ada").await.is_redirect());

    // A key that the gateway has not heard of signs nobody in: what a forgotten step costs.
    for _ in 0..2 {
        let form = provider.get("/").await.form("/key");
        provider.submit(&form).await;
    }
    let refused = demo.sign_in(&mut demo.gateway(), "person", "ada").await;
    assert_eq!((refused.status, refused.reason()), (403, "saml_signature_cert"));
    assert_eq!(provider.post("/key", &[("from", "'")]).await.status, 400);
}

#[test]
fn the_demo_listens_on_this_machine_alone() {
    let refused =
        Command::new(env!("CARGO_BIN_EXE_doorward")).args(["demo", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("this machine alone"));
}
