//! The task of one group: subscribe, listen, mend.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tieline_model::{Class, MailboxId, SmtpAddress};
use tieline_ports::{Hint, MailTarget, PortError};
use tieline_proto_ews::operations::{EventType, StreamingSubscription, Subscribe, Subscription, Unsubscribe};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::WatchOptions;
use crate::ews::Shared;
use crate::ews::account::Session;
use crate::ews::affinity::Affinity;
use crate::ews::call::Call;
use crate::ews::failure::Stated;

/// Subscriptions made at the same time; the limiter may allow fewer.
const SUBSCRIBE_AT_ONCE: usize = 8;
/// How long a parting word to the server may take.
const FAREWELL: Duration = Duration::from_secs(5);

/// What a person may have done that can concern a message of ours.
pub(super) const EVENTS: [EventType; 5] = [
    EventType::CreatedEvent,
    EventType::DeletedEvent,
    EventType::ModifiedEvent,
    EventType::MovedEvent,
    EventType::NewMailEvent,
];

/// A mailbox of the group.
pub(super) struct Member {
    pub(super) target: MailTarget,
    pub(super) subscription: Option<String>,
}

pub(super) struct Group {
    pub(super) shared: Arc<Shared>,
    pub(super) members: Vec<Member>,
    hints: mpsc::Sender<Hint>,
    stop: CancellationToken,
    /// The address of the server that has all their mailboxes, where it is not the endpoint's.
    home: Option<String>,
    pub(super) affinity: Affinity,
}

/// A subscription's id, and the cookie of the server that keeps it.
type Subscribed = Result<(String, Option<String>), PortError>;

/// How a streaming connection ended.
#[derive(Debug)]
pub(in crate::ews) enum Ended {
    /// As agreed: its time was over.
    Closed,
    /// We ended it to try again with members that could not be subscribed.
    Interrupted,
    /// The server no longer knows these subscriptions; an empty set means all of them.
    Forgotten(HashSet<String>),
    /// It broke. `alive` if there had been a sign of life.
    Broken { alive: bool, error: PortError },
}

/// How it went lately. Begins anew with a connection that lasted.
struct Health {
    /// Connections in a row that brought nothing.
    in_vain: u32,
    pause: Duration,
    max_pause: Duration,
}

impl Health {
    fn new(options: &WatchOptions) -> Self {
        Self { in_vain: 0, pause: options.first_pause, max_pause: options.max_pause }
    }

    /// The pause after a loss; the next is twice as long.
    fn lost(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(self.max_pause);
        pause
    }
}

impl Group {
    pub(super) fn new(
        shared: Arc<Shared>,
        targets: Vec<MailTarget>,
        hints: mpsc::Sender<Hint>,
        stop: CancellationToken,
    ) -> Self {
        let home = targets.first().and_then(|target| shared.route(target));
        let anchor = targets.first().map(|target| target.address.clone());
        let members = targets.into_iter().map(|target| Member { target, subscription: None }).collect();
        let affinity = Affinity { anchor, cookie: None };
        Self { shared, members, hints, stop, home, affinity }
    }

