//! The program itself, as an operator runs it.

use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

use tempfile::TempDir;

const PASSWORD: &str = "a sentence only we know\n";

pub fn doorward(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.env_clear().env("DOORWARD_DATA_DIR", folder).env("DOORWARD_DRAIN_DELAY", "0").env("DOORWARD_LOG", "error");
    command
}

pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    doorward(folder).args(arguments).stdin(Stdio::null()).output().unwrap()
}

pub fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[track_caller]
pub fn done(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

fn create_admin(folder: &Path, email: &str) -> Output {
    let mut child = doorward(folder)
        .args(["admin", "create", "--email", email, "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// A running `doorward serve`; killed when the test ends.
pub struct Serve {
    child: Child,
    address: String,
    first_line: String,
    talk: BufReader<std::process::ChildStderr>,
}

impl Serve {
    pub fn start(folder: &Path) -> Self {
        let mut child = doorward(folder)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first_line).unwrap();
        let address = first_line.trim().rsplit("http://").next().unwrap().to_owned();
        let talk = BufReader::new(child.stderr.take().unwrap());
        Self { child, address, first_line, talk }
    }

    fn terminate(&self) {
        assert!(Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().unwrap().success());
    }

    fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

// Serving.

#[test]
fn serve_on_port_zero_prints_the_port_it_got_and_answers_there() {
    let folder = folder();
    let serve = Serve::start(folder.path());
    assert!(serve.first_line.starts_with("listening on http://127.0.0.1:"), "{}", serve.first_line);
    assert!(serve.ask("/healthz").starts_with("HTTP/1.1 200"));
}

#[test]
fn the_first_run_tells_the_code_and_where_to_use_it() {
    let folder = folder();
    let mut serve = Serve::start(folder.path());
    let mut lines = String::new();
    serve.talk.read_line(&mut lines).unwrap();
    serve.talk.read_line(&mut lines).unwrap();
    let port = serve.address.rsplit(':').next().unwrap();
    assert!(lines.starts_with("setup code: ") && lines.contains(&format!("http://localhost:{port}/setup")), "{lines}");
}

#[test]
fn once_there_is_an_admin_no_code_is_told() {
    let folder = folder();
    done(&create_admin(folder.path(), "ada@acme.example"));
    let mut serve = Serve::start(folder.path());
    serve.terminate();
    let mut talk = String::new();
    serve.talk.read_to_string(&mut talk).unwrap();
    assert!(!talk.contains("setup code"), "{talk}");
}

#[test]
fn a_second_process_on_the_folder_is_refused() {
    let folder = folder();
    let _serve = Serve::start(folder.path());
    let second = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("another") || stderr(&second).contains("already"), "{}", stderr(&second));
}

#[test]
fn a_port_that_is_taken_is_told() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(folder.path(), &["serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[test]
fn a_terminated_server_finishes_the_request_in_flight_and_exits_with_zero() {
    let folder = folder();
    let mut serve = Serve::start(folder.path());
    let mut stream = TcpStream::connect(&serve.address).unwrap();
    write!(stream, "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n").unwrap();
    // The server has the request before the signal: it asks for the body (RFC 9110, 10.1.1).
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    serve.terminate();
    stream.write_all(b"email=a").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(serve.child.wait().unwrap().code(), Some(0));
}

#[test]
fn after_a_stop_the_folder_is_free_and_the_socket_gone() {
    let folder = folder();
    let mut serve = Serve::start(folder.path());
    serve.terminate();
    assert_eq!(serve.child.wait().unwrap().code(), Some(0));
    assert!(!folder.path().join("doorward.sock").exists());
    assert!(Serve::start(folder.path()).ask("/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_killed_server_leaves_nothing_that_hinders_the_next() {
    let folder = folder();
    drop(Serve::start(folder.path()));
    done(&create_admin(folder.path(), "ada@acme.example"));
    assert!(Serve::start(folder.path()).ask("/readyz").starts_with("HTTP/1.1 200"));
}

// Usage and settings.

#[test]
fn wrong_usage_ends_with_two() {
    let folder = folder();
    for arguments in [&["frobnicate"][..], &["serve", "--nonsense"], &["admin", "create"], &[]] {
        assert_eq!(run(folder.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn help_is_data() {
    let output = run(folder().path(), &["--help"]);
    done(&output);
    assert!(stdout(&output).contains("serve") && stderr(&output).is_empty());
}

#[test]
fn an_unknown_key_ends_with_78_and_the_nearest_name() {
    let folder = folder();
    let file = folder.path().join("doorward.toml");
    std::fs::write(&file, "listn = '127.0.0.1:0'\n").unwrap();
    let output = run(folder.path(), &["config", "check", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(78));
    assert!(stderr(&output).contains("Did you mean `listen`?"), "{}", stderr(&output));
}

#[test]
fn a_settings_file_that_is_not_there_ends_with_78() {
    let output = run(folder().path(), &["serve", "--config", "/nowhere/doorward.toml"]);
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn a_wrong_value_ends_with_78() {
    let output = run(folder().path(), &["serve", "--base-url", "http://gate.example.com"]);
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
}

#[test]
fn an_unknown_variable_is_a_warning() {
    let output = doorward(folder().path()).env("DOORWARD_LISTN", "x").args(["config", "check"]).output().unwrap();
    done(&output);
    assert!(stderr(&output).contains("Did you mean DOORWARD_LISTEN?"), "{}", stderr(&output));
}

/// Both builds say plainly which of the two they are.
#[test]
fn a_second_opinion_can_be_enforced_only_where_there_is_one() {
    let folder = folder();
    let has_one = cfg!(feature = "samael");
    let with = |value: &str, arguments: &[&str]| {
        doorward(folder.path()).env("DOORWARD_SECOND_OPINION", value).args(arguments).output().unwrap()
    };
    for arguments in [&["config", "check"][..], &["serve", "--listen", "nowhere"]] {
        assert_eq!(with("perhaps", arguments).status.code(), Some(78));
    }
    let reported = with("report", &["config", "check"]);
    done(&reported);
    assert_eq!(stderr(&reported).contains("`second_opinion` does nothing"), !has_one, "{}", stderr(&reported));
    let enforced = with("enforce", &["config", "check"]);
    assert_eq!(enforced.status.code(), Some(if has_one { 0 } else { 78 }));
    assert_eq!(stderr(&enforced).contains("has no second verifier"), !has_one, "{}", stderr(&enforced));
    if !has_one {
        let started = with("enforce", &["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(started.status.code(), Some(78));
        assert!(!folder.path().join("doorward.db").exists(), "a start that is refused makes nothing");
    }
    done(&create_admin(folder.path(), "ada@acme.example"));
    let doctor = run(folder.path(), &["doctor"]);
    let says = if has_one { "verified by xmlsec1 too" } else { "our own verifier alone" };
    assert!(stdout(&doctor).contains(says), "{}", stdout(&doctor));
}

#[test]
fn config_show_is_a_settings_file_with_every_key() {
    let folder = folder();
    let output = run(folder.path(), &["config", "show", "--base-url", "https://gate.example.com"]);
    done(&output);
    let shown: toml::Table = stdout(&output).parse().unwrap();
    assert_eq!(shown["base_url"].as_str(), Some("https://gate.example.com"));
    assert_eq!(shown["data_dir"].as_str(), folder.path().to_str());
    let file = folder.path().join("shown.toml");
    std::fs::write(&file, stdout(&output)).unwrap();
    done(&run(folder.path(), &["config", "check", "--config", file.to_str().unwrap()]));
}

// Commands, with and without a server.

#[test]
fn an_admin_is_made_without_a_server() {
    let folder = folder();
    let output = run(folder.path(), &["admin", "create", "--email", "ada@acme.example"]);
    done(&output);
    assert!(stdout(&output).contains("/link/dwlink_") && stdout(&output).lines().count() == 1, "{}", stdout(&output));
}

#[test]
fn an_admin_is_made_beside_a_running_server() {
    let folder = folder();
    let serve = Serve::start(folder.path());
    let output = run(folder.path(), &["admin", "create", "--email", "ada@acme.example"]);
    done(&output);
    let (_, path) = stdout(&output).trim().split_once("/link/").unwrap();
    assert!(serve.ask(&format!("/link/{path}")).contains("ada@acme.example"));
}

#[test]
fn the_link_names_the_server_that_runs() {
    let folder = folder();
    let serve = Serve::start(folder.path());
    let output = run(folder.path(), &["admin", "create", "--email", "ada@acme.example"]);
    let port = serve.address.rsplit(':').next().unwrap();
    assert!(stdout(&output).starts_with(&format!("http://localhost:{port}/link/")), "{}", stdout(&output));
}

#[test]
fn a_short_password_is_refused() {
    let folder = folder();
    let mut child = doorward(folder.path())
        .args(["admin", "create", "--email", "ada@acme.example", "--password-stdin"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"short\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1));
}

#[test]
fn an_address_that_is_taken_is_refused() {
    let folder = folder();
    done(&create_admin(folder.path(), "ada@acme.example"));
    let again = create_admin(folder.path(), "Ada@ACME.example");
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("admin recover"), "{}", stderr(&again));
}

#[test]
fn a_locked_out_admin_gets_a_link_and_nobody_else_does() {
    let folder = folder();
    done(&create_admin(folder.path(), "ada@acme.example"));
    let output = run(folder.path(), &["admin", "recover", "--email", "ada@acme.example"]);
    done(&output);
    assert!(stdout(&output).contains("/link/dwlink_"));
    assert_eq!(run(folder.path(), &["admin", "recover", "--email", "eve@acme.example"]).status.code(), Some(1));
}

#[test]
fn an_api_key_is_printed_alone() {
    let folder = folder();
    let output = run(folder.path(), &["api-key", "create", "--name", "backup job"]);
    done(&output);
    assert!(stdout(&output).starts_with("dwapi_") && stdout(&output).trim().lines().count() == 1);
}

#[test]
fn an_api_key_has_a_role_that_keys_can_have() {
    let folder = folder();
    for (role, code) in [("developer", 0), ("owner", 0), ("member", 1), ("king", 1)] {
        let output = run(folder.path(), &["api-key", "create", "--name", "x", "--role", role]);
        assert_eq!(output.status.code(), Some(code), "{role}: {}", stderr(&output));
    }
}

#[test]
fn doctor_tells_what_is_wrong_as_text_and_as_json() {
    let folder = folder();
    let failed = |check: &str| {
        let output = run(folder.path(), &["doctor", "--json"]);
        let findings: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
        let found = findings.as_array().unwrap().iter().find(|finding| finding["check"] == check).unwrap().clone();
        assert_eq!((found["verdict"].as_str(), output.status.code()), (Some("failed"), Some(1)));
    };
    failed("database");
    assert!(!folder.path().join("doorward.db").exists(), "looking makes nothing");
    done(&run(folder.path(), &["api-key", "create", "--name", "x"]));
    failed("admins");
    done(&create_admin(folder.path(), "ada@acme.example"));
    let output = run(folder.path(), &["doctor"]);
    done(&output);
    assert!(stdout(&output).contains("ok       admins"), "{}", stdout(&output));
}

// Backups and keys.

fn backup(folder: &Path, file: &Path) -> Output {
    run(folder, &["backup", file.to_str().unwrap()])
}

#[test]
fn a_backup_of_a_running_server_restores_with_its_members() {
    let (folder, other) = (folder(), folder());
    let file = other.path().join("backup.db");
    let serve = Serve::start(folder.path());
    done(&create_admin(folder.path(), "ada@acme.example"));
    done(&backup(folder.path(), &file));
    drop(serve);
    let restored = other.path().join("data");
    done(&run(&restored, &["restore", file.to_str().unwrap()]));
    std::fs::copy(folder.path().join("master.key"), restored.join("master.key")).unwrap();
    done(&run(&restored, &["admin", "recover", "--email", "ada@acme.example"]));
}

#[test]
fn a_restore_brings_back_what_was_there_and_keeps_what_it_replaces() {
    let folder = folder();
    let file = folder.path().join("backup.db");
    done(&create_admin(folder.path(), "ada@acme.example"));
    done(&backup(folder.path(), &file));
    done(&create_admin(folder.path(), "late@acme.example"));
    let output = run(folder.path(), &["restore", file.to_str().unwrap()]);
    done(&output);
    assert!(stderr(&output).contains("is kept as"), "{}", stderr(&output));
    assert_eq!(run(folder.path(), &["admin", "recover", "--email", "late@acme.example"]).status.code(), Some(1));
    done(&run(folder.path(), &["admin", "recover", "--email", "ada@acme.example"]));
}

#[test]
fn a_backup_holds_no_master_key() {
    let folder = folder();
    let file = folder.path().join("backup.db");
    done(&create_admin(folder.path(), "ada@acme.example"));
    done(&backup(folder.path(), &file));
    let key = std::fs::read(folder.path().join("master.key")).unwrap();
    let key = key.trim_ascii();
    assert!(key.len() >= 32 && !std::fs::read(&file).unwrap().windows(key.len()).any(|window| window == key));
}

#[test]
fn a_backup_overwrites_nothing() {
    let folder = folder();
    done(&create_admin(folder.path(), "ada@acme.example"));
    let file = folder.path().join("backup.db");
    std::fs::write(&file, "mine").unwrap();
    assert_eq!(backup(folder.path(), &file).status.code(), Some(1));
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[test]
fn a_folder_without_a_database_is_not_backed_up() {
    let folder = folder();
    let file = folder.path().join("backup.db");
    let output = backup(folder.path(), &file);
    assert_eq!((output.status.code(), file.exists()), (Some(1), false));
    assert!(stderr(&output).contains("There is no database in"), "{}", stderr(&output));
}

#[test]
fn a_folder_that_lost_its_key_gets_no_other_one() {
    let folder = folder();
    done(&create_admin(folder.path(), "ada@acme.example"));
    let key = folder.path().join("master.key");
    std::fs::remove_file(&key).unwrap();
    let output = create_admin(folder.path(), "bob@acme.example");
    assert_eq!((output.status.code(), key.exists()), (Some(78), false));
    assert!(stderr(&output).contains("master.key is missing"), "{}", stderr(&output));
}

#[test]
fn what_is_no_backup_is_not_restored() {
    let folder = folder();
    done(&create_admin(folder.path(), "ada@acme.example"));
    let file = folder.path().join("no-backup.db");
    std::fs::write(&file, "no database at all").unwrap();
    assert_eq!(run(folder.path(), &["restore", file.to_str().unwrap()]).status.code(), Some(1));
    done(&run(folder.path(), &["admin", "recover", "--email", "ada@acme.example"]));
}

#[test]
fn a_running_server_is_not_restored_over() {
    let (folder, other) = (folder(), folder());
    let file = other.path().join("backup.db");
    let _serve = Serve::start(folder.path());
    done(&backup(folder.path(), &file));
    assert_eq!(run(folder.path(), &["restore", file.to_str().unwrap()]).status.code(), Some(1));
}

#[test]
fn a_wrong_master_key_ends_with_78() {
    let (folder, other) = (folder(), folder());
    done(&create_admin(folder.path(), "ada@acme.example"));
    done(&create_admin(other.path(), "ada@acme.example"));
    std::fs::copy(other.path().join("master.key"), folder.path().join("master.key")).unwrap();
    let output = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
}

#[test]
fn a_lost_master_key_ends_with_78_and_none_is_made_in_its_place() {
    let folder = folder();
    done(&create_admin(folder.path(), "ada@acme.example"));
    std::fs::remove_file(folder.path().join("master.key")).unwrap();
    let output = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(78), "{}", stderr(&output));
}

#[test]
fn a_master_key_that_others_can_read_ends_with_78() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    done(&create_admin(folder.path(), "ada@acme.example"));
    let key = folder.path().join("master.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]).status.code(), Some(78));
}
