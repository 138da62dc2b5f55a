//! Every tolerance beyond the RFCs: what was seen, and what to change where. Parsing notes those it applied in a
//! `Quirks`, and the application keeps the ledger of each directory.

use std::fmt;

macro_rules! quirks {
    ($($(#[$doc:meta])* $name:ident $code:literal, $seen:literal, $change:literal;)+) => {
        /// A closed list; the codes are stored and must not change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Quirk {
            $($(#[$doc])* $name,)+
        }

        impl Quirk {
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable word of the ledger.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            pub fn find(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|quirk| quirk.code() == code)
            }

            /// What the identity provider sent.
            pub fn seen(self) -> &'static str {
                match self { $(Self::$name => $seen,)+ }
            }

            /// What to change there, or that nothing has to be.
            pub fn change(self) -> &'static str {
                match self { $(Self::$name => $change,)+ }
            }
        }
    };
}

quirks! {
    OperationCase "operation_case",
        "PATCH operations are written Add, Replace or Remove instead of in lower case.",
        "Entra ID: add ?aadOptscim062020 to the tenant URL. Nothing is lost without it.";
    OperationMember "operation_member",
        "A PATCH operation carries members that RFC 7644 does not know, such as name.",
        "Nothing has to be changed; they are ignored.";
    PatchSchemaMissing "patch_schema_missing",
        "A PATCH body does not list urn:ietf:params:scim:api:messages:2.0:PatchOp in schemas.",
        "Custom clients: send schemas with every PATCH.";
    /// Trap 1.
    RemoveWithValue "remove_with_value",
        "A remove operation lists what to remove in value instead of in a filter of its path. Only what is listed is removed.",
        "Entra ID: add ?aadOptscim062020 to the tenant URL. JumpCloud and authentik always send this; nothing has to be changed.";
    IgnoredRemoveValue "ignored_remove_value",
        "A remove operation of a single value carries a value. It is ignored and the target removed.",
        "Nothing has to be changed.";
    /// Trap 2.
    UpsertThroughFilter "upsert_through_filter",
        "A PATCH sets a value through a path filter that matches nothing, such as emails[type eq \"work\"].value. The element is made.",
        "Entra ID sends this for each mapped e-mail, phone or address; nothing has to be changed.";
    /// Trap 3.
    StringBoolean "string_boolean",
        "A boolean is sent as text, such as \"False\".",
        "Entra ID: add ?aadOptscim062020 to the tenant URL. OneLogin: write {$user.active} without quotes in the JSON template.";
    WrongScalar "wrong_scalar",
        "A number or a boolean is sent where text belongs, or the other way round.",
        "Check the attribute's type in the mapping.";
    /// Trap 4.
    PathAsKey "path_as_key",
        "A body without path has keys that are paths, such as name.givenName or urn:…:User:department.",
        "Entra ID sends this with aadOptscim062020; nothing has to be changed.";
    PathlessArray "pathless_array",
        "A PATCH operation without path has an array as its value.",
        "Custom clients: send one object.";
    /// Trap 6.
    ManagerShape "manager_shape",
        "manager is sent as text or as an array instead of as an object with value.",
        "Map the manager to urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value if the provider offers it.";
    ExtensionWithoutUrn "extension_without_urn",
        "An attribute of an extension is named without its URN, such as manager.",
        "Map it with its full name, such as urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.";
    /// Trap 7.
    UnknownAttribute "unknown_attribute",
        "A body holds attributes that no schema here has. They are ignored.",
        "Remove them from the mapping, or add an extension schema to this directory.";
    UnknownSchema "unknown_schema",
        "A body names a schema that is not known here. It is ignored.",
        "Nothing has to be changed, unless the attributes are wanted: add an extension schema to this directory.";
    SchemaNotListed "schema_not_listed",
        "An extension is sent but not listed in schemas.",
        "OneLogin: add the extension's URN to schemas in the JSON template.";
    SchemasMissing "schemas_missing",
        "A resource is sent without schemas.",
        "Add schemas to the JSON template.";
    ReadOnlyInPatch "read_only_in_patch",
        "A PATCH without path holds attributes that only the server sets, such as id. They are ignored.",
        "Okta sends the id with every renamed group; nothing has to be changed.";
    PasswordDropped "password_dropped",
        "A password is sent. It is dropped at once and never stored.",
        "Okta: turn Sync Password off. Elsewhere remove password from the mapping.";
    ArrayForSingle "array_for_single",
        "An array is sent for an attribute with a single value. Its only element is taken.",
        "Check the mapping of the attribute.";
    SingleForArray "single_for_array",
        "A single value is sent for an attribute with several. It is taken as the only element.",
        "OneLogin: put emails in square brackets in the JSON template.";
    PlainForComplex "plain_for_complex",
        "Plain text is sent where an object with value belongs.",
        "Map the attribute to its value, such as emails[type eq \"work\"].value.";
    ElementWithoutValue "element_without_value",
        "An element has a type but no value, such as {\"type\": \"work\"}. It is left out.",
        "Nothing has to be changed; the attribute is empty at the identity provider.";
    SeveralPrimaries "several_primaries",
        "More than one element is marked primary. The first stays it.",
        "Mark one e-mail address as primary in the mapping.";
    RoleAsJson "role_as_json",
        "A role's value is JSON in text. Its own value is taken for the role mapping.",
        "Entra ID: map AppRoleAssignmentsComplex or SingleAppRoleAssignment instead of AppRoleAssignments.";
    MemberShape "member_shape",
        "Members are sent as plain ids, or with a $ref only, instead of as objects with value.",
        "Custom clients: send [{\"value\": \"id\"}].";
    RepeatedMember "repeated_member",
        "One body lists a member more than once. It is taken once.",
        "Nothing has to be changed.";
    MembersOmittedInPut "members_omitted_in_put",
        "A PUT of a group leaves members out. The group keeps those it has.",
        "Keycloak: nothing has to be changed. Send an empty array to empty a group.";
    ActiveOmittedInPut "active_omitted_in_put",
        "A PUT of a user leaves active out. The user stays as active or inactive as before.",
        "Add active to the mapping.";
    /// Trap 10.
    FilterUnquoted "filter_unquoted",
        "A filter compares with text that is not in double quotes.",
        "PingFederate: write userName eq \"${userName}\" in the filter expression. Older authentik: update.";
    FilterAfterValuePath "filter_after_value_path",
        "A filter has a sub-attribute after brackets, such as emails[type eq \"work\"].value eq \"x\".",
        "Entra ID sends this when an e-mail is the matching attribute; nothing has to be changed.";
    FilterOnComplex "filter_on_complex",
        "A filter compares a complex attribute as a whole, such as emails eq \"x\". Its value is compared.",
        "PingFederate: emails.value eq \"…\" says the same by the book.";
    FilterTimeWithoutZone "filter_time_without_zone",
        "A filter compares with a time without a zone, or with a day. UTC is assumed.",
        "Custom clients: send 2026-11-22T06:00:00Z.";
    /// Trap 8.
    NumberAsText "number_as_text",
        "startIndex or count is below its range, has a fraction, or is text. The nearest number that makes sense is taken.",
        "Custom clients: send whole numbers, startIndex from 1.";
    FlagInQuery "flag_in_query",
        "aadOptscim062020 arrives as a part of the query.",
        "Entra ID: nothing has to be changed.";
}

