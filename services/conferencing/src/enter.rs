//! Somebody wants into a room: by telephone, or by a meeting's page. Whether the room is open is the calendar's to say, and
//! whether they may enter the passcode's. Both ways have the same door.
//!
//! * A custom or a person's own room is always open; a calendared one from a while before its meeting to a while after.
//! * While a meeting goes on the room is its own: who comes too early for the next one, or stays too late, is not let in.
//! * Without the right code nobody learns when a meeting is.
//! * Whoever tries code after code is not heard for a while.
//! * A meeting's link is as good as its passcode, which stands on its page; leading takes the chairperson's code here too.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use tieline_model::{
    Class, Decision, Meeting, MeetingKey, MeetingState, Passcode, Passcodes, Refusal, Room, RoomNumber, Span,
};
use tieline_ports::{Entrance, OpenRoom};
use tieline_store::{Reservation, StoreError, Write};

use crate::{Conferencing, Joining};

/// A room is looked up so many meetings ahead.
pub(crate) const AHEAD: u32 = 8;
/// So many wrong codes from one place for one room are taken for mistakes.
const GUESSES: u32 = 5;
/// After more, nobody is heard from there for so long.
const PAUSE: SignedDuration = SignedDuration::from_mins(10);
/// No more places than this are remembered; beyond, the oldest are forgotten.
const PLACES: usize = 10_000;

/// How long before and after its meeting a room is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorPolicy {
    /// Before it begins.
    pub before: SignedDuration,
    /// After it ended.
    pub after: SignedDuration,
}

impl Default for DoorPolicy {
    fn default() -> Self {
        Self { before: SignedDuration::from_mins(15), after: SignedDuration::from_mins(30) }
    }
}

/// Who wants in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The room's number as it was dialled.
    pub number: String,
    /// The codes that came with it.
    pub codes: Vec<Passcode>,
    /// As others see it; nobody has proved it.
    pub name: String,
    /// Where it comes from: what wrong codes are counted by.
    pub from: String,
}

/// Who wants in by a meeting's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// As others see it; nobody has proved it.
    pub name: String,
    /// The code that was typed, if any.
    pub code: Option<Passcode>,
    /// Where it comes from: what wrong codes are counted by.
    pub from: String,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// There is no such room, or never was a meeting in it.
    #[error("there is no room with this number")]
    NoSuchRoom,
    /// Its next meeting begins later.
    #[error("the meeting begins at {begins}; the room opens at {opens}")]
    TooEarly {
        /// When the door opens.
        opens: Timestamp,
        /// When the meeting begins.
        begins: Timestamp,
    },
    /// Its last meeting is over, and no other is planned.
    #[error("the meeting ended at {ended}")]
    Over {
        /// When.
        ended: Timestamp,
    },
    /// The room asks for a passcode, and none came.
    #[error("the room asks for a passcode")]
    PasscodeMissing,
    /// It is another one.
    #[error("the passcode is wrong")]
    PasscodeWrong,
    /// Too many wrong ones came from there.
    #[error("too many wrong passcodes came from there")]
    TooManyGuesses,
    /// The bridge does not open it.
    #[error("the bridge does not open the room: {0}")]
    Bridge(Refusal),
    /// It could not be looked up.
    #[error("{0}")]
    NotKnown(Refusal),
}

/// Wrong codes, by room and place.
#[derive(Debug, Default)]
pub(crate) struct Guesses(HashMap<(RoomNumber, String), (u32, Timestamp)>);

impl Guesses {
    fn is_heard(&self, place: &(RoomNumber, String), now: Timestamp) -> bool {
        let over = |since: Timestamp| now.duration_since(since) >= PAUSE;
        self.0.get(place).is_none_or(|(wrong, since)| *wrong < GUESSES || over(*since))
    }

    fn wrong(&mut self, place: (RoomNumber, String), now: Timestamp) {
        if self.0.len() >= PLACES {
            self.0.retain(|_, (_, since)| now.duration_since(*since) < PAUSE);
            let oldest = self.0.iter().min_by_key(|(_, (_, since))| *since).map(|(place, _)| place.clone());
            if let Some(oldest) = oldest.filter(|_| self.0.len() >= PLACES) {
                self.0.remove(&oldest);
            }
        }
        let (count, since) = self.0.entry(place).or_insert((0, now));
        if now.duration_since(*since) >= PAUSE {
            (*count, *since) = (0, now);
        }
        *count += 1;
        if *count == GUESSES {
            *since = now;
        }
    }
}

