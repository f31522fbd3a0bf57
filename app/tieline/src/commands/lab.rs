//! `tieline lab`: an Exchange server for tests, on loopback.

use std::net::SocketAddr;
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
    /// Desk phones over SIP; each user's phone has a port of its own, counted from this one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    sip: Option<SocketAddr>,
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

pub(crate) async fn run(command: LabCommand, out: Output) -> Result<(), Refusal> {
    let config = LabConfig {
        state_dir: command.state,
        http: command.http,
        https: command.https,
        sip: command.sip,
        users: command.users,
        ready_file: command.ready_file,
        record_dir: command.record,
        ..LabConfig::default()
    };
    let lab = Lab::start(config).await.map_err(|error| {
        Refusal::operator("lab-failed", format!("the lab cannot start: {error}"), "choose free loopback ports and a writable --state")
    })?;
    let ready = serde_json::to_value(lab.ready()).unwrap_or_default();
    out.show(&json!({ "ready": ready }), |_| {
        let urls = ["ews_https", "ews_http"].iter().filter_map(|name| ready.get(*name).and_then(|url| url.as_str()));
        format!("Lab Exchange at {}\nStop it with Ctrl-C.", urls.collect::<Vec<_>>().join(" and "))
    });
    signals::stop().await;
    lab.shutdown().await;
    Ok(())
}
