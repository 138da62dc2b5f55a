//! What the server says of itself (RFC 7644 4).

use serde_json::Value;

use super::{ScimCaller, not_found, require_on};
use crate::app::App;
use crate::app::error::Result;
use crate::scim::discovery;
use crate::scim::list::{self, ListHead, Resources};

fn list_of(all: Vec<Value>) -> String {
    let head = ListHead { total: all.len() as u64, items: all.len(), start_index: Some(1), ..ListHead::default() };
    let mut resources = Resources::default();
    for one in all {
        resources.next().push_str(&one.to_string());
    }
    list::answer(&head, resources)
}

impl App {
    pub fn scim_configuration(&self, caller: &ScimCaller) -> Result<String> {
        require_on(&caller.directory)?;
        Ok(discovery::service_provider_config(&caller.base).to_string())
    }

    /// All, or one of this name.
    pub fn scim_resource_types(&self, caller: &ScimCaller, name: Option<&str>) -> Result<String> {
        require_on(&caller.directory)?;
        let (base, schemas) = (&caller.base, &caller.schemas);
        match name {
            None => Ok(list_of(discovery::resource_types(base, schemas))),
            Some(name) => {
                let found = discovery::find_resource_type(base, schemas, name);
                Ok(found.ok_or_else(not_found)?.to_string())
            }
        }
    }

    /// All, or one of this URN.
    pub fn scim_schemas(&self, caller: &ScimCaller, urn: Option<&str>) -> Result<String> {
        require_on(&caller.directory)?;
        let (base, schemas) = (&caller.base, &caller.schemas);
        match urn {
            None => Ok(list_of(discovery::schemas(base, schemas))),
            Some(urn) => Ok(discovery::find_schema(base, schemas, urn).ok_or_else(not_found)?.to_string()),
        }
    }
}
