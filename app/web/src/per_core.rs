//! One thread for each core, each with a scheduler of its own.
//!
//! Connections are dealt out among the threads, and each stays where it is: a request is read, answered and written without
//! waking another thread, which for a short answer would cost more than the answer. Whatever takes long is handed to the
//! threads behind it (passwords, comparisons of names) or to the store's own.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, Peer};

/// Connections that may wait for a busy thread.
const BACKLOG: usize = 64;

type App = IntoMakeServiceWithConnectInfo<Router, Peer>;
type Accepted = (std::net::TcpStream, SocketAddr);

/// Serves until `stop`, then lets requests under way finish.
///
/// # Errors
/// When a thread cannot be started or its listener breaks.
pub(crate) async fn serve(mut listener: TcpListener, app: App, stop: CancellationToken) -> io::Result<()> {
    let address = listener.local_addr()?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut senders = Vec::with_capacity(cores);
    let mut threads = Vec::with_capacity(cores);
    for nth in 0..cores {
        let (sender, streams) = mpsc::channel(BACKLOG);
        threads.push(start(nth, Dealt { streams, address }, app.clone(), stop.clone())?);
        senders.push(sender);
    }
    let mut turns = (0..senders.len()).cycle();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = Listener::accept(&mut listener) => accepted,
        };
        let sender = turns.next().and_then(|nth| senders.get(nth));
        if let (Ok(stream), Some(sender)) = (stream.into_std(), sender)
            && sender.send((stream, peer)).await.is_err()
        {
            break;
        }
    }
    drop(senders);
    let ended = tokio::task::spawn_blocking(move || threads.into_iter().try_for_each(join)).await;
    ended.map_err(io::Error::other)?
}

fn start(
    nth: usize,
    dealt: Dealt,
    app: App,
    stop: CancellationToken,
) -> io::Result<JoinHandle<io::Result<()>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serve = move || {
        runtime
            .block_on(async { axum::serve(dealt, app).with_graceful_shutdown(stop.cancelled_owned()).await })
    };
    std::thread::Builder::new().name(format!("http-{nth}")).spawn(serve)
}

fn join(thread: JoinHandle<io::Result<()>>) -> io::Result<()> {
    thread.join().map_err(|_| io::Error::other("a thread that serves connections broke"))?
}

/// The connections that one thread is given.
pub(crate) struct Dealt {
    streams: mpsc::Receiver<Accepted>,
    address: SocketAddr,
}

impl Listener for Dealt {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        while let Some((stream, peer)) = self.streams.recv().await {
            match TcpStream::from_std(stream) {
                Ok(stream) => {
                    // An answer is written at once; without it, it may wait for the acknowledgement of the one before.
                    let _ = stream.set_nodelay(true);
                    return (Connection::new(stream), peer);
                }
                Err(error) => tracing::warn!(%error, %peer, "a connection could not be served"),
            }
        }
        // No more will come; the stop ends this wait.
        std::future::pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}
