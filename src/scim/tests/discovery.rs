use serde_json::Value;
use serde_json::json;

use crate::scim::Schemas;
use crate::scim::discovery;
use crate::scim::schema::Schema;

const BASE: &str = "https://x.example/scim/v2";

fn no_nulls(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(all) => all.iter().all(no_nulls),
        Value::Object(object) => object.values().all(no_nulls),
        _ => true,
    }
}

#[test]
fn the_configuration_says_what_is_there() {
    let config = discovery::service_provider_config(BASE);
    assert_eq!(config["bulk"], json!({"supported": false, "maxOperations": 1000, "maxPayloadSize": 1_048_576}));
    assert_eq!(config["filter"], json!({"supported": true, "maxResults": 1000}));
    for feature in ["patch", "sort", "etag"] {
        assert_eq!(config[feature]["supported"], true, "{feature}");
    }
    assert_eq!(config["changePassword"]["supported"], false);
    assert_eq!(config["pagination"]["defaultPaginationMethod"], "index");
    assert_eq!((&config["pagination"]["cursor"], &config["pagination"]["index"]), (&json!(true), &json!(true)));
    assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
    assert!(no_nulls(&config));
}

fn attribute<'v>(schema: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(schema, |of, name| {
        let list = if of.get("attributes").is_some() { &of["attributes"] } else { &of["subAttributes"] };
        list.as_array().unwrap().iter().find(|a| a["name"] == **name).unwrap_or_else(|| panic!("{name} is missing"))
    })
}

#[test]
fn schemas_have_every_characteristic_and_no_password() {
    let schemas = Schemas::standard();
    let all = discovery::schemas(BASE, &schemas);
    assert_eq!(all.len(), 3);
    fn check(attributes: &Value) {
        for of in attributes.as_array().unwrap() {
            for name in
                ["name", "type", "multiValued", "description", "required", "mutability", "returned", "uniqueness"]
            {
                assert!(of.get(name).is_some(), "{name} of {}", of["name"]);
            }
            assert!(of["description"].as_str().unwrap().ends_with('.'), "{}", of["name"]);
            assert_eq!(of["type"] == "reference", of.get("referenceTypes").is_some(), "{}", of["name"]);
            assert_eq!(of["type"] == "complex", of.get("subAttributes").is_some(), "{}", of["name"]);
            assert_ne!(of["name"], "password");
            if let Some(subs) = of.get("subAttributes") {
                check(subs);
            }
        }
    }
    for schema in &all {
        assert!(no_nulls(schema));
        assert_eq!(schema["meta"]["location"], format!("{BASE}/Schemas/{}", schema["id"].as_str().unwrap()));
        check(&schema["attributes"]);
    }
    let (user, enterprise, group) = (&all[0], &all[1], &all[2]);
    assert_eq!(attribute(user, &["userName"])["uniqueness"], "server");
    assert_eq!(attribute(user, &["userName"])["required"], true);
    assert_eq!(attribute(user, &["groups"])["mutability"], "readOnly");
    assert_eq!(attribute(user, &["groups", "$ref"])["referenceTypes"], json!(["Group"]));
    assert_eq!(attribute(user, &["x509Certificates", "value"])["type"], "binary");
    assert_eq!(attribute(user, &["emails", "type"])["canonicalValues"], json!(["work", "home", "other"]));
    assert_eq!(attribute(enterprise, &["manager", "$ref"])["referenceTypes"], json!(["User"]));
    assert_eq!(attribute(group, &["members", "type"])["canonicalValues"], json!(["User", "Group"]));
    assert_eq!(attribute(group, &["members", "$ref"])["referenceTypes"], json!(["User", "Group"]));
    assert_eq!(attribute(group, &["members", "value"])["mutability"], "immutable");
}

#[test]
fn resource_types_and_schemas_are_found_in_any_case() {
    let schemas = Schemas::standard();
    let kinds = discovery::resource_types(BASE, &schemas);
    assert_eq!((&kinds[0]["id"], &kinds[0]["endpoint"]), (&json!("User"), &json!("/Users")));
    assert_eq!((&kinds[1]["id"], &kinds[1]["schemaExtensions"]), (&json!("Group"), &json!([])));
    assert!(discovery::find_resource_type(BASE, &schemas, "user").is_some());
    assert!(discovery::find_resource_type(BASE, &schemas, "Robot").is_none());
    assert!(discovery::find_schema(BASE, &schemas, &super::ENTERPRISE.to_uppercase()).is_some());
    assert!(discovery::find_schema(BASE, &schemas, "urn:x:y").is_none());
}

#[test]
fn a_directorys_own_schema_is_shown_with_the_others() {
    let urn = "urn:ietf:params:scim:schemas:extension:Custom:2.0:User";
    let own = Schema::parse(&json!({"id": urn, "attributes": [{"name": "tag"}]})).unwrap();
    let schemas = Schemas::with_extensions(vec![own]).unwrap();
    assert_eq!(discovery::schemas(BASE, &schemas).len(), 4);
    let extensions = &discovery::resource_types(BASE, &schemas)[0]["schemaExtensions"];
    assert_eq!(extensions[1], json!({"schema": urn, "required": false}));
    let shown = discovery::find_schema(BASE, &schemas, urn).unwrap();
    assert!(Schema::parse(&shown).is_ok(), "what is shown can be read again");
}
