//! What the operating system asks of the process.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Returns when the process is asked to stop (SIGTERM, SIGINT).
pub(crate) async fn stop() {
    let mut signals = [SignalKind::terminate(), SignalKind::interrupt()].map(listen);
    let [terminate, interrupt] = &mut signals;
    tokio::select! {
        () = received(terminate) => {}
        () = received(interrupt) => {}
    }
}

/// Asked to read the configuration again (SIGHUP), time after time.
pub(crate) struct Reload(Option<Signal>);

impl Reload {
    pub(crate) fn new() -> Self {
        Self(listen(SignalKind::hangup()))
    }

    pub(crate) async fn asked(&mut self) {
        received(&mut self.0).await;
    }
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind).inspect_err(|error| tracing::error!(%error, "signals cannot be received")).ok()
}

/// Never returns when signals cannot be received: then the process can only be killed.
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
