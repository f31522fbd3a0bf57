//! Mail over SMTP (RFC 5321): in from peers and from users who sign in ([`session`]), out through the smart host
//! ([`client`], [`queue`]).
//!
//! What comes in is acknowledged only after it lies in the mailboxes, or in the queue. Loopback only, as everything
//! of the lab.

mod client;
mod queue;
mod session;

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

pub(crate) use queue::watch;

use crate::{
    account::Directory,
    content::{self, Making},
    delivery::Mail,
    server::Server,
};
use session::{Action, Received, Session};

/// A peer that says nothing for so long is gone (RFC 5321 section 4.5.3.2.7).
const SILENCE: Duration = Duration::from_secs(300);

/// Accepts connections until the lab stops.
pub(crate) async fn accept(server: Arc<Server>, listener: TcpListener) {
    loop {
        let stream = tokio::select! {
            () = server.stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "lab could not accept an SMTP connection");
                    continue;
                }
            },
        };
        let serving = Arc::clone(&server);
        server.tasks.spawn(async move {
            let stop = serving.stop.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                ended = serve(&serving, stream) => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "lab: SMTP connection ended");
                    }
                }
            }
        });
    }
}

async fn serve(server: &Server, mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session::new(&server.directory);
    let mut bytes = vec![0; 16 * 1024];
    stream.write_all(session.greeting().as_bytes()).await?;
    loop {
        while let Some(action) = session.next() {
            let reply = match action {
                Action::Reply(reply) => reply,
                Action::Deliver(received) => deliver(server, received).await,
                Action::Close(reply) => {
                    stream.write_all(reply.as_bytes()).await?;
                    return stream.shutdown().await;
                }
            };
            stream.write_all(reply.as_bytes()).await?;
        }
        let length = timeout(SILENCE, stream.read(&mut bytes)).await.map_err(std::io::Error::other)??;
        if length == 0 {
            return Ok(());
        }
        session.receive(bytes.get(..length).unwrap_or_default());
    }
}

/// Delivers a message and gives the reply to its end.
async fn deliver(server: &Server, received: Received) -> String {
    let now_ms = server.clock.now_ms();
    let Received { sender, recipients, source } = received;
    let known = server.directory.by_address(&sender);
    let name = known.map_or(sender.as_str(), |account| account.display_name.as_str()).to_owned();
    let making = Making { directory: &server.directory, owner_name: &name, owner_address: &sender, now_ms };
    let Some(content) = content::received(source, making) else {
        return "554 5.6.0 STOREDRV.Submission.Exception: the message is not readable\r\n".to_owned();
    };
    let id = content.document.text("InternetMessageId").unwrap_or_default();
    let mail = Mail { server, content: &content, author: (&name, &sender), with: "SMTP", now_ms };
    let outcome = async {
        let mut tx = server.store.write().await?;
        mail.send(&mut tx, &recipients).await?;
        server.store.commit(tx).await
    };
    match outcome.await {
        Ok(()) => {
            let id: String = id.chars().filter(char::is_ascii_graphic).take(200).collect();
            format!("250 2.6.0 {id} Queued mail for delivery\r\n")
        }
        Err(error) => {
            tracing::error!(%error, "lab: a message could not be delivered");
            "451 4.3.0 Temporary server error. Please try again later\r\n".to_owned()
        }
    }
}

/// Lets a session hear what a peer says, in pieces, and takes whatever comes of it.
pub(crate) fn hear(directory: &Directory, said: &[u8], piece: usize) {
    let mut session = Session::new(directory);
    for bytes in said.chunks(piece.max(1)) {
        session.receive(bytes);
        while session.next().is_some() {}
    }
}