/// What a code opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Fits { leads: bool },
    Missing,
    Wrong,
}

fn key(passcodes: &Passcodes, codes: &[Passcode]) -> Key {
    let has = |wanted: &Option<Passcode>| wanted.as_ref().is_some_and(|wanted| codes.contains(wanted));
    if has(&passcodes.chairperson) {
        Key::Fits { leads: true }
    } else if passcodes.conference.is_none() || has(&passcodes.conference) {
        Key::Fits { leads: false }
    } else if codes.is_empty() {
        Key::Missing
    } else {
        Key::Wrong
    }
}

/// The meeting that has the room at this moment.
pub(crate) fn running(times: &[Reservation], now: Timestamp) -> Option<&Reservation> {
    times.iter().find(|one| one.span.start <= now && now < one.span.end)
}

/// Which of a room's coming times its door is open for, most fitting first: the meeting that goes on, and only when none
/// does, the next one and the one before.
fn open_for(times: &[Reservation], now: Timestamp, door: DoorPolicy) -> Vec<&Reservation> {
    if let Some(running) = running(times, now) {
        return vec![running];
    }
    let soon = |span: &Span| span.start > now && span.start.duration_since(now) <= door.before;
    let lately = |span: &Span| span.end <= now && now.duration_since(span.end) < door.after;
    let next = times.iter().find(|one| soon(&one.span));
    let last = times.iter().rfind(|one| lately(&one.span));
    next.into_iter().chain(last).collect()
}

impl Conferencing {
    /// Whether calls into rooms are taken: a bridge is configured.
    #[must_use]
    pub fn has_bridge(&self) -> bool {
        self.bridge.is_some()
    }

    /// Lets somebody into a room, or says why not.
    ///
    /// # Errors
    /// The reason, one.
    pub async fn enter(&self, visitor: &Visitor) -> Result<Entrance, Closed> {
        counted(visitor, self.try_enter(visitor, None).await)
    }

    /// Lets somebody into the meeting that a link leads to, or says why not.
    ///
    /// # Errors
    /// The reason, one.
    pub async fn enter_by_link(&self, token: &str, guest: Guest) -> Result<Entrance, Closed> {
        let opened = match self.opened_by(token).await.map_err(Closed::NotKnown)? {
            Ok(opened) => opened,
            Err(Joining::NotYet { opens, span, .. }) => {
                return Err(Closed::TooEarly { opens, begins: span.start });
            }
            Err(_) => return Err(Closed::NoSuchRoom),
        };
        let codes = guest.code.or_else(|| opened.meeting.passcodes.conference.clone()).into_iter().collect();
        let number = opened.number.to_string();
        let visitor = Visitor { number, codes, name: guest.name, from: guest.from };
        let entered = self.try_enter(&visitor, Some(&opened.meeting)).await;
        counted(&visitor, entered)
    }

    /// By its link only into this meeting.
    async fn try_enter(&self, visitor: &Visitor, only: Option<&Meeting>) -> Result<Entrance, Closed> {
        let number: RoomNumber = visitor.number.parse().map_err(|_| Closed::NoSuchRoom)?;
        let place = (number.clone(), visitor.from.clone());
        if !self.inner().guesses().is_heard(&place, self.now()) {
            return Err(Closed::TooManyGuesses);
        }
        let strange = |code: &Passcode, meeting: &Meeting| {
            let Passcodes { conference, chairperson } = &meeting.passcodes;
            [conference, chairperson].into_iter().flatten().all(|known| known != code)
        };
        let looked_up = match only {
            Some(meeting) if visitor.codes.iter().any(|code| strange(code, meeting)) => {
                Err(Closed::PasscodeWrong)
            }
            only => self.find(&number, visitor, only.map(|meeting| &meeting.key)).await,
        };
        if matches!(looked_up, Err(Closed::PasscodeWrong)) {
            self.inner().guesses().wrong(place, self.now());
        }
        let (room, meeting) = looked_up?;
        let Some(bridge) = &self.bridge else {
            let next = "set [conferencing.bridge]";
            return Err(Closed::Bridge(Refusal::operator("no-bridge", "no bridge is configured", next)));
        };
        let entrance = bridge.open(&room).await.map_err(|error| Closed::Bridge(error.refusal()))?;
        if let Some(meeting) = meeting {
            self.record(&meeting, visitor, room.leads).await;
        }
        Ok(entrance)
    }