/// Those that were applied while one request was read.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Quirks(u64);

// One bit each.
const _: () = assert!(Quirk::ALL.len() <= 64);

impl Quirks {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn note(&mut self, quirk: Quirk) {
        self.0 |= 1 << quirk as u64;
    }

    pub fn has(self, quirk: Quirk) -> bool {
        self.0 & (1 << quirk as u64) != 0
    }

    #[cfg(test)]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL.iter().copied().filter(move |quirk| self.has(*quirk))
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_has_its_own_code_and_says_what_was_seen_and_what_to_change() {
        let mut codes: Vec<&str> = Quirk::ALL.iter().map(|quirk| quirk.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Quirk::ALL.len());
        for quirk in Quirk::ALL {
            assert!(quirk.code().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{quirk:?}");
            assert!(quirk.seen().ends_with('.') && quirk.change().ends_with('.'), "{quirk:?}");
        }
    }

    #[test]
    fn a_set_holds_what_was_noted_and_nothing_else() {
        let mut quirks = Quirks::new();
        assert!(quirks.is_empty());
        for quirk in [Quirk::FlagInQuery, Quirk::OperationCase, Quirk::FlagInQuery] {
            quirks.note(quirk);
        }
        assert_eq!(quirks.iter().collect::<Vec<_>>(), [Quirk::OperationCase, Quirk::FlagInQuery]);
    }
}
