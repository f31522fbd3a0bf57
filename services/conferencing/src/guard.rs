//! Carries out what [`Watch`] says: one node at a time, under a lease of its own.

use std::pin::Pin;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use tieline_model::{Class, Refusal};
use tieline_ports::{Sign, SignStream};
use tieline_store::{Batch, JobFilter, Lease};

use crate::inbox::stream_of;
use crate::{Action, Conferencing, Input, Trouble, Watch};

const STREAM: &str = "conference/watch";
const LEASE: SignedDuration = SignedDuration::from_secs(10);
/// How often it is renewed, or tried for.
const RENEW: Duration = Duration::from_secs(3);
/// From one subscription to the next at least; so a server that ends each at once is not asked without pause.
const BREATH: Duration = Duration::from_secs(1);
/// How often a reading that another node carries out is asked after.
const ASK: Duration = Duration::from_millis(500);

type Pending<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Option<Input>> + Send + 'a>>>;

impl Conferencing {
    /// Watches for ever.
    pub(crate) async fn guard(&self) {
        let owner = self.ids.uuid();
        loop {
            match self.store.hold(STREAM, owner, self.now(), LEASE).await {
                Ok(Some(lease)) => {
                    self.guard_under(&lease).await;
                    // If the store cannot be told, the lease runs out.
                    let _ = self.store.release(&lease).await;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "nobody watches the conference mailbox yet"),
            }
            tokio::time::sleep(RENEW).await;
        }
    }

    async fn guard_under(&self, lease: &Lease) {
        let mut watch = Watch::new(self.settings.watch, self.now());
        let mut line: Option<(u64, bool, SignStream)> = None;
        let mut pending: Pending<'_> = FuturesUnordered::new();
        let mut renewals = tokio::time::interval(RENEW);
        let Ok(last) = self.store.last_event().await else { return };
        let mut config = self.store.listen(last, vec!["config".to_owned()]);
        let mut actions = watch.input(self.now(), Input::On);
        loop {
            for action in actions.drain(..) {
                match action {
                    Action::Subscribe { subscription } => {
                        line = Some((subscription, false, self.line().await));
                    }
                    Action::Touch => pending.push(Box::pin(self.touch().map(|()| None))),
                    Action::Check => pending.push(Box::pin(self.check().map(Some))),
                }
            }
            self.show(&watch);
            let wait = watch.deadline().map_or(Duration::from_secs(60), |due| until(self.now(), due));
            actions = tokio::select! {
                sign = next_sign(&mut line), if line.is_some() => match input_of(&mut line, sign) {
                    Some(input) => watch.input(self.now(), input),
                    None => Vec::new(),
                },
                Some(done) = pending.next(), if !pending.is_empty() => match done {
                    Some(input) => watch.input(self.now(), input),
                    None => Vec::new(),
                },
                event = config.next() => match event {
                    // What was missing may be there now.
                    Ok(_) if watch.status().0 != crate::State::Ok => {
                        line = None;
                        pending.clear();
                        watch.input(self.now(), Input::Off);
                        watch.input(self.now(), Input::On)
                    }
                    Ok(_) => Vec::new(),
                    Err(error) => {
                        tracing::warn!(%error, "watching the conference mailbox is interrupted");
                        return;
                    }
                },
                () = tokio::time::sleep(wait) => watch.handle_timeout(self.now()),
                _ = renewals.tick() => match self.store.renew(lease, self.now(), LEASE).await {
                    Ok(_) => {
                        let ready = self.directory.as_ref().is_none_or(|directory| directory.status().as_of.is_some());
                        watch.input(self.now(), Input::Directory { ready })
                    }
                    Err(error) => {
                        tracing::warn!(%error, "another node may watch the conference mailbox");
                        return;
                    }
                },
            };
        }
    }

    async fn line(&self) -> SignStream {
        match self.target().await {
            Ok(target) => {
                let signs = self.mail.subscribe(target, self.settings.subscription);
                let breath =
                    futures_util::stream::once(tokio::time::sleep(BREATH)).filter_map(|()| async { None });
                Box::pin(breath.chain(signs))
            }
            Err(refusal) => {
                let error = tieline_ports::PortError::refused(refusal);
                Box::pin(futures_util::stream::once(async { Err(error) }))
            }
        }
    }

