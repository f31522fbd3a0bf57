//! What can go wrong between here and the server, in words an administrator can act on.

use std::net::IpAddr;
use std::time::Duration;

use crate::guard::AddressClass;

/// A failure below HTTP, or a refusal to go there. An answer with an error status is not one of these.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("`{url}` is not a usable address: {reason}")]
    BadUrl { url: String, reason: &'static str },
    #[error("the trust settings cannot be used: {0}")]
    BadTrust(String),
    #[error("the credentials for {endpoint} cannot be sent: {reason}")]
    BadCredentials { endpoint: String, reason: &'static str },
    #[error(
        "the host name {host} cannot be resolved ({source}); check the name and the DNS server of this machine"
    )]
    Resolve { host: String, source: std::io::Error },
    #[error(
        "{host} leads to {address}, which is {class}; addresses given by users may only lead to the public \
         network. An administrator can allow this one"
    )]
    Guarded { host: String, address: IpAddr, class: AddressClass },
    #[error("{endpoint} does not accept a connection ({source}); check host, port and firewall")]
    Connect { endpoint: String, source: std::io::Error },
    #[error("TLS with {endpoint} failed: {problem}")]
    Tls { endpoint: String, problem: TlsProblem },
    #[error("{endpoint} did not answer within {} s ({phase})", after.as_secs_f32())]
    Timeout { endpoint: String, phase: Phase, after: Duration },
    #[error("the connection to {endpoint} was lost before the request left: {reason}")]
    NotSent { endpoint: String, reason: String },
    #[error("the connection to {endpoint} was lost ({phase}): {reason}")]
    Lost { endpoint: String, phase: Phase, reason: String },
    #[error("the answer of {endpoint} is larger than {limit} bytes and was not read")]
    TooLarge { endpoint: String, limit: u64 },
    #[error("the request to {endpoint} is not valid HTTP: {reason}")]
    BadRequest { endpoint: String, reason: String },
}

impl TransportError {
    /// Whether the server may have carried out the request although no answer arrived. Only then does a
    /// repetition need to look first.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Timeout { phase, .. } | Self::Lost { phase, .. } => {
                matches!(phase, Phase::Answer | Phase::Body)
            }
            Self::TooLarge { .. } => true,
            _ => false,
        }
    }

    /// Whether the same request may succeed later without anybody changing a setting.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::NotSent { .. }
            | Self::Lost { .. } => true,
            Self::Tls { problem, .. } => matches!(problem, TlsProblem::Broken(_)),
            _ => false,
        }
    }
}

/// How far a request had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Opening the TCP connection.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// The request was handed over; its answer has not begun.
    Answer,
    /// The answer has begun and is not complete.
    Body,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "while connecting",
            Self::Handshake => "during the TLS handshake",
            Self::Answer => "while waiting for the answer",
            Self::Body => "in the middle of the answer",
        })
    }
}

/// Why a TLS handshake failed, with the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsProblem {
    /// The certificate is for other names.
    NameMismatch { expected: String, presented: Vec<String> },
    /// Nobody we trust issued the certificate.
    UnknownIssuer { host: String },
    /// The certificate has ended.
    Expired { host: String },
    /// The certificate begins in the future: a wrong clock here or there.
    NotYetValid { host: String },
    /// The certificate is not the pinned one.
    PinMismatch { host: String },
    /// The server's certificate is itself a certificate authority.
    AuthorityAsServer { host: String },
    /// Any other fault of the certificate.
    BadCertificate { detail: String },
    /// The server offers nothing that is still considered safe (TLS 1.2 with forward secrecy, or TLS 1.3).
    Outdated,
    /// The peer does not speak TLS on this port.
    NotTls,
    /// The handshake was cut off or refused by the peer.
    Broken(String),
}

impl std::fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NameMismatch { expected, presented } => write!(
                f,
                "name mismatch: the certificate is for {}, not for {expected}; use one of its names as the \
                 address, or check it with `tieline trust fetch {expected}` and pin it",
                if presented.is_empty() { "no name at all".to_owned() } else { presented.join(", ") }
            ),
            Self::UnknownIssuer { host } => write!(
                f,
                "unknown issuer: no trusted authority issued the certificate; compare its fingerprint with \
                 `tieline trust fetch {host}` and import the issuing CA"
            ),
            Self::Expired { host } => write!(
                f,
                "expired: the certificate is no longer valid; renew it on the server (`tieline trust fetch \
                 {host}` shows what it presents)"
            ),
            Self::NotYetValid { host } => write!(
                f,
                "not valid yet: the certificate begins in the future; check the clocks of this machine and of {host}"
            ),
            Self::PinMismatch { host } => write!(
                f,
                "pin mismatch: {host} presents another certificate than the pinned one; if it was renewed, \
                 compare with `tieline trust fetch {host}` and pin the new one"
            ),
            Self::AuthorityAsServer { host } => write!(
                f,
                "the server presents a CA certificate as its own; pin it instead of importing it \
                 (`tieline trust fetch {host}` prints the fingerprint)"
            ),
            Self::BadCertificate { detail } => write!(f, "the certificate cannot be used: {detail}"),
            Self::Outdated => f.write_str(
                "the server offers no TLS version or cipher that is still safe; enable TLS 1.2 with ECDHE on it",
            ),
            Self::NotTls => {
                f.write_str("the server does not speak TLS on this port; check the port, or use http://")
            }
            Self::Broken(detail) => write!(f, "the handshake was cut off: {detail}"),
        }
    }
}

impl TlsProblem {
    /// Names the failure of a handshake with `host`.
    pub(crate) fn name(error: &std::io::Error, host: &str) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Self::name_tls(error, host),
            None => Self::Broken(error.to_string()),
        }
    }

    fn name_tls(error: &rustls::Error, host: &str) -> Self {
        use rustls::{AlertDescription, Error};
        match error {
            Error::InvalidCertificate(problem) => Self::name_certificate(problem, host),
            Error::PeerIncompatible(_)
            | Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
                Self::Outdated
            }
            Error::InvalidMessage(_) => Self::NotTls,
            other => Self::Broken(other.to_string()),
        }
    }

    fn name_certificate(problem: &rustls::CertificateError, host: &str) -> Self {
        use rustls::CertificateError as Problem;
        let host = host.to_owned();
        match problem {
            Problem::NotValidForName => Self::NameMismatch { expected: host, presented: Vec::new() },
            Problem::NotValidForNameContext { presented, .. } => Self::NameMismatch {
                expected: host,
                presented: presented.iter().map(|n| plain_name(n)).collect(),
            },
            // An authority that was set up anew has its old name and another key: the signature does not fit,
            // and to the administrator it is as unknown as any.
            Problem::UnknownIssuer | Problem::BadSignature => Self::UnknownIssuer { host },
            Problem::Expired | Problem::ExpiredContext { .. } => Self::Expired { host },
            Problem::NotValidYet | Problem::NotValidYetContext { .. } => Self::NotYetValid { host },
            Problem::ApplicationVerificationFailure => Self::PinMismatch { host },
            Problem::Other(inner) if inner.to_string().contains("CaUsedAsEndEntity") => {
                Self::AuthorityAsServer { host }
            }
            other => Self::BadCertificate { detail: other.to_string() },
        }
    }
}

/// The verifier prints names as `DnsName("mail.example")`; people want `mail.example`.
fn plain_name(presented: &str) -> String {
    let inner = presented.split_once('(').map_or(presented, |(_, rest)| rest.trim_end_matches(')'));
    inner.trim_matches('"').to_owned()
}
