//! Mail servers.

mod change;
mod check;
mod create;
mod discover;
mod list;
mod remove;
mod show;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tieline_model::{Authentication, Class, Endpoint, Refusal, SmtpAddress, TlsTrust};
use tieline_ports::{MailAccount, PortError};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{schema, unknown};
use crate::extract::object;
use crate::problem::Refused;
use crate::web::Web;

pub(super) use check::Finding;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(show::show, change::change, remove::remove))
        .routes(routes!(check::check))
        .routes(routes!(discover::discover))
}

/// A mail server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndpointView {
    /// `ep_…`
    id: String,
    /// "IMAP Server Name": a label without technical effect.
    name: String,
    /// "IMAP Server Address": `ews:` and the host.
    address: String,
    /// "IMAP Server Port".
    port: u16,
    /// Whether requests travel over TLS.
    https: bool,
    /// Where EWS answers.
    path: String,
    /// How the certificate is trusted.
    #[schema(value_type = schema::Trust)]
    tls: TlsTrust,
    /// How the service accounts sign in.
    #[schema(value_type = schema::Authentication)]
    authentication: Authentication,
    /// "Voice Format".
    voice_format: &'static str,
    /// The server's build, as last seen.
    server_version: Option<String>,
    /// What a person should know although it was saved.
    #[schema(value_type = Vec<schema::Refusal>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Refusal>,
}

impl EndpointView {
    fn new(endpoint: Endpoint, warnings: Vec<Refusal>) -> Self {
        Self {
            id: endpoint.id.to_string(),
            name: endpoint.name,
            address: endpoint.address.to_string(),
            port: endpoint.port,
            https: endpoint.https,
            path: endpoint.path,
            tls: endpoint.tls,
            authentication: endpoint.authentication,
            voice_format: endpoint.voice_format.name(),
            server_version: endpoint.server_version,
            warnings,
        }
    }
}

/// What is said of a mail server; what is left out keeps its value or default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointBody {
    /// A label for people.
    name: Option<String>,
    /// `ews:` and the host.
    address: Option<String>,
    /// 443 unless said otherwise.
    #[schema(minimum = 1)]
    port: Option<u16>,
    /// `false` for a lab on loopback only.
    https: Option<bool>,
    /// `/EWS/Exchange.asmx` unless said otherwise.
    path: Option<String>,
    /// `{"trust":"system"}`, `{"trust":"ca","pem":…}` or `{"trust":"pinned","sha256":…}`.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<schema::Trust>)]
    tls: Option<TlsTrust>,
    /// `{"kind":"automatic"}`, `basic`, `ntlm`, or `{"kind":"oauth2","token_url":…,"client_id":…,"scope":…}`.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<schema::Authentication>)]
    authentication: Option<Authentication>,
    /// pcm-wav, g711-ulaw-wav, g711-alaw-wav, gsm-wav, mp3 or opus.
    voice_format: Option<String>,
    /// Save even if the server cannot be reached now.
    #[serde(default)]
    unchecked: bool,
}

impl EndpointBody {
    /// Writes what was said into an endpoint.
    fn apply(&self, endpoint: &mut Endpoint) -> Result<(), Refused> {
        if let Some(name) = &self.name {
            super::check_name("an endpoint", name)?;
            endpoint.name.clone_from(name);
        }
        if let Some(address) = &self.address {
            endpoint.address = address.parse().map_err(|error: tieline_model::ServerAddressError| {
                Refusal::permanent(
                    "bad-server-address",
                    error.to_string(),
                    "write it as ews:mail.corp.example",
                )
            })?;
        }
        if let Some(path) = &self.path {
            let plain =
                path.starts_with('/') && path.len() <= 200 && path.chars().all(|c| c.is_ascii_graphic());
            if !plain {
                let what = format!("{:?} is not a path", path.chars().take(80).collect::<String>());
                return Err(Refusal::permanent("bad-path", what, "write it as /EWS/Exchange.asmx").into());
            }
            endpoint.path.clone_from(path);
        }
        if let Some(format) = &self.voice_format {
            endpoint.voice_format = format.parse::<tieline_model::VoiceFormat>()?;
        }
        if self.port == Some(0) {
            return Err(Refusal::permanent("bad-port", "there is no port 0", "EWS answers at 443").into());
        }
        endpoint.port = self.port.unwrap_or(endpoint.port);
        endpoint.https = self.https.unwrap_or(endpoint.https);
        if let Some(tls) = &self.tls {
            endpoint.tls = tls.clone();
        }
        if let Some(authentication) = &self.authentication {
            authentication.check()?;
            endpoint.authentication = authentication.clone();
        }
        Ok(())
    }
}

/// By id or name.
pub(super) async fn find(web: &Web, reference: &str) -> Result<Endpoint, Refused> {
    let found = match reference.parse() {
        Ok(id) => web.store.endpoint(id).await?,
        Err(_) => web.store.endpoint_by_name(reference).await?,
    };
    found.ok_or_else(|| unknown("endpoint", reference))
}

/// Reaches the server before its settings are saved: one that is no EWS server is refused with the reason (AV-07).
/// Without an account nobody can sign in, but a server that speaks EWS says so when it asks for credentials.
async fn probe(web: &Web, endpoint: &mut Endpoint) -> Result<(), Refused> {
    let accounts = super::feature_groups::accounts_of(web, endpoint).await?;
    let account = accounts.into_iter().next().map_or_else(|| nobody(endpoint), |(_, account)| account);
    match web.mail.probe(&account).await {
        Ok(info) => endpoint.server_version = Some(info.build),
        Err(error) if speaks_ews(&error) => {}
        // Whoever types the address must act, also when the server is only away: nothing was saved.
        Err(error) => return Err(Refusal { class: Class::Operator, ..error.refusal() }.into()),
    }
    Ok(())
}

/// The server answered as EWS does, although it did not let this account in.
fn speaks_ews(error: &PortError) -> bool {
    matches!(error, PortError::Failed { refusal, .. } if ["wrong-password", "no-basic-authentication", "server-busy"].contains(&refusal.code.as_str()))
}

/// An account that no server knows.
fn nobody(endpoint: &Endpoint) -> MailAccount {
    let user: SmtpAddress = match format!("nobody@{}", endpoint.address.host()).parse() {
        Ok(user) => user,
        Err(_) => NOBODY.clone(),
    };
    // Without an account there is no secret to get a token with.
    let endpoint = Endpoint { authentication: Authentication::Automatic, ..endpoint.clone() };
    MailAccount { endpoint, user, password: String::new().into() }
}

static NOBODY: std::sync::LazyLock<SmtpAddress> = std::sync::LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a constant that is an address")]
    "nobody@localhost".parse().expect("an address")
});
