//! The life of meetings and rooms after the answer: shown, kept, released, and forgotten when nobody needs them.

use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use tieline_model::{Decision, Meeting, MeetingId, MeetingState, Refusal, Room, RoomKind, RoomNumber, Span};
use tieline_store::{ConferenceWrite, MeetingFilter, StoredAnswer, StoredMeeting, Write};

use crate::policy::{Past, Policy};
use crate::{Conferencing, PolicyError, Replay, spans};
use crate::{RoomBook, Sender};

/// At most so long an administrator keeps a room for a meeting that is over.
const LONGEST_KEEP: SignedDuration = SignedDuration::from_hours(24 * 366);
/// A replay looks at so many answers at most.
const MOST_PAST: u32 = 20_000;

/// A meeting with everything about it.
#[derive(Debug, Clone)]
pub struct MeetingDetail {
    /// The meeting.
    pub stored: StoredMeeting,
    /// What it holds, by beginning.
    pub spans: Vec<Span>,
    /// Its answers, the first one first.
    pub answers: Vec<StoredAnswer>,
    /// What was decided about it, oldest first.
    pub decisions: Vec<Decision>,
    /// Its link, where it has one.
    pub link: Option<String>,
}

/// What cleaning up did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CleanedUp {
    /// Meetings that are over gave their rooms back.
    pub released: usize,
    /// Meetings were forgotten.
    pub removed: usize,
}

impl Conferencing {
    /// One room that an administrator made, by its id or number.
    ///
    /// # Errors
    /// When there is none, it is somebody's own, or the store cannot be read.
    pub async fn room(&self, reference: &str) -> Result<Room, Refusal> {
        let rooms = self.rooms().await?;
        let named = |room: &&Room| room.number.as_str() == reference || room.id.to_string() == reference;
        rooms.into_iter().find(|room| named(&room)).ok_or_else(|| {
            let shown: String = reference.chars().take(40).collect();
            let next = "tieline meeting-room list";
            Refusal::permanent("unknown-meeting-room", format!("there is no meeting room {shown:?}"), next)
        })
    }

    /// Removes a custom room.
    ///
    /// # Errors
    /// When it is a person's own, there is none, or the store cannot be written.
    pub async fn remove_room(&self, room: &Room) -> Result<(), Refusal> {
        own_rooms_stay(room)?;
        self.commit(vec![Write::Conference(ConferenceWrite::RemoveRoom(room.id))]).await
    }

    /// A number that no room and no coming meeting has.
    ///
    /// # Errors
    /// When the policy has no numbers, all are taken, or the store cannot be read.
    pub async fn free_number(&self) -> Result<RoomNumber, Refusal> {
        let rooms = self.room_book().await?;
        let taken: std::collections::HashSet<RoomNumber> =
            self.store.reservations(self.now()).await?.into_iter().map(|held| held.number).collect();
        let mut numbers =
            self.settings.policy.numbers.iter().flat_map(|range| range.numbers_from(0)).take(100_000);
        numbers.find(|number| rooms.with(number).is_empty() && !taken.contains(number)).ok_or_else(|| {
            let next = "name a number, or widen numbers in the policy file";
            Refusal::permanent("no-free-number", "no number of the policy's ranges is free", next)
        })
    }

    /// Everything about a meeting.
    ///
    /// # Errors
    /// When there is none, or the store cannot be read.
    pub async fn meeting_detail(&self, id: MeetingId) -> Result<MeetingDetail, Refusal> {
        let stored = self.stored_meeting(id).await?;
        let spans = self.store.spans_of(id).await?;
        let last = spans.last().map(|span| span.end);
        let link = stored.meeting.link_until.and(last).and_then(|last| self.link(&stored.meeting, last));
        let mut decisions = self.store.decisions_on(stored.meeting.trace).await?;
        let about = self.store.explain(&id.to_string()).await?;
        let more: Vec<Decision> = about.into_iter().filter(|one| !decisions.contains(one)).collect();
        decisions.extend(more);
        decisions.sort_by_key(|decision| decision.at);
        Ok(MeetingDetail {
            spans,
            answers: self.store.answers(id).await?,
            decisions,
            link: link.map(|(link, _)| link),
            stored,
        })
    }

