//! `tieline serve`: the server.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tieline_model::Refusal;
use tieline_web::ReloadReport;

use crate::cli::Reach;
use crate::config::Config;
use crate::output::Output;
use crate::signals::{self, Reload};
use crate::telemetry::{self, LogFilter};
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
        "ldap": server.ldap(),
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
            () = hangup.asked() => {
                // The log has the outcome.
                let _ = reload(&server, reach, &filter, false);
            }
            Some(asked) = reloads.recv() => {
                // Whoever asked may have gone meanwhile.
                let _ = asked.reply.send(reload(&server, reach, &filter, asked.dry_run));
            }
            broken = server.broken() => {
                tracing::error!(%broken, "server stops");
                server.stop(&config).await;
                return Err(broken);
            }
        }
    }
    tracing::info!("server stopping");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    server.stop(&config).await;
    Ok(())
}

/// Reads the file again and takes up what can be: whole, or nothing of it.
fn reload(
    server: &Server,
    reach: &Reach,
    filter: &LogFilter,
    dry_run: bool,
) -> Result<ReloadReport, Refusal> {
    let next = Config::load(&reach.config);
    let next = next.and_then(|next| Ok((server.reread_trust()?, next)));
    let next = if dry_run { next } else { next.and_then(|next| filter.set(&next.1.log).map(|()| next)) };
    let (trust, next) =
        next.inspect_err(|refusal| tracing::error!(%refusal, "configuration kept as it was"))?;
    let taken =
        ["log", "the operating system's certificate authorities", "the authorities in the files ca_file"];
    let taken = taken.map(str::to_owned).to_vec();
    let report = ReloadReport { taken, restart: server.restart_needed(&next) };
    if dry_run {
        return Ok(report);
    }
    server.take_up_trust(trust);
    if report.restart.is_empty() {
        tracing::info!("configuration read again");
    } else {
        let settings = report.restart.join(", ");
        tracing::warn!(settings, "configuration read again; these settings wait for a restart");
    }
    Ok(report)
}

/// Written beside its place and renamed, so that a reader sees all of it or nothing.
fn write_ready(file: &Path, text: &str) -> Result<(), Refusal> {
    let part = file.with_extension("part");
    std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, file)).map_err(|error| {
        let what = format!("the ready file cannot be written: {error}");
        Refusal::operator("ready-file", what, "name a writable place").at(file.display().to_string())
    })
}
