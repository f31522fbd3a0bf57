//! What would have been different: past invitations decided on again under another policy, before it is applied.

use jiff::Timestamp;
use serde::Serialize;
use tieline_model::{Invitation, MeetingKey, Reason, ReasonKind};

use crate::{Calendar, Decided, Grant, Held, Policy, RoomBook, Sender, Situation, decide};

/// Something that happened to a meeting, as it was recorded.
#[derive(Debug, Clone)]
pub enum Past {
    /// An invitation was decided on.
    Invited {
        /// It.
        invitation: Box<Invitation>,
        /// What the directory said then.
        sender: Sender,
        /// When.
        at: Timestamp,
    },
    /// A meeting was called off.
    Cancelled {
        /// Which.
        key: MeetingKey,
    },
}

/// An invitation that would be answered otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The meeting.
    pub key: MeetingKey,
    /// Its subject; of a private one only that it is private.
    pub subject: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The reasons under the policy that holds; none is a yes.
    pub before: Vec<ReasonKind>,
    /// The reasons under the new one.
    pub after: Vec<ReasonKind>,
}

/// The subject of a private meeting, as others see it.
const PRIVATE: &str = "Private meeting";

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Replay {
    /// Invitations that were decided on.
    pub invitations: usize,
    /// Of those, how many would be accepted by now and were not.
    pub newly_accepted: usize,
    /// And the reverse.
    pub newly_declined: usize,
    /// Each that would be answered otherwise.
    pub differences: Vec<Difference>,
}

/// One of the two worlds: what stands in it depends on what was accepted in it.
struct World<'a> {
    policy: &'a Policy,
    rooms: &'a RoomBook,
    calendar: Calendar,
    held: std::collections::HashMap<String, Held>,
}

impl Replay {
    /// Decides on everything again, under both policies, each with the calendar that comes of it.
    #[must_use]
    pub fn run<'a>(
        before: &Policy,
        after: &Policy,
        rooms: &RoomBook,
        history: impl IntoIterator<Item = &'a Past>,
    ) -> Self {
        let mut replay = Self::default();
        let mut worlds = [World::new(before, rooms), World::new(after, rooms)];
        for past in history {
            match past {
                Past::Cancelled { key } => worlds.iter_mut().for_each(|world| world.cancel(key)),
                Past::Invited { invitation, sender, at } => {
                    let [before, after] =
                        worlds.each_mut().map(|world| world.invite(invitation, sender, *at));
                    replay.note(invitation, *at, before, after);
                }
            }
        }
        replay
    }

    fn note(&mut self, invitation: &Invitation, at: Timestamp, before: Vec<Reason>, after: Vec<Reason>) {
        self.invitations += 1;
        if before == after {
            return;
        }
        self.newly_accepted += usize::from(after.is_empty());
        self.newly_declined += usize::from(before.is_empty());
        let kinds = |reasons: Vec<Reason>| {
            let mut kinds: Vec<ReasonKind> = reasons.iter().map(Reason::kind).collect();
            kinds.dedup();
            kinds
        };
        self.differences.push(Difference {
            key: invitation.version.key.clone(),
            subject: if invitation.private { PRIVATE.to_owned() } else { invitation.subject.clone() },
            at,
            before: kinds(before),
            after: kinds(after),
        });
    }
}

impl<'a> World<'a> {
    fn new(policy: &'a Policy, rooms: &'a RoomBook) -> Self {
        Self { policy, rooms, calendar: Calendar::new(), held: std::collections::HashMap::new() }
    }

    fn cancel(&mut self, key: &MeetingKey) {
        self.calendar.release(key);
        self.held.remove(&key.uid);
    }

    fn invite(&mut self, invitation: &Invitation, sender: &Sender, now: Timestamp) -> Vec<Reason> {
        let key = &invitation.version.key;
        let situation = Situation {
            policy: self.policy,
            rooms: self.rooms,
            calendar: &self.calendar,
            sender,
            held: self.held.get(&key.uid),
            now,
        };
        match decide(invitation, &situation) {
            Ok(Decided::Accepted(Grant { number, passcodes, spans })) => {
                // A collision with a rule that passes it over leaves the room to who had it first.
                let _ = self.calendar.reserve(key, &number, &spans);
                self.held.insert(key.uid.clone(), Held { number, passcodes });
                Vec::new()
            }
            Ok(Decided::Declined(reasons)) => {
                self.cancel(key);
                reasons
            }
            // It was decided on in the end; when, the record does not say.
            Err(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_model::{AskedIn, InvitationVersion, Language, Schedule, When, Zone};

    fn past(uid: &str, number: &str, hour: i8, minutes: i64) -> Past {
        let local = jiff::civil::date(2026, 12, 1).at(hour, 0, 0, 0);
        let end = local.checked_add(jiff::SignedDuration::from_secs(minutes * 60)).unwrap();
        let when = |local| When { local, zone: Zone::utc() };
        let invitation = Invitation {
            version: InvitationVersion {
                key: MeetingKey { uid: uid.to_owned(), occurrence: None },
                sequence: 0,
                fingerprint: String::new(),
            },
            organizer: "alice@lab.example".parse().unwrap(),
            sender: None,
            subject: uid.to_owned(),
            schedule: Some(Schedule { start: when(local), end: when(end), all_day: false, recurrence: None }),
            number: Some(number.parse().unwrap()),
            asked_in: AskedIn::Location,
            conference_passcode: None,
            chairperson_passcode: None,
            problems: Vec::new(),
            private: false,
            language: Language::English,
        };
        let sender = Sender::Known { addresses: Vec::new(), department: None };
        Past::Invited {
            invitation: Box::new(invitation),
            sender,
            at: "2026-11-23T08:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_change_shows_what_follows_from_what_it_changes() {
        let strict = Policy::parse("default-conference-duration-minutes = 60").unwrap();
        let lax = Policy::parse("default-conference-duration-minutes = 120").unwrap();
        let gone = Past::Cancelled { key: MeetingKey { uid: "long".to_owned(), occurrence: None } };
        let history = [
            past("long", "7042", 9, 120),
            // Free while the long one is declined; taken once it is accepted.
            past("next", "7042", 10, 60),
            past("same", "7043", 9, 60),
            gone,
            past("late", "7042", 10, 30),
        ];
        let replay = Replay::run(&strict, &lax, &RoomBook::new(), &history);
        assert_eq!((replay.invitations, replay.newly_accepted, replay.newly_declined), (4, 2, 1));
        let told: Vec<_> = replay
            .differences
            .iter()
            .map(|one| (one.subject.as_str(), one.before.as_slice(), one.after.as_slice()))
            .collect();
        assert_eq!(
            told,
            [
                ("long", &[ReasonKind::TooLong][..], &[][..]),
                ("next", &[][..], &[ReasonKind::NumberInUse][..]),
                ("late", &[ReasonKind::NumberInUse][..], &[][..]),
            ]
        );
        assert_eq!(Replay::run(&strict, &strict, &RoomBook::new(), &history).differences, []);
    }
}
