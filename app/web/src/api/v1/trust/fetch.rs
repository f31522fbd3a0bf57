use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;
use tieline_transport::{
    CertificateRole, Endpoint, PresentedCertificate, TlsProblem, chain_leads_to, is_name_mismatch,
};
use utoipa::ToSchema;

use super::{CertificateView, chain_of, place};
use crate::api::v1::schema;
use crate::extract::Body;
use crate::problem::Refused;
use crate::web::Web;

/// Which server is looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FetchBody {
    /// As mail.corp.example or mail.corp.example:8443.
    host: String,
}

/// What a server presents.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Presented {
    host: String,
    /// Its own certificate first.
    certificates: Vec<CertificateView>,
    /// The SHA-256 of the one that would be let in: an authority that signed the server's, otherwise the server's.
    proposed: String,
    /// authority or server.
    proposed_as: &'static str,
    /// What a person should know: other names, dates.
    #[schema(value_type = Vec<schema::Refusal>)]
    warnings: Vec<Refusal>,
}

/// Shows the certificates that a server presents to this one. Nothing is believed by it.
#[utoipa::path(post, path = "/trust/fetch", tag = "trust", request_body = FetchBody,
    responses((status = 200, body = Presented)))]
pub(super) async fn fetch(
    State(web): State<Arc<Web>>,
    Body(body): Body<FetchBody>,
) -> Result<Json<Presented>, Refused> {
    let place = place(&body.host)?;
    let chain = chain_of(&place).await?;
    let now = web.clock.now();
    let (proposed, problem) = proposal(&chain, &place, now.as_second().unsigned_abs())?;
    let authority = is_authority(proposed);
    Ok(Json(Presented {
        host: place.authority(),
        certificates: chain.iter().map(|one| CertificateView::new(one, now)).collect(),
        proposed: proposed.fingerprint.to_string(),
        proposed_as: if authority { "authority" } else { "server" },
        warnings: problem.iter().map(|problem| doubt(problem, &place)).collect(),
    }))
}

pub(super) fn is_authority(certificate: &PresentedCertificate) -> bool {
    certificate.facts.as_ref().is_some_and(|facts| facts.role.is_authority())
}

/// What to let in: the highest authority that the server's certificate leads to, else the server's own certificate. With
/// what is still wrong then.
pub(super) fn proposal<'a>(
    chain: &'a [PresentedCertificate],
    place: &Endpoint,
    now_s: u64,
) -> Result<(&'a PresentedCertificate, Option<TlsProblem>), Refused> {
    let leaf = chain.first().ok_or_else(|| {
        Refusal::operator("no-certificate", "the server presents no certificate", "check host and port")
    })?;
    for authority in chain.iter().skip(1).rev().filter(|one| is_authority(one)) {
        match chain_leads_to(chain, &authority.der, place.host(), now_s) {
            Ok(()) => return Ok((authority, None)),
            Err(problem @ TlsProblem::UnknownIssuer { .. } | problem @ TlsProblem::BadCertificate { .. }) => {
                tracing::debug!(%problem, "an authority that did not sign the server's certificate");
            }
            Err(problem) => return Ok((authority, Some(problem))),
        }
    }
    let self_signed = chain_leads_to(chain, &leaf.der, place.host(), now_s).err();
    Ok((leaf, self_signed.filter(|problem| !matches!(problem, TlsProblem::UnknownIssuer { .. }))))
}

/// What a person should know before they let it in.
pub(super) fn doubt(problem: &TlsProblem, place: &Endpoint) -> Refusal {
    let next = match problem {
        TlsProblem::NameMismatch { .. } => "reach the server by a name in its certificate".to_owned(),
        TlsProblem::Expired { .. } => "have the certificate renewed".to_owned(),
        TlsProblem::AuthorityAsServer { .. } => "let it in as this server's own certificate".to_owned(),
        _ => "look at the certificates above".to_owned(),
    };
    let code = if is_name_mismatch(problem) { "name-mismatch" } else { "certificate-doubtful" };
    Refusal::operator(code, problem.what(), next).at(place.authority())
}

/// Root and intermediate are told apart, for people who choose themselves.
pub(super) fn role(certificate: &PresentedCertificate) -> Option<CertificateRole> {
    certificate.facts.as_ref().map(|facts| facts.role)
}