    async fn touch(&self) {
        let Ok(target) = self.target().await else { return };
        if let Err(error) = self.mail.touch_marker(&target).await {
            tracing::warn!(%error, "the marker of the conference mailbox could not be touched");
        }
    }

    /// Queues a reading and waits until it ended, on whatever node.
    async fn check(&self) -> Input {
        let mut read = self.inner().read.subscribe();
        read.mark_unchanged();
        let batch = Batch { at: self.now(), fence: None, writes: vec![self.read_job()] };
        if let Err(error) = self.store.commit(batch).await {
            return Input::NotChecked(Trouble::Other(error.into()));
        }
        let filter = JobFilter {
            stream: Some(stream_of(&self.settings.mailbox)),
            quarantined: Some(false),
            ..JobFilter::default()
        };
        loop {
            tokio::select! {
                _ = read.changed() => {}
                () = tokio::time::sleep(ASK) => {}
            }
            match self.store.jobs(&filter, 1).await {
                Err(error) => return Input::NotChecked(Trouble::Other(error.into())),
                Ok(jobs) => match jobs.into_iter().next() {
                    None => return Input::Checked,
                    Some(job) => {
                        if let Some(reason) = job.reason {
                            return Input::NotChecked(trouble(reason));
                        }
                    }
                },
            }
        }
    }

    fn show(&self, watch: &Watch) {
        let (state, since, cause) = watch.status();
        let mut shown = self.inner().status.write().unwrap_or_else(PoisonError::into_inner);
        if shown.state != state {
            tracing::info!(?state, cause = cause.map(tracing::field::display), "conference mailbox");
        }
        shown.state = state;
        shown.since = since;
        shown.cause = cause.cloned();
        let down = !matches!(state, crate::State::Ok | crate::State::Off);
        metrics::gauge!("tieline_conference_degraded").set(f64::from(u8::from(down)));
        for (name, one) in crate::State::ALL {
            metrics::gauge!("tieline_conference_state", "state" => name)
                .set(f64::from(u8::from(one == state)));
        }
        metrics::gauge!("tieline_conference_state_since_seconds").set(since.as_second() as f64);
    }
}

fn until(now: Timestamp, due: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(now)).unwrap_or_default()
}

async fn next_sign(
    line: &mut Option<(u64, bool, SignStream)>,
) -> Option<Result<Sign, tieline_ports::PortError>> {
    match line {
        Some((_, _, signs)) => signs.next().await,
        None => None,
    }
}

/// What a sign means; the end of a subscription takes it away.
fn input_of(
    line: &mut Option<(u64, bool, SignStream)>,
    sign: Option<Result<Sign, tieline_ports::PortError>>,
) -> Option<Input> {
    let (subscription, subscribed, _) = line.as_mut()?;
    let subscription = *subscription;
    match sign {
        Some(Ok(Sign::Subscribed)) => {
            *subscribed = true;
            Some(Input::Subscribed { subscription })
        }
        Some(Ok(sign)) => Some(Input::Heard { subscription, news: sign == Sign::Event }),
        ended => {
            let reason = match ended {
                Some(Err(error)) => error.refusal(),
                _ => Refusal::transient("subscription-ended", "the subscription ended", "nothing"),
            };
            let was = std::mem::take(subscribed);
            *line = None;
            Some(if was {
                Input::Lost { subscription, reason }
            } else {
                Input::NotSubscribed { subscription, trouble: trouble(reason) }
            })
        }
    }
}

/// The state that a refusal leads to.
fn trouble(refusal: Refusal) -> Trouble {
    match (refusal.class, refusal.code.as_str()) {
        (_, "unknown-mailbox" | "no-mailbox") => Trouble::MailboxNotFound(refusal),
        (Class::Operator, "wrong-password" | "impersonation-denied" | "no-password") => {
            Trouble::Authentication(refusal)
        }
        _ => Trouble::Other(refusal),
    }
}
