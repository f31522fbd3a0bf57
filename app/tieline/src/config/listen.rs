use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

/// Where people and programs reach this server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Listen {
    /// REST API, health and metrics over plain HTTP. Keep it on loopback and put a reverse proxy with TLS in front.
    pub http: SocketAddr,
    /// Allow `http` on an address other than loopback although requests then travel unprotected.
    pub http_beyond_loopback: bool,
    /// The Unix socket that the command line talks to; only this server's user may open it.
    pub admin_socket: PathBuf,
    /// How long a graceful stop waits for work in hand, in seconds.
    pub stop_within_s: u64,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            http: SocketAddr::from(([127, 0, 0, 1], 8480)),
            http_beyond_loopback: false,
            admin_socket: PathBuf::from("tieline.sock"),
            stop_within_s: 20,
        }
    }
}

impl Listen {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        super::within("listen", "stop_within_s", self.stop_within_s, 1, 600)?;
        if self.http.ip().is_loopback() || self.http_beyond_loopback {
            return Ok(());
        }
        Err(Refusal::operator(
            "config-unprotected",
            format!("[listen] http is {}, which is reachable from outside without TLS", self.http),
            "listen on 127.0.0.1 behind a reverse proxy, or set http_beyond_loopback = true",
        ))
    }
}
