//! What the server says about itself (RFC 7643 5 to 7, RFC 9865 4). No nulls: Entra ID's reader stumbles over them.

use serde_json::Value;
use serde_json::json;

use super::list::DEFAULT_COUNT;
use super::list::MAX_COUNT;
use super::schema::Attribute;
use super::schema::ResourceType;
use super::schema::Schema;
use super::schema::Schemas;
use super::schema::Type;

const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// `base` is the URL of the SCIM server, without a slash at its end.
pub fn service_provider_config(base: &str) -> Value {
    json!({
        "schemas": [CONFIG],
        "patch": {"supported": true},
        // authentik cuts its group changes by maxOperations even where there is no bulk.
        "bulk": {"supported": false, "maxOperations": 1000, "maxPayloadSize": 1_048_576},
        "filter": {"supported": true, "maxResults": MAX_COUNT},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_COUNT,
            "maxPageSize": MAX_COUNT,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of this directory, in the Authorization header.",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig")},
    })
}

pub fn resource_types(base: &str, schemas: &Schemas) -> Vec<Value> {
    [&schemas.user, &schemas.group].into_iter().map(|kind| resource_type(base, kind)).collect()
}

pub fn resource_type(base: &str, kind: &ResourceType) -> Value {
    let name = kind.kind.as_str();
    let extensions: Vec<Value> =
        kind.extensions.iter().map(|extension| json!({"schema": extension.urn, "required": false})).collect();
    json!({
        "schemas": [RESOURCE_TYPE],
        "id": name,
        "name": name,
        "description": kind.core.description,
        "endpoint": kind.kind.endpoint(),
        "schema": kind.core.urn,
        "schemaExtensions": extensions,
        "meta": {"resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{name}")},
    })
}

pub fn schemas(base: &str, schemas: &Schemas) -> Vec<Value> {
    schemas.all().map(|known| schema(base, known)).collect()
}

/// One of them, by its URN in any case.
pub fn find_schema(base: &str, schemas: &Schemas, urn: &str) -> Option<Value> {
    schemas.all().find(|schema| schema.urn.eq_ignore_ascii_case(urn)).map(|known| schema(base, known))
}

/// One of them, by its name in any case.
pub fn find_resource_type(base: &str, schemas: &Schemas, name: &str) -> Option<Value> {
    let mut kinds = [&schemas.user, &schemas.group].into_iter();
    kinds.find(|kind| kind.kind.as_str().eq_ignore_ascii_case(name)).map(|kind| resource_type(base, kind))
}

fn schema(base: &str, schema: &Schema) -> Value {
    let attributes: Vec<Value> = schema.attributes.iter().map(|known| attribute(known)).collect();
    json!({
        "schemas": [SCHEMA],
        "id": schema.urn,
        "name": schema.name,
        "description": schema.description,
        "attributes": attributes,
        "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.urn)},
    })
}

fn attribute(of: &Attribute) -> Value {
    let mut value = json!({
        "name": of.name,
        "type": of.kind.as_str(),
        "multiValued": of.multi_valued,
        "description": of.description,
        "required": of.required,
        "mutability": of.mutability.as_str(),
        "returned": of.returned.as_str(),
    });
    let mut add = |name: &str, more: Value| value[name] = more;
    match of.kind {
        Type::Complex => {
            add("subAttributes", of.sub_attributes.iter().map(|sub| attribute(sub)).collect());
        }
        Type::String | Type::Reference | Type::Binary => add("caseExact", Value::Bool(of.case_exact)),
        Type::Boolean | Type::Decimal | Type::Integer | Type::DateTime => {}
    }
    add("uniqueness", of.uniqueness.as_str().into());
    if !of.canonical_values.is_empty() {
        add("canonicalValues", json!(of.canonical_values));
    }
    if of.kind == Type::Reference {
        add("referenceTypes", json!(of.reference_types));
    }
    value
}
