//! The fields of a posted form, urlencoded or multipart, and the one file it may carry.

use actix_web::HttpRequest;

use crate::web::error::Failure;

#[derive(Debug, Clone, Default)]
pub struct FormData {
    fields: Vec<(String, String)>,
    files: Vec<(String, Vec<u8>)>,
}

impl FormData {
    pub fn read(request: &HttpRequest, body: Vec<u8>) -> Result<Self, Failure> {
        let kind = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (kind, rest) = kind.split_once(';').unwrap_or((kind, ""));
        match kind.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => {
                let fields = url::form_urlencoded::parse(&body).into_owned().collect();
                Ok(Self { fields, files: Vec::new() })
            }
            "multipart/form-data" => Self::multipart(rest, &body),
            _ => Err(Failure::Unreadable("Send this as a form.".into())),
        }
    }

    /// RFC 7578, as browsers write it.
    fn multipart(parameters: &str, body: &[u8]) -> Result<Self, Failure> {
        let broken = || Failure::Unreadable("The uploaded form is not complete. Send it again.".into());
        let boundary = parameters.split(';').find_map(|pair| pair.trim().strip_prefix("boundary=")).ok_or_else(broken)?;
        let delimiter = format!("\r\n--{}", boundary.trim_matches('"'));
        let mut form = Self::default();
        // The first delimiter has no line break before it.
        let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..]).ok_or_else(broken)?;
        while !rest.starts_with(b"--") {
            let part = rest.strip_prefix(b"\r\n").ok_or_else(broken)?;
            let end = find(part, delimiter.as_bytes()).ok_or_else(broken)?;
            form.take_part(&part[..end]).ok_or_else(broken)?;
            rest = &part[end + delimiter.len()..];
        }
        Ok(form)
    }

    fn take_part(&mut self, part: &[u8]) -> Option<()> {
        let head_end = find(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&part[..head_end]).ok()?;
        let content = &part[head_end + 4..];
        let disposition = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
        let name = quoted(disposition, "; name=\"")?;
        if disposition.contains("; filename") {
            if !content.is_empty() {
                self.files.push((name, content.to_vec()));
            }
        } else {
            self.fields.push((name, String::from_utf8(content.to_vec()).ok()?));
        }
        Some(())
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

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn quoted(line: &str, start: &str) -> Option<String> {
    let rest = &line[line.find(start)? + start.len()..];
    rest.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browsers_multipart_form_gives_its_fields_and_its_file() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n1.a\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"m.xml\"\r\nContent-Type: text/xml\r\n\r\n<a>\r\n</a>\r\n--x--\r\n";
        let form = FormData::multipart(" boundary=x", body).unwrap();
        assert_eq!((form.get("csrf"), form.file("file")), ("1.a", Some(&b"<a>\r\n</a>"[..])));
        assert!(FormData::multipart(" boundary=x", &body[..40]).is_err());
    }
}
