use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use tieline_model::{AddressError, Refusal, SmtpAddress, TlsTrust};
use tieline_ports::Discovery;
use utoipa::ToSchema;

use crate::api::v1::schema;
use crate::extract::{Body, object};
use crate::problem::Refused;
use crate::web::Web;

/// Whose server is searched for, and who asks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DiscoverBody {
    /// A mail address of the server's users.
    address: String,
    /// Who signs in; the address itself unless said otherwise.
    account: Option<String>,
    /// The account's password.
    password: String,
    /// Hosts to which a redirection that came without TLS may lead.
    #[serde(default)]
    confirm: Vec<String>,
    /// `{"trust":"system"}`, `{"trust":"ca","pem":…}` or `{"trust":"pinned","sha256":…}`.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<schema::Trust>)]
    tls: Option<TlsTrust>,
}

/// What was found; its parts are those of an endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Found {
    /// The mailbox's address, which may be another one than was asked for.
    mailbox: String,
    /// Where EWS answers.
    url: String,
    /// Which Autodiscover said so.
    said_by: String,
    /// "IMAP Server Address": `ews:` and the host.
    address: String,
    /// "IMAP Server Port".
    port: u16,
    /// The path of EWS.
    path: String,
}

/// Finds a mail server by the address of one of its users (Autodiscover). Nothing is saved.
#[utoipa::path(post, path = "/endpoints/discover", tag = "endpoints", request_body = DiscoverBody,
    responses((status = 200, body = Found)))]
pub(super) async fn discover(
    State(web): State<Arc<Web>>,
    Body(body): Body<DiscoverBody>,
) -> Result<Json<Found>, Refused> {
    let parse = |text: &str| -> Result<SmtpAddress, Refusal> {
        text.parse().map_err(|error: AddressError| {
            Refusal::permanent("bad-address", error.to_string(), "write it as alice@corp.example")
        })
    };
    let address = parse(&body.address)?;
    let user = body.account.as_deref().map_or(Ok(address.clone()), parse)?;
    let wanted = Discovery {
        address,
        user,
        password: body.password.into(),
        tls: body.tls.unwrap_or_default(),
        confirmed: body.confirm,
    };
    let found = web.mail.discover(&wanted).await.map_err(|error| Refused::from(error.refusal()))?;
    let uri: Uri = found.url.parse().map_err(|_| unusable(&found.url))?;
    let host = uri.host().ok_or_else(|| unusable(&found.url))?;
    Ok(Json(Found {
        mailbox: found.address.to_string(),
        address: format!("ews:{host}"),
        port: uri.port_u16().unwrap_or(tieline_model::Endpoint::DEFAULT_PORT),
        path: uri.path().to_owned(),
        url: found.url,
        said_by: found.said_by,
    }))
}

fn unusable(url: &str) -> Refusal {
    let shown: String = url.chars().take(200).collect();
    Refusal::operator(
        "bad-address",
        format!("Autodiscover names {shown:?}, which is no address"),
        "correct ExternalUrl with Set-WebServicesVirtualDirectory, or name the server yourself",
    )
}
