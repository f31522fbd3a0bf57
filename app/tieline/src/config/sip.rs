use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

/// Message-waiting lights over SIP (RFC 3842).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sip {
    /// Where SIP over UDP is received, and sent from.
    pub udp: Option<SocketAddr>,
    /// Where SIP over TCP is received.
    pub tcp: Option<SocketAddr>,
    /// SIP over TLS.
    pub tls: Option<SipTls>,
    /// The domain of message accounts: a mailbox with number 1001 is `sip:1001@DOMAIN`.
    pub domain: String,
    /// Telephones that subscribe must prove who they are (digest authentication).
    pub authenticate_subscribers: bool,
    /// Digest algorithms offered to subscribers, the preferred one first. Telephones that read only the first offer and
    /// know only MD5 need it first.
    pub digest: Vec<Digest>,
    /// The longest subscription granted, in seconds.
    pub subscription_max_s: u32,
    /// A presence server that takes PUBLISH.
    pub presence: Option<Presence>,
    /// Send the trace id along in the header X-Tieline-Trace.
    pub trace_header: bool,
    /// A light is called unknown when the mail server could not be asked for so many seconds.
    pub unknown_after_s: u64,
}

/// A digest algorithm (RFC 8760).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Digest {
    /// SHA-256.
    #[serde(rename = "sha-256")]
    Sha256,
    /// MD5.
    #[serde(rename = "md5")]
    Md5,
}

/// SIP over TLS.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SipTls {
    /// Where it is received.
    pub listen: SocketAddr,
    /// This server's certificate chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// When given, peers must show a certificate from one of these authorities, PEM.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
}

/// A presence server that takes PUBLISH (RFC 3903).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Presence {
    /// Where PUBLISH goes, as `sip:10.0.0.5:5060;transport=tcp`.
    pub server: String,
    /// The user name for digest authentication.
    #[serde(default)]
    pub user: Option<String>,
    /// A file that holds the password, so that it stands in no configuration.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

impl Default for Sip {
    fn default() -> Self {
        Self {
            udp: None,
            tcp: None,
            tls: None,
            domain: "localhost".to_owned(),
            authenticate_subscribers: true,
            digest: vec![Digest::Sha256, Digest::Md5],
            subscription_max_s: 3600,
            presence: None,
            trace_header: true,
            unknown_after_s: 300,
        }
    }
}

impl Sip {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.digest.is_empty() {
            let next = "name sha-256, md5 or both";
            return Err(Refusal::operator("config-invalid", "[sip] digest names no algorithm", next));
        }
        super::within("sip", "subscription_max_s", self.subscription_max_s.into(), 60, 86_400)?;
        super::within("sip", "unknown_after_s", self.unknown_after_s, 30, 86_400)
    }
}
