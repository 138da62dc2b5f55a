//! The OpenAPI 3.1 document, made from the operations: what is routed is documented, and the other way round.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::web::Data;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::app::App;
use crate::web::api::call::PAGING;
use crate::web::api::call::Parameter;
use crate::web::api::operations::Gives;
use crate::web::api::operations::Operation;
use crate::web::api::operations::Operations;
use crate::web::routes::Needs;

pub fn operations(api: &mut Operations) {
    api.get("/api/v1/openapi.json", Needs::Nothing, "This document", show).gives_document();
}

/// `GET /api/v1/openapi.json`
async fn show(app: Data<App>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text(Some(&app.urls.base)))
}

/// The document; with the base URL of this gateway where it serves it itself.
pub fn text(base: Option<&str>) -> String {
    let operations = super::operations().all;
    let mut schemas = BTreeMap::from([("Problem".to_owned(), problem())]);
    let mut paths: Map<String, Value> = Map::new();
    for operation in &operations {
        let entry = paths.entry(operation.path).or_insert_with(|| json!({}));
        entry[operation.method.as_str().to_lowercase()] = describe(operation, &mut schemas);
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Doorward management API",
            "version": "1",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "JSON; times are RFC 3339 in UTC, durations seconds. PATCH is a merge patch (RFC 7396), errors are problems \
                (RFC 9457). Fields may be added; none is taken away or changes its meaning."
        },
        "servers": [{"url": base.unwrap_or("/")}],
        "security": [{"api_key": []}, {"session": [], "csrf": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {
            "api_key": {"type": "http", "scheme": "bearer", "description": "An API key, `dwapi_…`."},
            "session": {"type": "apiKey", "in": "cookie", "name": "doorward_session",
                "description": "The session of a browser; `__Host-doorward_session` on https."},
            "csrf": {"type": "apiKey", "in": "header", "name": "X-Doorward-CSRF",
                "description": "`csrf` of `GET /api/v1/me`. Reading does without."}
        }}
    });
    serde_json::to_string_pretty(&document).expect("JSON values have a text")
}

fn describe(operation: &Operation, schemas: &mut BTreeMap<String, Value>) -> Value {
    let needs = match operation.needs {
        Needs::Api(permission) => format!("Needs `{permission}`."),
        _ => String::new(),
    };
    let name = operation.path.trim_start_matches("/api/v1/").replace(['/', '-', '.'], "_").replace(['{', '}'], "");
    let mut described = json!({
        "operationId": format!("{}_{name}", operation.method.as_str().to_lowercase()),
        "tags": [operation.path.split('/').nth(3).unwrap_or_default()],
        "summary": operation.summary,
    });
    let about = [operation.about, &needs].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
    if !about.is_empty() {
        described["description"] = about.into();
    }
    if operation.needs == Needs::Nothing {
        described["security"] = json!([]);
    }
    let parameters = parameters(operation);
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(takes) = operation.takes {
        let schema = collected(takes, schemas);
        let kind = if operation.method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        described["requestBody"] = json!({"content": {kind: {"schema": schema}}});
    }
    described["responses"] = responses(operation, schemas);
    described
}

/// Adds the schemas of a type; gives the reference to it.
fn collected(collect: super::operations::Collect, schemas: &mut BTreeMap<String, Value>) -> Value {
    let mut all = Vec::new();
    let name = collect(&mut all);
    for (name, schema) in all {
        let mut schema = json!(schema);
        // What Rust puts where nothing was sent is not what the API does then; the descriptions say that.
        let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
        for field in fields.into_iter().flat_map(|fields| fields.values_mut()) {
            field.as_object_mut().map(|field| field.remove("default"));
        }
        schemas.insert(name, schema);
    }
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The same for what we answer with: every field is always there, null where it has no value.
fn answered(collect: super::operations::Collect, schemas: &mut BTreeMap<String, Value>) -> Value {
    let mut own = BTreeMap::new();
    let reference = collected(collect, &mut own);
    for (name, mut schema) in own {
        let parts = schema.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
        require_all(&mut schema);
        for part in 0..parts {
            require_all(&mut schema["allOf"][part]);
        }
        schemas.insert(name, schema);
    }
    reference
}

fn require_all(schema: &mut Value) {
    let fields = schema.get("properties").and_then(Value::as_object);
    if let Some(names) = fields.map(|fields| fields.keys().cloned().collect::<Vec<_>>()) {
        schema["required"] = names.into();
    }
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let in_path = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<Value> = in_path
        .map(|name| json!({"name": name, "in": "path", "required": true, "description": placeholder(name), "schema": {"type": "string"}}))
        .collect();
    let is_list = matches!(operation.gives, Gives::List(_));
    let query = operation.filters.iter().chain(PAGING.iter().filter(|_| is_list));
    all.extend(query.map(query_parameter));
    let mut header = |name: &str, about: &str| {
        all.push(json!({"name": name, "in": "header", "description": about, "schema": {"type": "string"}}));
    };
    if operation.method == Method::POST {
        header(
            "Idempotency-Key",
            "A value of your own, such as a UUID: the same request under it acts once and is answered the same for a day.",
        );
    }
    if operation.is_versioned && operation.method == Method::GET {
        header("If-None-Match", "The `ETag` you have; 304 if nothing is new.");
    } else if is_conditional(operation) {
        header("If-Match", "The `ETag` you have seen; 412 if somebody else has changed the object since.");
    }
    all
}

fn is_conditional(operation: &Operation) -> bool {
    operation.is_versioned && operation.method != Method::GET && operation.path.contains('{')
}

fn placeholder(name: &str) -> &'static str {
    match name {
        "connection" => "`con_…`",
        "member" => "`mem_…`",
        "identity" => "`idn_…`",
        "session" => "`ses_…`",
        "key" => "`key_…`",
        "test" => "`test_…`",
        "reference" => "`DW-…`",
        _ => "The fingerprint, hexadecimal, with or without colons.",
    }
}

