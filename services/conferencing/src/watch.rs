//! How the conference mailbox is watched: a state machine without sockets and clock.
//!
//! The subscription proves itself: whatever arrives through it, an event or a heartbeat, counts as a sign of life, and
//! nothing else does. Exchange's own heartbeats are further apart than the 30 seconds that are asked for (a stream's
//! about 45 s, a push subscription's at least a minute), so that after 20 s of silence a marker item is touched in the
//! folder that the subscription watches, and its event must come back on the same way.
//!
//! After 30 s of silence the state is degraded: the mailbox is checked at once and every four minutes, never twice at a
//! time, and each check tries to subscribe again. A new subscription is put to the proof at once, and a catch-up check
//! follows it; when both are good, the state is ok. So a server that takes subscriptions and never tells anything stays
//! degraded, and the state does not flap.
//!
//! Feed it [`Input`]s and, at [`Watch::deadline`], [`Watch::handle_timeout`]; carry out the [`Action`]s.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;

/// The waits. Whole and half seconds are as good as minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchPolicy {
    /// After so long a silence the marker is touched.
    pub touch_after: SignedDuration,
    /// After so long a silence the state is degraded.
    pub degraded_after: SignedDuration,
    /// While degraded, so long from one check to the next.
    pub check_every: SignedDuration,
}

impl Default for WatchPolicy {
    fn default() -> Self {
        Self {
            touch_after: SignedDuration::from_secs(20),
            degraded_after: SignedDuration::from_secs(30),
            check_every: SignedDuration::from_secs(240),
        }
    }
}

/// How the watching stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing proved itself yet.
    Pending,
    /// The subscription proves itself.
    Ok,
    /// It does not; the mailbox is checked at an interval.
    Degraded,
    /// The account was refused.
    AuthenticationFailed,
    /// There is no such mailbox.
    MailboxNotFound,
    /// Mails come in, but nobody can say who sent them.
    WaitingForDirectory,
    /// Switched off.
    Off,
}

impl State {
    /// Every state with its name, the same everywhere.
    pub const ALL: [(&'static str, Self); 7] = [
        ("pending", Self::Pending),
        ("ok", Self::Ok),
        ("degraded", Self::Degraded),
        ("authentication-failed", Self::AuthenticationFailed),
        ("mailbox-not-found", Self::MailboxNotFound),
        ("waiting-for-directory", Self::WaitingForDirectory),
        ("off", Self::Off),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, state)| *state == self).map_or("unknown", |(name, _)| name)
    }
}

/// Why the mail system could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The account was refused.
    Authentication(Refusal),
    /// There is no such mailbox.
    MailboxNotFound(Refusal),
    /// Anything else.
    Other(Refusal),
}

/// What happened. Subscriptions are counted, so that what an old one still tells is not taken for the new one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Switched on.
    On,
    /// Switched off.
    Off,
    /// [`Action::Subscribe`] succeeded.
    Subscribed {
        /// The action's number.
        subscription: u64,
    },
    /// [`Action::Subscribe`] failed.
    NotSubscribed {
        /// The action's number.
        subscription: u64,
        /// Why.
        trouble: Trouble,
    },
    /// An event or a heartbeat came through a subscription.
    Heard {
        /// Which.
        subscription: u64,
        /// It was an event: something may lie in the mailbox.
        news: bool,
    },
    /// The subscription ended: its connection broke, or the server forgot it.
    Lost {
        /// Which.
        subscription: u64,
        /// Why.
        reason: Refusal,
    },
    /// [`Action::Check`] succeeded: everything up to when it began was read.
    Checked,
    /// [`Action::Check`] failed.
    NotChecked(Trouble),
    /// Whether the directory can be asked.
    Directory {
        /// It can, or its cache is filled.
        ready: bool,
    },
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Subscribe to the Inbox and the marker's folder; ends the subscriptions before.
    Subscribe {
        /// Its number from now on.
        subscription: u64,
    },
    /// Touch the marker item.
    Touch,
    /// Read what is new in the mailbox, from the stored cursor on. There is never a second one at a time.
    Check,
}

