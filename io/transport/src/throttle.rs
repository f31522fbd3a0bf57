//! The [`Limiter`] with a clock and with tasks that wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as StdInstant};

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::limiter::{Charge, Limiter, LimiterPolicy, Outcome, Ticket};

/// Hands out permits to send to one server. Cheap to clone; clones share the queue.
#[derive(Debug, Clone)]
pub struct Throttle {
    queue: Arc<Mutex<Queue>>,
    /// Rings when a back-off begins, so that those who wait look at their alarm again.
    back_off: Arc<Notify>,
}

#[derive(Debug)]
struct Queue {
    limiter: Limiter,
    sleepers: HashMap<Ticket, oneshot::Sender<()>>,
}

/// No permit within the caller's patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server has asked for a pause{}", if self.pause.is_some() { "" } else { ", or all places are taken" })]
pub struct Busy {
    /// How long the server's pause still lasts; `None` when only places are missing.
    pub pause: Option<Duration>,
}

impl Throttle {
    pub fn new(policy: LimiterPolicy) -> Self {
        let queue = Queue { limiter: Limiter::new(policy), sleepers: HashMap::new() };
        Self { queue: Arc::new(Mutex::new(queue)), back_off: Arc::new(Notify::new()) }
    }

    /// Waits for the permit to send one request charged to `charge`.
    ///
    /// # Errors
    /// [`Busy`] at once when the server's back-off lasts longer than `patience`, so that a worker can do other
    /// work meanwhile; or after `patience` when no place came free.
    pub async fn acquire(&self, charge: &str, patience: Duration) -> Result<Permit, Busy> {
        let give_up = Instant::now() + patience;
        let mut place = Place { throttle: self.clone(), ticket: None };
        let mut wake = {
            let mut queue = self.lock();
            let now = now();
            if let Some(until) = queue.limiter.not_before(now, charge)
                && until > give_up.into_std()
            {
                return Err(Busy { pause: Some(until - now) });
            }
            let ticket = queue.limiter.enqueue(Charge::from(charge));
            let (sender, receiver) = oneshot::channel();
            queue.sleepers.insert(ticket, sender);
            place.ticket = Some(ticket);
            queue.pump();
            receiver
        };
        loop {
            let back_off = self.back_off.notified();
            let mut back_off = std::pin::pin!(back_off);
            back_off.as_mut().enable();
            let alarm = self.lock().limiter.next_deadline(now()).map(Instant::from_std);
            let until = alarm.map_or(give_up, |alarm| alarm.min(give_up));
            tokio::select! {
                biased;
                _ = &mut wake => return Ok(Permit { place }),
                () = back_off => {}
                () = tokio::time::sleep_until(until) => {
                    let mut queue = self.lock();
                    queue.pump();
                    // The pump may just have woken this very task.
                    if Instant::now() >= give_up && wake.try_recv().is_err() {
                        let pause = queue.limiter.not_before(now(), charge).map(|until| until - now());
                        drop(queue);
                        return Err(Busy { pause });
                    } else if Instant::now() >= give_up {
                        drop(queue);
                        return Ok(Permit { place });
                    }
                }
            }
        }
    }