    /// Until the stream of hints is dropped.
    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.watch() => {}
        }
        self.farewell().await;
    }

    async fn watch(&mut self) {
        let options = self.options().clone();
        let mut health = Health::new(&options);
        let mut push_from = Instant::now();
        loop {
            if let Some(policy) = options.push.as_ref().filter(|_| Instant::now() >= push_from) {
                self.push(policy).await;
                tracing::warn!(
                    mailboxes = self.members.len(),
                    "ews.watch: Exchange does not reach this server; streaming instead"
                );
                push_from = Instant::now() + options.pull_period;
            }
            if health.in_vain >= options.streaming_failures {
                tracing::warn!(
                    mailboxes = self.members.len(),
                    "ews.watch: streaming does not get through; asking in intervals"
                );
                self.pull(options.pull_period).await;
                health = Health::new(&options);
            }
            self.part();
            if self.members.is_empty() {
                return;
            }
            let Some(session) = self.session(&mut health).await else { continue };
            let first = self.subscribe(&session).await;
            if self.members.iter().all(|member| member.subscription.is_none()) {
                let wait = first.and_then(back_off).unwrap_or_default().max(health.lost());
                self.sleep_hinting(wait).await;
                continue;
            }
            let begun = Instant::now();
            let ended = self.stream(&session).await;
            let in_vain = matches!(ended, Ended::Broken { alive: false, .. });
            if begun.elapsed() >= options.first_sign && !in_vain {
                health = Health::new(&options);
            }
            self.mend(ended, &mut health).await;
        }
    }

    /// What follows the end of a streaming connection, before the next.
    async fn mend(&mut self, ended: Ended, health: &mut Health) {
        match ended {
            Ended::Closed => self.hint_all().await,
            Ended::Interrupted => {}
            Ended::Forgotten(ids) => {
                tracing::info!(subscriptions = ids.len(), "ews.watch: the server forgot subscriptions");
                self.forget(&ids);
                health.in_vain += 1;
                tokio::time::sleep(health.lost()).await;
                self.hint_all().await;
            }
            Ended::Broken { alive, error } => {
                health.in_vain += u32::from(!alive);
                let wait = back_off(error.clone()).unwrap_or_default().max(health.lost());
                tracing::info!(%error, wait_ms = wait.as_millis() as u64, "ews.watch: connection lost");
                tokio::time::sleep(wait).await;
                self.hint_all().await;
            }
        }
    }

    pub(super) fn options(&self) -> &WatchOptions {
        &self.shared.options.watch
    }

    /// Members whose mailboxes have moved to other servers go on in groups of their own.
    fn part(&mut self) {
        let (shared, home) = (Arc::clone(&self.shared), self.home.clone());
        let moved = self.members.extract_if(.., |member| shared.route(&member.target) != home);
        let moved: Vec<MailTarget> = moved.map(|member| member.target).collect();
        if moved.is_empty() {
            return;
        }
        self.affinity.anchor = self.members.first().map(|member| member.target.address.clone());
        for targets in super::grouped(&self.shared, moved) {
            let group = Self::new(Arc::clone(&self.shared), targets, self.hints.clone(), self.stop.clone());
            tokio::spawn(group.run());
        }
    }

    /// The account's session, or a pause when its settings cannot be used.
    async fn session(&self, health: &mut Health) -> Option<Arc<Session>> {
        match self.shared.session_of(&self.members.first()?.target) {
            Ok(session) => Some(session),
            Err(error) => {
                tracing::warn!(%error, "ews.watch: the endpoint cannot be used");
                tokio::time::sleep(health.lost()).await;
                None
            }
        }
    }

    /// Subscribes the members that are not, and hints at those that now are. The first error, if any.
    async fn subscribe(&mut self, session: &Session) -> Option<PortError> {
        let mut first = None;
        let missing: Vec<usize> =
            (0..self.members.len()).filter(|index| self.members[*index].subscription.is_none()).collect();
        // The first alone, since its answer tells which server the others should meet.
        for some in chunks_after_first(&missing, SUBSCRIBE_AT_ONCE) {
            for (index, answer) in self.subscribe_some(session, some).await {
                let member = &mut self.members[index];
                match answer {
                    Ok((id, cookie)) => {
                        member.subscription = Some(id);
                        let mailbox = member.target.mailbox;
                        self.affinity.cookie = self.affinity.cookie.take().or(cookie);
                        self.hint(mailbox).await;
                    }
                    Err(error) => {
                        let mailbox = &member.target.address;
                        if error.class() == Class::Transient {
                            tracing::info!(%mailbox, %error, "ews.watch: not subscribed");
                        } else {
                            tracing::warn!(%mailbox, %error, "ews.watch: not subscribed");
                        }
                        first = first.or(Some(error));
                    }
                }
            }
        }
        first
    }

    async fn subscribe_some(&self, session: &Session, some: &[usize]) -> Vec<(usize, Subscribed)> {
        let asked = some.iter().copied().map(|index| async move {
            (index, self.subscribe_one(session, &self.members[index].target.address).await)
        });
        futures_util::future::join_all(asked).await
    }

    async fn subscribe_one(&self, session: &Session, mailbox: &SmtpAddress) -> Subscribed {
        let call = self.call(session, mailbox);
        let request = Subscribe {
            subscription: Some(Subscription::Streaming(StreamingSubscription {
                subscribe_to_all_folders: Some(true),
                event_types: EVENTS.to_vec(),
                ..StreamingSubscription::default()
            })),
        };
        let mut answer = call.send(&request).await?;
        let cookie = Affinity::cookie_of(&answer.headers);
        let Some(message) = answer.messages.pop() else { return Err(call.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&call.at(), None));
        }
        let id = message.payload.subscription_id.ok_or_else(|| call.short())?;
        Ok((id, cookie))
    }

    pub(super) fn call<'a>(&'a self, session: &'a Session, mailbox: &'a SmtpAddress) -> Call<'a> {
        Call { affinity: Some(&self.affinity), ..self.shared.call(session, Some(mailbox)) }
    }

    pub(super) async fn hint(&self, mailbox: MailboxId) {
        // Nobody listens any more: `run` is about to be stopped.
        self.hints.send(Hint { mailbox }).await.ok();
    }

    pub(super) async fn hint_all(&self) {
        for member in &self.members {
            self.hint(member.target.mailbox).await;
        }
    }

    /// Hints at the members that no notification can come from.
    pub(super) async fn hint_unsubscribed(&self) {
        for member in self.members.iter().filter(|member| member.subscription.is_none()) {
            self.hint(member.target.mailbox).await;
        }
    }

    /// Waits without any subscription. Syncing may work although subscribing does not, so hints go on.
    async fn sleep_hinting(&self, wait: Duration) {
        let end = Instant::now() + wait;
        while Instant::now() < end {
            let step = self.options().retry_member.min(end - Instant::now());
            tokio::time::sleep(step).await;
            self.hint_unsubscribed().await;
        }
    }

    fn forget(&mut self, ids: &HashSet<String>) {
        for member in &mut self.members {
            if ids.is_empty() || member.subscription.as_ref().is_some_and(|id| ids.contains(id)) {
                member.subscription = None;
            }
        }
    }

    /// Gives the subscriptions back, so that changed settings do not use up the account's allowance.
    async fn farewell(&self) {
        let Some(member) = self.members.first() else { return };
        let Ok(session) = self.shared.session_of(&member.target) else { return };
        let parting =
            futures_util::stream::iter(&self.members).for_each_concurrent(SUBSCRIBE_AT_ONCE, |member| {
                let session = &session;
                async move {
                    let Some(id) = &member.subscription else { return };
                    let request = Unsubscribe { subscription_id: id.clone() };
                    let call = self.call(session, &member.target.address);
                    if let Err(error) = call.send(&request).await.map_err(PortError::from) {
                        tracing::debug!(%error, "ews.watch: the subscription is left to end by itself");
                    }
                }
            });
        tokio::time::timeout(FAREWELL, parting).await.ok();
    }
}

pub(super) fn back_off(error: PortError) -> Option<Duration> {
    match error {
        PortError::Failed { back_off, .. } => back_off.and_then(|wait| Duration::try_from(wait).ok()),
        _ => None,
    }
}

/// The first alone, the others in chunks.
fn chunks_after_first<T>(all: &[T], size: usize) -> impl Iterator<Item = &[T]> {
    let (first, rest) = all.split_at(all.len().min(1));
    std::iter::once(first).filter(|first| !first.is_empty()).chain(rest.chunks(size))
}
