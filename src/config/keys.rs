//! The one table of keys: file, environment, `config show`, the nearest name and the documentation read it.

/// `listen` is `listen` in the file, `DOORWARD_LISTEN` in the environment and `--listen` where a command has it.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    pub name: &'static str,
    /// As it would be written; empty where nothing is set by itself.
    pub default: &'static str,
    pub doc: &'static str,
}

impl Key {
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase())
    }
}

pub const PREFIX: &str = "DOORWARD_";
/// Names the file itself, so it cannot stand in it.
pub const FILE_VARIABLE: &str = "DOORWARD_CONFIG";

pub const KEYS: &[Key] = &[
    Key {
        name: "data_dir",
        default: "./doorward-data",
        doc: "The folder that holds the database and, unless it is elsewhere, the master key. One process uses it \
              at a time.",
    },
    Key {
        name: "listen",
        default: "127.0.0.1:8080",
        doc: "The address and port to answer on. Port 0 picks a free one.",
    },
    Key {
        name: "base_url",
        default: "",
        doc: "The URL people and identity providers know, with a path prefix if there is one: https, or http on \
              this machine alone. Unless set: http://localhost: and the port of `listen`.",
    },
    Key {
        name: "trusted_proxies",
        default: "",
        doc: "Who may say where a request came from: addresses or networks such as 10.0.0.0/8, and `unix` for unix \
              sockets.",
    },
    Key {
        name: "forwarded",
        default: "x-forwarded",
        doc: "The headers in which trusted proxies say it: x-forwarded, rfc7239 or none. All others are ignored.",
    },
    Key {
        name: "master_key_file",
        default: "",
        doc: "The file with the master key, readable by its owner alone. Unless set: master.key in `data_dir`, \
              made at the first run.",
    },
    Key {
        name: "outbound_allow",
        default: "",
        doc: "What Doorward may call although it is private, on another port or plain http: host, host:port, \
              address, address:port or network.",
    },
    Key {
        name: "outbound_ca_file",
        default: "",
        doc: "Certificates (PEM) to trust for calls to the outside, beside the usual ones.",
    },
    Key {
        name: "dns_servers",
        default: "",
        doc: "Name servers for domain proofs and calls to the outside, as address or address:port. Unless set: the \
              system's.",
    },
    Key {
        name: "second_opinion",
        default: "report",
        doc: "What it means when the independent verifier of SAML answers, which some builds have, does not agree: \
              report (an alarm, and the sign-in goes on) or enforce (the sign-in is refused).",
    },
    Key {
        name: "log",
        default: "info",
        doc: "What is logged: error, warn, info, debug or trace, or a list such as info,doorward::saml=debug.",
    },
    Key { name: "log_format", default: "text", doc: "How lines of the log look: text or json." },
    Key {
        name: "drain_delay",
        default: "5",
        doc: "Seconds between /readyz turning bad and the end of accepting connections, for load balancers to notice.",
    },
    Key { name: "shutdown_timeout", default: "30", doc: "Seconds that requests under way get to finish at shutdown." },
];

pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// What somebody who wrote `name` most likely meant.
pub fn nearest(name: &str) -> Option<&'static Key> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let likeness = |key: &Key| strsim::jaro_winkler(key.name, &name);
    let best = KEYS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) > 0.8).then_some(best)
}
