//! Who calls: a browser with its own cookies, as far as a browser matters here.

use std::net::IpAddr;
use std::net::SocketAddr;

use super::html::Form;
use super::http;
use super::http::Answer;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    pub attributes: Vec<String>,
}

impl Cookie {
    fn parse(header: &str) -> Self {
        let mut parts = header.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a name");
        let attributes = parts.map(str::to_ascii_lowercase).collect();
        Self { name: name.to_owned(), value: value.to_owned(), attributes }
    }

    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|known| *known == attribute.to_ascii_lowercase())
    }

    fn is_over(&self) -> bool {
        self.has("max-age=0")
    }
}

/// Keeps cookies, follows redirects of ours, and says what browsers say about where a request comes from. Cookies
/// that live for a time do so until they are taken back: a browser's clock is its own.
#[derive(Debug, Clone)]
pub struct Browser {
    pub address: SocketAddr,
    /// `http://localhost:1234`, or the public one.
    pub origin: String,
    /// The path of the base URL; mostly empty.
    pub prefix: String,
    pub cookies: Vec<Cookie>,
    /// Sent with every request beside what browsers send.
    pub headers: Vec<(String, String)>,
    /// Where its connections come from.
    pub from: Option<IpAddr>,
    /// Whether it says by `Sec-Fetch-Site` where a request comes from.
    pub says_site: bool,
}

/// How a request came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Site {
    /// Typed in, or a bookmark.
    None,
    Own,
    /// Another site's page.
    Cross,
}

impl Browser {
    pub fn new(address: SocketAddr, origin: &str) -> Self {
        Self {
            address,
            origin: origin.to_owned(),
            prefix: String::new(),
            cookies: Vec::new(),
            headers: Vec::new(),
            from: None,
            says_site: true,
        }
    }

    /// Of a gateway under this path.
    pub fn under(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn coming_from(mut self, address: &str) -> Self {
        self.from = Some(address.parse().unwrap());
        self
    }

    pub fn cookie(&self, name: &str) -> Option<&Cookie> {
        self.cookies.iter().find(|cookie| cookie.name == name)
    }

    pub fn is_signed_in(&self) -> bool {
        self.cookies.iter().any(|cookie| cookie.name.ends_with("doorward_session"))
    }

    /// The same without the body.
    pub async fn head(&mut self, path: &str) -> Answer {
        self.request("HEAD", path, None, Site::None).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, None, Site::None).await
    }

    /// Opens a page and goes where it leads, as long as that is ours.
    pub async fn open(&mut self, path: &str) -> Answer {
        let answer = self.get(path).await;
        self.follow(answer, Site::None).await
    }

    /// From a page of our own.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = encode(fields);
        self.request("POST", path, Some(&body), Site::Own).await
    }

    /// As a program does it: with this body, and whatever `headers` says.
    pub async fn call(&mut self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.request(method, path, body, Site::None).await
    }

    /// From another site's page: cookies that are not `SameSite=None` stay at home.
    pub async fn cross_site_post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = encode(fields);
        self.request("POST", path, Some(&body), Site::Cross).await
    }

    pub async fn submit(&mut self, form: &Form) -> Answer {
        let fields: Vec<_> = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(&form.action, &fields).await
    }

    /// Submits, and goes where the answer leads.
    pub async fn submit_and_follow(&mut self, form: &Form) -> Answer {
        let answer = self.submit(form).await;
        self.follow(answer, Site::Own).await
    }

    pub async fn follow_from_elsewhere(&mut self, answer: Answer) -> Answer {
        self.follow(answer, Site::Cross).await
    }

    async fn follow(&mut self, mut answer: Answer, site: Site) -> Answer {
        for _ in 0..10 {
            if !answer.is_redirect() {
                return answer;
            }
            let location = answer.location().to_owned();
            let Some(path) = self.own_path(&location) else { return answer };
            answer = self.request("GET", &path, None, site).await;
        }
        panic!("redirects without end, last to {}", answer.location());
    }

    fn own_path(&self, location: &str) -> Option<String> {
        if location.starts_with('/') && !location.starts_with("//") {
            return Some(location.to_owned());
        }
        location.strip_prefix(&self.origin).filter(|rest| rest.starts_with('/')).map(str::to_owned)
    }

    async fn request(&mut self, method: &str, path: &str, body: Option<&str>, site: Site) -> Answer {
        let path = self.own_path(path).unwrap_or_else(|| path.to_owned());
        let mut head = vec![("Host".to_owned(), self.host().to_owned()), ("Connection".to_owned(), "close".to_owned())];
        let fetched = match site {
            Site::None => "none",
            Site::Own => "same-origin",
            Site::Cross => "cross-site",
        };
        if self.says_site {
            head.push(("Sec-Fetch-Site".to_owned(), fetched.to_owned()));
        }
        if body.is_some() {
            let origin = if site == Site::Cross { "https://idp.example" } else { &self.origin };
            head.push(("Origin".to_owned(), origin.to_owned()));
            head.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        }
        let is_cross_post = site == Site::Cross && method != "GET";
        let sent = self.cookies.iter().filter(|cookie| !is_cross_post || cookie.has("SameSite=None"));
        let cookies: Vec<_> = sent.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        if !cookies.is_empty() {
            head.push(("Cookie".to_owned(), cookies.join("; ")));
        }
        for (name, value) in &self.headers {
            head.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            head.push((name.clone(), value.clone()));
        }
        let text = write(method, &path, &head, body);
        let mut answer = http::send(self.address, self.from, text.as_bytes()).await;
        answer.path = path;
        for header in answer.all("set-cookie").map(str::to_owned).collect::<Vec<_>>() {
            self.keep(Cookie::parse(&header));
        }
        answer
    }

    fn host(&self) -> &str {
        self.origin.split_once("://").map_or("", |(_, host)| host)
    }

    /// RFC 6265bis: a cookie that breaks the promise of its name is dropped; loopback counts as secure.
    fn keep(&mut self, cookie: Cookie) {
        let is_loopback = self.origin.starts_with("http://localhost") || self.origin.starts_with("http://127.0.0.1");
        let is_secure = self.origin.starts_with("https://") || is_loopback;
        if cookie.has("secure") && !is_secure {
            return;
        }
        let keeps_promise = cookie.has("secure")
            && cookie.has("path=/")
            && !cookie.attributes.iter().any(|attribute| attribute.starts_with("domain"));
        if cookie.name.starts_with("__Host-") && !keeps_promise {
            return;
        }
        // `SameSite=None` counts only with `Secure`.
        if cookie.has("samesite=none") && !cookie.has("secure") {
            return;
        }
        self.cookies.retain(|known| known.name != cookie.name);
        if !cookie.is_over() {
            self.cookies.push(cookie);
        }
    }

    /// Through the two forms of the sign-in page, without what comes after.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        let form = self.get(&format!("{}/sign-in/password", self.prefix)).await.form("/sign-in/password");
        self.submit(&form.fill("email", email).fill("password", password)).await
    }
}

pub fn encode(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub fn write(method: &str, path: &str, head: &[(String, String)], body: Option<&str>) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    for (name, value) in head {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    } else {
        text.push_str("\r\n");
    }
    text
}
