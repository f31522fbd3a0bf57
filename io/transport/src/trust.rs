//! Whose certificates are believed.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest, Sha256};

use crate::error::TransportError;
use crate::trust_store::{StoreVerifier, TrustStore};

/// A trust decision of an administrator. Renewal of the server's certificate asks nothing of
/// [`Trust::Authorities`], so it is the one to recommend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// What the operating system trusts.
    #[default]
    Platform,
    /// What the operating system trusts, and the authorities in this PEM text.
    Authorities(String),
    /// Exactly these certificates or keys, whatever name, issuer or dates they show.
    Pinned(Vec<Pin>),
}

/// The SHA-256 of a certificate or key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if index == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = TransportError;

    /// 64 hexadecimal digits, with or without colons or spaces between the bytes.
    fn from_str(text: &str) -> Result<Self, TransportError> {
        let wrong =
            || TransportError::BadTrust(format!("`{text}` is not a SHA-256 fingerprint of 64 hex digits"));
        let digits: Vec<u32> = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_digit(16))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
        match (digits.len(), bytes.try_into()) {
            (64, Ok(bytes)) => Ok(Self(bytes)),
            _ => Err(wrong()),
        }
    }
}

/// What a pinned server must present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// The leaf certificate itself.
    Certificate(Fingerprint),
    /// Its subject public key info (RFC 7469): survives a renewal that keeps the key.
    PublicKey(Fingerprint),
}

impl Trust {
    /// The TLS settings of a client with this trust and what `store` holds at the time of each handshake: TLS 1.2 and
    /// 1.3, HTTP/1.1 by ALPN, no client certificate. Clients of other protocols replace the ALPN. A pinned trust does
    /// not look at the store.
    ///
    /// # Errors
    /// [`TransportError::BadTrust`] with the reason.
    pub fn client_config(&self, store: &TrustStore) -> Result<Arc<ClientConfig>, TransportError> {
        config_with(self.verifier(store)?)
    }

    fn verifier(&self, store: &TrustStore) -> Result<Arc<dyn ServerCertVerifier>, TransportError> {
        let roots = match self {
            Self::Platform => Vec::new(),
            Self::Authorities(pem) => authorities(pem)?,
            Self::Pinned(pins) if pins.is_empty() => {
                return Err(TransportError::BadTrust(
                    "a pinned trust needs at least one fingerprint".to_owned(),
                ));
            }
            Self::Pinned(pins) => return Ok(Arc::new(PinnedVerifier::new(pins.clone()))),
        };
        Ok(Arc::new(StoreVerifier::new(roots, store.clone())?))
    }
}

/// The operating system's authorities and these.
pub(crate) fn platform(
    roots: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<Arc<dyn ServerCertVerifier>, TransportError> {
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(roots, provider())
        .map_err(|error| TransportError::BadTrust(error.to_string()))?;
    Ok(Arc::new(verifier))
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn config_with(verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>, TransportError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TransportError::BadTrust(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would not be checked again, also when its certificate is no longer believed.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// Settings under which any certificate is accepted, for showing it and nothing else.
pub(crate) fn inspection_config() -> Result<Arc<ClientConfig>, TransportError> {
    config_with(Arc::new(PinnedVerifier { pins: None, provider: provider() }))
}

pub(crate) fn authorities(pem: &str) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| TransportError::BadTrust(format!("the CA file is not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(TransportError::BadTrust(
            "the CA file contains no certificate; it must hold -----BEGIN CERTIFICATE----- blocks".to_owned(),
        ));
    }
    Ok(certificates)
}

/// Compares with pins instead of building a chain. The handshake signature is still checked, so that a server
/// must hold the private key of what it presents.
#[derive(Debug)]
struct PinnedVerifier {
    /// `None` accepts every certificate.
    pins: Option<Vec<Pin>>,
    provider: Arc<CryptoProvider>,
}

impl PinnedVerifier {
    fn new(pins: Vec<Pin>) -> Self {
        Self { pins: Some(pins), provider: provider() }
    }
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(pins) = &self.pins else { return Ok(ServerCertVerified::assertion()) };
        let certificate = Fingerprint::of(end_entity);
        let key = key_fingerprint(end_entity);
        let matches = pins.iter().any(|pin| match pin {
            Pin::Certificate(wanted) => *wanted == certificate,
            Pin::PublicKey(wanted) => key == Some(*wanted),
        });
        if matches {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The fingerprint of a certificate's key, if the certificate can be parsed.
pub(crate) fn key_fingerprint(certificate: &CertificateDer<'_>) -> Option<Fingerprint> {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate).ok()?;
    Some(Fingerprint::of(&parsed.subject_public_key_info()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_they_are_printed() {
        let fingerprint = Fingerprint::of(b"abc");
        assert!(fingerprint.to_string().starts_with("BA:78:16:BF"));
        assert_eq!(fingerprint.to_string().parse::<Fingerprint>().unwrap(), fingerprint);
        let bare = fingerprint.to_string().replace(':', "").to_lowercase();
        assert_eq!(bare.parse::<Fingerprint>().unwrap(), fingerprint);
        for wrong in ["", "BA:78", "zz", &"a".repeat(63), &"ä".repeat(32)] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn unusable_trust_is_refused_when_it_is_set() {
        for trust in [
            Trust::Authorities("no certificate here".to_owned()),
            Trust::Authorities("-----BEGIN CERTIFICATE-----\n@@@@\n-----END CERTIFICATE-----\n".to_owned()),
            Trust::Pinned(Vec::new()),
        ] {
            assert!(
                matches!(trust.client_config(&TrustStore::default()), Err(TransportError::BadTrust(_))),
                "{trust:?}"
            );
        }
    }
}
