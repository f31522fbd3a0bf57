use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn refusal(code: &str) -> Refusal {
    Refusal::transient(code, "it broke", "wait")
}

/// Switched on at 0, subscribed, proved and caught up at 0.
fn running() -> Watch {
    let mut watch = Watch::new(WatchPolicy::default(), at(0));
    assert_eq!(watch.input(at(0), Input::On), [Action::Subscribe { subscription: 1 }]);
    assert_eq!(watch.status().0, State::Pending);
    assert_eq!(watch.input(at(0), Input::Subscribed { subscription: 1 }), [Action::Touch, Action::Check]);
    assert_eq!(watch.input(at(0), Input::Heard { subscription: 1, news: false }), []);
    assert_eq!(watch.input(at(0), Input::Checked), []);
    assert_eq!(watch.status(), (State::Ok, at(0), None));
    watch
}

/// Covers: PO-05
///
#[test]
fn after_20_s_of_silence_the_marker_is_touched_and_at_30_s_the_state_is_degraded() {
    let mut watch = running();
    assert_eq!(watch.deadline(), Some(at(20)));
    assert_eq!(watch.handle_timeout(at(19)), []);
    assert_eq!(watch.handle_timeout(at(20)), [Action::Touch]);
    assert_eq!(watch.deadline(), Some(at(30)));
    assert_eq!(watch.handle_timeout(at(29)), []);
    assert_eq!(watch.status().0, State::Ok, "not at 29 s");
    assert_eq!(watch.handle_timeout(at(30)), [Action::Subscribe { subscription: 2 }, Action::Check]);
    let (state, since, cause) = watch.status();
    assert_eq!((state, since), (State::Degraded, at(30)));
    assert_eq!(cause.unwrap().code, "subscription-silent");
    assert_eq!(watch.handle_timeout(at(31)), [], "the check of that moment is under way");
}

/// Covers: PO-04
/// Covers: PO-05
#[test]
fn only_what_comes_through_the_subscription_resets_the_silence() {
    let mut watch = running();
    assert_eq!(watch.handle_timeout(at(20)), [Action::Touch]);
    assert_eq!(watch.input(at(21), Input::Heard { subscription: 1, news: true }), [Action::Check]);
    assert_eq!(watch.deadline(), Some(at(41)));
    // A check that succeeds shows that Exchange answers, not that the subscription works.
    assert_eq!(watch.input(at(40), Input::Checked), []);
    assert_eq!(watch.handle_timeout(at(41)), [Action::Touch]);
    // Neither does an event of a subscription before this one.
    assert_eq!(watch.input(at(45), Input::Heard { subscription: 7, news: true }), []);
    assert_eq!(watch.handle_timeout(at(51)).len(), 2);
    assert_eq!(watch.status().0, State::Degraded);
}

/// Covers: PO-06
#[test]
fn while_degraded_the_mailbox_is_checked_at_once_and_every_four_minutes() {
    let mut watch = running();
    watch.handle_timeout(at(20));
    assert_eq!(watch.handle_timeout(at(30)), [Action::Subscribe { subscription: 2 }, Action::Check]);
    let trouble =
        |subscription| Input::NotSubscribed { subscription, trouble: Trouble::Other(refusal("no")) };
    assert_eq!(watch.input(at(31), trouble(2)), []);
    assert_eq!(watch.input(at(31), Input::Checked), []);
    assert_eq!(watch.deadline(), Some(at(270)));
    assert_eq!(watch.handle_timeout(at(30 + 239)), []);
    assert_eq!(watch.handle_timeout(at(30 + 240)), [Action::Subscribe { subscription: 3 }, Action::Check]);
    assert_eq!(watch.handle_timeout(at(30 + 241)), []);
    // A check that takes longer than four minutes is not overtaken by another one.
    assert_eq!(watch.input(at(272), trouble(3)), []);
    assert_eq!(watch.handle_timeout(at(30 + 480)), [Action::Subscribe { subscription: 4 }]);
    assert_eq!(watch.status().1, at(30), "degraded since then, whatever failed since");
}

