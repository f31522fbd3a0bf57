//! When which room is taken: an interval index for each number.
//!
//! A room's meetings lie in a tree by their beginning, beside the length of its longest one: what collides with a
//! stretch of time begins between that length before it and its end. A series is looked up occurrence by occurrence,
//! so that the cost grows with the occurrences asked about, not with the meetings that stand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tieline_model::{MeetingKey, RoomNumber, Schedule, Span, UnknownZone};

#[derive(Debug, Clone, Default)]
struct Room {
    /// By beginning; the second number keeps apart what begins together.
    taken: BTreeMap<(Timestamp, u64), (Timestamp, Arc<MeetingKey>)>,
    /// No stretch is longer.
    longest: SignedDuration,
}

/// What a meeting holds.
#[derive(Debug, Clone)]
struct Held {
    key: Arc<MeetingKey>,
    number: RoomNumber,
    places: Vec<(Timestamp, u64)>,
}

/// The reservations of all rooms.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    rooms: HashMap<RoomNumber, Room>,
    /// By UID: a series, and single occurrences beside it.
    meetings: HashMap<String, Vec<Held>>,
    next: u64,
}

/// A reservation was not made, since the room is taken then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken(pub Vec<Span>);

impl Calendar {
    /// No reservations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many stretches of time are reserved.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rooms.values().map(|room| room.taken.len()).sum()
    }

    /// Whether nothing is reserved.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rooms.values().all(|room| room.taken.is_empty())
    }

    /// Where a room is taken by other meetings than the one with this UID, by beginning. A meeting does not collide
    /// with itself.
    #[must_use]
    pub fn collisions(&self, number: &RoomNumber, spans: &[Span], uid: &str) -> Vec<Span> {
        let Some(room) = self.rooms.get(number) else { return Vec::new() };
        let mut found: Vec<Span> = spans.iter().flat_map(|span| room.overlapping(span, uid)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether a room is free for a meeting; stops at the first collision.
    #[must_use]
    pub fn is_free(&self, number: &RoomNumber, spans: &[Span], uid: &str) -> bool {
        let Some(room) = self.rooms.get(number) else { return true };
        spans.iter().all(|span| room.overlapping(span, uid).next().is_none())
    }

    /// Reserves a room for every stretch, or for none. What the meeting held before is given back; a series takes the
    /// place of its single occurrences.
    ///
    /// # Errors
    /// Where the room is taken. Then everything is as it was.
    pub fn reserve(&mut self, key: &MeetingKey, number: &RoomNumber, spans: &[Span]) -> Result<(), Taken> {
        let collisions = self.collisions(number, spans, &key.uid);
        if !collisions.is_empty() {
            return Err(Taken(collisions));
        }
        self.release(key);
        let key = Arc::new(key.clone());
        let room = self.rooms.entry(number.clone()).or_default();
        let mut places = Vec::with_capacity(spans.len());
        for span in spans {
            let place = (span.start, self.next);
            self.next += 1;
            room.longest = room.longest.max(span.length());
            room.taken.insert(place, (span.end, Arc::clone(&key)));
            places.push(place);
        }
        let held = Held { key: Arc::clone(&key), number: number.clone(), places };
        self.meetings.entry(key.uid.clone()).or_default().push(held);
        Ok(())
    }

    /// Gives back what a meeting holds: a series everything, also its single occurrences.
    pub fn release(&mut self, key: &MeetingKey) {
        let Some(held) = self.meetings.get_mut(&key.uid) else { return };
        let goes = |held: &Held| key.occurrence.is_none() || held.key.occurrence == key.occurrence;
        let (gone, stays): (Vec<Held>, Vec<Held>) = held.drain(..).partition(goes);
        if stays.is_empty() {
            self.meetings.remove(&key.uid);
        } else {
            *held = stays;
        }
        for held in gone {
            let Some(room) = self.rooms.get_mut(&held.number) else { continue };
            for place in held.places {
                room.taken.remove(&place);
            }
            if room.taken.is_empty() {
                self.rooms.remove(&held.number);
            }
        }
    }

    /// The room that a meeting holds.
    #[must_use]
    pub fn room_of(&self, uid: &str) -> Option<&RoomNumber> {
        self.meetings.get(uid)?.first().map(|held| &held.number)
    }

    /// When a room is next taken, from an instant on; what keeps an administrator from making a custom room of it.
    #[must_use]
    pub fn next_use(&self, number: &RoomNumber, from: Timestamp) -> Option<Span> {
        let rest = Span { start: from, end: Timestamp::MAX };
        let room = self.rooms.get(number)?;
        room.overlapping(&rest, "").next()
    }
}

impl Room {
    fn overlapping(&self, span: &Span, uid: &str) -> impl Iterator<Item = Span> {
        let from = span.start.checked_sub(self.longest).unwrap_or(Timestamp::MIN);
        self.taken
            .range((from, 0)..(span.end.max(from), 0))
            .filter(move |(_, (end, key))| *end > span.start && key.uid != uid)
            .map(|((start, _), (end, _))| Span { start: *start, end: *end })
    }
}

/// The stretches of time of a schedule from an instant on, as far as the horizon, by beginning.
///
/// # Errors
/// When a zone is not known.
pub fn spans(schedule: &Schedule, from: Timestamp, horizon_days: u16) -> Result<Vec<Span>, UnknownZone> {
    let ahead = SignedDuration::from_hours(24 * i64::from(horizon_days));
    let to = from.checked_add(ahead).unwrap_or(Timestamp::MAX);
    // A single meeting is kept however far ahead it lies.
    let to = if schedule.recurrence.is_some() { to } else { Timestamp::MAX };
    let found = schedule.expand(from, to)?;
    Ok(found.into_iter().map(|one| Span { start: one.start, end: one.end }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(start: i64, length: i64) -> Span {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        Span { start: at(start), end: at(start + length) }
    }

    fn key(uid: &str, occurrence: Option<i64>) -> MeetingKey {
        MeetingKey {
            uid: uid.to_owned(),
            occurrence: occurrence.map(|second| Timestamp::from_second(second).unwrap()),
        }
    }

    fn number(text: &str) -> RoomNumber {
        text.parse().unwrap()
    }

    #[test]
    fn a_series_is_reserved_as_a_whole_or_not_at_all() {
        let mut calendar = Calendar::new();
        let room = number("7042");
        calendar.reserve(&key("a", None), &room, &[span(100, 60)]).unwrap();
        let series: Vec<Span> = (0..10).map(|day| span(20 + day * 45, 45)).collect();
        let taken = calendar.reserve(&key("b", None), &room, &series).unwrap_err();
        assert_eq!(taken, Taken(vec![span(100, 60)]));
        assert_eq!(calendar.len(), 1, "nothing of it was reserved");
        calendar.reserve(&key("b", None), &number("7043"), &series).unwrap();
        assert_eq!(calendar.len(), 11);
    }

    #[test]
    fn an_update_moves_the_reservation_and_does_not_collide_with_itself() {
        let mut calendar = Calendar::new();
        calendar.reserve(&key("a", None), &number("7042"), &[span(0, 60)]).unwrap();
        calendar.reserve(&key("a", None), &number("7042"), &[span(30, 60)]).unwrap();
        assert!(calendar.is_free(&number("7042"), &[span(0, 30)], "b"));
        assert!(!calendar.is_free(&number("7042"), &[span(60, 30)], "b"));
        assert_eq!(calendar.room_of("a"), Some(&number("7042")));
        calendar.release(&key("a", None));
        assert!(calendar.is_empty() && calendar.room_of("a").is_none());
    }

    #[test]
    fn a_series_takes_the_place_of_its_single_occurrences() {
        let mut calendar = Calendar::new();
        let room = number("7042");
        calendar.reserve(&key("a", Some(1)), &room, &[span(0, 60)]).unwrap();
        calendar.reserve(&key("a", Some(2)), &room, &[span(30, 60)]).unwrap();
        assert_eq!(calendar.len(), 2);
        calendar.release(&key("a", Some(1)));
        assert_eq!(calendar.len(), 1);
        calendar.reserve(&key("a", None), &room, &[span(500, 60)]).unwrap();
        assert_eq!(calendar.len(), 1);
        assert_eq!(calendar.next_use(&room, span(0, 1).start), Some(span(500, 60)));
    }

    proptest! {
        /// The index says what looking at everything says.
        #[test]
        fn the_index_agrees_with_a_scan(
            meetings in prop::collection::vec((0..3_u8, prop::collection::vec((0..500_i64, 0..90_i64), 1..6), any::<bool>()), 1..40),
            asked in prop::collection::vec((0..500_i64, 0..90_i64), 1..4),
        ) {
            let mut calendar = Calendar::new();
            let mut plain: Vec<(String, RoomNumber, Vec<Span>)> = Vec::new();
            for (nth, (room, parts, again)) in meetings.into_iter().enumerate() {
                let uid = format!("m{}", if again { nth / 2 } else { nth });
                let room = number(&format!("70{room}"));
                let parts: Vec<Span> = parts.into_iter().map(|(start, length)| span(start, length)).collect();
                let free = plain.iter().all(|(other, taken, spans)| {
                    *other == uid || *taken != room || spans.iter().all(|one| parts.iter().all(|two| !one.overlaps(two)))
                });
                prop_assert_eq!(calendar.reserve(&key(&uid, None), &room, &parts).is_ok(), free);
                if free {
                    plain.retain(|(other, ..)| *other != uid);
                    plain.push((uid, room, parts));
                }
            }
            let asked: Vec<Span> = asked.into_iter().map(|(start, length)| span(start, length)).collect();
            let room = number("701");
            let mut scanned: Vec<Span> = plain.iter().filter(|(_, taken, _)| *taken == room)
                .flat_map(|(.., spans)| spans).copied()
                .filter(|one| asked.iter().any(|two| one.overlaps(two))).collect();
            scanned.sort_unstable();
            scanned.dedup();
            prop_assert_eq!(calendar.collisions(&room, &asked, "nobody"), scanned);
            prop_assert_eq!(calendar.len(), plain.iter().map(|(.., spans)| spans.len()).sum::<usize>());
        }
    }
}
