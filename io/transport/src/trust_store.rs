//! What this service believes beside the operating system: certificates that an administrator added while it runs.

use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::certificate::check_authority;
use crate::error::TransportError;
use crate::trust::{Fingerprint, authorities, platform};

/// The certificates that were added. Clones share them: whoever was made with one believes what is put there later,
/// from the next handshake on. It is the service's own store; no account's of the operating system.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    held: Arc<RwLock<Held>>,
    /// Authorities that only those believe who have this clone; from a file of the configuration.
    own: Option<Arc<RwLock<Vec<CertificateDer<'static>>>>>,
}

#[derive(Debug, Default)]
struct Held {
    /// Goes up with each change.
    generation: u64,
    authorities: Vec<CertificateDer<'static>>,
    servers: Vec<(String, Fingerprint)>,
}

impl TrustStore {
    /// Believes these authorities, and these servers' certificates at their hosts, in the place of those before.
    ///
    /// # Errors
    /// [`TransportError::BadTrust`] when an authority cannot be used; then nothing changes.
    pub fn replace(
        &self,
        authorities: Vec<Vec<u8>>,
        servers: Vec<(String, Fingerprint)>,
    ) -> Result<(), TransportError> {
        let authorities: Vec<_> = authorities.into_iter().map(CertificateDer::from).collect();
        for authority in &authorities {
            check_authority(authority).map_err(|error| {
                TransportError::BadTrust(format!("a stored certificate cannot be an authority: {error:?}"))
            })?;
        }
        let servers = servers.into_iter().map(|(host, print)| (host.to_ascii_lowercase(), print)).collect();
        let mut held = self.write();
        if held.authorities != authorities || held.servers != servers {
            *held = Held { generation: held.generation + 1, authorities, servers };
        }
        Ok(())
    }

    /// Has the operating system's authorities read again before the next handshake.
    pub fn reread_platform(&self) {
        self.write().generation += 1;
    }

    /// The same store, and beside it the authorities in this PEM text, which nobody else believes.
    ///
    /// # Errors
    /// [`TransportError::BadTrust`] when there is none in it, or one that cannot be used.
    pub fn beside(&self, pem: &str) -> Result<Self, TransportError> {
        Ok(Self { held: Arc::clone(&self.held), own: Some(Arc::new(RwLock::new(usable(pem)?))) })
    }

    /// Takes the authorities in this PEM text in the place of those that were given to [`Self::beside`]; every clone
    /// believes them from the next handshake on.
    ///
    /// # Errors
    /// As of [`Self::beside`]; then nothing changes.
    pub fn replace_own(&self, pem: &str) -> Result<(), TransportError> {
        let authorities = usable(pem)?;
        if let Some(own) = &self.own {
            *own.write().unwrap_or_else(PoisonError::into_inner) = authorities;
            self.write().generation += 1;
        }
        Ok(())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn generation(&self) -> u64 {
        self.read().generation
    }

    fn own(&self) -> Vec<CertificateDer<'static>> {
        let own = self.own.as_ref().map(|own| own.read().unwrap_or_else(PoisonError::into_inner).clone());
        own.unwrap_or_default()
    }

    fn believes(&self, host: &ServerName<'_>, leaf: &CertificateDer<'_>) -> bool {
        let held = self.read();
        if held.servers.is_empty() {
            return false;
        }
        let (host, print) = (host.to_str(), Fingerprint::of(leaf));
        held.servers.iter().any(|(known, pin)| *pin == print && known.eq_ignore_ascii_case(&host))
    }
}

/// The operating system's authorities, those of the client's own settings, and what the store holds at the moment.
pub(crate) struct StoreVerifier {
    roots: Vec<CertificateDer<'static>>,
    store: TrustStore,
    built: Mutex<(u64, Arc<dyn ServerCertVerifier>)>,
}

impl std::fmt::Debug for StoreVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreVerifier").field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}

impl StoreVerifier {
    pub(crate) fn new(
        roots: Vec<CertificateDer<'static>>,
        store: TrustStore,
    ) -> Result<Self, TransportError> {
        let (generation, verifier) = build(&roots, &store)?;
        Ok(Self { roots, store, built: Mutex::new((generation, verifier)) })
    }

    /// The verifier for what is believed now. One that cannot be made leaves the one before in its place.
    fn current(&self) -> Arc<dyn ServerCertVerifier> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if built.0 != self.store.generation() {
            match build(&self.roots, &self.store) {
                Ok(new) => *built = new,
                Err(error) => tracing::warn!(%error, "changed trust not taken up"),
            }
        }
        Arc::clone(&built.1)
    }
}

fn build(
    roots: &[CertificateDer<'static>],
    store: &TrustStore,
) -> Result<(u64, Arc<dyn ServerCertVerifier>), TransportError> {
    let (generation, added) = {
        let held = store.read();
        (held.generation, held.authorities.clone())
    };
    Ok((generation, platform(roots.iter().cloned().chain(added).chain(store.own()))?))
}

/// Authorities with which a verifier can be made.
fn usable(pem: &str) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let authorities = authorities(pem)?;
    platform(authorities.iter().cloned())?;
    Ok(authorities)
}

impl ServerCertVerifier for StoreVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.store.believes(server_name, end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.current().verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().supported_verify_schemes()
    }
}
