//! Push notifications: the lab posts `SendNotification` to the listener of each push subscription, repeats what was
//! not taken, sends a status event when nothing happens, and gives up on a silent listener as Exchange does.

use std::{collections::HashSet, io, net::SocketAddr, sync::Arc, time::Duration};

use tieline_proto_ews::{
    ExchangeVersion, Limits, RequestHeader, ResponseMessage, decode_response, encode_request,
    operations::{SendNotification, SendNotificationMessage, SubscriptionStatus},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, sleep_until, timeout},
};
use uuid::Uuid;

use crate::{
    ews::{collect, notification},
    server::Server,
    store::{
        mailbox,
        subscription::{self, Subscription},
    },
};

const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const LONGEST_ANSWER: u64 = 65_536;

/// Where a listener is: the lab talks to loopback only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    address: SocketAddr,
    path: String,
}

impl Listener {
    /// Reads `http://127.0.0.1:port/path`; `None` for anything else.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let authority = authority.replace("localhost", "127.0.0.1");
        let address: SocketAddr = authority.parse().or_else(|_| format!("{authority}:80").parse()).ok()?;
        let plain = path.bytes().all(|byte| byte.is_ascii_graphic());
        (address.ip().is_loopback() && plain).then(|| Self { address, path: path.to_owned() })
    }

    /// Posts a document and returns the answer's body. HTTP/1.0, so that the body ends with the connection.
    async fn post(&self, document: &[u8]) -> io::Result<Vec<u8>> {
        let head = format!(
            "POST {} HTTP/1.0\r\nHost: {}\r\nUser-Agent: ExchangeServicesClient/15.01.2507.039\r\n\
             Content-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\
             SOAPAction: \"http://schemas.microsoft.com/exchange/services/2006/messages/SendNotification\"\r\n\r\n",
            self.path,
            self.address,
            document.len()
        );
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(document).await?;
        let mut answer = Vec::new();
        stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let status = answer.split(|byte| *byte == b' ').nth(1);
        match (end, status) {
            (Some(end), Some(b"200")) => Ok(answer.split_off(end + 4)),
            _ => Err(io::Error::other("the listener did not answer 200")),
        }
    }
}

/// Gives every push subscription a task of its own, also those of an earlier run.
pub(crate) async fn watch(server: Arc<Server>) {
    let mut known = HashSet::new();
    loop {
        let added = server.subscribed.notified();
        match pushes(&server).await {
            Ok(found) => {
                for subscription in found {
                    if known.insert(subscription.id.clone()) {
                        server.tasks.spawn(serve(Arc::clone(&server), subscription.id));
                    }
                }
            }
            Err(error) => tracing::error!(%error, "lab: push subscriptions could not be read"),
        }
        tokio::select! {
            () = server.stop.cancelled() => return,
            () = added => {}
        }
    }
}

async fn pushes(server: &Server) -> Result<Vec<Subscription>, sqlx::Error> {
    let mut tx = server.store.read().await?;
    subscription::pushes(&mut tx, server.clock.now_ms()).await
}

async fn serve(server: Arc<Server>, id: String) {
    if let Err(error) = Push::new(server, id).run().await {
        tracing::error!(%error, "lab: a push subscription failed");
    }
}

struct Push {
    server: Arc<Server>,
    id: String,
    failures: u32,
    silent_since: Instant,
    last_sent: Option<Instant>,
}

impl Push {
    fn new(server: Arc<Server>, id: String) -> Self {
        Self { server, id, failures: 0, silent_since: Instant::now(), last_sent: None }
    }

    async fn run(mut self) -> Result<(), sqlx::Error> {
        let mut committed = self.server.store.committed();
        loop {
            committed.borrow_and_update();
            let Some((subscription, mailbox, batch)) = self.read().await? else { return Ok(()) };
            // What the subscription calls a minute is as long as a stream's.
            let minutes = u32::try_from(subscription.timeout_ms / 60_000).unwrap_or(1).max(1);
            let frequency = self.server.settings.stream_minute * minutes;
            let beat = self.last_sent.map_or_else(Instant::now, |sent| sent + frequency);
            if batch.events.is_empty() && Instant::now() < beat {
                tokio::select! {
                    () = self.server.stop.cancelled() => return Ok(()),
                    _ = committed.changed() => {}
                    () = sleep_until(beat) => {}
                }
                continue;
            }
            let position = batch.position;
            let told = notification(mailbox, &self.id, subscription.position, batch);
            let message = ResponseMessage::success(SendNotificationMessage { notification: Some(told) });
            match self.tell(&subscription, SendNotification::one(message)).await {
                Some(SubscriptionStatus::Ok) => {
                    self.failures = 0;
                    self.silent_since = Instant::now();
                    self.last_sent = Some(Instant::now());
                    self.served(position).await?;
                }
                Some(_) => return self.end().await,
                None => {
                    if self.silent_since.elapsed() > frequency {
                        return self.end().await;
                    }
                    let pause = self.server.settings.push_retry * 2_u32.saturating_pow(self.failures.min(5));
                    self.failures += 1;
                    tokio::select! {
                        () = self.server.stop.cancelled() => return Ok(()),
                        () = sleep(pause) => {}
                    }
                }
            }
        }
    }

    async fn read(&self) -> Result<Option<(Subscription, Uuid, crate::ews::Batch)>, sqlx::Error> {
        let mut tx = self.server.store.read().await?;
        let now_ms = self.server.clock.now_ms();
        let Some(found) = subscription::by_id(&mut tx, &self.id, now_ms).await? else { return Ok(None) };
        let Some(owner) = mailbox::by_number(&mut tx, found.mailbox).await? else { return Ok(None) };
        let batch = collect(&mut tx, &found, found.position).await?;
        Ok(Some((found, owner.guid, batch)))
    }

    /// Tells the listener; `None` when it did not answer properly.
    async fn tell(
        &self,
        subscription: &Subscription,
        message: SendNotification,
    ) -> Option<SubscriptionStatus> {
        let listener = Listener::parse(subscription.url.as_deref()?)?;
        let document = encode_request(&RequestHeader::new(ExchangeVersion::Exchange2013Sp1), &message);
        if let Some(recorder) = &self.server.recorder {
            recorder.write(self.server.journal.next(), "SendNotification", "response", &document).await;
        }
        let answer = timeout(ANSWER_WITHIN, listener.post(&document)).await.ok()?.ok()?;
        let reply = decode_response::<SendNotification>(&answer, &Limits::DEFAULT).ok()?;
        Some(reply.body.ok()?.subscription_status)
    }

    async fn served(&self, position: i64) -> Result<(), sqlx::Error> {
        let mut tx = self.server.store.write().await?;
        subscription::served(&mut tx, &self.id, position, i64::MAX).await?;
        self.server.store.commit(tx).await
    }

    async fn end(&self) -> Result<(), sqlx::Error> {
        let mut tx = self.server.store.write().await?;
        subscription::remove(&mut tx, &self.id).await?;
        self.server.store.commit(tx).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_on_loopback() {
        let listener = Listener::parse("http://127.0.0.1:8080/ews/push/token").expect("listener");
        assert_eq!(listener.path, "/ews/push/token");
        assert_eq!(listener.address, SocketAddr::from(([127, 0, 0, 1], 8080)));
        assert!(Listener::parse("http://localhost/x").is_some());
        for bad in
            ["https://127.0.0.1/", "http://192.0.2.1/x", "http://127.0.0.1/a b", "http://example/x", "x"]
        {
            assert_eq!(Listener::parse(bad), None, "{bad}");
        }
    }
}