/// A check's course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// None is under way.
    Idle,
    /// One is.
    Running,
    /// One is, and something came in meanwhile, so that another one follows.
    RunningAndAgain,
}

/// The proof of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    subscription: u64,
    heard: Timestamp,
    /// Something came through it.
    proved: bool,
    /// A check was completed that began after it.
    caught_up: bool,
    touched: bool,
}

/// Watches one mailbox.
#[derive(Debug, Clone)]
pub struct Watch {
    policy: WatchPolicy,
    state: State,
    since: Timestamp,
    cause: Option<Refusal>,
    line: Option<Line>,
    subscribing: bool,
    next_subscription: u64,
    check: Check,
    /// The check under way began after the present subscription.
    check_is_after_line: bool,
    /// While not ok: when the next check is due.
    next_check: Option<Timestamp>,
    directory_ready: bool,
}

impl Watch {
    /// Switched off at first.
    #[must_use]
    pub const fn new(policy: WatchPolicy, now: Timestamp) -> Self {
        Self {
            policy,
            state: State::Off,
            since: now,
            cause: None,
            line: None,
            subscribing: false,
            next_subscription: 1,
            check: Check::Idle,
            check_is_after_line: false,
            next_check: None,
            directory_ready: true,
        }
    }

    /// How it stands, since when, and why, unless all is well.
    #[must_use]
    pub fn status(&self) -> (State, Timestamp, Option<&Refusal>) {
        (self.state, self.since, self.cause.as_ref())
    }

