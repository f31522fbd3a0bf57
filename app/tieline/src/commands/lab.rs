//! `tieline lab`: an Exchange server for tests, on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tieline_lab::{Lab, LabConfig};
use tieline_model::Refusal;

use crate::output::Output;
use crate::signals;

#[derive(Debug, Args)]
pub(crate) struct LabCommand {
    /// Where mailboxes are kept; the same folder brings them back.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// EWS over http.
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,
    /// EWS over https, with a self-signed certificate.
    #[arg(long, value_name = "ADDRESS:PORT")]
    https: Option<SocketAddr>,
    /// Desk phones over SIP; alice's at this port, bob's and carol's at the next ones; port 0 takes free ones.
    #[arg(long, value_name = "ADDRESS:PORT")]
    sip: Option<SocketAddr>,
    /// The directory over plain LDAP, as Active Directory speaks it.
    #[arg(long, value_name = "ADDRESS:PORT")]
    ldap: Option<SocketAddr>,
    /// How many users: alice, bob, carol, then user4 and so on.
    #[arg(long, default_value_t = 3)]
    users: usize,
    /// A JSON file with every address and account, written when all listen.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Keep every request and answer here, for checking them against a schema.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Desk phones for alice, bob and carol, on ports one after the other, or on any when the first one is 0.
pub(crate) fn phones(first: SocketAddr) -> Vec<(String, SocketAddr)> {
    let users = ["alice", "bob", "carol"];
    let port = |index: u16| if first.port() == 0 { 0 } else { first.port().saturating_add(index) };
    (0..)
        .zip(users)
        .map(|(index, user)| (user.to_owned(), SocketAddr::new(first.ip(), port(index))))
        .collect()
}

pub(crate) async fn run(command: LabCommand, out: Output) -> Result<(), Refusal> {
    // Without any address it offers EWS over http on a free port.
    let http = if command.https.is_none() { command.http.or(Some(ANY)) } else { command.http };
    let config = LabConfig {
        http,
        https: command.https,
        phones: command.sip.map(phones).unwrap_or_default(),
        ldap: command.ldap,
        users: command.users,
        ready_file: command.ready_file,
        record_dir: command.record,
        ..LabConfig::new(command.state)
    };
    let lab = Lab::start(config).await.map_err(|error| {
        let next = "choose free loopback ports and a writable --state";
        Refusal::operator("lab-failed", error.to_string(), next)
    })?;
    let ready = serde_json::to_value(lab.ready()).unwrap_or_default();
    out.show(&json!({ "ready": ready }), |_| {
        let urls =
            ["ews_https", "ews_http"].iter().filter_map(|name| ready.get(*name).and_then(|url| url.as_str()));
        format!("Lab Exchange at {}\nStop it with Ctrl-C.", urls.collect::<Vec<_>>().join(" and "))
    });
    signals::stop().await;
    lab.shutdown().await;
    Ok(())
}
