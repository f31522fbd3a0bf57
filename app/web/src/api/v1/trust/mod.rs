//! Whose certificates the service believes beside the operating system's.

mod add;
mod fetch;
mod list;
mod look;
mod remove;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tieline_model::Refusal;
use tieline_store::TrustedCertificate;
use tieline_transport::{Endpoint, Fingerprint, PresentedCertificate, presented_chain};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schema;
use crate::certificates::{Seen, WITHIN, unusable};
use crate::problem::Refused;
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, add::add))
        .routes(routes!(fetch::fetch))
        .routes(routes!(look::look))
        .routes(routes!(remove::remove))
}

/// A certificate in its own words; it is believed only when it was let in, or when somebody who is believed signed it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CertificateView {
    /// SHA-256 of the certificate: bytes in upper-case hex with colons.
    sha256: String,
    /// SHA-256 of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_sha256: Option<String>,
    /// server, intermediate or root; unreadable when it is no X.509 certificate.
    role: &'static str,
    /// Whom it names.
    subject: String,
    /// Who signed it.
    issuer: String,
    /// When it begins.
    not_before: Option<String>,
    /// When it ends.
    not_after: Option<String>,
    /// Whole days until it ends, negative afterwards.
    days_left: Option<i64>,
    /// Names and addresses that it is good for.
    names: Vec<String>,
    /// The certificate itself, PEM.
    pem: String,
}

impl CertificateView {
    fn new(certificate: &PresentedCertificate, now: Timestamp) -> Self {
        let facts = certificate.facts.as_ref();
        let time = |seconds: i64| Timestamp::from_second(seconds).ok();
        let not_after = facts.and_then(|facts| time(facts.not_after_s));
        let day = 24 * 3600;
        Self {
            sha256: certificate.fingerprint.to_string(),
            key_sha256: certificate.key_fingerprint.map(|key| key.to_string()),
            role: facts.map_or("unreadable", |facts| facts.role.name()),
            subject: facts.map(|facts| facts.subject.clone()).unwrap_or_default(),
            issuer: facts.map(|facts| facts.issuer.clone()).unwrap_or_default(),
            not_before: facts.and_then(|facts| time(facts.not_before_s)).map(|time| time.to_string()),
            not_after: not_after.map(|time| time.to_string()),
            days_left: not_after.map(|time| time.duration_since(now).as_secs().div_euclid(day)),
            names: facts.map(|facts| facts.names.clone()).unwrap_or_default(),
            pem: pem(&certificate.der),
        }
    }
}

/// A certificate that was let in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TrustedView {
    /// Where it was fetched; a server's own certificate is believed there only.
    host: String,
    /// authority: what it signed is believed everywhere. server: it alone is, at its host.
    trusted_as: &'static str,
    /// Who let it in.
    added_by: String,
    /// When.
    added: String,
    certificate: CertificateView,
}

impl TrustedView {
    fn new(trusted: TrustedCertificate, now: Timestamp) -> Self {
        let certificate = CertificateView::new(&PresentedCertificate::new(trusted.der), now);
        let trusted_as = if trusted.authority { "authority" } else { "server" };
        let added = trusted.added.to_string();
        Self { host: trusted.host, trusted_as, added_by: trusted.added_by, added, certificate }
    }
}

/// A certificate that is in use, and how long it is still good.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeenView {
    /// The server; of one that was let in, where it was fetched.
    place: String,
    /// server: it is presented there. trusted: it was let in.
    kind: &'static str,
    /// Whom it names.
    subject: String,
    /// When it ends.
    not_after: String,
    /// Whole days until it ends, negative afterwards.
    days_left: i64,
    /// From 30 days on: what people should know.
    #[schema(value_type = Option<schema::Refusal>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<Refusal>,
}

impl SeenView {
    pub(crate) fn all(seen: Vec<Seen>, now: Timestamp) -> Vec<Self> {
        let view = |seen: Seen| Self {
            kind: if seen.presented { "server" } else { "trusted" },
            days_left: seen.days_left(now),
            warning: seen.warning(now),
            not_after: seen.not_after.to_string(),
            place: seen.place,
            subject: seen.subject,
        };
        seen.into_iter().map(view).collect()
    }
}

/// What is believed, and what is in use.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TrustView {
    /// Certificates that were let in.
    trusted: Vec<TrustedView>,
    /// Certificates that servers presented at the last look, and those that were let in, with their days.
    seen: Vec<SeenView>,
}

async fn view(web: &Web) -> Result<TrustView, Refused> {
    let now = web.clock.now();
    let trusted = web.certificates.trusted().await?;
    let trusted = trusted.into_iter().map(|one| TrustedView::new(one, now)).collect();
    Ok(TrustView { trusted, seen: SeenView::all(web.certificates.seen(), now) })
}

/// The server that is meant by `mail.corp.example` or `mail.corp.example:8443`.
fn place(host: &str) -> Result<Endpoint, Refused> {
    let plain = (1..=260).contains(&host.len())
        && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c));
    if !plain {
        let what = format!("{:?} is not a server", host.chars().take(80).collect::<String>());
        return Err(Refusal::permanent(
            "bad-host",
            what,
            "write it as mail.corp.example or mail.corp.example:8443",
        )
        .into());
    }
    Endpoint::parse(&format!("https://{host}/")).map_err(|error| unusable(&error).into())
}

/// What a server presents, its own certificate first.
async fn chain_of(place: &Endpoint) -> Result<Vec<PresentedCertificate>, Refused> {
    presented_chain(place, WITHIN).await.map_err(|error| unusable(&error).into())
}

/// "AB:CD…" or "abcd…".
fn fingerprint(text: &str) -> Result<Fingerprint, Refused> {
    text.parse().map_err(|_| {
        let what = format!("{:?} is not a SHA-256 fingerprint", text.chars().take(100).collect::<String>());
        Refusal::permanent("bad-fingerprint", what, "write its 64 hex digits, with or without colons").into()
    })
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