    async fn stored_meeting(&self, id: MeetingId) -> Result<StoredMeeting, Refusal> {
        self.store.meeting(id).await?.ok_or_else(|| {
            let next = "tieline meeting list";
            Refusal::permanent("unknown-meeting", format!("there is no meeting {id}"), next)
        })
    }

    /// Gives a meeting's room back, whenever it is. Its organizer's next update asks for a room anew.
    ///
    /// # Errors
    /// When it has no room, or the store cannot be written.
    pub async fn release(&self, id: MeetingId, who: &str) -> Result<Meeting, Refusal> {
        let meeting = self.accepted(id).await?;
        let number = meeting.number.clone();
        let released = Meeting { state: MeetingState::Released, number: None, kept_until: None, ..meeting };
        let outcome = format!("the room {} is free", number.map(String::from).unwrap_or_default());
        self.change(&released, Vec::new(), "released-by-hand", outcome, who).await?;
        Ok(released)
    }

    /// Keeps a meeting's room for it until then, also when it is over.
    ///
    /// # Errors
    /// When it has no room, the time has passed or is too far off, or another meeting has the room meanwhile.
    pub async fn keep(&self, id: MeetingId, until: Timestamp, who: &str) -> Result<Meeting, Refusal> {
        let meeting = self.accepted(id).await?;
        let now = self.now();
        if until <= now || until.duration_since(now) > LONGEST_KEEP {
            let what = "a room is kept until a time to come, within a year";
            return Err(Refusal::permanent("bad-time", what, "name another time"));
        }
        let mut held = self.coming_spans(&meeting, now)?;
        let last = held.iter().map(|span| span.end).max().unwrap_or(now);
        if until > last {
            held.push(Span { start: last, end: until });
        }
        let kept = Meeting { kept_until: Some(until), ..meeting };
        let outcome = format!("the room is kept until {}", until.strftime("%Y-%m-%d %H:%M UTC"));
        self.change(&kept, held, "kept-by-hand", outcome, who).await?;
        Ok(kept)
    }

    async fn accepted(&self, id: MeetingId) -> Result<Meeting, Refusal> {
        let meeting = self.stored_meeting(id).await?.meeting;
        if meeting.state == MeetingState::Accepted {
            return Ok(meeting);
        }
        let what = format!("the meeting has no room; it is {}", meeting.state);
        Err(Refusal::permanent("no-room-held", what, "tieline meeting show"))
    }

    /// What a meeting needs from now on: its times, and how long it is kept.
    pub(crate) fn coming_spans(&self, meeting: &Meeting, now: Timestamp) -> Result<Vec<Span>, Refusal> {
        let horizon = self.settings.policy.horizon_days;
        let schedule = meeting.schedule.as_ref();
        let found = schedule.map(|schedule| spans(schedule, now, horizon)).transpose();
        found
            .map(Option::unwrap_or_default)
            .map_err(|unknown| Refusal::permanent("unknown-zone", unknown.to_string(), "see the meeting"))
    }

    async fn change(
        &self,
        meeting: &Meeting,
        held: Vec<Span>,
        rule: &str,
        outcome: String,
        who: &str,
    ) -> Result<(), Refusal> {
        let decision = self.decision(meeting.trace, meeting.id, rule, outcome.clone()).input("who", who);
        let audit = Write::Audit {
            who: who.to_owned(),
            action: rule.to_owned(),
            subject: meeting.id.to_string(),
            detail: outcome,
        };
        let write =
            ConferenceWrite::Meeting { meeting: Box::new(meeting.clone()), spans: held, beside_rooms: true };
        let done = self.commit(vec![Write::Conference(write), Write::Decision(decision), audit]).await;
        self.inner().changes.fetch_add(1, Ordering::Release);
        done
    }

