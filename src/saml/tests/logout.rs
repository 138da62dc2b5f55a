//! Logout messages, by both bindings: good ones, and bad ones that differ from a good one by one thing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::IDP;
use super::Idp;
use super::NOW;
use super::encryption::Envelope;
use super::encryption::Ours;
use super::encryption::Transport;
use crate::crypto::certificate::Certificate;
use crate::crypto::signing::SigningIdentity;
use crate::model::logout::NameId;
use crate::model::logout::ProviderSession;
use crate::model::time::minutes;
use crate::saml::error::CheckName;
use crate::saml::error::Error;
use crate::saml::logout;
use crate::saml::logout::Answer;
use crate::saml::logout::Examined;
use crate::saml::logout::Expected;
use crate::saml::logout::LogoutRequest;
use crate::saml::logout::Received;
use crate::saml::logout_message::Message;
use crate::saml::logout_message::Status;
use crate::saml::redirect;
use crate::saml::sign::percent_encode;
use crate::saml::signature::PinnedKey;

const SLO_URL: &str = "https://sp.example.com/slo";

fn expected() -> Expected<'static> {
    Expected {
        slo_url: SLO_URL,
        idp_entity_id: IDP,
        refuses_expired_certificates: false,
        clock_skew: minutes(3),
        now: NOW,
    }
}

/// A request as an identity provider writes it; tests change one thing in it.
fn text() -> String {
    format!(
        "<samlp:LogoutRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_logout\" Version=\"2.0\" \
         IssueInstant=\"2026-11-22T06:00:00Z\" NotOnOrAfter=\"2026-11-22T06:05:00Z\" Destination=\"{SLO_URL}\">\
         <saml:Issuer>{IDP}</saml:Issuer><saml:NameID Format=\"urn:f\" NameQualifier=\"{IDP}\">bob</saml:NameID>\
         <samlp:SessionIndex>_s1</samlp:SessionIndex><samlp:SessionIndex>_s2</samlp:SessionIndex></samlp:LogoutRequest>"
    )
}

fn answer_text(status: &str) -> String {
    format!(
        "<samlp:LogoutResponse xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_answer\" Version=\"2.0\" InResponseTo=\"_asked\" \
         IssueInstant=\"2026-11-22T06:00:00Z\" Destination=\"{SLO_URL}\"><saml:Issuer>{IDP}</saml:Issuer>\
         <samlp:Status>{status}</samlp:Status></samlp:LogoutResponse>"
    )
}

fn status(code: &str, inside: &str) -> String {
    format!("<samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:{code}\">{inside}</samlp:StatusCode>")
}

fn form(field: &str, text: &str) -> Received {
    Received::from_form(&[(field.to_owned(), STANDARD.encode(text))]).unwrap()
}

fn query(idp: &Idp, field: &str, text: &str) -> String {
    redirect::url("https://x", field, text, Some("a b/=&"), idp.signer()).split_once('?').unwrap().1.to_owned()
}

fn read(received: &Received, keys: &[PinnedKey]) -> Examined<LogoutRequest> {
    logout::request(received, keys, &[], &expected())
}

fn code<T>(examined: &Examined<T>) -> &'static str {
    examined.result.as_ref().err().map_or("ok", Error::logout_code)
}

#[test]
fn a_request_is_read_by_both_bindings() {
    let idp = Idp::new();
    let posted = form("SAMLRequest", &idp.sign(&text(), "_logout"));
    let redirected = Received::from_query(&query(&idp, "SAMLRequest", &text())).unwrap();
    assert_eq!((posted.relay_state(), redirected.relay_state()), (None, Some("a b/=&")));
    for received in [posted, redirected] {
        let examined = read(&received, &[idp.key()]);
        assert!(examined.checks.iter().all(|check| check.ok == Some(true)) && examined.checks.len() == 4);
        assert_eq!(examined.sent_to_us.as_deref(), Some("_logout"));
        let request = examined.result.unwrap();
        assert_eq!((request.id.as_str(), request.indexes), ("_logout", vec!["_s1".to_owned(), "_s2".to_owned()]));
        assert_eq!((request.name_id.value.as_str(), request.name_id.format.as_deref()), ("bob", Some("urn:f")));
        // Five minutes from its issue, and three of skew.
        assert_eq!(request.valid_until.rfc3339(), "2026-11-22T06:08:00Z");
    }
}

