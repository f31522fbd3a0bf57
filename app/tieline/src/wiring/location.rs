//! Who is told where users are: the presence server that takes PUBLISH, and a webhook.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;
use tieline_model::Refusal;
use tieline_ports::{Applied, LocationNotice, LocationSink, PortError, PortFuture};
use tieline_transport::{Client, ClientOptions, Credentials, Endpoint, TransportError, Trust, TrustStore};

use super::lights::SipLamps;
use super::read_file;
use crate::config::Config;

/// Within so long a receiver answers.
const WITHIN: Duration = Duration::from_secs(10);
/// What a receiver answers is not read beyond this, in bytes.
const LARGEST: u64 = 64 << 10;

/// Those whom the configuration names.
pub(super) fn sinks(
    config: &Config,
    lamps: &Arc<SipLamps>,
    trust_store: &TrustStore,
) -> Result<Vec<Arc<dyn LocationSink>>, Refusal> {
    let mut sinks: Vec<Arc<dyn LocationSink>> = Vec::new();
    if config.location.publish && config.sip.presence.is_some() {
        sinks.push(Arc::new(PresenceServer(Arc::clone(lamps))));
    }
    if let Some(url) = &config.location.webhook {
        let secret = config.location.webhook_secret_file.as_deref().map(read_file).transpose()?;
        let secret = secret.map(|text| String::from_utf8_lossy(&text).trim().to_owned().into());
        sinks.push(Arc::new(Webhook::new(url, secret, trust_store)?));
    }
    Ok(sinks)
}

struct PresenceServer(Arc<SipLamps>);

impl LocationSink for PresenceServer {
    fn name(&self) -> &'static str {
        "presence"
    }

    fn tell<'a>(&'a self, notice: &'a LocationNotice) -> PortFuture<'a, ()> {
        Box::pin(self.0.publish_location(notice))
    }
}

/// Posts JSON, signed where there is a secret.
struct Webhook {
    client: Client,
    secret: Option<SecretString>,
}

impl Webhook {
    fn new(url: &str, secret: Option<SecretString>, trust_store: &TrustStore) -> Result<Self, Refusal> {
        let refuse = |error: TransportError| {
            Refusal::operator("config-invalid", format!("[location] webhook: {}", error.what()), error.next())
        };
        let endpoint = Endpoint::parse(url).map_err(refuse)?;
        let trust = Trust::Platform;
        let options = ClientOptions { trust_store: trust_store.clone(), ..ClientOptions::default() };
        let client = Client::new(endpoint, Credentials::Anonymous, &trust, options);
        Ok(Self { client: client.map_err(refuse)?, secret })
    }

    async fn post(&self, notice: &LocationNotice) -> Result<(), PortError> {
        let body = json!({
            "event": "location",
            "mailbox": notice.mailbox,
            "number": notice.number,
            "address": notice.address,
            "account": notice.account,
            "location": notice.location,
            "label": notice.location.label(),
            "cause": notice.cause,
            "since": notice.since,
            "trace": notice.trace,
        })
        .to_string();
        let mut request = Request::post(self.client.endpoint().path())
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-tieline-trace", notice.trace.to_string());
        if let Some(secret) = &self.secret {
            request = request.header("x-tieline-signature", signature(secret, body.as_bytes()));
        }
        let request = request.body(Bytes::from(body)).map_err(|error| {
            let next = "correct [location] webhook in the configuration";
            PortError::refused(Refusal::operator("bad-address", error.to_string(), next))
        })?;
        let authority = self.client.endpoint().authority();
        let response = self.client.send(request, WITHIN).await.map_err(|error| unreachable(&error))?;
        let status = response.status;
        let _ = response.collect(LARGEST, WITHIN).await;
        if status.is_success() {
            return Ok(());
        }
        let what = format!("the receiver of locations answered {status}");
        let refusal = if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
            Refusal::transient("webhook-busy", what, "nothing; it is told again")
        } else {
            let next = "see why the receiver refuses it, and correct [location] webhook or its secret";
            Refusal::operator("webhook-refused", what, next)
        };
        Err(PortError::Failed { refusal: refusal.at(authority), back_off: None, applied: Applied::Unknown })
    }
}

impl LocationSink for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn tell<'a>(&'a self, notice: &'a LocationNotice) -> PortFuture<'a, ()> {
        Box::pin(self.post(notice))
    }
}

fn unreachable(error: &TransportError) -> PortError {
    let refusal = if error.is_transient() {
        Refusal::transient("webhook-unreachable", error.what(), error.next())
    } else {
        Refusal::operator("webhook-unreachable", error.what(), error.next())
    };
    PortError::Failed { refusal, back_off: None, applied: Applied::Unknown }
}

/// `sha256=` and the HMAC-SHA256 of the body in hex.
fn signature(secret: &SecretString, body: &[u8]) -> String {
    let mut text = String::from("sha256=");
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return text };
    mac.update(body);
    for byte in mac.finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 section 4.3.
    #[test]
    fn a_signature_is_the_hmac_of_the_body() {
        let signed = signature(&"Jefe".to_owned().into(), b"what do ya want for nothing?");
        assert_eq!(signed, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
