use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;
use tieline_store::{Batch, TrustedCertificate, Write};
use tieline_transport::{Endpoint, Fingerprint, PresentedCertificate, certificates_of_pem};
use utoipa::ToSchema;

use super::fetch::{doubt, is_authority, proposal, role};
use super::{TrustedView, chain_of, fingerprint, place};
use crate::access::Caller;
use crate::api::v1::schema;
use crate::certificates::unusable;
use crate::extract::Body;
use crate::problem::Refused;
use crate::web::Web;

/// Which certificate is let in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustBody {
    /// The server that presents it, as mail.corp.example:8443. Left out with `pem`.
    host: Option<String>,
    /// An authority's certificate, PEM, instead of a server's.
    pem: Option<String>,
    /// The SHA-256 that was compared with what the server's or authority's administrator reads out: of the certificate to
    /// let in, or of the server's own, which proves the chain.
    sha256: String,
    /// Let in the server's own certificate, for this host only, although an authority signed it.
    #[serde(default)]
    server_only: bool,
}

/// What was let in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trusted {
    trusted: TrustedView,
    /// What a person should know although it was let in.
    #[schema(value_type = Vec<schema::Refusal>)]
    warnings: Vec<Refusal>,
}

/// What was chosen, and what is still wrong.
struct Choice {
    host: String,
    certificate: PresentedCertificate,
    authority: bool,
    warnings: Vec<Refusal>,
}

/// Lets a certificate in: connections believe it from the next one on, on every node, without a restart. The server is
/// asked again, and what it presents must bear the fingerprint that was compared.
#[utoipa::path(post, path = "/trust", tag = "trust", request_body = TrustBody,
    responses((status = 201, body = Trusted)))]
pub(super) async fn add(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<TrustBody>,
) -> Result<(StatusCode, Json<Trusted>), Refused> {
    let demanded = fingerprint(&body.sha256)?;
    let now = web.clock.now();
    let choice = match (&body.host, &body.pem) {
        (Some(host), None) => {
            let place = place(host)?;
            let chain = chain_of(&place).await?;
            presented(&chain, &place, demanded, body.server_only, now.as_second().unsigned_abs())?
        }
        (None, Some(pem)) => from_pem(pem, demanded)?,
        _ => {
            let next = "name the server, or give an authority's PEM text";
            return Err(Refusal::permanent("bad-request", "either host or pem must be given", next).into());
        }
    };
    let trusted = TrustedCertificate {
        sha256: choice.certificate.fingerprint.0,
        host: choice.host,
        authority: choice.authority,
        der: choice.certificate.der,
        added_by: caller.name,
        added: now,
    };
    web.store.commit(Batch::new(now).with(Write::Trust(trusted.clone()))).await?;
    web.certificates.take_up().await?;
    let trusted = TrustedView::new(trusted, now);
    Ok((StatusCode::CREATED, Json(Trusted { trusted, warnings: choice.warnings })))
}

fn presented(
    chain: &[PresentedCertificate],
    place: &Endpoint,
    demanded: Fingerprint,
    server_only: bool,
    now_s: u64,
) -> Result<Choice, Refused> {
    let host = place.host().to_owned();
    let leaf = chain.first().map(|leaf| leaf.fingerprint);
    let Some(named) = chain.iter().find(|one| one.fingerprint == demanded) else {
        let shown: Vec<_> = chain.iter().map(|one| one.fingerprint.to_string()).collect();
        let what = format!(
            "{} presents no certificate with this fingerprint, but {}",
            place.authority(),
            shown.join(", ")
        );
        let next = "do not go on: ask the server's administrator what stands between here and there";
        return Err(Refusal::operator("other-fingerprint", what, next).at(place.authority()).into());
    };
    let (proposed, problem) = proposal(chain, place, now_s)?;
    // The server's own fingerprint was compared: what its certificate leads to is then the server's, too.
    let own = leaf == Some(demanded);
    let certificate = if server_only || !own { named } else { proposed };
    let is_leaf = leaf == Some(certificate.fingerprint);
    if server_only && !is_leaf {
        let next = "give the fingerprint of the first certificate that tieline trust fetch shows";
        return Err(
            Refusal::operator("not-the-servers", "this is not the server's own certificate", next).into()
        );
    }
    if !is_leaf && certificate.fingerprint != proposed.fingerprint && !is_authority(certificate) {
        let next = "give the fingerprint of an authority, or of the server's own certificate";
        let what = format!("a certificate of the role {:?} signs nothing", role(certificate));
        return Err(Refusal::operator("not-an-authority", what, next).into());
    }
    let warnings = problem.iter().map(|problem| doubt(problem, place)).collect();
    Ok(Choice { host, certificate: certificate.clone(), authority: !is_leaf, warnings })
}

fn from_pem(pem: &str, demanded: Fingerprint) -> Result<Choice, Refused> {
    let certificates = certificates_of_pem(pem).map_err(|error| unusable(&error))?;
    let found = certificates.into_iter().find(|one| one.fingerprint == demanded).ok_or_else(|| {
        let next = "compare the file with what the authority publishes";
        Refusal::operator("other-fingerprint", "no certificate of the file has this fingerprint", next)
    })?;
    if !is_authority(&found) {
        let next = "for one server's own certificate: tieline trust fetch HOST --server-only";
        let what = "the certificate is no authority's: it signs nothing";
        return Err(Refusal::operator("not-an-authority", what, next).into());
    }
    let host = found.facts.as_ref().map(|facts| facts.subject.clone()).unwrap_or_default();
    Ok(Choice { host, certificate: found, authority: true, warnings: Vec::new() })
}
