//! A plain REST client: JSON in, status and JSON out. Errors of the server are answers, not panics.

use std::time::Duration;

use reqwest::blocking::{Body, Client, RequestBuilder};
use serde_json::Value;

/// What a server answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    /// `Null` when there is no body, a string when it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The body of a successful answer.
    ///
    /// # Panics
    /// With the whole answer when it is not 2xx.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.body
    }
}

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Rest {
    base: String,
    token: Option<String>,
    client: Client,
}

impl Rest {
    pub fn new(base: &str) -> Self {
        // The answer says only whether another test of this process was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
        Self { base: base.trim_end_matches('/').to_owned(), token: None, client }
    }

    /// The same client with `Authorization: Bearer`.
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(self.url(path)))
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.client.post(self.url(path)).json(body))
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.client.put(self.url(path)).json(body))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.client.patch(self.url(path)).json(body))
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send(self.client.delete(self.url(path)))
    }

    /// POST of bytes as they are.
    pub fn upload(&self, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        self.send(self.client.post(self.url(path)).header("content-type", content_type).body(body))
    }

    /// Deposits a message with its content, as a form; `None` when no answer came.
    pub fn try_deposit(&self, message: &Value, file_name: &str, content: &[u8]) -> Option<Answer> {
        const BOUNDARY: &str = "a-boundary-that-no-recording-holds-7f3c";
        let mut form = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"message\"\r\n\
             Content-Type: application/json\r\n\r\n{message}\r\n--{BOUNDARY}\r\n\
             Content-Disposition: form-data; name=\"content\"; filename=\"{file_name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        form.extend_from_slice(content);
        form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.try_send(|client| {
            client.post(self.url("/api/v1/messages")).header("content-type", kind).body(form)
        })
    }

    /// The bytes behind a path.
    pub fn download(&self, path: &str) -> Vec<u8> {
        let answer = self.authorized(self.client.get(self.url(path))).send();
        let answer = answer.and_then(|answer| answer.error_for_status()).and_then(|answer| answer.bytes());
        answer.unwrap_or_else(|error| panic!("{path}: {error}")).to_vec()
    }

    /// Sends once; `None` when no answer came, as from a server that is being killed.
    pub fn try_send(&self, request: impl FnOnce(&Client) -> RequestBuilder) -> Option<Answer> {
        let answer = self.authorized(request(&self.client)).send().ok()?;
        let status = answer.status().as_u16();
        let content_type = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let text = answer.text().ok()?;
        let body = match text.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        Some(Answer { status, content_type, body })
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(|_| request).unwrap_or_else(|| panic!("{} did not answer", self.base))
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}
