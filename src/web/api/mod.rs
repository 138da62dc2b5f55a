//! The management API under `/api/v1`: one file a resource. Parses and renders; the use cases are the console's.

use crate::web::routes::Routes;

pub fn routes(_: &mut Routes) {}