/// What is changed before the identity provider signs: its own mistakes, or another's genuine message.
fn mistakes() -> Vec<(&'static str, String, &'static str)> {
    let swap = |from: &str, to: &str| {
        assert!(text().contains(from), "{from}");
        text().replace(from, to)
    };
    let destination = format!(" Destination=\"{SLO_URL}\"");
    let name = format!("<saml:NameID Format=\"urn:f\" NameQualifier=\"{IDP}\">bob</saml:NameID>");
    vec![
        ("another issuer", swap(&format!("<saml:Issuer>{IDP}"), "<saml:Issuer>https://evil"), "saml_logout_issuer"),
        ("another destination", swap(SLO_URL, "https://sp.example.com/other"), "saml_logout_destination"),
        ("no destination", swap(&destination, ""), "saml_logout_destination"),
        ("issued too long ago", swap("06:00:00Z", "05:52:00Z"), "saml_logout_time"),
        ("issued in the future", swap("06:00:00Z", "06:05:00Z"), "saml_logout_time"),
        ("ended", swap("06:05:00Z", "05:57:00Z"), "saml_logout_time"),
        ("no time of issue", swap(" IssueInstant=\"2026-11-22T06:00:00Z\"", ""), "saml_logout_malformed"),
        ("a time without zone", swap("06:00:00Z", "06:00:00"), "saml_logout_malformed"),
        ("another version", swap("\"2.0\"", "\"1.1\""), "saml_logout_malformed"),
        ("nobody named", swap(&name, ""), "saml_logout_malformed"),
        ("an empty name", swap(">bob<", "> <"), "saml_logout_malformed"),
        ("two names", swap(&name, &format!("{name}{name}")), "saml_logout_malformed"),
        ("a comment in the name", swap(">bob<", ">bob<!-- -->@evil<"), "saml_logout_malformed"),
        ("a name and an encrypted one", swap(&name, &format!("{name}<saml:EncryptedID/>")), "saml_logout_signature"),
        ("an encrypted name that does not open", swap(&name, "<saml:EncryptedID/>"), "saml_logout_encrypted"),
        ("an id without end", swap("_logout\"", &format!("_logout{}\"", "a".repeat(300))), "saml_logout_malformed"),
    ]
}

#[test]
fn each_mistake_in_a_signed_request_is_refused_for_its_own_reason() {
    let idp = Idp::new();
    for (what, text, wanted) in mistakes() {
        let redirected = Received::from_query(&query(&idp, "SAMLRequest", &text)).unwrap();
        assert_eq!(code(&read(&redirected, &[idp.key()])), wanted, "{what}, by Redirect");
        let id = if what.starts_with("an id") { format!("_logout{}", "a".repeat(300)) } else { "_logout".to_owned() };
        // Canonicalizing drops the comment, so what was signed by POST has none.
        let wanted = if what.starts_with("a comment") { "ok" } else { wanted };
        let examined = read(&form("SAMLRequest", &idp.sign(&text, &id)), &[idp.key()]);
        assert_eq!(code(&examined), wanted, "{what}, by POST");
        if what.starts_with("a comment") {
            assert_eq!(examined.result.unwrap().name_id.value, "bob@evil");
        }
    }
}

#[test]
fn only_a_mistake_of_whoever_meant_us_is_answered() {
    let idp = Idp::new();
    for (what, text, code) in mistakes() {
        let received = Received::from_query(&query(&idp, "SAMLRequest", &text)).unwrap();
        let meant_us = !matches!(code, "saml_logout_issuer" | "saml_logout_destination")
            && !what.starts_with("another version")
            && !what.starts_with("an id");
        assert_eq!(read(&received, &[idp.key()]).sent_to_us.is_some(), meant_us, "{what}");
    }
}

