//! Tokens by the client-credentials flow (RFC 6749 section 4.4): fetched once, kept, renewed before they end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::authenticator::authorization;
use crate::client::{Client, ClientOptions};
use crate::credentials::Credentials;
use crate::endpoint::{Endpoint, Scheme};
use crate::error::TransportError;
use crate::trust::Trust;

/// A token answer is about 2 kB.
const LIMIT: u64 = 64 * 1024;
/// A token is renewed so long before its end, or at nine tenths of a shorter life.
const MARGIN: Duration = Duration::from_secs(300);
/// The life of a token whose issuer does not say.
const USUAL_LIFE: Duration = Duration::from_secs(3600);

/// What an application is known by.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    pub client_id: String,
    pub client_secret: SecretString,
    /// For Exchange Online `https://outlook.office365.com/.default`.
    pub scope: String,
}

/// One application at one issuer. Cheap to clone; clones share the token.
#[derive(Debug, Clone)]
pub struct TokenSource {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    grant: ClientCredentials,
    /// Held while a token is fetched, so that many requests fetch one.
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    header: HeaderValue,
    renew: Instant,
    end: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl TokenSource {
    /// Nothing is fetched yet.
    ///
    /// # Errors
    /// [`TransportError::BadTrust`], or [`TransportError::BadCredentials`] for an issuer without TLS elsewhere than on
    /// this machine: the secret would travel in clear.
    pub fn new(
        issuer: Endpoint,
        grant: ClientCredentials,
        trust: &Trust,
        options: ClientOptions,
    ) -> Result<Self, TransportError> {
        let here = issuer.host() == "localhost"
            || issuer.host().parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if issuer.scheme() == Scheme::Http && !here {
            let reason = "the issuer of tokens must be reached by https";
            return Err(TransportError::BadCredentials { endpoint: issuer.authority(), reason });
        }
        let client = Client::new(issuer, Credentials::Anonymous, trust, options)?;
        Ok(Self { shared: Arc::new(Shared { client, grant, kept: Mutex::new(None) }) })
    }

    /// The application.
    pub fn client_id(&self) -> &str {
        &self.shared.grant.client_id
    }

    /// The `Authorization` header with a token that is good for a while. One that is near its end but cannot be renewed
    /// now is used to its end.
    pub(crate) async fn authorization(&self, within: Duration) -> Result<HeaderValue, TransportError> {
        let mut kept = self.shared.kept.lock().await;
        let now = Instant::now();
        if let Some(kept) = kept.as_ref().filter(|kept| now < kept.renew) {
            return Ok(kept.header.clone());
        }
        match Box::pin(self.fetch(within)).await {
            Ok(fresh) => Ok(kept.insert(fresh).header.clone()),
            Err(error) => match kept.as_ref().filter(|kept| now < kept.end) {
                Some(kept) if error.is_transient() => {
                    tracing::warn!(%error, "transport.token: not renewed, the present one is used on");
                    Ok(kept.header.clone())
                }
                _ => Err(error),
            },
        }
    }

    /// A server refused this token: the next request fetches another, unless somebody has already.
    pub(crate) async fn forget(&self, refused: &HeaderValue) {
        let mut kept = self.shared.kept.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.header == *refused) {
            *kept = None;
        }
    }

    async fn fetch(&self, within: Duration) -> Result<Kept, TransportError> {
        let Shared { client, grant, .. } = &*self.shared;
        let issuer = client.endpoint().authority();
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &grant.client_id)
            .append_pair("client_secret", grant.client_secret.expose_secret())
            .append_pair("scope", &grant.scope)
            .finish();
        let request = Request::post(client.endpoint().path())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(Bytes::from(form))
            .map_err(|error| TransportError::BadRequest {
                endpoint: issuer.clone(),
                reason: error.to_string(),
            })?;
        let begun = Instant::now();
        let response = client.send(request, within).await?;
        let status = response.status;
        let body = response.collect(LIMIT, within).await?;
        let refused = |reason: String| TransportError::Token {
            issuer: issuer.clone(),
            reason,
            transient: status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
        };
        if status != StatusCode::OK {
            return Err(refused(reason(status, &body)));
        }
        let granted: Granted = serde_json::from_slice(&body)
            .map_err(|_| refused("its answer holds no access_token".to_owned()))?;
        let header = authorization("Bearer", &granted.access_token)
            .ok_or_else(|| refused("its token contains characters that no header can carry".to_owned()))?;
        let life = granted.expires_in.map_or(USUAL_LIFE, Duration::from_secs);
        tracing::debug!(%issuer, client_id = grant.client_id, life_s = life.as_secs(), "transport.token");
        Ok(Kept { header, renew: begun + (life - MARGIN.min(life / 10)), end: begun + life })
    }
}

/// The issuer's words, short and printable: Microsoft's say exactly what is wrong.
fn reason(status: StatusCode, body: &[u8]) -> String {
    let said: Refused = serde_json::from_slice(body).unwrap_or_default();
    let first_line = said.error_description.lines().next().unwrap_or_default();
    let text = match (said.error.as_str(), first_line) {
        ("", _) => return format!("HTTP {}", status.as_u16()),
        (error, "") => error.to_owned(),
        (error, description) => format!("{error}: {description}"),
    };
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
