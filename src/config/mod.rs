//! What must be known before the database opens, or what only the operator may decide; all else is a setting of the
//! console. Read once from a flat TOML file, the environment and the command line (each goes over the former), checked,
//! and handed down as values: nothing here is global, nothing here reads the system.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

mod base_url;
mod keys;
mod listen;

pub use base_url::BaseUrl;
pub use keys::{FILE_VARIABLE, KEYS, Key};
pub use listen::{OutboundAllow, TrustedProxies};

/// One field for each entry of `KEYS`, which says what it is for.
#[derive(Debug, Clone)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub base_url: Option<BaseUrl>,
    pub trusted_proxies: TrustedProxies,
    pub forwarded: Forwarded,
    pub master_key_file: Option<PathBuf>,
    pub outbound_allow: OutboundAllow,
    pub outbound_ca_file: Option<PathBuf>,
    pub dns_servers: Vec<SocketAddr>,
    pub second_opinion: SecondOpinion,
    pub log: String,
    pub log_format: LogFormat,
    pub drain_delay: Duration,
    pub shutdown_timeout: Duration,
    settings: Vec<Setting>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded {
    XHeaders,
    Rfc7239,
    None,
}

/// What a difference between the two verifiers of SAML answers means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondOpinion {
    Report,
    Enforce,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Where a setting comes from; later ones go over earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Default,
    File,
    Environment,
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        })
    }
}

/// A key with the value in force, for `config show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub key: &'static Key,
    pub value: String,
    pub origin: Origin,
}

/// All that is wrong, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// `file` is the text of the file, `environment` all variables, `flags` pairs of key and value. Also gives
    /// warnings: sentences about what is probably not meant so.
    pub fn load(
        file: Option<&str>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<(Self, Vec<String>), ConfigError> {
        let mut given = Given::default();
        given.read_file(file.unwrap_or_default());
        given.read_environment(environment);
        for (name, value) in flags {
            given.set(name, value, Origin::Flag);
        }
        let config = given.config();
        if !given.problems.is_empty() {
            return Err(ConfigError { problems: given.problems });
        }
        if config.base_url.is_none() && !config.listen.ip().is_loopback() {
            given.warnings.push(
                "Doorward listens for other machines, but `base_url` is not set, so people are sent to localhost. \
                 Set it to the URL they use."
                    .to_owned(),
            );
        }
        Ok((config, given.warnings))
    }

    /// The base URL in force when the listener got `port`.
    pub fn base_url_at(&self, port: u16) -> BaseUrl {
        self.base_url.clone().unwrap_or_else(|| BaseUrl::on_this_machine(port))
    }

    /// Every key with the value in force, in the order of `KEYS`. No key holds a secret; they name files that do.
    pub fn show(&self) -> Vec<Setting> {
        let in_force = |setting: &Setting| {
            let value = match setting.key.name {
                "base_url" => self.base_url_at(self.listen.port()).to_string(),
                "master_key_file" => self.master_key_path().display().to_string(),
                _ => setting.value.clone(),
            };
            Setting { value, ..setting.clone() }
        };
        self.settings.iter().map(in_force).collect()
    }

    /// Whether somebody gave this key a value.
    pub fn is_set(&self, name: &str) -> bool {
        self.settings.iter().any(|setting| setting.key.name == name && setting.origin != Origin::Default)
    }

    /// Where the master key is, unless systemd gives it.
    pub fn master_key_path(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }
}

/// Values as text, before they are understood.
#[derive(Default)]
struct Given {
    values: BTreeMap<&'static str, (String, Origin)>,
    problems: Vec<String>,
    warnings: Vec<String>,
}