#[test]
fn a_forged_query_is_refused_whatever_was_done_to_it() {
    let (idp, other) = (Idp::new(), Idp::new());
    let good = query(&idp, "SAMLRequest", &text());
    let refused = |raw: &str| match Received::from_query(raw) {
        Ok(received) => code(&read(&received, &[idp.key()])),
        Err(error) => error.logout_code(),
    };
    assert_eq!(refused(&good), "ok");
    // Parameters in another order are the same parameters.
    let mut parts: Vec<&str> = good.split('&').collect();
    parts.reverse();
    assert_eq!(refused(&parts.join("&")), "ok");
    let [message, relay_state, algorithm, signature] = good.split('&').collect::<Vec<_>>().try_into().unwrap();
    let evil = format!(
        "SAMLRequest={}",
        query(&other, "SAMLRequest", &text().replace("bob", "eve"))
            .split_once('=')
            .unwrap()
            .1
            .split('&')
            .next()
            .unwrap()
    );
    let sha1 = format!("SigAlg={}", percent_encode("http://www.w3.org/2000/09/xmldsig#rsa-sha1"));
    let hmac = format!("SigAlg={}", percent_encode("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"));
    let ecdsa = format!("SigAlg={}", percent_encode("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"));
    let sha512 = format!("SigAlg={}", percent_encode("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"));
    let again = message.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d");
    assert_ne!(again, message);
    for (what, raw, wanted) in [
        ("another message", format!("{evil}&{relay_state}&{algorithm}&{signature}"), "saml_logout_signature"),
        ("another RelayState", format!("{message}&RelayState=x&{algorithm}&{signature}"), "saml_logout_signature"),
        ("no RelayState", format!("{message}&{algorithm}&{signature}"), "saml_logout_signature"),
        ("encoded again", format!("{again}&{relay_state}&{algorithm}&{signature}"), "saml_logout_signature"),
        ("another hash", format!("{message}&{relay_state}&{sha512}&{signature}"), "saml_logout_signature"),
        ("another kind of key", format!("{message}&{relay_state}&{ecdsa}&{signature}"), "saml_logout_signature"),
        ("SHA-1", format!("{message}&{relay_state}&{sha1}&{signature}"), "saml_logout_weak"),
        ("HMAC", format!("{message}&{relay_state}&{hmac}&{signature}"), "saml_logout_weak"),
        ("no algorithm", format!("{message}&{relay_state}&{signature}"), "saml_logout_unsigned"),
        ("no signature", format!("{message}&{relay_state}&{algorithm}"), "saml_logout_unsigned"),
        ("nothing of a signature", format!("{message}&{relay_state}"), "saml_logout_unsigned"),
        ("an empty signature", format!("{message}&{relay_state}&{algorithm}&Signature="), "saml_logout_signature"),
        (
            "a signature that is none",
            format!("{message}&{relay_state}&{algorithm}&Signature=%%"),
            "saml_logout_malformed",
        ),
        ("a second message", format!("{evil}&{good}"), "saml_logout_malformed"),
        ("a second message behind", format!("{good}&{evil}"), "saml_logout_malformed"),
        ("an answer beside it", format!("{good}&SAMLResponse=x"), "saml_logout_malformed"),
        ("by another key", query(&other, "SAMLRequest", &text()), "saml_logout_signature"),
        ("no message", format!("{relay_state}&{algorithm}&{signature}"), "saml_logout_missing"),
        ("sent as an answer", good.replace("SAMLRequest", "SAMLResponse"), "saml_logout_signature"),
    ] {
        assert_eq!(refused(&raw), wanted, "{what}");
    }
    // The signature within counts for nothing where the query carries none.
    let inside = query(&other, "SAMLRequest", &idp.sign(&text(), "_logout"));
    let unsigned = inside.split('&').next().unwrap();
    assert_eq!(refused(unsigned), "saml_logout_unsigned");
}

