//! Asking the provider: its discovery document, its keys, its token endpoint.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tieline_model::Refusal;
use tieline_transport::{Client, ClientOptions, Credentials, Endpoint, Scheme, Trust, TrustStore};
use tokio::sync::Mutex;

use super::id_token::{self, Claims, Expected};
use super::keys::Keys;
use crate::sign_in::OpenIdPolicy;
use crate::url;

/// How long the provider's documents are believed.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// Keys are asked for again at most so often, whatever key a token names.
const KEYS_AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// The longest that one request may take.
const WITHIN: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const LARGEST: u64 = 1 << 20;

pub(super) struct Provider {
    issuer: String,
    client_id: String,
    client_secret: Option<SecretString>,
    trust_store: TrustStore,
    known: Mutex<Option<Known>>,
}

struct Known {
    endpoints: Arc<Endpoints>,
    keys: Arc<Keys>,
    at: Timestamp,
    keys_at: Timestamp,
}

/// From the discovery document (OpenID Connect Discovery 1.0, section 3).
pub(super) struct Endpoints {
    pub(super) authorization: String,
    token: Endpoint,
    keys: Endpoint,
    secret_in_form: bool,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenError {
    error: Option<String>,
}

impl Provider {
    pub(super) fn new(policy: &OpenIdPolicy) -> Result<Self, Refusal> {
        let at = "[sign_in.openid] issuer";
        protected(&policy.issuer).map_err(|what| {
            Refusal::operator("config-invalid", what, "write it as https://login.corp.example").at(at)
        })?;
        Ok(Self {
            issuer: policy.issuer.clone(),
            client_id: policy.client_id.clone(),
            client_secret: policy.client_secret.clone(),
            trust_store: policy.trust_store.clone(),
            known: Mutex::new(None),
        })
    }

    pub(super) async fn endpoints(&self, now: Timestamp) -> Result<Arc<Endpoints>, Refusal> {
        Ok(self.known(None, now).await?.0)
    }

    /// Exchanges a code for an ID token (RFC 6749, section 4.1.3).
    pub(super) async fn token(&self, form: &[(&str, &str)], now: Timestamp) -> Result<String, Refusal> {
        let endpoints = self.endpoints(now).await?;
        let mut form = form.to_vec();
        form.push(("client_id", &self.client_id));
        let mut credentials = Credentials::Anonymous;
        if let Some(secret) = &self.client_secret {
            if endpoints.secret_in_form {
                form.push(("client_secret", secret.expose_secret()));
            } else {
                // RFC 6749, section 2.3.1: both are encoded before they go into the header.
                credentials =
                    Credentials::basic(url::encode(&self.client_id), url::encode(secret.expose_secret()));
            }
        }
        let request = Request::builder()
            .method(Method::POST)
            .uri(endpoints.token.path())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        let (status, body) = self.ask(&endpoints.token, credentials, request, url::query(&form)).await?;
        if status != StatusCode::OK {
            let error =
                serde_json::from_slice::<TokenError>(&body).ok().and_then(|e| e.error).unwrap_or_default();
            let error: String = error.chars().filter(|c| c.is_ascii_graphic()).take(60).collect();
            let what = format!("the provider did not take the code: {status} {error}");
            let next = match error.as_str() {
                "invalid_client" => "check [sign_in.openid] client_id and client_secret_file",
                _ => "begin again from the page you wanted",
            };
            return Err(Refusal::operator("sign-in-refused", what.trim_end(), next).at(self.issuer.clone()));
        }
        let tokens: Option<Tokens> = serde_json::from_slice(&body).ok();
        tokens.and_then(|tokens| tokens.id_token).ok_or_else(|| self.strange("its answer holds no ID token"))
    }

    /// The claims of an ID token that holds. Keys are read again when it names an unknown one.
    pub(super) async fn claims(&self, token: &str, expected: &Expected<'_>) -> Result<Claims, Refusal> {
        let header = id_token::header(token)?;
        let (_, keys) = self.known(Some(header.kid.as_deref()), expected.now).await?;
        id_token::verify(token, &keys, expected)
    }

