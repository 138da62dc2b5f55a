//! Response headers that keep a browser safe. Why `form-action` matters: a form that is answered with a redirect to an
//! identity provider is blocked by it, so such forms are answered with a page that goes on by itself (sign_in/).

/// Every page runs under this. `data:` is there for two chevrons of the style sheet.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
     require-trusted-types-for 'script'; trusted-types doorward";

/// For the one page that posts to an identity provider or an application: where that leads is not ours to say.
pub const CONTENT_SECURITY_POLICY_POST: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     require-trusted-types-for 'script'; trusted-types doorward";

/// Only over https, or a browser would ignore it.
pub const STRICT_TRANSPORT_SECURITY: (&str, &str) =
    ("strict-transport-security", "max-age=31536000; includeSubDomains");

/// For every response; assets set a `Cache-Control` of their own.
pub const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_policies_differ_by_form_action_alone() {
        assert_eq!(CONTENT_SECURITY_POLICY.replace("form-action 'self'; ", ""), CONTENT_SECURITY_POLICY_POST);
    }
}
