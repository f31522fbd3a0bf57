//! Channel bindings: what ties an answer to the TLS connection that carries it.

use md5::{Digest, Md5};
use sha2::{Sha256, Sha384, Sha512};

use crate::certificate::{SignatureHash, signature_hash};

/// The MD5 of a `gss_channel_bindings_struct` (RFC 4121 section 4.1.1.2), as the AV pair carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChannelBinding(pub [u8; 16]);

impl ChannelBinding {
    /// `tls-server-end-point` (RFC 5929 section 4.1). `certificate_hash` is the hash of the server's certificate: by the
    /// hash of its own signature, or by SHA-256 where that is MD5 or SHA-1.
    #[must_use]
    pub fn tls_server_end_point(certificate_hash: &[u8]) -> Self {
        Self::of(&[b"tls-server-end-point:", certificate_hash])
    }

    /// The `tls-server-end-point` of a certificate in DER.
    #[must_use]
    pub fn of_certificate(der: &[u8]) -> Self {
        match signature_hash(der) {
            SignatureHash::Sha256 => Self::tls_server_end_point(&Sha256::digest(der)),
            SignatureHash::Sha384 => Self::tls_server_end_point(&Sha384::digest(der)),
            SignatureHash::Sha512 => Self::tls_server_end_point(&Sha512::digest(der)),
        }
    }

    /// From application data, in pieces; no addresses.
    #[must_use]
    pub fn of(application_data: &[&[u8]]) -> Self {
        let length: usize = application_data.iter().map(|piece| piece.len()).sum();
        let mut md5 = Md5::new();
        // Type and length of the initiator's and of the acceptor's address: none.
        md5.update([0; 16]);
        md5.update(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        for piece in application_data {
            md5.update(piece);
        }
        Self(md5.finalize().into())
    }
}