#[test]
fn a_forged_form_is_refused_whatever_was_done_to_it() {
    let (idp, other) = (Idp::new(), Idp::new());
    let good = idp.sign(&text(), "_logout");
    let signature = &good[good.find("<ds:Signature").unwrap()..good.find("</ds:Signature>").unwrap() + 15];
    let evil = text().replace("bob", "eve").replace("_logout", "_evil");
    let behind = |inner: &str| evil.replace("</saml:Issuer>", &format!("</saml:Issuer>{inner}"));
    for (what, text, wanted) in [
        ("unsigned", text(), "saml_logout_unsigned"),
        ("by another key", other.sign(&text(), "_logout"), "saml_logout_signature"),
        ("another name", good.replace(">bob<", ">eve<"), "saml_logout_signature"),
        (
            "an index taken out",
            good.replace("<samlp:SessionIndex>_s1</samlp:SessionIndex>", ""),
            "saml_logout_signature",
        ),
        (
            "the signed one in Extensions",
            behind(&format!("<samlp:Extensions>{good}</samlp:Extensions>")),
            "saml_logout_signature",
        ),
        ("the signature alone", behind(signature), "saml_logout_signature"),
        ("the signature, with the id", behind(signature).replace("_evil", "_logout"), "saml_logout_signature"),
        (
            "two signatures",
            good.replace("</saml:Issuer>", &format!("</saml:Issuer>{signature}")),
            "saml_logout_signature",
        ),
        (
            "a signature without namespace",
            good.replace("</samlp:LogoutRequest>", "<Signature/></samlp:LogoutRequest>"),
            "saml_logout_signature",
        ),
        (
            "an assertion within",
            good.replace("</samlp:LogoutRequest>", "<saml:Assertion/></samlp:LogoutRequest>"),
            "saml_logout_signature",
        ),
        ("an id twice", good.replace("<saml:NameID", "<saml:NameID ID=\"_logout\""), "saml_logout_signature"),
        ("SHA-1", good.replace("rsa-sha256", "rsa-sha1"), "saml_logout_weak"),
        (
            "inclusive canonicalization",
            good.replace("2001/10/xml-exc-c14n#", "TR/2001/REC-xml-c14n-20010315"),
            "saml_logout_weak",
        ),
        ("a DOCTYPE", format!("<!DOCTYPE a>{good}"), "saml_logout_malformed"),
        ("another message", good.replace("LogoutRequest", "LogoutResponse"), "saml_logout_malformed"),
        ("another namespace", good.replace("2.0:protocol", "1.1:protocol"), "saml_logout_malformed"),
        ("nothing", String::new(), "saml_logout_missing"),
    ] {
        assert_eq!(code(&read(&form("SAMLRequest", &text), &[idp.key()])), wanted, "{what}");
    }
    let twice = [("SAMLRequest".to_owned(), STANDARD.encode(&good)), ("SAMLRequest".to_owned(), String::new())];
    assert_eq!(Received::from_form(&twice).unwrap_err().logout_code(), "saml_logout_malformed");
    let long = [("SAMLRequest".to_owned(), STANDARD.encode(&good)), ("RelayState".to_owned(), "a".repeat(5000))];
    assert_eq!(Received::from_form(&long).unwrap_err().logout_code(), "saml_logout_malformed");
}

#[test]
fn what_failed_is_told_and_what_was_not_reached_is_not() {
    let idp = Idp::new();
    let (_, late, _) = mistakes().into_iter().find(|(what, ..)| *what == "ended").unwrap();
    let checks = read(&Received::from_query(&query(&idp, "SAMLRequest", &late)).unwrap(), &[idp.key()]).checks;
    let told: Vec<_> = checks.iter().map(|check| (check.name, check.ok)).collect();
    assert_eq!(
        told,
        [
            (CheckName::Signature, Some(true)),
            (CheckName::Address, Some(true)),
            (CheckName::Conditions, Some(false)),
            (CheckName::Subject, None)
        ]
    );
}