/// Covers: PO-07
#[test]
fn a_check_subscribes_again_catches_up_after_it_and_only_then_all_is_well() {
    let mut watch = running();
    watch.handle_timeout(at(20));
    watch.handle_timeout(at(30));
    // The check that was begun before the subscription does not count as catching up.
    assert_eq!(watch.input(at(31), Input::Subscribed { subscription: 2 }), [Action::Touch]);
    assert_eq!(watch.input(at(32), Input::Heard { subscription: 2, news: false }), []);
    assert_eq!(watch.input(at(33), Input::Checked), [Action::Check]);
    assert_eq!(watch.status().0, State::Degraded);
    assert_eq!(watch.input(at(34), Input::Checked), []);
    assert_eq!(watch.status(), (State::Ok, at(34), None));
    assert_eq!(watch.deadline(), Some(at(52)), "20 s after the last sign");
}

/// Covers: PO-05
/// Covers: X-14 (blocked push)
#[test]
fn a_push_way_that_is_blocked_while_exchange_answers_is_degraded_and_does_not_flap() {
    let mut watch = Watch::new(WatchPolicy::default(), at(0));
    let mut changes = Vec::new();
    let mut pending: Vec<Action> = watch.input(at(0), Input::On);
    for second in 0..3600 {
        let now = at(second);
        let mut actions = std::mem::take(&mut pending);
        if watch.deadline().is_some_and(|due| due <= now) {
            actions.extend(watch.handle_timeout(now));
        }
        for action in actions {
            pending.extend(match action {
                Action::Subscribe { subscription } => watch.input(now, Input::Subscribed { subscription }),
                Action::Check => watch.input(now, Input::Checked),
                Action::Touch => Vec::new(),
            });
        }
        if changes.last().is_none_or(|(state, _)| *state != watch.status().0) {
            changes.push((watch.status().0, second));
        }
    }
    assert_eq!(changes, [(State::Pending, 0), (State::Degraded, 30)]);
}

#[test]
fn real_heartbeats_with_the_markers_events_never_look_like_silence() {
    let mut watch = running();
    let mut touched = 0;
    let mut answer = None;
    for second in 1..24 * 3600 {
        let now = at(second);
        if second % 45 == 0 || answer == Some(second) {
            assert!(watch.input(now, Input::Heard { subscription: 1, news: false }).is_empty());
        }
        if watch.deadline().is_some_and(|due| due <= now) {
            for action in watch.handle_timeout(now) {
                assert_eq!(action, Action::Touch);
                touched += 1;
                // The event of the marker takes up to eight seconds.
                answer = Some(second + second % 9);
                if answer == Some(second) {
                    watch.input(now, Input::Heard { subscription: 1, news: false });
                }
            }
        }
        assert_eq!(watch.status().0, State::Ok, "after {second} s");
    }
    assert!(touched > 1000);
}

/// An event that waits for the next question comes late; that alone never looks like silence. When the questions bring
/// nothing any more, the state is degraded 30 s after the last event and not before.
///
/// Covers: PO-05 (pull)
#[test]
fn events_that_are_asked_for_every_five_seconds_prove_the_way() {
    let mut watch = running();
    let (mut waiting, mut heard) = (false, 0);
    for second in 1..7200 {
        let now = at(second);
        if second % 5 == 0 && second < 3600 && std::mem::take(&mut waiting) {
            assert_eq!(watch.input(now, Input::Heard { subscription: 1, news: true }), [Action::Check]);
            watch.input(now, Input::Checked);
            heard = second;
        }
        if watch.deadline().is_some_and(|due| due <= now) {
            let actions = watch.handle_timeout(now);
            waiting |= actions.contains(&Action::Touch);
            if actions.contains(&Action::Check) {
                watch.input(now, Input::Checked);
            }
        }
        let expected = if second < heard + 30 { State::Ok } else { State::Degraded };
        assert_eq!(watch.status().0, expected, "after {second} s, {heard} s heard");
    }
    assert!((3575..3600).contains(&heard));
}

