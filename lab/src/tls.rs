//! The lab's self-signed certificate. It is kept in the state directory so that a client's trust survives a restart.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use tieline_proto_ntlm::ChannelBinding;
use tokio_rustls::TlsAcceptor;

use crate::{LabError, account::DOMAIN};

/// File name of the certificate, in PEM, inside the state directory.
pub const CERTIFICATE_FILE: &str = "lab-certificate.pem";
const KEY_FILE: &str = "lab-key.pem";

/// What a listener with TLS needs.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// What clients bind their answers to under Extended Protection.
    pub(crate) binding: ChannelBinding,
}

/// Loads the certificate and its key, making them at the first start.
pub(crate) fn load(state_dir: &Path) -> Result<Tls, LabError> {
    let (certificate, key) = (state_dir.join(CERTIFICATE_FILE), state_dir.join(KEY_FILE));
    if !certificate.exists() || !key.exists() {
        make(&certificate, &key)?;
    }
    let tls = |error: String| LabError::Certificate { path: certificate.clone(), error };
    let chain = vec![CertificateDer::from_pem_file(&certificate).map_err(|e| tls(e.to_string()))?];
    let binding = ChannelBinding::of_certificate(chain.first().map_or(&[][..], |leaf| leaf.as_ref()));
    let key = PrivateKeyDer::from_pem_file(&key).map_err(|e| tls(e.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| tls(e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| tls(e.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), binding })
}

fn make(certificate: &Path, key: &Path) -> Result<(), LabError> {
    let names = [
        "localhost".into(),
        "127.0.0.1".into(),
        "::1".into(),
        DOMAIN.into(),
        format!("autodiscover.{DOMAIN}"),
        format!("mail.{DOMAIN}"),
    ];
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|e| LabError::Certificate { path: certificate.to_owned(), error: e.to_string() })?;
    let write = |path: &Path, text: String| {
        std::fs::write(path, text).map_err(|error| LabError::File { path: path.to_owned(), error })
    };
    write(key, made.signing_key.serialize_pem())?;
    write(certificate, made.cert.pem())
}
