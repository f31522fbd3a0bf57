//! TLS of the SIP side: our certificate towards both callers and callees, and whose we believe.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tieline_model::Refusal;

use super::read_file;
use crate::config::SipTls;

/// For a listener that asks nobody for a certificate.
pub(super) fn server(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, Refusal> {
    let (chain, private) = identity(certificate, key)?;
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private);
    server
        .map(Arc::new)
        .map_err(|error| bad(format!("certificate and key cannot be used: {error}"), certificate))
}

fn bad(what: String, path: &Path) -> Refusal {
    Refusal::operator("bad-certificate", what, "name PEM files that belong together")
        .at(path.display().to_string())
}

/// A certificate chain and its private key.
fn identity(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Refusal> {
    let pem = read_file(certificate)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(format!("the certificate cannot be read: {error:?}"), certificate))?;
    let private = PrivateKeyDer::from_pem_slice(&read_file(key)?)
        .map_err(|error| bad(format!("the private key cannot be read: {error:?}"), key))?;
    Ok((chain, private))
}

/// For the listener and for connections that we open; both show the same certificate. With `client_ca`, peers must show
/// one from it, in both directions; otherwise callees are checked against the system's authorities.
pub(super) fn configs(tls: &SipTls) -> Result<(Arc<ServerConfig>, Arc<ClientConfig>), Refusal> {
    let (chain, key) = identity(&tls.certificate, &tls.key)?;
    let mismatch =
        |error: rustls::Error| bad(format!("certificate and key cannot be used: {error}"), &tls.certificate);

    let roots = match &tls.client_ca {
        None => None,
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&read_file(path)?) {
                let certificate = certificate.map_err(|error| bad(format!("{error:?}"), path))?;
                roots.add(certificate).map_err(|error| bad(error.to_string(), path))?;
            }
            Some(Arc::new(roots))
        }
    };
    let server = match &roots {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder(Arc::clone(roots)).build();
            let verifier = verifier.map_err(|error| bad(error.to_string(), &tls.certificate))?;
            ServerConfig::builder().with_client_cert_verifier(verifier)
        }
    };
    let server = server.with_single_cert(chain.clone(), key.clone_key()).map_err(mismatch)?;
    let client = match roots {
        Some(roots) => ClientConfig::builder().with_root_certificates(roots),
        None => {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(mismatch)?;
            ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    let client = client.with_client_auth_cert(chain, key).map_err(mismatch)?;
    Ok((Arc::new(server), Arc::new(client)))
}
