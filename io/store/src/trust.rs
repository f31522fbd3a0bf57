//! Certificates that the service believes beside what the operating system does. They lie in the store, so that every node
//! has them and no account of the operating system's does.

use jiff::Timestamp;

use crate::store::read;
use crate::{Store, StoreError};

/// A certificate that an administrator let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedCertificate {
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
    /// The host, lower case, that it was fetched from; a server's own certificate is believed there only.
    pub host: String,
    /// It signs others: whatever it signed is believed at every host.
    pub authority: bool,
    /// The certificate.
    pub der: Vec<u8>,
    /// Who let it in.
    pub added_by: String,
    /// When.
    pub added: Timestamp,
}

impl Store {
    /// Every certificate that was let in, by host.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn trusted_certificates(&self) -> Result<Vec<TrustedCertificate>, StoreError> {
        read!(self, conn => trust::list(conn))
    }
}
