//! `tieline serve`: the server.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tieline_model::Refusal;

use crate::cli::Reach;
use crate::config::Config;
use crate::output::Output;
use crate::signals::{self, Reload};
use crate::telemetry;
use crate::wiring::Server;

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// A JSON file with the addresses, written when everything listens.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Stops when its standard input closes: with whoever started it, however that one ends.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

pub(crate) async fn run(command: Serve, reach: &Reach, out: Output) -> Result<(), Refusal> {
    let config = Config::load(&reach.config)?;
    let filter = telemetry::logs(&config.log)?;
    let metrics = telemetry::metrics()?;
    let (mut server, mut reloads) = Server::start(&config, metrics).await?;
    let addresses = json!({
        "pid": std::process::id(),
        "http": format!("http://{}", server.http()),
        "sip": server.sip(),
        "admin_socket": config.listen.admin_socket,
    });
    if let Some(file) = &command.ready_file {
        write_ready(file, &addresses.to_string())?;
    }
    out.show(&json!({ "ready": addresses }), |_| {
        let sip = match server.sip().as_slice() {
            [] => "no SIP: lights are not told until [sip] udp, tcp or tls has an address".to_owned(),
            listeners => format!("SIP at {}", listeners.join(", ")),
        };
        format!("Tieline serves at http://{}, store {}, {sip}", server.http(), server.store_name())
    });
    tracing::info!(http = %server.http(), store = server.store_name(), "server ready");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);

    let mut hangup = Reload::new();
    let mut orphaned = signals::StdinClosed::watch(command.until_stdin_closes);
    loop {
        tokio::select! {
            () = signals::stop() => break,
            () = orphaned.wait() => break,
            () = hangup.asked() => {}
            Some(()) = reloads.recv() => {}
            broken = server.broken() => {
                tracing::error!(%broken, "server stops");
                server.stop(&config).await;
                return Err(broken);
            }
        }
        match Config::load(&reach.config).and_then(|next| filter.set(&next.log).map(|()| next)) {
            Ok(next) => match server.restart_needed(&next) {
                sections if sections.is_empty() => tracing::info!("configuration read again"),
                sections => {
                    tracing::warn!(sections, "configuration read again; these sections wait for a restart")
                }
            },
            Err(refusal) => tracing::error!(%refusal, "configuration kept as it was"),
        }
    }
    tracing::info!("server stopping");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    server.stop(&config).await;
    Ok(())
}

/// Written beside its place and renamed, so that a reader sees all of it or nothing.
fn write_ready(file: &Path, text: &str) -> Result<(), Refusal> {
    let part = file.with_extension("part");
    std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, file)).map_err(|error| {
        let what = format!("the ready file cannot be written: {error}");
        Refusal::operator("ready-file", what, "name a writable place").at(file.display().to_string())
    })
}
