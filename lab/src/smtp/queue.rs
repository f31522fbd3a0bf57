//! The queue for the smart host: every message is tried until it is taken, refused, or too old.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::client::{self, Outcome};
use crate::{
    delivery, mime,
    server::Server,
    store::outbound::{self, Outbound},
};

/// Tries before a message goes back to its author.
const MAX_TRIES: i64 = 8;
/// The pause after the first try in vain; it doubles from try to try.
const FIRST_PAUSE_MS: i64 = 1000;

/// Sends what is queued until the lab stops.
pub(crate) async fn watch(server: Arc<Server>) {
    if server.settings.smart_host.is_none() {
        return;
    }
    loop {
        let written = server.store.written();
        let pause = match send_due(&server).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::error!(%error, "lab: the queue of mail could not be read");
                Some(Duration::from_secs(1))
            }
        };
        let rest = async {
            match pause {
                Some(pause) => sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = server.stop.cancelled() => return,
            () = written => {}
            () = rest => {}
        }
    }
}

/// Sends all that is due, and says how long there is nothing to do.
async fn send_due(server: &Server) -> Result<Option<Duration>, sqlx::Error> {
    loop {
        let now_ms = server.clock.now_ms();
        let mut tx = server.store.read().await?;
        let due = outbound::due(&mut tx, now_ms).await?;
        let next = outbound::next_due(&mut tx).await?;
        tx.rollback().await?;
        let (Some(message), Some(host)) = (due, server.settings.smart_host) else {
            let wait = next.map(|next| u64::try_from(next - now_ms).unwrap_or(0).max(10));
            return Ok(wait.map(Duration::from_millis));
        };
        if server.stop.is_cancelled() {
            return Ok(None);
        }
        let outcome = client::send(host, &message).await;
        settle(server, &message, outcome).await?;
    }
}

async fn settle(
    server: &Server,
    message: &Outbound,
    outcome: std::io::Result<Outcome>,
) -> Result<(), sqlx::Error> {
    let now_ms = server.clock.now_ms();
    let (mut refused, mut later) = match outcome {
        Ok(Outcome { refused, later }) => (refused, later),
        Err(error) => {
            tracing::info!(%error, "lab: the smart host did not take a message");
            (Vec::new(), message.recipients.clone())
        }
    };
    if message.tries + 1 >= MAX_TRIES {
        let reason = "The server has tried to deliver this message, without success, and has stopped trying.";
        refused.extend(later.drain(..).map(|recipient| (recipient, reason.to_owned())));
    }
    let mut tx = server.store.write().await?;
    if later.is_empty() {
        outbound::remove(&mut tx, message.outbound).await?;
    } else {
        let pause = FIRST_PAUSE_MS << message.tries.clamp(0, MAX_TRIES);
        outbound::retry(&mut tx, message.outbound, &later, now_ms + pause).await?;
    }
    let author = server.directory.by_address(&message.sender);
    if let Some(author) = author.filter(|_| !refused.is_empty()) {
        let headers = mime::headers(&message.source);
        let subject = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("Subject"));
        let subject = subject.map(|(_, value)| value).unwrap_or_default();
        let author = (author.display_name.as_str(), author.address.as_str());
        for (recipient, reason) in &refused {
            delivery::report(&mut tx, author, recipient, &subject, reason, now_ms).await?;
        }
    }
    server.store.commit(tx).await
}