#[test]
fn an_encrypted_name_is_opened_with_our_key_alone() {
    let (idp, ours) = (Idp::new(), Ours::new());
    let name = format!(
        "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" NameQualifier=\"{IDP}\">bob</saml:NameID>"
    );
    let clear = text();
    let plain = &clear[clear.find("<saml:NameID").unwrap()..clear.find("</saml:NameID>").unwrap() + 14];
    for (inside, wanted) in [(name.clone(), "ok"), (name.replace("NameID", "BaseID"), "saml_logout_encrypted")] {
        for cipher in ["aes256-gcm", "aes128-cbc"] {
            let sealed = Envelope::seal(&inside, cipher, Transport::Mgf1p, &ours).xml();
            let sealed = sealed.replace("EncryptedAssertion", "EncryptedID");
            let received = form("SAMLRequest", &idp.sign(&text().replace(plain, &sealed), "_logout"));
            let examined = logout::request(&received, &[idp.key()], std::slice::from_ref(&ours.private), &expected());
            assert_eq!(code(&examined), wanted, "{cipher}");
            if wanted == "ok" {
                assert_eq!(examined.result.unwrap().name_id.value, "bob");
            }
            let other = logout::request(&received, &[idp.key()], &[Ours::new().private], &expected());
            assert_eq!(code(&other), "saml_logout_encrypted", "{cipher}");
        }
    }
}

#[test]
fn a_certificate_that_has_ended_counts_unless_the_connection_refuses_it() {
    let identity = SigningIdentity::generate("idp", NOW.secs() - 400 * 86_400, 1).unwrap();
    let key = PinnedKey::from_certificate(&Certificate::from_der(&identity.certificate_der).unwrap());
    let url = redirect::url("https://x", "SAMLRequest", &text(), None, &identity.signer().unwrap());
    let received = Received::from_query(url.split_once('?').unwrap().1).unwrap();
    assert_eq!(code(&read(&received, std::slice::from_ref(&key))), "ok");
    let strict = Expected { refuses_expired_certificates: true, ..expected() };
    assert_eq!(code(&logout::request(&received, &[key], &[], &strict)), "saml_cert_expired");
}

#[test]
fn an_answer_says_what_became_of_the_sign_out() {
    let idp = Idp::new();
    let partial = status("PartialLogout", "");
    for (status, wanted) in [
        (status("Success", ""), Ok(Answer::SignedOut)),
        (status("Success", &partial), Ok(Answer::Partly)),
        (status("Responder", &partial), Ok(Answer::Partly)),
        (status("Responder", ""), Err("saml_logout_status")),
        (status("Requester", &status("RequestDenied", "")), Err("saml_logout_status")),
        (String::new(), Err("saml_logout_malformed")),
    ] {
        let text = answer_text(&status);
        let posted = form("SAMLResponse", &idp.sign(&text, "_answer"));
        let redirected = Received::from_query(&query(&idp, "SAMLResponse", &text)).unwrap();
        for received in [posted, redirected] {
            let examined = logout::response(&received, &[idp.key()], "_asked", &expected());
            assert_eq!(examined.result.map_err(|error| error.logout_code()), wanted, "{status}");
        }
    }
}