impl Given {
    fn read_file(&mut self, text: &str) {
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => return self.problems.push(format!("The configuration file is not valid TOML: {error}")),
        };
        for (name, value) in table {
            match as_text(&value) {
                Some(value) => self.set(&name, value, Origin::File),
                None => self.problems.push(format!(
                    "`{name}` in the file has to be text, a number or a list of texts. The file has no sections."
                )),
            }
        }
    }

    fn read_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        for (variable, value) in environment {
            let Some(name) = variable.strip_prefix(keys::PREFIX) else { continue };
            match keys::find(&name.to_ascii_lowercase()) {
                // What compose files pass on although nobody set it.
                _ if value.is_empty() || variable == FILE_VARIABLE => {}
                Some(key) => self.set(key.name, value, Origin::Environment),
                None => {
                    let meant = keys::nearest(name).map(|key| format!(" Did you mean {}?", key.variable()));
                    self.warnings.push(format!("Nothing reads {variable}.{}", meant.unwrap_or_default()));
                }
            }
        }
    }

    fn set(&mut self, name: &str, value: String, origin: Origin) {
        if let Some(key) = keys::find(name) {
            self.values.insert(key.name, (value, origin));
            return;
        }
        let meant = keys::nearest(name).map(|key| format!(" Did you mean `{}`?", key.name));
        self.problems.push(format!("Unknown key `{name}`.{}", meant.unwrap_or_default()));
    }

    /// The value of `name`; one that cannot be understood is noted and its default stands in.
    fn read<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        let key = keys::find(name).expect("every field has its key; a test reads all of them");
        if let Some((text, origin)) = self.values.get(name) {
            match parse(text) {
                Ok(value) => return value,
                Err(reason) if *origin == Origin::Environment => {
                    self.problems.push(format!("{}: {reason}", key.variable()));
                }
                Err(reason) => self.problems.push(format!("`{name}`: {reason}")),
            }
        }
        parse(key.default).expect("defaults are valid; a test reads all of them")
    }

    fn config(&mut self) -> Config {
        Config {
            data_dir: self.read("data_dir", folder),
            listen: self.read("listen", listen::address),
            base_url: self.read("base_url", |text| unless_empty(text, str::parse)),
            trusted_proxies: self.read("trusted_proxies", listen::proxies),
            forwarded: self.read("forwarded", forwarded),
            master_key_file: self.read("master_key_file", path),
            outbound_allow: self.read("outbound_allow", listen::outbound_allow),
            outbound_ca_file: self.read("outbound_ca_file", path),
            dns_servers: self.read("dns_servers", listen::name_servers),
            second_opinion: self.read("second_opinion", second_opinion),
            log: self.read("log", log),
            log_format: self.read("log_format", log_format),
            drain_delay: self.read("drain_delay", seconds),
            shutdown_timeout: self.read("shutdown_timeout", seconds),
            settings: KEYS.iter().map(|key| self.setting(key)).collect(),
        }
    }

    fn setting(&self, key: &'static Key) -> Setting {
        let given = self.values.get(key.name).cloned();
        let (value, origin) = given.unwrap_or_else(|| (key.default.to_owned(), Origin::Default));
        Setting { key, value, origin }
    }
}

fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(list) => {
            let texts: Option<Vec<_>> = list.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

fn unless_empty<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

fn path(text: &str) -> Result<Option<PathBuf>, String> {
    unless_empty(text, |text| Ok(PathBuf::from(text)))
}

fn folder(text: &str) -> Result<PathBuf, String> {
    path(text)?.ok_or_else(|| "Name a folder.".to_owned())
}

fn forwarded(text: &str) -> Result<Forwarded, String> {
    match text {
        "x-forwarded" => Ok(Forwarded::XHeaders),
        "rfc7239" => Ok(Forwarded::Rfc7239),
        "none" => Ok(Forwarded::None),
        other => Err(format!("`{other}` is none of x-forwarded, rfc7239 and none.")),
    }
}

fn second_opinion(text: &str) -> Result<SecondOpinion, String> {
    match text {
        "report" => Ok(SecondOpinion::Report),
        "enforce" => Ok(SecondOpinion::Enforce),
        other => Err(format!("`{other}` is neither report nor enforce.")),
    }
}

fn log(text: &str) -> Result<String, String> {
    // A bare word is a level here; the filter would take any other for a part of the program that never logs.
    let is_level = |part: &str| matches!(part, "off" | "error" | "warn" | "info" | "debug" | "trace");
    let is_known = text.split(',').map(str::trim).all(|part| part.contains(['=', '[']) || is_level(part));
    match EnvFilter::try_new(text) {
        Ok(_) if is_known => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is no filter. Write a level such as info, or info,doorward::saml=debug.")),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("`{other}` is neither text nor json.")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= 3600);
    let seconds = seconds.ok_or_else(|| format!("`{text}` is not a number of seconds up to 3600."))?;
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Loaded = Result<(Config, Vec<String>), ConfigError>;

    fn load(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Loaded {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(Some(file), environment, flags.iter().map(|(name, value)| (*name, (*value).to_owned())))
    }

    fn problem(loaded: Loaded) -> String {
        loaded.unwrap_err().to_string()
    }

    #[test]
    fn without_anything_the_defaults_stand() {
        let (config, warnings) = Config::load(None, [], []).unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(config.base_url_at(8080).to_string(), "http://localhost:8080");
        assert_eq!(config.drain_delay, Duration::from_secs(5));
        assert!(config.show().iter().map(|setting| setting.key).eq(KEYS));
    }

    #[test]
    fn the_documentation_names_every_key_and_no_other() {
        let rows = include_str!("../../docs/configuration.md").lines();
        let names = rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next());
        // The table of commands has their words.
        let named: Vec<&str> = names.filter(|name| !name.contains(' ')).collect();
        assert_eq!(KEYS.iter().map(|key| key.name).collect::<Vec<_>>(), named);
    }

    #[test]
    fn a_flag_goes_over_the_environment_and_that_over_the_file() {
        let file =
            "listen = \"127.0.0.1:1\"\nlog = 'warn'\nshutdown_timeout = 7\ntrusted_proxies = ['10.0.0.0/8', 'unix']";
        let environment = [("DOORWARD_LISTEN", "127.0.0.1:2"), ("DOORWARD_LOG", "debug"), ("PATH", "/bin")];
        let (config, _) = load(file, &environment, &[("listen", "127.0.0.1:3")]).unwrap();
        assert_eq!((config.listen.port(), config.log.as_str()), (3, "debug"));
        assert_eq!(config.shutdown_timeout, Duration::from_secs(7));
        assert!(config.trusted_proxies.has_unix && config.trusted_proxies.contains([10, 1, 1, 1].into()));
        let origin = |name: &str| config.show().iter().find(|setting| setting.key.name == name).unwrap().origin;
        assert_eq!(
            ["listen", "log", "shutdown_timeout", "data_dir"].map(origin),
            [Origin::Flag, Origin::Environment, Origin::File, Origin::Default]
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_name() {
        assert_eq!(problem(load("listn = 'x'", &[], &[])), "Unknown key `listn`. Did you mean `listen`?");
        assert_eq!(problem(load("data-dir = 'x'", &[], &[])), "Unknown key `data-dir`. Did you mean `data_dir`?");
        assert_eq!(problem(load("zzz = 'x'", &[], &[])), "Unknown key `zzz`.");
        assert!(problem(load("[server]\nlisten = 'x'", &[], &[])).contains("no sections"));
        assert!(problem(load("listen = ", &[], &[])).contains("not valid TOML"));
    }

    #[test]
    fn an_unknown_variable_is_a_warning() {
        let environment =
            [("DOORWARD_LISTN", "x"), ("DOORWARD_CONFIG", "x"), ("DOORWARD_BASE_URL", ""), ("OTHER", "x")];
        let (_, warnings) = load("", &environment, &[]).unwrap();
        assert_eq!(warnings, ["Nothing reads DOORWARD_LISTN. Did you mean DOORWARD_LISTEN?"]);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_and_by_the_name_it_was_set_with() {
        let environment = [("DOORWARD_BASE_URL", "http://gate.example.com"), ("DOORWARD_DRAIN_DELAY", "soon")];
        let problems =
            load("forwarded = 'both'\nsecond_opinion = 'yes'\nlog = 'a=b=c'", &environment, &[("listen", "8080")])
                .unwrap_err()
                .problems;
        let starts = [
            "`listen`: ",
            "DOORWARD_BASE_URL: ",
            "`forwarded`: ",
            "`second_opinion`: ",
            "`log`: ",
            "DOORWARD_DRAIN_DELAY: ",
        ];
        assert_eq!(problems.len(), starts.len());
        for (problem, start) in problems.iter().zip(starts) {
            assert!(problem.starts_with(start) && problem.ends_with('.'), "{problem}");
        }
    }

    #[test]
    fn listening_for_others_without_a_base_url_is_worth_a_warning() {
        let (_, warnings) = load("listen = '0.0.0.0:8080'", &[], &[]).unwrap();
        assert!(warnings[0].contains("`base_url` is not set"));
        let (_, warnings) = load("listen = '0.0.0.0:8080'\nbase_url = 'https://gate.example.com'", &[], &[]).unwrap();
        assert!(warnings.is_empty());
    }
}
