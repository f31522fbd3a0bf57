//! The command line is a client of the admin API: over the Unix socket of the server on this machine, or over HTTP
//! with a token.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use secrecy::SecretString;
use serde_json::Value;
use tieline_model::Refusal;
use tieline_transport::{Client, ClientOptions, Credentials, Endpoint, LocalClient, TransportError, Trust};

use crate::cli::Reach;
use crate::config::Config;

/// The longest that one request may take.
const WITHIN: Duration = Duration::from_secs(120);
/// The largest answer that is read.
const LARGEST: u64 = 1 << 30;

/// A way to the server.
pub(crate) enum Api {
    Local(LocalClient),
    Remote(Box<Client>),
}

impl Api {
    /// # Errors
    /// When the configuration cannot be read or the URL is not one.
    pub(crate) fn new(reach: &Reach) -> Result<Self, Refusal> {
        let Some(server) = &reach.server else {
            let config = Config::load(&reach.config)?;
            return Ok(Self::Local(LocalClient::new(&config.listen.admin_socket)));
        };
        let bad = |error: tieline_transport::TransportError| {
            Refusal::operator(
                "bad-server",
                error.to_string(),
                "write --server as https://tieline.corp.example",
            )
        };
        let token = reach.token.clone().ok_or_else(|| {
            let next = "make one with tieline token add on the server, and set TIELINE_TOKEN";
            Refusal::operator("no-token", "--server needs a token", next)
        })?;
        let endpoint = Endpoint::parse(server).map_err(bad)?;
        let credentials = Credentials::Bearer { token: SecretString::from(token) };
        let client =
            Client::new(endpoint, credentials, &Trust::Platform, ClientOptions::default()).map_err(bad)?;
        Ok(Self::Remote(Box::new(client)))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Refusal> {
        self.json(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Refusal> {
        self.json(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, Refusal> {
        self.json(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, Refusal> {
        self.json(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value, Refusal> {
        self.json(Method::DELETE, path, None).await
    }

    /// Content as bytes.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Bytes, Refusal> {
        self.send(Method::GET, path, None).await
    }

    /// A form with a JSON part `message` and, if there is one, a file part `content`.
    pub(crate) async fn form(
        &self,
        path: &str,
        message: &Value,
        file: Option<(&str, Bytes)>,
    ) -> Result<Value, Refusal> {
        let (boundary, body) = form_data(message, file);
        let kind = format!("multipart/form-data; boundary={boundary}");
        parse(&self.send(Method::POST, path, Some((&kind, body))).await?)
    }

    /// Sends a file as it is.
    pub(crate) async fn upload(&self, path: &str, kind: &str, content: Bytes) -> Result<Value, Refusal> {
        parse(&self.send(Method::POST, path, Some((kind, content))).await?)
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Refusal> {
        let body = body.map(|body| ("application/json", Bytes::from(body.to_string())));
        parse(&self.send(method, path, body).await?)
    }

    async fn send(&self, method: Method, path: &str, body: Option<(&str, Bytes)>) -> Result<Bytes, Refusal> {
        let mut request =
            Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
        if let Some((kind, _)) = &body {
            request = request.header(header::CONTENT_TYPE, *kind);
        }
        let request = request.body(body.map(|(_, body)| body).unwrap_or_default()).map_err(|error| {
            Refusal::permanent(
                "bad-request",
                format!("{path:?} cannot be asked for: {error}"),
                "check the id or name",
            )
        })?;
        let (status, body) = match self {
            Self::Local(client) => client.send(request, WITHIN, LARGEST).await.map_err(|error| {
                let next = "start the server with tieline serve, or name another with --config or --server";
                let what = match &error {
                    TransportError::Connect { source, .. }
                        if source.kind() == ErrorKind::PermissionDenied =>
                    {
                        "only the server's own user may use its admin socket".to_owned()
                    }
                    TransportError::Connect { .. } => "no server answers on the admin socket".to_owned(),
                    other => format!("the server does not answer: {}", other.what()),
                };
                Refusal::operator("server-unreachable", what, next).at(client.socket().display().to_string())
            })?,
            Self::Remote(client) => self.remote(client, request).await?,
        };
        if status.is_success() { Ok(body) } else { Err(refusal(status, &body)) }
    }

    async fn remote(
        &self,
        client: &Client,
        request: Request<Bytes>,
    ) -> Result<(http::StatusCode, Bytes), Refusal> {
        let down = |error: tieline_transport::TransportError| {
            Refusal::operator("server-unreachable", error.to_string(), "check --server and the network")
                .at(client.endpoint().authority())
        };
        let response = client.send(request, WITHIN).await.map_err(down)?;
        let status = response.status;
        Ok((status, response.collect(LARGEST, WITHIN).await.map_err(down)?))
    }
}

fn parse(body: &Bytes) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| {
        let next = "check that --server names a Tieline server of this version";
        Refusal::operator("not-tieline", format!("the server's answer is not JSON: {error}"), next)
    })
}

/// The refusal inside a problem+json answer.
fn refusal(status: http::StatusCode, body: &Bytes) -> Refusal {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if text("title").is_empty() {
        return Refusal::operator(
            "not-tieline",
            format!("the server answered {status}"),
            "check --server and its proxy",
        );
    }
    let class = problem.get("class").and_then(|class| serde_json::from_value(class.clone()).ok());
    Refusal {
        code: text("code"),
        what: text("title"),
        where_: text("instance"),
        next: text("next"),
        class: class.unwrap_or(tieline_model::Class::Operator),
    }
}

fn form_data(message: &Value, file: Option<(&str, Bytes)>) -> (String, Bytes) {
    let boundary =
        format!("tieline-{}", uuid::Uuid::from_u64_pair(0x7469_656c, std::process::id().into()).simple());
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"message\"\r\nContent-Type: application/json\r\n\r\n{message}\r\n"
    )
    .into_bytes();
    if let Some((name, content)) = file {
        let name: String =
            name.chars().map(|c| if c.is_control() || c == '"' || c == '\\' { '_' } else { c }).collect();
        body.extend_from_slice(
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{name}\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(&content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (boundary, Bytes::from(body))
}

/// A name or id as one path segment.
pub(crate) fn segment(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~@".contains(byte);
    text.bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_path_segment() {
        assert_eq!(segment("Head office/ä"), "Head%20office%2F%C3%A4");
        assert_eq!(segment("alice@lab.example"), "alice@lab.example");
    }

    #[test]
    fn a_problem_becomes_the_refusal_it_was_made_from() {
        let body = serde_json::json!({
            "title": "no mailbox has the number 7", "instance": "7", "code": "unknown-mailbox",
            "next": "tieline mailbox list", "class": "permanent"
        });
        let refusal = refusal(http::StatusCode::NOT_FOUND, &Bytes::from(body.to_string()));
        assert_eq!(refusal.to_string(), "no mailbox has the number 7 (7). Next: tieline mailbox list");
        assert_eq!(refusal.class, tieline_model::Class::Permanent);
    }
}