    /// Releases what is over, and forgets what is older than it need be. With `dry_run` it only counts.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn clean_up(&self, older_than: SignedDuration, dry_run: bool) -> Result<CleanedUp, Refusal> {
        let now = self.now();
        let mut done = CleanedUp::default();
        // As long as the door is open the room is the meeting's.
        let closed = now.checked_sub(self.settings.door.after).unwrap_or(now);
        let over = MeetingFilter { over: Some(closed), ..MeetingFilter::default() };
        let old = now.checked_sub(older_than).unwrap_or(Timestamp::MIN);
        for stored in self.store.meetings_where(&over, u32::MAX).await? {
            let meeting = stored.meeting;
            if meeting.kept_until.is_some_and(|until| until > now)
                || !self.coming_spans(&meeting, closed)?.is_empty()
            {
                continue;
            }
            done.released += 1;
            if !dry_run {
                let number = meeting.number.clone().map(String::from).unwrap_or_default();
                let released =
                    Meeting { state: MeetingState::Released, number: None, kept_until: None, ..meeting };
                let outcome = format!("it is over; the room {number} is free");
                self.change(&released, Vec::new(), "released-when-over", outcome, "tieline").await?;
            }
        }
        let aged = MeetingFilter { changed_before: Some(old), ..MeetingFilter::default() };
        let gone = self.store.meetings_where(&aged, u32::MAX).await?;
        let gone: Vec<MeetingId> = gone
            .into_iter()
            .filter(|stored| stored.meeting.state != MeetingState::Accepted)
            .map(|stored| stored.meeting.id)
            .collect();
        done.removed = gone.len();
        if !dry_run {
            for chunk in gone.chunks(100) {
                let remove = |id: &MeetingId| Write::Conference(ConferenceWrite::RemoveMeeting(*id));
                self.commit(chunk.iter().map(remove).collect()).await?;
            }
        }
        Ok(done)
    }

    /// What other rules would have made of the invitations since then.
    ///
    /// # Errors
    /// When the rules cannot be read, or the store.
    pub async fn replay(&self, policy: &str, since: Timestamp) -> Result<Replay, Refusal> {
        let after = Policy::parse(policy).map_err(|error: PolicyError| {
            Refusal::permanent("policy-invalid", error.to_string(), "correct the policy; nothing was applied")
        })?;
        let mut history: Vec<(Timestamp, Past)> = Vec::new();
        for stored in self.store.answers_since(since, MOST_PAST).await? {
            let at = stored.answer.decided;
            if let Some(past) = stored.past {
                let sender = past.sender.map_or(Sender::NotInDirectory, |known| Sender::Known {
                    addresses: known.addresses,
                    department: known.department,
                });
                history.push((at, Past::Invited { invitation: Box::new(past.invitation), sender, at }));
            }
        }
        let cancelled = MeetingFilter { state: Some(MeetingState::Cancelled), ..MeetingFilter::default() };
        for stored in self.store.meetings_where(&cancelled, MOST_PAST).await? {
            if stored.changed >= since {
                history.push((stored.changed, Past::Cancelled { key: stored.meeting.key }));
            }
        }
        history.sort_by_key(|(at, _)| *at);
        let history: Vec<Past> = history.into_iter().map(|(_, past)| past).collect();
        let rooms: RoomBook = self.room_book().await?;
        Ok(Replay::run(&self.settings.policy, &after, &rooms, &history))
    }
}

/// A person's own room is what the directory and the policy make of it.
pub(crate) fn own_rooms_stay(room: &Room) -> Result<(), Refusal> {
    if room.kind != RoomKind::Enterprise {
        return Ok(());
    }
    let what = format!("the room {} is {}'s own, which follows the directory", room.number, room.name);
    Err(Refusal::permanent(
        "own-room",
        what,
        "change the telephone number there, or enterprise-numbers in the policy",
    ))
}
