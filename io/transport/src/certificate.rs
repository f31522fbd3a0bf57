//! What a certificate says of itself: for people to read, and for counting its days.

use std::net::IpAddr;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::connection::PresentedCertificate;
use crate::error::{TlsProblem, TransportError};
use crate::trust::{Fingerprint, key_fingerprint, provider};

/// The most names that are read of one certificate.
const MOST_NAMES: usize = 100;
/// The longest text that is read of one, in characters.
const LONGEST: usize = 256;

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateRole {
    /// It names a server.
    Server,
    /// It signs others and is signed by another.
    Intermediate,
    /// It signs others and itself.
    Root,
}

impl CertificateRole {
    /// As shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Intermediate => "intermediate",
            Self::Root => "root",
        }
    }

    /// Whether it may sign others.
    #[must_use]
    pub const fn is_authority(self) -> bool {
        matches!(self, Self::Intermediate | Self::Root)
    }
}

/// A certificate's own words. None of them is believed by being here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Whom it names, as `CN=mail.corp.example, O=Corp`.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// When it begins, in seconds since 1970.
    pub not_before_s: i64,
    /// When it ends, in seconds since 1970.
    pub not_after_s: i64,
    /// DNS names and addresses that it is good for.
    pub names: Vec<String>,
    /// What it is for.
    pub role: CertificateRole,
}

impl CertificateFacts {
    /// Reads one; `None` when it is no certificate.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let (subject, issuer) = (certificate.subject(), certificate.issuer());
        let role = match (certificate.is_ca(), subject == issuer) {
            (false, _) => CertificateRole::Server,
            (true, false) => CertificateRole::Intermediate,
            (true, true) => CertificateRole::Root,
        };
        let validity = certificate.validity();
        let alternative = certificate.subject_alternative_name().ok().flatten();
        let names = alternative.iter().flat_map(|names| &names.value.general_names);
        Some(Self {
            subject: shown(&subject.to_string()),
            issuer: shown(&issuer.to_string()),
            not_before_s: validity.not_before.timestamp(),
            not_after_s: validity.not_after.timestamp(),
            names: names.filter_map(name).take(MOST_NAMES).collect(),
            role,
        })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(shown(name)),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|octets| IpAddr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|octets| IpAddr::from(octets).to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// A peer's text for people: printable and short.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

impl PresentedCertificate {
    /// One that is at hand as DER.
    #[must_use]
    pub fn new(der: Vec<u8>) -> Self {
        let fingerprint = Fingerprint::of(&der);
        let key_fingerprint = key_fingerprint(&CertificateDer::from(der.as_slice()));
        let facts = CertificateFacts::read(&der);
        Self { der, fingerprint, key_fingerprint, facts }
    }
}

/// Whether a chain, its server's certificate first, leads to `authority` for a host, as every connection will check it.
/// `now_s` are seconds since 1970.
///
/// # Errors
/// What is wrong with it.
pub fn chain_leads_to(
    chain: &[PresentedCertificate],
    authority: &[u8],
    host: &str,
    now_s: u64,
) -> Result<(), TlsProblem> {
    let bad = |detail: String| TlsProblem::BadCertificate { detail };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.to_vec())).map_err(|error| bad(error.to_string()))?;
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider()).build();
    let verifier = verifier.map_err(|error| bad(error.to_string()))?;
    let mut ders = chain.iter().map(|one| CertificateDer::from(one.der.as_slice()));
    let leaf = ders.next().ok_or_else(|| bad("the server presents no certificate".to_owned()))?;
    let intermediates: Vec<_> = ders.collect();
    let name = ServerName::try_from(host)
        .map_err(|_| bad("the host is no name a certificate can bear".to_owned()))?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now_s));
    match verifier.verify_server_cert(&leaf, &intermediates, &name, &[], now) {
        Ok(_) => Ok(()),
        Err(error) => Err(TlsProblem::name(&std::io::Error::other(error), host)),
    }
}

/// Whether a failure is only that the certificate is for other names, as when a server is reached by its address.
#[must_use]
pub fn is_name_mismatch(problem: &TlsProblem) -> bool {
    matches!(problem, TlsProblem::NameMismatch { .. })
}

/// The certificates of a PEM text.
///
/// # Errors
/// [`TransportError::BadTrust`] with the reason.
pub fn certificates_of_pem(pem: &str) -> Result<Vec<PresentedCertificate>, TransportError> {
    let found = crate::trust::authorities(pem)?;
    Ok(found.into_iter().map(|der| PresentedCertificate::new(der.to_vec())).collect())
}

/// Whether rustls takes this certificate for an authority at all.
pub(crate) fn check_authority(der: &CertificateDer<'static>) -> Result<(), CertificateError> {
    match RootCertStore::empty().add(der.clone()) {
        Ok(()) => Ok(()),
        Err(rustls::Error::InvalidCertificate(error)) => Err(error),
        Err(_) => Err(CertificateError::BadEncoding),
    }
}