    /// What the provider says about itself, and its keys; with `key`, keys among which there is that one if possible.
    async fn known(
        &self,
        key: Option<Option<&str>>,
        now: Timestamp,
    ) -> Result<(Arc<Endpoints>, Arc<Keys>), Refusal> {
        let mut known = self.known.lock().await;
        let fresh = known.take().filter(|known| now.duration_since(known.at).abs() < FRESH);
        let mut current = match fresh {
            Some(known) => known,
            None => {
                let endpoints = self.discover().await?;
                let keys = Arc::new(self.keys(&endpoints.keys).await?);
                Known { endpoints: Arc::new(endpoints), keys, at: now, keys_at: now }
            }
        };
        let lacks = key.is_some_and(|key| !current.keys.has(key));
        if lacks && now.duration_since(current.keys_at).abs() >= KEYS_AGAIN {
            current.keys_at = now;
            match self.keys(&current.endpoints.keys).await {
                Ok(keys) => current.keys = Arc::new(keys),
                Err(refusal) => tracing::warn!(%refusal, "the provider's keys stay as they were"),
            }
        }
        let answer = (Arc::clone(&current.endpoints), Arc::clone(&current.keys));
        *known = Some(current);
        Ok(answer)
    }

    async fn discover(&self) -> Result<Endpoints, Refusal> {
        let place = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let place = protected(&place).map_err(|what| self.strange(&what))?;
        let body = self.get(&place).await?;
        let found: Discovery = serde_json::from_slice(&body)
            .map_err(|error| self.strange(&format!("its discovery document: {error}")))?;
        if found.issuer != self.issuer {
            let said: String = found.issuer.chars().take(120).collect();
            return Err(self.strange(&format!("it calls itself {said:?}")));
        }
        protected(&found.authorization_endpoint).map_err(|what| self.strange(&what))?;
        let methods = &found.token_endpoint_auth_methods_supported;
        let supports = |method: &str| methods.iter().any(|own| own == method);
        Ok(Endpoints {
            secret_in_form: supports("client_secret_post") && !supports("client_secret_basic"),
            token: protected(&found.token_endpoint).map_err(|what| self.strange(&what))?,
            keys: protected(&found.jwks_uri).map_err(|what| self.strange(&what))?,
            authorization: found.authorization_endpoint,
        })
    }

    async fn keys(&self, place: &Endpoint) -> Result<Keys, Refusal> {
        let body = self.get(place).await?;
        Keys::parse(&body).ok_or_else(|| self.strange("its keys are not a JWK set"))
    }

    async fn get(&self, place: &Endpoint) -> Result<Bytes, Refusal> {
        let request = Request::builder().uri(place.path()).header(header::ACCEPT, "application/json");
        let (status, body) = self.ask(place, Credentials::Anonymous, request, String::new()).await?;
        if status == StatusCode::OK {
            Ok(body)
        } else {
            Err(self.strange(&format!("{place} answers {status}")))
        }
    }

    async fn ask(
        &self,
        place: &Endpoint,
        credentials: Credentials,
        request: http::request::Builder,
        body: String,
    ) -> Result<(StatusCode, Bytes), Refusal> {
        let down = |error: tieline_transport::TransportError| {
            let what = format!("the sign-in provider cannot be reached: {}", error.what());
            Refusal::operator("provider-unreachable", what, error.next()).at(place.authority())
        };
        let request = request.body(Bytes::from(body)).map_err(|error| self.strange(&error.to_string()))?;
        let options = ClientOptions { trust_store: self.trust_store.clone(), ..ClientOptions::default() };
        let client = Client::new(place.clone(), credentials, &Trust::Platform, options).map_err(down)?;
        let response = client.send(request, WITHIN).await.map_err(down)?;
        let status = response.status;
        Ok((status, response.collect(LARGEST, WITHIN).await.map_err(down)?))
    }

    fn strange(&self, what: &str) -> Refusal {
        let next = "compare [sign_in.openid] issuer with the provider's discovery document";
        Refusal::operator("provider-strange", format!("the sign-in provider is not usable: {what}"), next)
            .at(self.issuer.clone())
    }
}

/// An address that may carry secrets: https, or this machine itself.
fn protected(url: &str) -> Result<Endpoint, String> {
    let endpoint = Endpoint::parse(url).map_err(|error| error.what())?;
    let host = endpoint.host();
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if endpoint.scheme() == Scheme::Https || here {
        return Ok(endpoint);
    }
    Err(format!("{endpoint} is not protected by TLS"))
}
