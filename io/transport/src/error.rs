//! What can go wrong between here and the server, in words an administrator can act on.

use std::net::IpAddr;
use std::time::Duration;

use crate::guard::AddressClass;

/// A failure below HTTP, or a refusal to go there. An answer with an error status is not one of these.
#[derive(Debug)]
pub enum TransportError {
    /// The address cannot be used.
    BadUrl { url: String, reason: &'static str },
    /// The trust settings cannot be used.
    BadTrust(String),
    /// The credentials cannot be put into a header.
    BadCredentials { endpoint: String, reason: &'static str },
    /// The host name leads nowhere.
    Resolve { host: String, source: std::io::Error },
    /// The host leads to an address that [`Guard`](crate::Guard) keeps.
    Guarded { host: String, address: IpAddr, class: AddressClass },
    /// No TCP connection.
    Connect { endpoint: String, source: std::io::Error },
    /// No TLS session.
    Tls { endpoint: String, problem: TlsProblem },
    /// No answer in time.
    Timeout { endpoint: String, phase: Phase, after: Duration },
    /// The connection was lost before the request left.
    NotSent { endpoint: String, reason: String },
    /// The connection was lost after the request left, or did not carry HTTP.
    Lost { endpoint: String, phase: Phase, reason: String },
    /// The issuer gave no token.
    Token { issuer: String, reason: String, transient: bool },
    /// The sign-in cannot be carried out with this server.
    SignIn { endpoint: String, reason: String },
    /// The answer is larger than the caller allows.
    TooLarge { endpoint: String, limit: u64 },
    /// The request cannot be put on the wire.
    BadRequest { endpoint: String, reason: String },
}

impl std::fmt::Display for TransportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; {}", self.what(), self.next())
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. } | Self::Connect { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl TransportError {
    /// What happened and where, one sentence without the final full stop.
    pub fn what(&self) -> String {
        match self {
            Self::BadUrl { url, reason } => format!("`{url}` is not a usable address: {reason}"),
            Self::BadTrust(reason) => format!("the trust settings cannot be used: {reason}"),
            Self::BadCredentials { endpoint, reason } => {
                format!("the credentials for {endpoint} cannot be sent: {reason}")
            }
            Self::Resolve { host, source } => format!("the host name {host} cannot be resolved ({source})"),
            Self::Guarded { host, address, class } => format!(
                "{host} leads to {address}, which is {class}; what users and peers name may only be public"
            ),
            Self::Connect { endpoint, source } => {
                format!("{endpoint} does not accept a connection ({source})")
            }
            Self::Tls { endpoint, problem } => format!("TLS with {endpoint} failed: {}", problem.what()),
            Self::Timeout { endpoint, phase, after } => {
                format!("{endpoint} did not answer within {} s ({phase})", after.as_secs_f32())
            }
            Self::NotSent { endpoint, reason } => {
                format!("the connection to {endpoint} was lost before the request left ({reason})")
            }
            Self::Lost { endpoint, phase, reason } => {
                format!("the connection to {endpoint} was lost {phase} ({reason})")
            }
            Self::Token { issuer, reason, .. } => format!("{issuer} issued no token: {reason}"),
            Self::SignIn { endpoint, reason } => format!("signing in to {endpoint} failed: {reason}"),
            Self::TooLarge { endpoint, limit } => {
                format!("the answer of {endpoint} is larger than {limit} bytes and was not read")
            }
            Self::BadRequest { endpoint, reason } => {
                format!("the request to {endpoint} is not valid HTTP: {reason}")
            }
        }
    }

    /// One step that helps.
    pub fn next(&self) -> String {
        match self {
            Self::BadUrl { .. } => "write it as https://host/path".to_owned(),
            Self::BadTrust(_) => "correct the trust settings of the endpoint".to_owned(),
            Self::BadCredentials { .. } => "correct user name and password".to_owned(),
            Self::Resolve { .. } => "check the name, and the DNS server of this machine".to_owned(),
            Self::Guarded { .. } => "an administrator can put the address on the allow-list".to_owned(),
            Self::Connect { .. } => "check host, port and firewall".to_owned(),
            Self::Tls { endpoint, problem } => problem.next_at(endpoint),
            Self::Timeout { phase: Phase::Connect, .. } => "check host, port and firewall".to_owned(),
            Self::Timeout { .. } | Self::NotSent { .. } => "wait, or check the load of the server".to_owned(),
            Self::Lost { .. } => "wait, or check what stands between here and the server".to_owned(),
            Self::Token { transient: true, .. } => "wait, or check the state of the issuer".to_owned(),
            Self::Token { .. } => {
                "check tenant, client id, client secret and the application's permissions".to_owned()
            }
            Self::SignIn { .. } => "allow NTLMv2 on the server, or choose another way to sign in".to_owned(),
            Self::TooLarge { .. } => "raise the limit if the server is trusted".to_owned(),
            Self::BadRequest { .. } => "correct the settings that the request is made of".to_owned(),
        }
    }

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
            Self::Token { transient, .. } => *transient,
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
        f.write_str(&self.what())
    }
}

impl TlsProblem {
    /// What is wrong, beginning with its name.
    pub fn what(&self) -> String {
        match self {
            Self::NameMismatch { expected, presented } if presented.is_empty() => {
                format!("name mismatch: the certificate names no host, so not {expected} either")
            }
            Self::NameMismatch { expected, presented } => {
                format!("name mismatch: the certificate is for {}, not for {expected}", presented.join(", "))
            }
            Self::UnknownIssuer { .. } => {
                "unknown issuer: no trusted authority issued the certificate".to_owned()
            }
            Self::Expired { .. } => "expired: the certificate is no longer valid".to_owned(),
            Self::NotYetValid { .. } => "not valid yet: the certificate begins in the future".to_owned(),
            Self::PinMismatch { host } => {
                format!("pin mismatch: {host} presents another certificate than the pinned one")
            }
            Self::AuthorityAsServer { .. } => "the server presents a CA certificate as its own".to_owned(),
            Self::BadCertificate { detail } => format!("the certificate cannot be used: {detail}"),
            Self::Outdated => "the server offers no TLS version or cipher that is still safe".to_owned(),
            Self::NotTls => "the server does not speak TLS on this port".to_owned(),
            Self::Broken(detail) => format!("the handshake was cut off: {detail}"),
        }
    }

