//! One request, and what its answer means.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tieline_model::{Refusal, TlsTrust};
use tieline_ports::{Applied, ItsmAccount, PortError};
use tieline_transport::{
    Client, ClientOptions, Credentials, Endpoint, Fingerprint, Pin, TransportError, Trust,
};

/// How long one request may take.
pub(crate) const WITHIN: Duration = Duration::from_secs(15);
/// The largest answer that is read, in bytes.
const LARGEST: u64 = 16 << 20;
/// Longer texts of an answer are cut, in characters.
const TEXT: usize = 300;

/// A way to one ticket system as one user.
pub(crate) struct Connection {
    client: Client,
    /// Where the product is, without a slash at its end; pages are below it.
    pub(crate) web: String,
    /// The path of `web`.
    base: String,
    pub(crate) token: SecretString,
    /// GLPI's session.
    pub(crate) session: tokio::sync::Mutex<Option<SecretString>>,
}

/// What a request came to.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Connection {
    pub(crate) fn new(account: &ItsmAccount, options: ClientOptions) -> Result<Self, PortError> {
        let endpoint = Endpoint::parse(&account.api.url).map_err(|error| transport(&error))?;
        let trust = trust(&account.api.tls).map_err(|error| transport(&error))?;
        let base = endpoint.path().trim_end_matches('/').to_owned();
        let client = Client::new(endpoint, Credentials::Anonymous, &trust, options)
            .map_err(|error| transport(&error))?;
        Ok(Self {
            client,
            web: account.api.url.trim_end_matches('/').to_owned(),
            base,
            token: account.token.clone(),
            session: tokio::sync::Mutex::new(None),
        })
    }

    pub(crate) fn authority(&self) -> String {
        self.client.endpoint().authority()
    }

    /// Asks for a path below the product's own.
    pub(crate) async fn get(
        &self,
        path: &str,
        headers: &[(HeaderName, SecretString)],
    ) -> Result<Reply, PortError> {
        let mut request =
            Request::get(format!("{}{path}", self.base)).header(header::ACCEPT, "application/json");
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| self.bad_token())?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        let request = request.body(Bytes::new()).map_err(|error| self.odd(&error.to_string()))?;
        let response = self.client.send(request, WITHIN).await.map_err(|error| transport(&error))?;
        let status = response.status;
        let retry =
            response.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.collect(LARGEST, WITHIN).await.map_err(|error| transport(&error))?;
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            let what = format!("the ticket system answered {status}");
            return Err(PortError::Failed {
                refusal: Refusal::transient("itsm-busy", what, "wait; it is asked again with the next call")
                    .at(self.authority()),
                back_off: retry.map(SignedDuration::from_secs),
                applied: Applied::No,
            });
        }
        let body = if body.is_empty() { Value::Null } else { self.json(status, &body)? };
        Ok(Reply { status, body })
    }

    fn json(&self, status: StatusCode, body: &[u8]) -> Result<Value, PortError> {
        serde_json::from_slice(body).map_err(|_| {
            let what = format!("the ticket system answered {status} with something that is not JSON");
            let next = "check --api-url: it names the product's own address, without /api";
            PortError::refused(Refusal::operator("not-an-itsm", what, next).at(self.authority()))
        })
    }

    /// The token was refused.
    pub(crate) fn bad_token(&self) -> PortError {
        PortError::refused(
            Refusal::operator(
                "itsm-token-refused",
                "the ticket system refused the API's token",
                "make a new one there, then tieline quick-call target edit TARGET --token-file FILE",
            )
            .at(self.authority()),
        )
    }

    /// An answer that fits nothing.
    pub(crate) fn odd(&self, what: &str) -> PortError {
        let what = format!("the ticket system's answer cannot be used: {what}");
        let next = "check its version; GLPI from 9.1 and Zammad from 3 on are understood";
        PortError::refused(Refusal::operator("itsm-answer", what, next).at(self.authority()))
    }
}

fn trust(tls: &TlsTrust) -> Result<Trust, TransportError> {
    Ok(match tls {
        TlsTrust::System => Trust::Platform,
        TlsTrust::Ca { pem } => Trust::Authorities(pem.clone()),
        TlsTrust::Pinned { sha256 } => Trust::Pinned(vec![Pin::Certificate(sha256.parse::<Fingerprint>()?)]),
    })
}

pub(crate) fn transport(error: &TransportError) -> PortError {
    let refusal = if error.is_transient() {
        Refusal::transient("itsm-unreachable", error.what(), error.next())
    } else {
        Refusal::operator("itsm-unreachable", error.what(), error.next())
    };
    PortError::refused(refusal)
}

/// A text of an answer: bounded, without control characters.
pub(crate) fn text(value: Option<&Value>) -> String {
    let raw = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    raw.chars().filter(|c| !c.is_control()).take(TEXT).collect()
}

/// An id: a number, whether or not it stands in quotation marks.
pub(crate) fn id(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// `2026-11-23T09:00:00Z`, or GLPI's `2026-11-23 09:00:00` without a zone, which is taken for UTC.
pub(crate) fn time(value: Option<&Value>) -> Option<Timestamp> {
    let text = value?.as_str()?;
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: civil::DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(local).ok()
    })
}

/// Percent-encodes a parameter's value.
pub(crate) fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let each = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    value.bytes().map(each).collect()
}
