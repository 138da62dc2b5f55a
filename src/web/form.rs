//! The fields of a posted form, urlencoded or multipart, and the one file it may carry.

use actix_web::HttpRequest;
use memchr::memchr;
use memchr::memchr2;

use crate::web::error::Failure;

#[derive(Debug, Clone, Default)]
pub struct FormData {
    fields: Vec<(String, String)>,
    files: Vec<(String, Vec<u8>)>,
}

/// More than any form of ours has.
const MAX_FIELDS: usize = 1000;

fn too_many() -> Failure {
    Failure::Unreadable("This form has more than 1,000 fields; none of ours has.".into())
}

impl FormData {
    pub async fn read(request: &HttpRequest, body: Vec<u8>) -> Result<Self, Failure> {
        let content_type =
            request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default();
        match kind.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => {
                let fields: Vec<_> = url::form_urlencoded::parse(&body).into_owned().take(MAX_FIELDS + 1).collect();
                if fields.len() > MAX_FIELDS { Err(too_many()) } else { Ok(Self { fields, files: Vec::new() }) }
            }
            "multipart/form-data" => Self::multipart(content_type, body).await,
            _ => Err(Failure::Unreadable("Send this as a form.".into())),
        }
    }

    async fn multipart(content_type: &str, body: Vec<u8>) -> Result<Self, Failure> {
        let broken = |_| Failure::Unreadable("The uploaded form is not complete. Send it again.".into());
        let boundary = multer::parse_boundary(content_type).map_err(broken)?;
        let whole = futures_util::stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(body)));
        let mut parts = multer::Multipart::new(whole, boundary);
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            if form.fields.len() + form.files.len() >= MAX_FIELDS {
                return Err(too_many());
            }
            let name = part.name().unwrap_or_default().to_owned();
            if part.file_name().is_some() {
                let content = part.bytes().await.map_err(broken)?;
                if !content.is_empty() {
                    form.files.push((name, content.to_vec()));
                }
            } else {
                form.fields.push((name, part.text().await.map_err(broken)?));
            }
        }
        Ok(form)
    }

    /// The first field of that name; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(known, _)| known == name)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self, name: &str) -> Option<String> {
        Some(self.get(name).trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.iter().find(|(known, _)| known == name).map(|(_, content)| content.as_slice())
    }

    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    pub fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// The `version` that the page was made from.
    pub fn version(&self) -> Option<i64> {
        self.get("version").parse().ok()
    }
}

/// The first field of this name in an urlencoded form (WHATWG URL 5.1). A form from an identity provider is one large field
/// of Base64 with an escape here and there, for which the library's byte by byte is a tenth of the whole sign-in.
pub fn one_field(body: &[u8], name: &str) -> Option<String> {
    let mut rest = body;
    while !rest.is_empty() {
        let end = memchr(b'&', rest).unwrap_or(rest.len());
        let pair = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        let (key, value) = match memchr(b'=', pair) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        if unescape(key) == name && !pair.is_empty() {
            return Some(unescape(value));
        }
    }
    None
}

fn unescape(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr2(b'%', b'+', rest) {
        bytes.extend_from_slice(&rest[..at]);
        let digit = |n: usize| rest.get(at + n).and_then(|byte| char::from(*byte).to_digit(16));
        let (byte, length) = match (rest[at], digit(1), digit(2)) {
            (b'+', ..) => (b' ', 1),
            (_, Some(high), Some(low)) => (u8::try_from(high * 16 + low).unwrap_or(b'%'), 3),
            _ => (b'%', 1),
        };
        bytes.push(byte);
        rest = &rest[at + length..];
    }
    bytes.extend_from_slice(rest);
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_field_is_what_the_library_reads() {
        let bodies = [
            "SAMLResponse=PHNhbWw%2B%2Fa%3D%3D&RelayState=x",
            "a=1&SAMLResponse=a+b%20c&SAMLResponse=second",
            "SAMLResponse=%zz%4&x",
            "SAMLResponse=%E2%82%AC%FF%",
            "SAML%52esponse=%2",
            "SAMLResponse",
            "SAMLResponse=\u{fffd}%C3\u{e9}%",
            "samlresponse=a",
            "",
        ];
        for body in bodies {
            let library = url::form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "SAMLResponse");
            assert_eq!(
                one_field(body.as_bytes(), "SAMLResponse"),
                library.map(|(_, value)| value.into_owned()),
                "{body}"
            );
        }
    }

    #[tokio::test]
    async fn a_browsers_multipart_form_gives_its_fields_and_its_file() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n1.a\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"m.xml\"\r\nContent-Type: text/xml\r\n\r\n<a>\r\n</a>\r\n--x--\r\n";
        let form = FormData::multipart("multipart/form-data; boundary=x", body.to_vec()).await.unwrap();
        assert_eq!((form.get("csrf"), form.file("file")), ("1.a", Some(&b"<a>\r\n</a>"[..])));
        assert!(FormData::multipart("multipart/form-data; boundary=x", body[..40].to_vec()).await.is_err());
    }
}