fn query_parameter(parameter: &Parameter) -> Value {
    let mut schema = json!({"type": "string"});
    match parameter.name {
        "limit" => schema = json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
        "from" | "to" => schema["format"] = "date-time".into(),
        _ => {}
    }
    if !parameter.values.is_empty() {
        schema["enum"] = json!(parameter.values);
    }
    json!({"name": parameter.name, "in": "query", "description": parameter.about, "schema": schema})
}

fn responses(operation: &Operation, schemas: &mut BTreeMap<String, Value>) -> Value {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    let json = |schema: Value| json!({"application/json": {"schema": schema}});
    let (status, mut success) = match operation.gives {
        Gives::Object(collect) => {
            ("200", json!({"description": "The object.", "content": json(answered(collect, schemas))}))
        }
        Gives::Made(collect) => {
            let location =
                json!({"description": "Where it is from now on.", "schema": {"type": "string", "format": "uri"}});
            let content = json(answered(collect, schemas));
            ("201", json!({"description": "What was made.", "headers": {"Location": location}, "content": content}))
        }
        Gives::List(collect) => {
            let rows = answered(collect, schemas);
            let list = json!({"type": "object", "required": ["data", "next_cursor"], "properties": {
                "data": {"type": "array", "items": rows},
                "next_cursor": {"type": ["string", "null"], "description": "For the page after this one; null on the last."}
            }});
            ("200", json!({"description": "A page of the list.", "content": json(list)}))
        }
        Gives::Document => ("200", json!({"description": "OpenAPI 3.1.", "content": json(json!({"type": "object"}))})),
        Gives::Nothing => ("204", json!({"description": "Done."})),
    };
    if operation.is_versioned && status != "204" {
        success["headers"]["ETag"] =
            json!({"description": "Names this state of the object.", "schema": {"type": "string"}});
    }
    all.insert(status.to_owned(), success);
    if operation.is_versioned && operation.method == Method::GET {
        all.insert("304".to_owned(), json!({"description": "You have it already."}));
    }
    for (status, codes) in refusals(operation) {
        let content = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}});
        let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
        all.insert(status.to_string(), json!({"description": codes.join(", "), "content": content}));
    }
    json!(all)
}

/// Codes of problems by status: what every call of that shape can meet, and its own.
fn refusals(operation: &Operation) -> BTreeMap<u16, Vec<&'static str>> {
    let mut all: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    let mut add = |status, code| all.entry(status).or_default().push(code);
    let (method, changes) = (&operation.method, operation.method != Method::GET);
    if operation.needs != Needs::Nothing {
        add(401, "signed_out");
        add(401, "bad_api_key");
        if matches!(operation.needs, Needs::Api(_)) {
            add(403, "forbidden");
        }
        if changes {
            add(403, "csrf_missing");
        }
    }
    if operation.takes.is_some() || *method == Method::POST {
        add(400, "bad_request");
        add(413, "too_large");
        add(415, "unsupported_media_type");
        add(422, "invalid");
    } else if !operation.filters.is_empty() || matches!(operation.gives, Gives::List(_)) {
        add(422, "invalid");
    }
    if operation.path.contains('{') || operation.path.ends_with("/identities") {
        add(404, "not_found");
    }
    if *method == Method::POST {
        add(409, "idempotency_key_reused");
    }
    if is_conditional(operation) {
        add(412, "changed_meanwhile");
    }
    for (status, code) in operation.refusals {
        add(*status, *code);
    }
    all
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "detail", "instance"],
        "properties": {
            "type": {"type": "string", "format": "uri", "description": "Ends in the code; a page about it is there."},
            "title": {"type": "string", "description": "The same for every problem of this type."},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What happened this time, and what to do."},
            "instance": {"type": "string", "description": "The request's id, as it stands in the log: `urn:request:…`."},
            "errors": {"type": "array", "description": "What is wrong in the request, place by place.", "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON Pointer (RFC 6901) into the body; `/name` for a parameter of the query."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                    "choices": {"type": "array", "items": {"type": "string"}, "description": "What could stand there instead."}
                }
            }}
        }
    })
}
