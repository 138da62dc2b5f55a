//! An identity provider that pushes: a directory's address and token.

use serde_json::Value;
use serde_json::json;

use crate::api_support::Api;
use crate::support::Answer;
use crate::support::TestApp;

pub struct Pusher {
    /// The management API, as an owner.
    pub admin: Api,
    pub scim: Api,
    pub id: String,
    pub token: String,
    pub base: String,
}

impl TestApp {
    /// A directory that is pending.
    pub async fn pending_directory(&self) -> Pusher {
        let admin = self.api("owner").await;
        let made = admin.made("/api/v1/directories", &json!({"name": "Acme", "provider": "okta"})).await;
        assert_eq!(made["status"], "pending", "{made}");
        let token = made["token"].as_str().unwrap().to_owned();
        let id = made["id"].as_str().unwrap().to_owned();
        let scim = self.api_stranger().with("Authorization", &format!("Bearer {token}"));
        Pusher { admin, scim, base: format!("/scim/v2/{id}"), id, token }
    }

    pub async fn directory(&self) -> Pusher {
        let pusher = self.pending_directory().await;
        pusher.act("enable").await;
        pusher
    }
}

impl Pusher {
    /// `enable`, `disable`, `let-pass`.
    pub async fn act(&self, what: &str) -> Value {
        let answer = self.admin.post(&format!("/api/v1/directories/{}/{what}", self.id), &json!({})).await;
        answer.is(200);
        answer.json()
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let scim = match body {
            Some(_) => self.scim.with("Content-Type", "application/scim+json"),
            None => self.scim.clone(),
        };
        let text = body.map(Value::to_string);
        scim.send(method, &format!("{}{path}", self.base), text.as_deref()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    /// A user of this address, as the identity provider sees them.
    pub async fn user(&self, email: &str) -> Value {
        self.user_with(email, json!({})).await
    }

    pub async fn user_with(&self, email: &str, more: Value) -> Value {
        let mut user = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": email,
            "name": {"givenName": "Given", "familyName": "Family"},
            "emails": [{"value": email, "type": "work", "primary": true}],
        });
        user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.send("POST", "/Users", Some(&user)).await;
        answer.is(201);
        answer.json()
    }

    pub async fn group(&self, name: &str, members: &[&str]) -> Value {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let answer = self.send("POST", "/Groups", Some(&json!({"displayName": name, "members": members}))).await;
        answer.is(201);
        answer.json()
    }

    pub async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations,
        });
        self.send("PATCH", path, Some(&body)).await
    }

    pub async fn map(&self, mappings: Value) -> Answer {
        self.admin.put(&format!("/api/v1/directories/{}/role-mappings", self.id), &mappings).await
    }

    /// The member of this address, as the API shows them.
    pub async fn member(&self, email: &str) -> Value {
        let found = self.admin.get(&format!("/api/v1/members?email={email}")).await.json();
        assert_eq!(found["data"].as_array().unwrap().len(), 1, "{email}: {found}");
        found["data"][0].clone()
    }

    pub async fn count_members(&self, email: &str) -> usize {
        self.admin.get(&format!("/api/v1/members?email={email}")).await.json()["data"].as_array().unwrap().len()
    }
}

pub fn roles(member: &Value) -> Vec<String> {
    let all = member["roles"].as_array().unwrap();
    all.iter().map(|held| held["role"].as_str().unwrap().to_owned()).collect()
}

pub fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap()
}

impl Answer {
    /// An error of RFC 7644 3.12.
    #[track_caller]
    pub fn is_scim_error(&self, status: u16, scim_type: Option<&str>) -> &Self {
        self.is(status);
        let error = self.json();
        assert_eq!(error["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{error}");
        assert_eq!(error["status"], status.to_string(), "{error}");
        assert_eq!(error.get("scimType").and_then(Value::as_str), scim_type, "{error}");
        assert!(error["detail"].as_str().is_some_and(|text| text.ends_with('.')), "{error}");
        self
    }
}
