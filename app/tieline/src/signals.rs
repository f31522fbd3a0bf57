//! What the operating system asks of the process.

use std::io::Read;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

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

/// The end of standard input: whoever holds the other end is gone.
pub(crate) struct StdinClosed(Option<oneshot::Receiver<()>>);

impl StdinClosed {
    /// Reads on a thread of its own, which the process does not wait for when it ends.
    pub(crate) fn watch(wanted: bool) -> Self {
        if !wanted {
            return Self(None);
        }
        let (closed, told) = oneshot::channel();
        std::thread::spawn(move || {
            let mut input = std::io::stdin().lock();
            let mut ignored = [0; 64];
            while input.read(&mut ignored).is_ok_and(|read| read > 0) {}
            let _ = closed.send(());
        });
        Self(Some(told))
    }

    /// Returns when it is closed; never when it is not watched.
    pub(crate) async fn wait(&mut self) {
        match &mut self.0 {
            Some(told) => {
                let _ = told.await;
                self.0 = None;
            }
            None => std::future::pending().await,
        }
    }
}