    /// Requests in flight and waiting.
    pub fn load(&self) -> (usize, usize) {
        let queue = self.lock();
        (queue.limiter.in_flight(), queue.limiter.waiting())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn pump(&mut self) {
        for ticket in self.limiter.grant(now()) {
            if let Some(sleeper) = self.sleepers.remove(&ticket) {
                // A sleeper that is gone gives its ticket back when its place is dropped.
                sleeper.send(()).ok();
            }
        }
    }
}

/// The runtime's clock, so that tests can move it.
fn now() -> StdInstant {
    Instant::now().into_std()
}

/// A ticket that leaves the queue with its owner.
#[derive(Debug)]
struct Place {
    throttle: Throttle,
    ticket: Option<Ticket>,
}

impl Place {
    fn leave(&mut self, outcome: Option<Outcome>) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut queue = self.throttle.lock();
        match outcome {
            Some(outcome) => queue.limiter.finish(now(), ticket, outcome),
            None => queue.limiter.cancel(now(), ticket),
        }
        queue.sleepers.remove(&ticket);
        queue.pump();
        if matches!(outcome, Some(Outcome::Throttled { .. })) {
            self.throttle.back_off.notify_waiters();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave(None);
    }
}

/// The right to one request. Dropping it counts as [`Outcome::Unanswered`].
#[derive(Debug)]
pub struct Permit {
    place: Place,
}

impl Permit {
    /// Tells how the request ended. Returns how long the server now wants to be left alone with requests of
    /// this charge.
    pub fn finish(mut self, charge: &str, outcome: Outcome) -> Option<Duration> {
        self.place.leave(Some(outcome));
        let now = now();
        self.place.throttle.lock().limiter.not_before(now, charge).map(|until| until - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::Scope;

    fn policy(per_charge: usize) -> LimiterPolicy {
        LimiterPolicy { per_server: 4, per_charge, ..LimiterPolicy::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_out_a_back_off_exactly() {
        let throttle = Throttle::new(policy(2));
        let permit = throttle.acquire("alice", Duration::from_secs(1)).await.unwrap();
        let back_off = Duration::from_millis(5000);
        let outcome = Outcome::Throttled { scope: Scope::Charge, back_off: Some(back_off) };
        assert_eq!(permit.finish("alice", outcome), Some(back_off));
        let begin = Instant::now();
        throttle.acquire("alice", Duration::from_secs(10)).await.unwrap();
        let waited = begin.elapsed();
        assert!(waited >= back_off && waited < back_off + Duration::from_millis(5), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_longer_than_the_patience_is_said_at_once() {
        let throttle = Throttle::new(policy(2));
        let permit = throttle.acquire("alice", Duration::from_secs(1)).await.unwrap();
        let back_off = Duration::from_secs(300);
        permit.finish("alice", Outcome::Throttled { scope: Scope::Charge, back_off: Some(back_off) });
        let begin = Instant::now();
        let busy = throttle.acquire("alice", Duration::from_secs(10)).await.unwrap_err();
        assert_eq!(begin.elapsed(), Duration::ZERO);
        assert_eq!(busy.pause, Some(back_off));
        assert!(throttle.acquire("bob", Duration::ZERO).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_comes_free_goes_to_who_waits() {
        let throttle = Throttle::new(policy(1));
        let permit = throttle.acquire("alice", Duration::ZERO).await.unwrap();
        let other = throttle.clone();
        let waiter =
            tokio::spawn(async move { other.acquire("alice", Duration::from_secs(60)).await.is_ok() });
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert_eq!(throttle.load(), (1, 1));
        drop(permit);
        assert!(waiter.await.unwrap());
        assert_eq!(throttle.load(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_back_off_that_begins_while_others_wait_holds_them_exactly_as_long() {
        let throttle = Throttle::new(policy(1));
        let permit = throttle.acquire("alice", Duration::ZERO).await.unwrap();
        let other = throttle.clone();
        let begin = Instant::now();
        let waiter = tokio::spawn(async move {
            other.acquire("alice", Duration::from_secs(60)).await.map(|_| Instant::now())
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        let back_off = Some(Duration::from_secs(5));
        permit.finish("alice", Outcome::Throttled { scope: Scope::Charge, back_off });
        let waited = waiter.await.unwrap().unwrap() - begin;
        assert!(waited >= Duration::from_secs(6) && waited < Duration::from_millis(6005), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_gives_up_or_is_dropped_leaves_the_queue() {
        let throttle = Throttle::new(policy(1));
        let permit = throttle.acquire("alice", Duration::ZERO).await.unwrap();
        assert_eq!(throttle.acquire("alice", Duration::from_secs(1)).await.unwrap_err().pause, None);
        let abandoned =
            tokio::time::timeout(Duration::from_secs(1), throttle.acquire("alice", Duration::from_secs(60)));
        assert!(abandoned.await.is_err());
        assert_eq!(throttle.load(), (1, 0));
        drop(permit);
        assert!(throttle.acquire("alice", Duration::ZERO).await.is_ok());
    }
}