    /// The room as it is open to this visitor, and its meeting when it is calendared.
    async fn find(
        &self,
        number: &RoomNumber,
        visitor: &Visitor,
        only: Option<&MeetingKey>,
    ) -> Result<(OpenRoom, Option<Meeting>), Closed> {
        let (now, door) = (self.now(), self.settings.door);
        let from = now.checked_sub(door.after).unwrap_or(Timestamp::MIN);
        let times = self.store.room_times(number, from, AHEAD).await.map_err(unknown)?;
        let mut refused = None;
        let fitting = open_for(&times, now, door).into_iter();
        for time in fitting.filter(|time| only.is_none_or(|key| time.key == *key)) {
            let Some(meeting) = self.meeting_of(time).await? else { continue };
            match key(&meeting.passcodes, &visitor.codes) {
                Key::Fits { leads } => {
                    let until = time.span.end.checked_add(door.after).ok();
                    let conference = format!("{}-{}", meeting.id, time.span.start.as_second());
                    let room = self.opened(number, &meeting.subject, conference, visitor);
                    let passcodes = meeting.passcodes.clone();
                    return Ok((OpenRoom { until, passcodes, leads, ..room }, Some(meeting)));
                }
                Key::Missing => refused = refused.or(Some(Closed::PasscodeMissing)),
                Key::Wrong => refused = Some(Closed::PasscodeWrong),
            }
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        if only.is_none()
            && let Some(room) = self.standing_room(number).await?
        {
            return match key(&room.passcodes, &visitor.codes) {
                Key::Fits { leads } => {
                    let conference = format!("room-{number}");
                    let open = self.opened(number, &room.name, conference, visitor);
                    Ok((OpenRoom { passcodes: room.passcodes, leads, ..open }, None))
                }
                Key::Missing => Err(Closed::PasscodeMissing),
                Key::Wrong => Err(Closed::PasscodeWrong),
            };
        }
        Err(self.closed(number, &times, visitor).await?)
    }

    fn opened(&self, number: &RoomNumber, name: &str, conference: String, visitor: &Visitor) -> OpenRoom {
        OpenRoom {
            number: number.clone(),
            name: if name.trim().is_empty() { format!("VMR {number}") } else { name.to_owned() },
            conference,
            until: None,
            passcodes: Passcodes::default(),
            participant: visitor.name.clone(),
            leads: false,
        }
    }

    /// Why a room without a meeting at present is closed.
    async fn closed(
        &self,
        number: &RoomNumber,
        times: &[Reservation],
        visitor: &Visitor,
    ) -> Result<Closed, Closed> {
        let now = self.now();
        if let Some(next) = times.iter().find(|one| one.span.start > now)
            && let Some(meeting) = self.meeting_of(next).await?
        {
            return Ok(match key(&meeting.passcodes, &visitor.codes) {
                Key::Fits { .. } => {
                    let begins = next.span.start;
                    let opens = begins.checked_sub(self.settings.door.before).unwrap_or(begins);
                    Closed::TooEarly { opens, begins }
                }
                Key::Missing => Closed::PasscodeMissing,
                Key::Wrong => Closed::PasscodeWrong,
            });
        }
        let ended = self.store.room_last_used(number, now).await.map_err(unknown)?;
        Ok(ended.map_or(Closed::NoSuchRoom, |ended| Closed::Over { ended }))
    }

    async fn meeting_of(&self, time: &Reservation) -> Result<Option<Meeting>, Closed> {
        let stored = self.store.meeting_by_key(&time.key).await.map_err(unknown)?;
        Ok(stored.map(|stored| stored.meeting).filter(|meeting| meeting.state == MeetingState::Accepted))
    }

    /// A room that is always open.
    async fn standing_room(&self, number: &RoomNumber) -> Result<Option<Room>, Closed> {
        let custom = self.store.meeting_rooms().await.map_err(unknown)?;
        let found = custom.into_iter().find(|room| room.number == *number);
        Ok(found.or_else(|| self.enterprise_rooms().find(|room| room.number == *number)))
    }

    /// So that `explain` tells who came in.
    async fn record(&self, meeting: &Meeting, visitor: &Visitor, leads: bool) {
        let outcome = if leads { "let in, to lead" } else { "let in" };
        let decision = Decision::new(meeting.trace, meeting.id, self.now(), "enter-room", outcome.to_owned())
            .input("visitor", &visitor.name)
            .input("from", &visitor.from)
            .input("room", &visitor.number);
        if let Err(error) = self.commit(vec![Write::Decision(decision)]).await {
            tracing::warn!(%error, "who entered a room was not noted");
        }
    }
}

/// Tells log and metrics how it went.
fn counted(visitor: &Visitor, entered: Result<Entrance, Closed>) -> Result<Entrance, Closed> {
    let outcome = match &entered {
        Ok(_) => "entered",
        Err(Closed::NoSuchRoom) => "no-such-room",
        Err(Closed::TooEarly { .. }) => "too-early",
        Err(Closed::Over { .. }) => "over",
        Err(Closed::PasscodeMissing) => "passcode-missing",
        Err(Closed::PasscodeWrong) => "passcode-wrong",
        Err(Closed::TooManyGuesses) => "too-many-guesses",
        Err(Closed::Bridge(_)) => "bridge",
        Err(Closed::NotKnown(_)) => "not-known",
    };
    metrics::counter!("tieline_conference_visitors_total", "outcome" => outcome).increment(1);
    tracing::info!(number = visitor.number, name = visitor.name, from = visitor.from, outcome, "visitor");
    entered
}

fn unknown(error: StoreError) -> Closed {
    let refusal: Refusal = error.into();
    Closed::NotKnown(Refusal { class: Class::Transient, ..refusal })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn times(spans: &[(i64, i64)]) -> Vec<Reservation> {
        let one = |(start, end): &(i64, i64)| Reservation {
            key: MeetingKey { uid: format!("m{start}"), occurrence: None },
            number: "7042".parse().unwrap(),
            span: Span { start: at(*start), end: at(*end) },
        };
        spans.iter().map(one).collect()
    }

    /// Covers: PO-09 (open in time)
    #[test]
    fn the_door_is_open_around_a_meeting_and_belongs_to_the_one_that_goes_on() {
        // From 60 to 120, from 120 to 180, and from 195 to 200.
        let times = times(&[(60, 120), (120, 180), (195, 200)]);
        let open = |minute: i64| -> Vec<String> {
            let door = DoorPolicy::default();
            open_for(&times, at(minute), door).into_iter().map(|one| one.key.uid.clone()).collect()
        };
        assert_eq!(open(44), Vec::<String>::new());
        assert_eq!(open(45), ["m60"]);
        assert_eq!(open(119), ["m60"]);
        assert_eq!(open(120), ["m120"]);
        assert_eq!(open(179), ["m120"]);
        assert_eq!(open(180), ["m195", "m120"]);
        assert_eq!(open(195), ["m195"]);
        assert_eq!(open(229), ["m195"]);
        assert_eq!(open(230), Vec::<String>::new());
    }

    /// Covers: PO-22 (opens the room)
    /// Covers: PO-23 (opens the room)
    #[test]
    fn either_code_opens_and_the_chairpersons_leads() {
        let code = |text: &str| Some(Passcode::new(text));
        let both = Passcodes { conference: code("1234"), chairperson: code("9876") };
        let with =
            |codes: &[&str]| key(&both, &codes.iter().map(|code| Passcode::new(code)).collect::<Vec<_>>());
        assert_eq!(with(&[]), Key::Missing);
        assert_eq!(with(&["0000"]), Key::Wrong);
        assert_eq!(with(&["1234"]), Key::Fits { leads: false });
        assert_eq!(with(&["1234", "9876"]), Key::Fits { leads: true });
        assert_eq!(key(&Passcodes::default(), &[Passcode::new("1")]), Key::Fits { leads: false });
        let chair = Passcodes { conference: None, chairperson: code("9876") };
        assert_eq!(key(&chair, &[]), Key::Fits { leads: false });
    }

    #[test]
    fn who_guesses_is_not_heard_for_a_while() {
        let mut guesses = Guesses::default();
        let place = |from: &str| ("7042".parse().unwrap(), from.to_owned());
        for _ in 0..GUESSES {
            assert!(guesses.is_heard(&place("a"), at(0)));
            guesses.wrong(place("a"), at(0));
        }
        assert!(!guesses.is_heard(&place("a"), at(9)));
        assert!(guesses.is_heard(&place("b"), at(9)));
        assert!(guesses.is_heard(&place("a"), at(10)));
        guesses.wrong(place("a"), at(10));
        assert!(guesses.is_heard(&place("a"), at(10)));
        for nth in 0..PLACES + 10 {
            guesses.wrong(place(&nth.to_string()), at(11));
        }
        assert!(guesses.0.len() <= PLACES);
    }
}
