//! The demo identity provider as a client of SCIM 2.0, in the dialect of Okta: it asks by `userName` before it makes anybody,
//! replaces users whole, changes groups by PATCH and says their name each time, switches people off and never deletes them.
//! It calls the gateway's own listener on this machine and nothing else.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::Method;
use reqwest::Response;
use reqwest::header;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use serde_json::Value;
use serde_json::json;
use url::Url;

use crate::crypto::token;
use crate::demo::people::Person;
use crate::model::id::DirectoryId;
use crate::scim::MEDIA_TYPE;

const AGENT: &str = "Okta SCIM Client 1.0.0";
const CONTENT_TYPE: &str = "application/scim+json; charset=utf-8";
const PATIENCE: Duration = Duration::from_secs(10);
/// Of an answer so much is read, and so much of what it says against us is shown.
const MOST_READ: usize = 4 * 1024 * 1024;
const MOST_SHOWN: usize = 500;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A request that was sent, and what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    pub method: String,
    /// Below the base URL.
    pub path: String,
    /// None: there was no answer.
    pub status: Option<u16>,
    pub why: String,
}

/// Why a push went no further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    #[error("{detail}")]
    Refused { status: u16, detail: String },
    #[error("The gateway gave no answer within {} seconds, or broke off. Look whether it runs.", PATIENCE.as_secs())]
    Unreachable,
    #[error("The answer is no JSON with an id, or too long. Look at the request in the directory's log.")]
    Unreadable,
    #[error("The push has no directory yet. Enter the base URL and the token of one below.")]
    Nowhere,
    #[error("Nobody like that can be changed any more. Choose somebody from the list.")]
    Unknown,
    #[error("The demo has room for {0} people. End it and start it again for a fresh one.")]
    Full(usize),
}

/// One application that is pushed to, as Okta knows it: where, by which token, and what it called whom.
pub struct Okta {
    http: Client,
    pub directory: DirectoryId,
    root: String,
    /// What the gateway is called, which is not where it listens.
    host: HeaderValue,
    authorization: HeaderValue,
    /// By the person's id here.
    users: HashMap<String, String>,
    /// By the group's key here.
    groups: HashMap<String, String>,
    /// Since somebody looked last.
    pub sent: Vec<Exchange>,
}

impl Okta {
    /// To the gateway that listens there and is known by this base URL. None: the token cannot stand in a header.
    pub fn new(gateway: SocketAddr, base: &str, directory: DirectoryId, token: &str) -> Option<Self> {
        let url = Url::parse(base).ok()?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        authorization.set_sensitive(true);
        Some(Self {
            http: client()?,
            root: format!("http://{gateway}{}/scim/v2/{directory}", url.path().trim_end_matches('/')),
            directory,
            host: HeaderValue::from_str(url.authority()).ok()?,
            authorization,
            users: HashMap::new(),
            groups: HashMap::new(),
            sent: Vec::new(),
        })
    }

    /// What Okta does when an admin presses Test API Credentials.
    pub async fn test(&mut self) -> Result<(), PushError> {
        self.get("/Users?startIndex=1&count=2".to_owned(), "Tests the address and the token.").await?;
        Ok(())
    }

    /// The user of this person, if there is one.
    pub async fn user(&mut self, person: &Person) -> Result<Option<String>, PushError> {
        if let Some(known) = self.users.get(&person.id) {
            return Ok(Some(known.clone()));
        }
        let found = self.probe("Users", "userName", &person.email).await?;
        if let Some(id) = &found {
            self.users.insert(person.id.clone(), id.clone());
        }
        Ok(found)
    }

    /// Makes the user of who was `before`, or makes it like `after`.
    pub async fn bring(&mut self, before: &Person, after: &Person) -> Result<String, PushError> {
        let Some(id) = self.user(before).await? else { return self.create(after).await };
        let mut whole = self.get(format!("/Users/{id}"), "Reads the user, to replace it whole.").await?;
        for (name, value) in user(after).as_object().into_iter().flatten() {
            whole[name] = value.clone();
        }
        whole["name"]["middleName"] = json!("");
        whole["emails"][0]["display"] = json!(after.email);
        let why = format!("Replaces the user with all that the provider knows of {}.", after.name());
        self.send(Method::PUT, format!("/Users/{id}"), Some(whole), &why).await?;
        Ok(id)
    }

