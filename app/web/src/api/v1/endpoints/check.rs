use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tieline_model::{Endpoint, Refusal, SmtpAddress};
use tieline_ports::MailAccount;
use utoipa::ToSchema;

use super::{find, nobody, speaks_ews};
use crate::api::v1::feature_groups::accounts_of;
use crate::api::v1::schema;
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::web::Web;

/// Who signs in; without it, the service account of a feature group that uses the server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckBody {
    account: Option<String>,
    password: Option<String>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api::v1) struct Finding {
    /// What: `reach and sign in`, `version`, `port`.
    pub(in crate::api::v1) name: &'static str,
    /// Nothing must be set right.
    pub(in crate::api::v1) ok: bool,
    /// ok, warning (it works; somebody should look) or failed.
    pub(in crate::api::v1) state: &'static str,
    /// What was seen.
    pub(in crate::api::v1) detail: String,
    /// What is wrong, and one step that helps.
    #[schema(value_type = Option<schema::Refusal>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api::v1) refusal: Option<Refusal>,
}

impl Finding {
    pub(in crate::api::v1) fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, ok: true, state: "ok", detail: detail.into(), refusal: None }
    }

    pub(in crate::api::v1) fn bad(name: &'static str, refusal: Refusal) -> Self {
        Self { name, ok: false, state: "failed", detail: refusal.what.clone(), refusal: Some(refusal) }
    }

    /// It works all the same; somebody should look.
    pub(in crate::api::v1) fn doubtful(name: &'static str, refusal: Refusal) -> Self {
        Self { ok: true, state: "warning", ..Self::bad(name, refusal) }
    }
}

/// What a check found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Checked {
    findings: Vec<Finding>,
}

/// Reaches the server, signs in and reads its version.
#[utoipa::path(post, path = "/endpoints/{endpoint}/check", tag = "endpoints", request_body = CheckBody,
    params(("endpoint" = String, Path, description = "Its name or id")),
    responses((status = 200, body = Checked)))]
pub(super) async fn check(
    State(web): State<Arc<Web>>,
    Segment(endpoint): Segment,
    Body(body): Body<CheckBody>,
) -> Result<Json<Checked>, Refused> {
    let endpoint = find(&web, &endpoint).await?;
    let mut accounts = match body.account {
        Some(account) => {
            let user: SmtpAddress = account.parse().map_err(|error: tieline_model::AddressError| {
                Refusal::permanent("bad-address", error.to_string(), "write it as svc-tieline@corp.example")
            })?;
            let password = body.password.unwrap_or_default().into();
            vec![(String::new(), MailAccount { endpoint: endpoint.clone(), user, password })]
        }
        None => accounts_of(&web, &endpoint).await?,
    };
    let stranger = accounts.is_empty();
    if stranger {
        accounts.push((String::new(), nobody(&endpoint)));
    }
    let mut findings = Vec::new();
    let mut version = None;
    for (group, account) in accounts {
        match web.mail.probe(&account).await {
            Ok(info) => {
                let mut detail = format!("{} as {}", endpoint.url(), account.user);
                if !group.is_empty() {
                    detail.push_str(&format!(" (feature group {group})"));
                }
                findings.push(Finding::good("reach and sign in", detail));
                version = Some(info);
            }
            // Nobody was expected to be let in; that the server asks who is there is what can be found out.
            Err(error) if stranger && speaks_ews(&error) => {
                let detail = format!("{}; nobody signed in, for want of an account", endpoint.url());
                findings.push(Finding::good("reach", detail));
            }
            Err(error) => findings.push(Finding::bad("reach and sign in", error.refusal())),
        }
    }
    if let Some(info) = version {
        let label = info.version.map_or("older than Exchange 2007", |version| version.label());
        findings.push(Finding::good("version", format!("{label}, build {}", info.build)));
    }
    findings.extend(port_hint(&endpoint));
    Ok(Json(Checked { findings }))
}

/// The old form's default is the port of IMAPS: it is kept when imported, and explained here.
fn port_hint(endpoint: &Endpoint) -> Option<Finding> {
    (endpoint.port == Endpoint::IMPORTED_PORT).then(|| {
        let what = "port 993 is IMAP's; EWS answers at 443";
        let next = format!("tieline endpoint edit {} --port 443", endpoint.name);
        Finding::bad("port", Refusal::operator("imap-port", what, next).at(endpoint.url()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: X-02, AV-37
    #[test]
    fn the_imported_port_is_kept_and_explained() {
        let mut endpoint = Endpoint {
            id: tieline_model::EndpointId::from_uuid(uuid::Uuid::nil()),
            name: "corp".to_owned(),
            address: "ews:10.0.0.7".parse().unwrap(),
            port: Endpoint::IMPORTED_PORT,
            https: true,
            path: Endpoint::DEFAULT_PATH.to_owned(),
            tls: Default::default(),
            authentication: Default::default(),
            voice_format: Default::default(),
            server_version: None,
        };
        let hint = port_hint(&endpoint).unwrap();
        assert_eq!(hint.refusal.unwrap().next, "tieline endpoint edit corp --port 443");
        endpoint.port = Endpoint::DEFAULT_PORT;
        assert!(port_hint(&endpoint).is_none());
    }
}
