//! Pages as a plain client sees them: cookies are kept, redirects are shown and not followed, forms are sent as a browser
//! without script sends them.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;

/// What a page answered.
#[derive(Debug, Clone)]
pub struct Seen {
    pub status: u16,
    /// Where it leads, when it is a redirect.
    pub location: Option<String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Seen {
    /// The value of a hidden field of the page's form.
    ///
    /// # Panics
    /// When there is none of this name.
    pub fn hidden(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let rest = self.body.split(&mark).nth(1).unwrap_or_else(|| panic!("no field {name}: {}", self.body));
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    /// A header's text, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// One browser with cookies of its own.
#[derive(Debug)]
pub struct Pages {
    base: String,
    client: Client,
    cookies: BTreeMap<String, String>,
    headers: Vec<(String, String)>,
}

impl Pages {
    /// A browser for this server.
    pub fn new(base: &str) -> Self {
        // The answer says only whether another test of this process was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(Duration::from_secs(60));
        let client = client.build().expect("a client");
        Self { base: base.to_owned(), client, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// A header that goes with every request.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The cookies by name.
    pub const fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    pub fn get(&mut self, path: &str) -> Seen {
        self.send(self.client.get(self.url(path)))
    }

    /// Sends a form.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        self.post_with(path, fields, &[])
    }

    /// Sends a form with these headers.
    pub fn post_with(&mut self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Seen {
        let body: Vec<_> = fields.iter().map(|(k, v)| format!("{}={}", encoded(k), encoded(v))).collect();
        let mut request = self.client.post(self.url(path)).body(body.join("&"));
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request)
    }

    /// Signs in with a local account and gives the page that follows.
    pub fn sign_in(&mut self, name: &str, password: &str) -> Seen {
        let form = self.get("/sign-in");
        let token = form.hidden("form_token");
        self.post("/sign-in", &[("form_token", &token), ("name", name), ("password", password)])
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) }
    }

    fn send(&mut self, mut request: RequestBuilder) -> Seen {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = request.send().unwrap_or_else(|error| panic!("{} did not answer: {error}", self.base));
        for line in answer.headers().get_all(SET_COOKIE) {
            let line = line.to_str().expect("cookies are ASCII");
            let (name, value) =
                line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let text =
            |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Seen {
            status: answer.status().as_u16(),
            location: answer.headers().get(LOCATION).map(text),
            headers: answer.headers().iter().map(|(k, v)| (k.to_string(), text(v))).collect(),
            body: answer.text().unwrap_or_default(),
        }
    }
}

/// Everything but unreserved characters percent-encoded.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let byte = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}