    async fn create(&mut self, person: &Person) -> Result<String, PushError> {
        let mut body = user(person);
        body["groups"] = json!([]);
        // Sent where an admin left "Sync password" on; nothing that is ever used.
        body["password"] = json!(token::session().chars().take(16).collect::<String>());
        let why = format!("Makes a user of {}.", person.name());
        let id = id(&self.send(Method::POST, "/Users".to_owned(), Some(body), &why).await?)?;
        self.users.insert(person.id.clone(), id.clone());
        Ok(id)
    }

    /// Whoever left is switched off, never deleted.
    pub async fn deactivate(&mut self, id: &str) -> Result<(), PushError> {
        let operation = json!({"op": "replace", "value": {"active": false}});
        self.patch(format!("/Users/{id}"), vec![operation], "Switches the user off.").await
    }

    /// The group of this key, found by its name or made.
    pub async fn group(&mut self, key: &str, name: &str) -> Result<String, PushError> {
        if let Some(known) = self.groups.get(key) {
            return Ok(known.clone());
        }
        let found = match self.probe("Groups", "displayName", name).await? {
            Some(found) => found,
            None => {
                let body = json!({"schemas": [GROUP], "displayName": name, "members": []});
                id(&self.send(Method::POST, "/Groups".to_owned(), Some(body), "Makes the group, empty.").await?)?
            }
        };
        self.groups.insert(key.to_owned(), found.clone());
        Ok(found)
    }

    /// The name goes with every change of a group, with the id in the value.
    pub async fn name_group(&mut self, id: &str, name: &str) -> Result<(), PushError> {
        let operation = json!({"op": "replace", "value": {"id": id, "displayName": name}});
        self.patch(format!("/Groups/{id}"), vec![operation], &format!("Says that the group is called {name}.")).await
    }

    pub async fn add_member(&mut self, id: &str, user: &str, person: &Person) -> Result<(), PushError> {
        let operation = json!({"op": "add", "path": "members", "value": [member(user, person)]});
        self.patch(format!("/Groups/{id}"), vec![operation], &format!("Adds {} to it.", person.name())).await
    }

    pub async fn remove_member(&mut self, id: &str, user: &str, person: &Person) -> Result<(), PushError> {
        let operation = json!({"op": "remove", "path": format!("members[value eq \"{user}\"]")});
        self.patch(format!("/Groups/{id}"), vec![operation], &format!("Takes {} out of it.", person.name())).await
    }

    /// Push now.
    pub async fn set_members(&mut self, id: &str, people: &[(String, &Person)]) -> Result<(), PushError> {
        let members: Vec<Value> = people.iter().map(|(user, person)| member(user, person)).collect();
        let operation = json!({"op": "replace", "path": "members", "value": members});
        let why = format!("Says who is in it: {}.", count(members.len()));
        self.patch(format!("/Groups/{id}"), vec![operation], &why).await
    }

    /// The id of the one resource that has this name.
    async fn probe(&mut self, kind: &str, attribute: &str, name: &str) -> Result<Option<String>, PushError> {
        let filter = format!("{attribute} eq \"{name}\"");
        // A blank is %20 here, and never a plus.
        let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let path = format!("/{kind}?filter={}&startIndex=1&count=100", filter.replace('+', "%20"));
        let answer = self.get(path, &format!("Asks whether {name} is there already.")).await?;
        match answer["Resources"].get(0) {
            Some(first) => id(first).map(Some),
            None => Ok(None),
        }
    }

    async fn get(&mut self, path: String, why: &str) -> Result<Value, PushError> {
        self.send(Method::GET, path, None, why).await
    }

    async fn patch(&mut self, path: String, operations: Vec<Value>, why: &str) -> Result<(), PushError> {
        let body = json!({"schemas": [PATCH], "Operations": operations});
        self.send(Method::PATCH, path, Some(body), why).await?;
        Ok(())
    }