#[test]
fn an_answer_counts_for_the_request_it_names_from_whom_we_asked_and_signed() {
    let (idp, other) = (Idp::new(), Idp::new());
    let good = answer_text(&status("Success", ""));
    let swap = |from: &str, to: &str| good.replace(from, to);
    for (what, raw, wanted) in [
        ("another request", query(&idp, "SAMLResponse", &swap("_asked", "_other")), "saml_logout_in_response_to"),
        (
            "no request",
            query(&idp, "SAMLResponse", &swap(" InResponseTo=\"_asked\"", "")),
            "saml_logout_in_response_to",
        ),
        ("another issuer", query(&idp, "SAMLResponse", &swap(">https://idp", ">https://evil")), "saml_logout_issuer"),
        ("another address", query(&idp, "SAMLResponse", &swap(SLO_URL, "https://x")), "saml_logout_destination"),
        ("too late", query(&idp, "SAMLResponse", &swap("06:00:00Z", "05:50:00Z")), "saml_logout_time"),
        ("another key", query(&other, "SAMLResponse", &good), "saml_logout_signature"),
        ("a request instead", query(&idp, "SAMLResponse", &text()), "saml_logout_malformed"),
    ] {
        let received = Received::from_query(&raw).unwrap();
        assert_eq!(code(&logout::response(&received, &[idp.key()], "_asked", &expected())), wanted, "{what}");
    }
    let unsigned = form("SAMLResponse", &good);
    assert_eq!(code(&logout::response(&unsigned, &[idp.key()], "_asked", &expected())), "saml_logout_unsigned");
}

#[test]
fn what_we_send_reads_back_as_it_was_meant() {
    let us = Idp::new();
    let session = ProviderSession {
        name_id: NameId {
            value: "bob <\"&'é>".to_owned(),
            format: Some("urn:f&".to_owned()),
            name_qualifier: Some(IDP.to_owned()),
            sp_name_qualifier: Some("https://sp".to_owned()),
        },
        index: Some("<1>".to_owned()),
    };
    let message = Message::request(SLO_URL, IDP, &session, NOW);
    let by_redirect = message.redirect_url(None, us.signer());
    let by_post = message.post_form(us.signer(), &us.certificate.der).unwrap();
    for received in [
        Received::from_query(by_redirect.split_once('?').unwrap().1).unwrap(),
        Received::from_form(&[("SAMLRequest".to_owned(), by_post)]).unwrap(),
    ] {
        let request = read(&received, &[us.key()]).result.unwrap();
        assert_eq!((request.id, request.name_id), (message.id.clone(), session.name_id.clone()));
        assert_eq!(request.indexes, ["<1>"]);
    }
    let answer = Message::response(SLO_URL, IDP, "_asked", Status::Success, Some("a <b>"), NOW);
    let url = answer.redirect_url(Some("x y&="), us.signer());
    let received = Received::from_query(url.split_once('?').unwrap().1).unwrap();
    assert_eq!(received.relay_state(), Some("x y&="));
    let examined = logout::response(&received, &[us.key()], "_asked", &expected());
    assert_eq!(examined.result.unwrap(), Answer::SignedOut);
    let refused = Message::response(SLO_URL, IDP, "_asked", Status::Requester, None, NOW);
    let received = form(
        "SAMLResponse",
        &String::from_utf8(STANDARD.decode(refused.post_form(us.signer(), &us.certificate.der).unwrap()).unwrap())
            .unwrap(),
    );
    assert_eq!(code(&logout::response(&received, &[us.key()], "_asked", &expected())), "saml_logout_status");
}

#[test]
fn mutants_of_a_signed_request_mean_the_same_or_nothing() {
    let idp = Idp::new();
    let good = idp.sign(&text(), "_logout");
    let mut state = 7_u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % limit
    };
    let mut accepted = 0;
    for _ in 0..3000 {
        let mut bytes = good.clone().into_bytes();
        let (from, length) = (below(bytes.len()), below(60));
        let part: Vec<u8> = bytes[from..(from + length).min(bytes.len())].to_vec();
        let at = below(bytes.len());
        match below(3) {
            0 => drop(bytes.splice(at..at, part)),
            1 => drop(bytes.drain(at..(at + length).min(good.len()))),
            _ => bytes[at] = *b"<>\"'&= a/"[..].get(below(9)).unwrap(),
        }
        let Ok(mutant) = String::from_utf8(bytes) else { continue };
        if let Ok(request) = read(&form("SAMLRequest", &mutant), &[idp.key()]).result {
            accepted += 1;
            assert_eq!((request.name_id.value.as_str(), request.indexes.len()), ("bob", 2), "{mutant}");
        }
    }
    assert!(accepted > 0, "nothing was mutated harmlessly: the test is too rough");
}
