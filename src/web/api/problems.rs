//! Where the `type` of a problem leads: what its code means, in plain text.

use actix_web::HttpResponse;
use actix_web::web::Path;

use crate::model::provider::Catalogue;
use crate::model::refusal::Details;
use crate::model::refusal::Refusal;
use crate::web::error::Failure;
use crate::web::error::PageError;

/// Codes of the API itself; those of sign-in, metadata and certificates have their words in errors.toml.
pub const PROBLEMS: &[(&str, &str)] = &[
    ("bad_api_key", "The API key is unknown, was deleted or has ended. Make a new one."),
    (
        "bad_request",
        "The request cannot be read: its body is no JSON, or a header has no sense. The detail says where.",
    ),
    (
        "changed_meanwhile",
        "Somebody else changed the object since you read it. Read it again, and repeat your change if it still fits.",
    ),
    (
        "connection_incomplete",
        "The connection lacks the identity provider's entity ID, SSO URL or certificate. Add its metadata first.",
    ),
    ("connection_untested", "No test of these settings has passed. Run one, or activate with `without_test`."),
    (
        "csrf_missing",
        "A call with a session cookie that changes something needs the header X-Doorward-CSRF, with `csrf` of GET /api/v1/me.",
    ),
    (
        "forbidden",
        "The role of the caller lacks the permission that the detail names. Use a key or an account with another role.",
    ),
    ("foreign_form", "The browser says that another site sent the request. Send it from a page of this one."),
    (
        "idempotency_key_reused",
        "The Idempotency-Key was used for another request within a day. Use a new key for a new request.",
    ),
    ("identity_taken", "The account at the identity provider is linked to another member. Unlink it there first."),
    (
        "internal",
        "Something failed on this server. Try again; if it stays, give the operator the request id in `instance`.",
    ),
    (
        "invalid",
        "Something that was sent does not fit. `errors` names each place by a JSON Pointer and says what to do.",
    ),
    ("key_in_use", "The key signs our requests to the identity provider. Switch to the next one first."),
    (
        "last_certificate",
        "An active connection keeps one certificate: without it nobody could sign in. Add the next one first.",
    ),
    ("last_way_in", "The sign-in is the member's only one. Link another or set a password first."),
    ("member_inactive", "The member is deactivated. Reactivate them first."),
    (
        "merge_administrator",
        "One of the two members administers. Take that role away first, or let them link their sign-in by Test SSO.",
    ),
    ("merge_covered", "A directory covers both members. Remove one of the two in the identity provider instead."),
    ("method_not_allowed", "The address does not take that method. The OpenAPI document says which it takes."),
    (
        "next_key_exists",
        "The connection's next key is published already. Give it to the identity provider and switch, or destroy it first.",
    ),
    (
        "no_metadata_link",
        "The connection has no metadata link to read. Give it one with PATCH, or send the metadata itself.",
    ),
    ("not_found", "There is nothing at the address, or it was removed, or it belongs to another organization."),
    ("not_implemented", "The SCIM server does not have this endpoint; /ServiceProviderConfig says what it has."),
    ("nothing_to_restore", "The settings are those of the revision already."),
    ("nothing_to_revert", "The connection has no former settings to bring back."),
    ("revert_no_certificate", "No certificate of the former settings' identity provider is trusted any more."),
    ("role_above_yours", "The member, role or key holds more than the caller's own role. Ask an owner."),
    (
        "scim_crowded",
        "A directory has as many requests in flight as it may have. Send it again after Retry-After, with fewer at once.",
    ),
    ("scim_refused", "What the identity provider sent cannot be done; the answer says why."),
    ("session_only", "The call tells of a person in a browser; an API key has none."),
    ("sign_in_again", "Linking a sign-in wants a sign-in of the last 5 minutes. Sign in again and repeat it."),
    ("signed_out", "Nobody is signed in. Send an API key as `Authorization: Bearer`, or the cookie of a session."),
    (
        "tag_mapped",
        "A mapping or a group gives the tag. Change the group at the identity provider, or the role mappings.",
    ),
    ("team_mapped", "A mapping gives the place. Change the group at the identity provider, or the role mappings."),
    ("test_not_passed", "Only a test that passed shows who somebody is at the identity provider. Run it again."),
    ("test_too_old", "The test is older than 15 minutes. Run it again."),
    ("too_large", "The body is larger than what is taken here: 256 KiB, or 2 MiB where metadata may come."),
    ("too_many_directories", "An organization has 50 directories at most. Delete one that nobody uses."),
    ("too_many_tokens", "A directory has 5 tokens at most. Delete one that nobody uses."),
    ("unavailable", "The server is starting, stopping or busy. Try again in a few seconds."),
    (
        "unsupported_media_type",
        "Send JSON, with Content-Type: application/json (or application/merge-patch+json for PATCH).",
    ),
    ("wrong_host", "This server does not serve the host that was asked for."),
];

/// What a code means; none for a code that nothing here answers with.
fn words(code: &str) -> Option<String> {
    if let Some((_, text)) = PROBLEMS.iter().find(|(known, _)| *known == code) {
        return Some((*text).to_owned());
    }
    if !Refusal::is_known(code) {
        return None;
    }
    let mut details = Details::new();
    for (name, text) in [
        ("theirs", "what came"),
        ("ours", "what was expected"),
        ("idp", "the identity provider"),
        ("email", "the address"),
        ("when", "that time"),
        ("n", "some"),
        ("by", "some time"),
        ("app", "the application"),
        ("login_url", "the sign-in page"),
        ("ref", "the reference"),
        ("tenant_id", "(your tenant)"),
    ] {
        details = details.with(name, text);
    }
    if let Some(any) = Catalogue::get().connector("custom-saml") {
        details = details.labels_of(any);
    }
    let words = Refusal::of(code).words(&details);
    let text = format!("{}. {} {}", words.what, words.why, words.fix);
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    Some(first + letters.as_str())
}

/// `GET /problems/{code}`
pub async fn show(code: Path<String>) -> Result<HttpResponse, PageError> {
    let text = words(&code).ok_or(Failure::NotFound)?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(format!("{code}\n\n{text}\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_documentation_says_the_same() {
        let table = include_str!("../../../docs/errors.md");
        for (code, text) in PROBLEMS {
            assert!(table.contains(&format!("| `{code}` | {text} |")), "{code}");
        }
    }

    #[test]
    fn every_code_has_its_words_once() {
        assert!(PROBLEMS.is_sorted_by_key(|(code, _)| code));
        for (code, _) in PROBLEMS {
            assert!(!Refusal::is_known(code), "{code} stands in errors.toml too");
        }
        for code in Refusal::codes() {
            let text = words(code).unwrap();
            assert!(!text.contains('{') && !text.contains("See the trace"), "{code}: {text}");
        }
    }
}
