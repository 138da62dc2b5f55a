//! The management API under `/api/v1`: one file a resource. Parses and renders; the use cases are the console's.

use crate::web::routes::Routes;

pub fn routes(_: &mut Routes) {}

/// The OpenAPI document as it is served and frozen in docs/openapi.json.
pub fn openapi() -> String {
    String::new()
}