    /// When [`Self::handle_timeout`] is to be called next; `None` while switched off.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let after = |start: Timestamp, wait| start.saturating_add(wait).unwrap_or(Timestamp::MAX);
        let silence = self.line.filter(|_| !self.is_down()).map(|line| {
            let wait = if line.touched { self.policy.degraded_after } else { self.policy.touch_after };
            after(line.heard, wait)
        });
        let pending = (self.state == State::Pending && self.line.is_none())
            .then(|| after(self.since, self.policy.degraded_after));
        [silence, pending, self.next_check].into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.state == State::Off {
            return actions;
        }
        if !self.is_down() {
            let heard = self.line.map_or(self.since, |line| line.heard);
            let silence = now.duration_since(heard);
            if silence >= self.policy.degraded_after {
                self.fall(now, State::Degraded, silent(self.policy.degraded_after), &mut actions);
            } else if let Some(line) = &mut self.line
                && silence >= self.policy.touch_after
                && !line.touched
            {
                line.touched = true;
                actions.push(Action::Touch);
            }
        }
        if self.next_check.is_some_and(|due| due <= now) {
            self.round(now, &mut actions);
        }
        actions
    }

    /// Something happened.
    pub fn input(&mut self, now: Timestamp, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Off => self.switch_off(now),
            Input::On if self.state == State::Off => {
                self.enter(now, State::Pending, None);
                self.subscribe(&mut actions);
            }
            _ if self.state == State::Off => {}
            Input::On => {}
            Input::Subscribed { subscription } => self.subscribed(now, subscription, &mut actions),
            Input::NotSubscribed { subscription, trouble } => {
                if self.is_newest(subscription) {
                    self.subscribing = false;
                    self.trouble(now, trouble, &mut actions);
                }
            }
            Input::Heard { subscription, news } => self.heard(now, subscription, news, &mut actions),
            Input::Lost { subscription, reason } => {
                if self.line.is_some_and(|line| line.subscription == subscription) {
                    self.line = None;
                    if self.is_down() {
                        self.cause = Some(reason);
                    } else {
                        self.enter(now, State::Pending, Some(reason));
                        self.subscribe(&mut actions);
                    }
                }
            }
            Input::Checked => self.checked(now, &mut actions),
            Input::NotChecked(trouble) => {
                self.check = Check::Idle;
                self.trouble(now, trouble, &mut actions);
            }
            Input::Directory { ready } => {
                self.directory_ready = ready;
                self.settle(now);
            }
        }
        actions
    }

    fn switch_off(&mut self, now: Timestamp) {
        let next_subscription = self.next_subscription;
        let directory_ready = self.directory_ready;
        *self = Self { next_subscription, directory_ready, ..Self::new(self.policy, now) };
    }

    /// Checked at an interval.
    const fn is_down(&self) -> bool {
        matches!(self.state, State::Degraded | State::AuthenticationFailed | State::MailboxNotFound)
    }

    const fn is_newest(&self, subscription: u64) -> bool {
        subscription + 1 == self.next_subscription
    }

    fn enter(&mut self, now: Timestamp, state: State, cause: Option<Refusal>) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
        self.cause = cause;
    }

    /// Goes down, or stays down for another cause.
    fn fall(&mut self, now: Timestamp, state: State, cause: Refusal, actions: &mut Vec<Action>) {
        let was_down = self.is_down();
        self.enter(now, state, Some(cause));
        if !was_down {
            // What it proved is not proved any more, and a new subscription takes its place.
            self.line = None;
            self.round(now, actions);
        }
    }

    /// A check, and an attempt to subscribe; the next round comes later.
    fn round(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.next_check = now.checked_add(self.policy.check_every).ok();
        if !self.subscribing {
            self.subscribe(actions);
        }
        if self.check == Check::Idle {
            self.begin_check(actions);
        }
    }

    fn subscribe(&mut self, actions: &mut Vec<Action>) {
        self.subscribing = true;
        actions.push(Action::Subscribe { subscription: self.next_subscription });
        self.next_subscription += 1;
    }

    fn begin_check(&mut self, actions: &mut Vec<Action>) {
        self.check = Check::Running;
        self.check_is_after_line = self.line.is_some();
        actions.push(Action::Check);
    }

    fn want_check(&mut self, actions: &mut Vec<Action>) {
        match self.check {
            Check::Idle => self.begin_check(actions),
            Check::Running | Check::RunningAndAgain => self.check = Check::RunningAndAgain,
        }
    }

    fn subscribed(&mut self, now: Timestamp, subscription: u64, actions: &mut Vec<Action>) {
        if !self.is_newest(subscription) {
            return;
        }
        self.subscribing = false;
        self.check_is_after_line = false;
        self.line = Some(Line { subscription, heard: now, proved: false, caught_up: false, touched: true });
        actions.push(Action::Touch);
        self.want_check(actions);
    }

    fn heard(&mut self, now: Timestamp, subscription: u64, news: bool, actions: &mut Vec<Action>) {
        let Some(line) = self.line.as_mut().filter(|line| line.subscription == subscription) else { return };
        line.heard = now;
        line.proved = true;
        line.touched = false;
        if news {
            self.want_check(actions);
        }
        self.settle(now);
    }

    fn checked(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        let again = self.check == Check::RunningAndAgain;
        self.check = Check::Idle;
        if let Some(line) = &mut self.line
            && self.check_is_after_line
        {
            line.caught_up = true;
        }
        if again {
            self.begin_check(actions);
        }
        self.settle(now);
    }

    /// Up, when the subscription proved itself and the mailbox was read since.
    fn settle(&mut self, now: Timestamp) {
        if self.line.is_none_or(|line| !line.proved || !line.caught_up) || self.state == State::Off {
            return;
        }
        self.next_check = None;
        if self.directory_ready {
            self.enter(now, State::Ok, None);
        } else {
            let refusal = Refusal::transient(
                "directory-not-ready",
                "the directory cannot be asked who sent an invitation",
                "look at tieline directory status; invitations wait until then",
            );
            self.enter(now, State::WaitingForDirectory, Some(refusal));
        }
    }

    fn trouble(&mut self, now: Timestamp, trouble: Trouble, actions: &mut Vec<Action>) {
        let (state, cause) = match trouble {
            Trouble::Authentication(cause) => (State::AuthenticationFailed, cause),
            Trouble::MailboxNotFound(cause) => (State::MailboxNotFound, cause),
            Trouble::Other(cause) => (State::Degraded, cause),
        };
        self.fall(now, state, cause, actions);
    }
}

fn silent(after: SignedDuration) -> Refusal {
    let seconds = after.as_secs();
    Refusal::transient(
        "subscription-silent",
        format!("nothing came through the subscription for {seconds} s"),
        "nothing; the mailbox is checked at an interval, and each check subscribes again",
    )
}

#[cfg(test)]
mod tests;