    async fn send(&mut self, method: Method, path: String, body: Option<Value>, why: &str) -> Result<Value, PushError> {
        let request = self
            .http
            .request(method.clone(), format!("{}{path}", self.root))
            .header(header::HOST, self.host.clone())
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::ACCEPT, MEDIA_TYPE)
            .header(header::ACCEPT_CHARSET, "utf-8")
            // Okta says it of a GET too.
            .header(header::CONTENT_TYPE, CONTENT_TYPE);
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        let mut exchange = Exchange { method: method.to_string(), path, status: None, why: why.to_owned() };
        let answer = request.send().await;
        exchange.status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        self.sent.push(exchange);
        let answer = answer.map_err(|_| PushError::Unreachable)?;
        let status = answer.status();
        let text = read(answer).await?;
        if status.is_success() {
            return if text.is_empty() { Ok(Value::Null) } else { parse(&text) };
        }
        // What it was called there is nothing any more; the next push looks for it by its name.
        if status.as_u16() == 404 {
            self.users.clear();
            self.groups.clear();
        }
        Err(PushError::Refused { status: status.as_u16(), detail: detail(&text) })
    }
}

/// Plain http on this machine, so nobody's certificate is believed.
fn client() -> Option<Client> {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_max_idle_per_host(0)
        .timeout(PATIENCE)
        .user_agent(AGENT)
        .build()
        .ok()
}

async fn read(mut answer: Response) -> Result<Vec<u8>, PushError> {
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| PushError::Unreachable)? {
        if text.len() + chunk.len() > MOST_READ {
            return Err(PushError::Unreadable);
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

fn parse(text: &[u8]) -> Result<Value, PushError> {
    let value: Value = serde_json::from_slice(text).map_err(|_| PushError::Unreadable)?;
    if value.is_object() { Ok(value) } else { Err(PushError::Unreadable) }
}

/// `detail` of an error (RFC 7644 3.12), or what stands there instead.
fn detail(text: &[u8]) -> String {
    let said = parse(text).ok().and_then(|error| error["detail"].as_str().map(str::to_owned));
    let said = said.unwrap_or_else(|| String::from_utf8_lossy(text).into_owned());
    let said: String = said.chars().filter(|c| !c.is_control()).take(MOST_SHOWN).collect();
    if said.trim().is_empty() { "It says nothing about why.".to_owned() } else { said }
}

fn id(resource: &Value) -> Result<String, PushError> {
    resource["id"].as_str().map(str::to_owned).ok_or(PushError::Unreadable)
}

fn member(user: &str, person: &Person) -> Value {
    json!({"value": user, "display": person.email})
}

fn count(people: usize) -> String {
    match people {
        0 => "nobody".to_owned(),
        1 => "1 person".to_owned(),
        n => format!("{n} people"),
    }
}

/// What the provider knows of a person, as its mapping to the application says it.
fn user(person: &Person) -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "userName": person.email,
        "name": {"givenName": person.given_name, "familyName": person.family_name},
        "emails": [{"primary": true, "value": person.email, "type": "work"}],
        "title": person.job_title,
        "displayName": person.name(),
        "locale": "en-US",
        "externalId": person.id,
        "active": person.is_active,
        ENTERPRISE: {"department": person.department},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_what_okta_sends_of_a_person() {
        let sent = user(&Person::grace().renamed());
        assert_eq!(sent["userName"], "grace.sample@example.com");
        assert_eq!(sent["emails"][0], json!({"primary": true, "value": "grace.sample@example.com", "type": "work"}));
        assert_eq!(sent["externalId"], "00u1grace");
        assert_eq!(sent[ENTERPRISE]["department"], "Engineering");
        assert_eq!(sent["active"], true);
    }

    #[test]
    fn what_is_said_against_a_push_is_shown_as_it_was_said() {
        assert_eq!(detail(br#"{"detail": "This directory is off."}"#), "This directory is off.");
        assert_eq!(detail(b"<h1>Bad\r\ngateway</h1>"), "<h1>Badgateway</h1>");
        assert_eq!(detail(b"\0"), "It says nothing about why.");
        assert_eq!(detail("x".repeat(9000).as_bytes()).len(), MOST_SHOWN);
    }

    #[test]
    fn a_token_that_is_no_header_is_none() {
        let okta = |token| Okta::new("127.0.0.1:1".parse().unwrap(), "http://localhost:1", DirectoryId::new(), token);
        assert!(okta("dwscim_a").is_some());
        assert!(okta("a\r\nX-Other: b").is_none() && okta("a\0").is_none());
    }
}
