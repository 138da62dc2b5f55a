//! The response as an admin may read it: as it came, without what would let it be used or decrypted again.

use std::ops::Range;

const LIMIT: usize = 32 * 1024;

/// `decrypted`: where the EncryptedAssertion stands, and the verified text that was in it. Works on any text, well-formed or
/// not. The page escapes what comes out.
pub fn redact(text: &str, decrypted: Option<(Range<usize>, &str)>) -> String {
    let mut out = String::with_capacity(text.len().min(LIMIT));
    match decrypted {
        Some((range, clear)) => {
            cut(text.get(..range.start).unwrap_or(""), &mut out);
            out.push_str("<!-- decrypted -->");
            cut(clear, &mut out);
            cut(text.get(range.end..).unwrap_or(""), &mut out);
        }
        None => cut(text, &mut out),
    }
    shorten(out)
}

fn cut(mut text: &str, out: &mut String) {
    while out.len() <= LIMIT {
        let Some((before, tag)) = text.split_once('<') else { break };
        out.push_str(before);
        out.push('<');
        text = tag;
        // Nothing is looked for beyond the next markup, so the work stays linear.
        let is_end = |byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>' | b'<');
        let name = tag.get(..tag.bytes().position(is_end).unwrap_or(tag.len())).unwrap_or("");
        let opens_secret = is_secret(name) && !tag.split(['>', '<']).next().is_some_and(|head| head.ends_with('/'));
        if opens_secret && let Some((inside, rest)) = tag.split_once('>') {
            let content = rest.find("</").unwrap_or(rest.len());
            out.push_str(inside);
            out.push_str(&format!("> … {content} characters … "));
            text = rest.get(content..).unwrap_or("");
        }
    }
    out.push_str(text);
}

/// Elements whose content is cut out, whatever their namespace.
fn is_secret(name: &str) -> bool {
    let local = name.split_once(':').map_or(name, |(_, local)| local);
    matches!(local, "SignatureValue" | "DigestValue" | "CipherValue" | "X509Certificate" | "Modulus")
}

fn shorten(mut out: String) -> String {
    if out.len() > LIMIT {
        let mut end = LIMIT;
        while !out.is_char_boundary(end) {
            end -= 1;
        }
        out.truncate(end);
        out.push_str("\n… the rest is left out");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_digest_and_cipher_values_are_cut_out() {
        let text = "<a>\n  <ds:SignatureValue Id='x'>QUJD</ds:SignatureValue><DigestValue/>\n<CipherValue>é<!-- --></CipherValue></a>";
        assert_eq!(
            redact(text, None),
            "<a>\n  <ds:SignatureValue Id='x'> … 4 characters … </ds:SignatureValue><DigestValue/>\n<CipherValue> … 10 characters … </CipherValue></a>"
        );
    }

    #[test]
    fn the_decrypted_assertion_stands_where_the_encrypted_one_stood() {
        assert_eq!(redact("<r><e/></r>", Some((3..7, "<a/>"))), "<r><!-- decrypted --><a/></r>");
    }

    #[test]
    fn broken_and_long_text_is_shown_as_far_as_it_goes() {
        assert_eq!(redact("<DigestValue>abc", None), "<DigestValue> … 3 characters … ");
        for text in ["<", "<DigestValue", "é<é", ""] {
            assert_eq!(redact(text, None), text);
        }
        let long = redact(&"é".repeat(LIMIT), None);
        assert!(long.len() < LIMIT + 64 && long.ends_with("the rest is left out"));
    }
}
