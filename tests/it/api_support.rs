//! A caller of the management API: a key, or a browser with the token of `GET /me`.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::Answer;
use crate::support::Browser;
use crate::support::TestApp;
use crate::support::caller::write;
use crate::support::http;

#[derive(Clone)]
pub struct Api {
    address: SocketAddr,
    host: String,
    headers: Vec<(String, String)>,
}

impl TestApp {
    /// Nobody.
    pub fn api_stranger(&self) -> Api {
        let host = self.origin.split_once("://").map_or("", |(_, host)| host).to_owned();
        Api { address: self.address(), host, headers: Vec::new() }
    }

    pub async fn api(&self, role: &str) -> Api {
        let key = self.api_key(role).await;
        self.api_stranger().with("Authorization", &format!("Bearer {key}"))
    }

    /// A signed-in browser, without its token.
    pub fn api_browser(&self, browser: &Browser) -> Api {
        let cookies: Vec<String> =
            browser.cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        self.api_stranger().with("Cookie", &cookies.join("; "))
    }
}

impl Api {
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut api = self.clone();
        api.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        api.headers.push((name.to_owned(), value.to_owned()));
        api
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        let own = [("Host", self.host.as_str()), ("Connection", "close")];
        let own = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut head: Vec<(String, String)> = own.chain(self.headers.iter().cloned()).collect();
        let is_told = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if body.is_some() && !is_told {
            head.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        let text = write(method, path, &head, body);
        let mut answer = http::send(self.address, None, text.as_bytes()).await;
        answer.path = path.to_owned();
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(&body.to_string())).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, Some(&body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, Some(&body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// Makes something, and gives it.
    pub async fn made(&self, path: &str, body: &Value) -> Value {
        let answer = self.post(path, body).await;
        answer.is(201);
        answer.json()
    }
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} {} {}", self.path, self.status, self.body))
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{} {}", self.path, self.body);
        self
    }

    /// A problem with this status and code, in the shape of RFC 9457.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> &Self {
        self.is(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.body);
        let problem = self.json();
        assert!(problem["type"].as_str().unwrap().ends_with(&format!("/problems/{code}")), "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        for field in ["title", "detail", "instance"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        self
    }

    /// 422, at exactly these places.
    #[track_caller]
    pub fn is_invalid_at(&self, pointers: &[&str]) -> &Self {
        self.is_problem(422, "invalid");
        let problem = self.json();
        let told = problem["errors"].as_array().unwrap();
        let found: Vec<&str> = told.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(found, pointers, "{problem}");
        assert!(told.iter().all(|error| !error["detail"].as_str().unwrap().is_empty()), "{problem}");
        self
    }

    /// The field of each row of a list.
    #[track_caller]
    pub fn column(&self, field: &str) -> Vec<String> {
        self.is(200);
        let rows = self.json()["data"].as_array().expect("a list has data").clone();
        rows.iter().map(|row| row[field].as_str().unwrap_or_default().to_owned()).collect()
    }
}