/// Covers: PO-30 (states)
#[test]
fn each_kind_of_trouble_is_a_state_with_its_cause_and_ends_when_it_is_over() {
    let mut watch = Watch::new(WatchPolicy::default(), at(0));
    watch.input(at(0), Input::On);
    let refused = Trouble::Authentication(refusal("wrong-password"));
    let actions = watch.input(at(1), Input::NotSubscribed { subscription: 1, trouble: refused });
    assert_eq!(actions, [Action::Subscribe { subscription: 2 }, Action::Check]);
    let (state, since, cause) = watch.status();
    assert_eq!(
        (state, since, cause.unwrap().code.as_str()),
        (State::AuthenticationFailed, at(1), "wrong-password")
    );
    let missing = Trouble::MailboxNotFound(refusal("no-such-mailbox"));
    watch.input(at(2), Input::NotSubscribed { subscription: 2, trouble: missing.clone() });
    assert_eq!(watch.status().0, State::MailboxNotFound);
    watch.input(at(2), Input::NotChecked(missing));
    assert_eq!(watch.handle_timeout(at(241)), [Action::Subscribe { subscription: 3 }, Action::Check]);
    watch.input(at(242), Input::Checked);
    watch.input(at(242), Input::Directory { ready: false });
    watch.input(at(242), Input::Subscribed { subscription: 3 });
    watch.input(at(243), Input::Heard { subscription: 3, news: true });
    assert_eq!(watch.input(at(244), Input::Checked), [Action::Check]);
    watch.input(at(245), Input::Checked);
    assert_eq!(watch.status().0, State::WaitingForDirectory);
    watch.input(at(300), Input::Directory { ready: true });
    assert_eq!(watch.status(), (State::Ok, at(300), None));
    watch.input(at(400), Input::Off);
    assert_eq!((watch.status().0, watch.deadline()), (State::Off, None));
    assert_eq!(watch.input(at(401), Input::Heard { subscription: 3, news: true }), []);
    assert_eq!(watch.input(at(402), Input::On), [Action::Subscribe { subscription: 4 }]);
}

/// A mailbox, a notification way that is cut and mended at random, and calls that take their time.
struct World {
    watch: Watch,
    now: i64,
    /// Mails that lie in the mailbox, and how many were read. The cursor is one number for all ways.
    arrived: Vec<i64>,
    read: usize,
    /// When each was read, and that it was read once.
    read_at: Vec<i64>,
    subscribed: Option<u64>,
    /// The way is cut: nothing that is told arrives.
    cut: bool,
    /// When calls come back.
    calls: Vec<(i64, Call)>,
}

enum Call {
    Subscribe(u64),
    Check(usize),
    Told(u64, bool),
}

impl World {
    fn carry_out(&mut self, actions: Vec<Action>, delay: i64) {
        for action in actions {
            let call = match action {
                Action::Subscribe { subscription } => Call::Subscribe(subscription),
                // It reads what lies there when it begins.
                Action::Check => Call::Check(self.arrived.len()),
                Action::Touch => {
                    self.tell(false, delay);
                    continue;
                }
            };
            self.calls.push((self.now + delay, call));
        }
    }

    fn tell(&mut self, news: bool, delay: i64) {
        if let Some(subscription) = self.subscribed.filter(|_| !self.cut) {
            self.calls.push((self.now + delay, Call::Told(subscription, news)));
        }
    }