    /// One step that helps, for the server at `endpoint`, host and port: what it presents is looked at there.
    pub fn next_at(&self, endpoint: &str) -> String {
        match self {
            Self::NameMismatch { .. } => format!(
                "use a name of the certificate as the address, or compare it with `tieline trust fetch \
                 {endpoint}` and pin it"
            ),
            Self::UnknownIssuer { .. } => {
                format!(
                    "compare what `tieline trust fetch {endpoint}` shows with the server's administrator; then \
                     import the issuing CA or pin the certificate"
                )
            }
            Self::Expired { .. } => {
                format!("renew it on the server; `tieline trust fetch {endpoint}` shows what it presents")
            }
            Self::NotYetValid { host } => format!("check the clocks of this machine and of {host}"),
            Self::PinMismatch { .. } => {
                format!(
                    "if it was renewed, compare with `tieline trust fetch {endpoint}` and pin the new one"
                )
            }
            Self::AuthorityAsServer { .. } => {
                format!(
                    "pin it instead of importing it; `tieline trust fetch {endpoint}` prints the fingerprint"
                )
            }
            Self::BadCertificate { .. } => "replace the certificate on the server".to_owned(),
            Self::Outdated => "enable TLS 1.2 with ECDHE, or TLS 1.3, on the server".to_owned(),
            Self::NotTls => "check the port, or use http://".to_owned(),
            Self::Broken(_) => "check what stands between here and the server".to_owned(),
        }
    }
}

impl TlsProblem {
    /// Names the failure of a handshake with `host`.
    pub fn name(error: &std::io::Error, host: &str) -> Self {
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