    fn second(&mut self, delay: i64) {
        self.now += 1;
        let now = at(self.now);
        let due = |call: &(i64, Call)| call.0 <= self.now;
        let (due, later): (Vec<_>, Vec<_>) = self.calls.drain(..).partition(due);
        self.calls = later;
        for (_, call) in due {
            let input = match call {
                Call::Subscribe(subscription) => {
                    self.subscribed = Some(subscription);
                    Input::Subscribed { subscription }
                }
                Call::Check(end) => {
                    assert!(end >= self.read, "two checks at a time");
                    self.read_at.extend(std::iter::repeat_n(self.now, end - self.read));
                    self.read = end;
                    Input::Checked
                }
                Call::Told(subscription, news) => Input::Heard { subscription, news },
            };
            let actions = self.watch.input(now, input);
            self.carry_out(actions, delay);
        }
        if self.watch.deadline().is_some_and(|due| due <= now) {
            let actions = self.watch.handle_timeout(now);
            self.carry_out(actions, delay);
        }
    }
}

/// What happens to the notification way and the mailbox.
fn cuts(many: usize) -> Vec<(bool, i64, u8, i64)> {
    let mut state = 7_u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((state >> 33) % below).unwrap()
    };
    (0..many).map(|_| (draw(2) == 0, 1 + draw(90), u8::try_from(draw(3)).unwrap(), 1 + draw(8))).collect()
}

/// Covers: PO-06
/// Covers: PO-07
#[test]
fn however_the_way_is_cut_nothing_is_missed_and_nothing_is_read_twice() {
    let mut world = World {
        watch: Watch::new(WatchPolicy::default(), at(0)),
        now: 0,
        arrived: Vec::new(),
        read: 0,
        read_at: Vec::new(),
        subscribed: None,
        cut: false,
        calls: Vec::new(),
    };
    let actions = world.watch.input(at(0), Input::On);
    world.carry_out(actions, 1);
    for (cut, seconds, mails, delay) in cuts(10_000) {
        world.cut = cut;
        for _ in 0..mails {
            world.arrived.push(world.now);
            world.tell(true, delay);
        }
        for _ in 0..seconds {
            world.second(delay);
        }
    }
    world.cut = false;
    for _ in 0..600 {
        world.second(1);
    }
    assert_eq!(world.watch.status().0, State::Ok);
    assert_eq!(world.read_at.len(), world.arrived.len(), "each is read once");
    let longest = world.arrived.iter().zip(&world.read_at).map(|(came, read)| read - came).max().unwrap();
    assert!(longest <= 30 + 240 + 3 * 8, "{longest} s from arrival to reading");
}

proptest! {
    /// Whatever comes in whatever order: no panic, never two checks at a time, and what is not off has a deadline or
    /// something under way.
    #[test]
    fn any_order_of_inputs_leaves_it_able_to_go_on(inputs in prop::collection::vec((0..9_u8, 0..6_u64, 0..100_i64), 0..80)) {
        let mut watch = Watch::new(WatchPolicy::default(), at(0));
        let (mut now, mut checks) = (0, 0_i32);
        for (kind, subscription, wait) in inputs {
            now += wait;
            let trouble = Trouble::Other(refusal("x"));
            let input = match kind {
                0 | 1 => Input::On,
                2 => Input::Subscribed { subscription },
                3 => Input::NotSubscribed { subscription, trouble },
                4 => Input::Heard { subscription, news: wait % 2 == 0 },
                5 => Input::Lost { subscription, reason: refusal("x") },
                6 if checks > 0 => Input::Checked,
                7 if checks > 0 => Input::NotChecked(trouble),
                _ => Input::Directory { ready: wait % 2 == 0 },
            };
            if matches!(input, Input::Checked | Input::NotChecked(_)) {
                checks -= 1;
            }
            let mut actions = watch.input(at(now), input);
            actions.extend(watch.handle_timeout(at(now)));
            checks += i32::try_from(actions.iter().filter(|action| **action == Action::Check).count()).unwrap();
            prop_assert!(checks <= 1, "two checks at a time");
            if watch.status().0 != State::Off {
                prop_assert!(watch.deadline().is_some());
            }
        }
    }
}
