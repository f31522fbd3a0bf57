//! Where a user is, by the calendar, and when to look again ("Change Location").

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tieline_model::{Busy, Event, Occurrence, Record, UcLocation};

/// How far ahead the calendar is looked at.
const HORIZON: SignedDuration = SignedDuration::from_hours(32 * 24);

/// Which events move the location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Moves {
    /// "Change Location".
    pub enabled: bool,
    /// The location of an event for which nobody said another.
    pub default: UcLocation,
    /// Tentative events count.
    pub tentative: bool,
    /// Whole days count; any event within them counts for more.
    pub all_day: bool,
}

impl Default for Moves {
    fn default() -> Self {
        Self { enabled: true, default: UcLocation::Meeting, tentative: false, all_day: true }
    }
}

/// A location that the user set by hand. It stays, whatever the calendar says, until then or until it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manual {
    /// Where.
    pub location: UcLocation,
    /// Until when; `None` is until it is taken back.
    pub until: Option<Timestamp>,
}

/// Why it is this location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// Nothing says otherwise.
    Usual,
    /// Set by hand.
    ByHand,
    /// An event; its subject is not told when it is private.
    Event {
        /// Its place among the events given.
        index: usize,
        /// In a person's words.
        headline: String,
        /// Since when.
        since: Timestamp,
        /// Somebody assigned this location to the event; else it is the default.
        assigned: bool,
    },
}

/// Where the user is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// Where.
    pub location: UcLocation,
    /// Why.
    pub cause: Cause,
    /// Nothing changes before this instant: look again then.
    pub until: Timestamp,
    /// Events whose time zone nobody knows: they move nothing, and are to be shown.
    pub unknown: Vec<usize>,
}

/// Where the user is at `now`, when the calendar does not say anything: `usual`.
///
/// Of several events at a time the busier counts (out of office, busy, working elsewhere, tentative), then one with
/// times before a whole day, then the one that began last, then the shorter, then the one that stands first. Free and
/// cancelled events move nothing; private ones do, and do not tell why.
#[must_use]
pub fn whereabouts(
    events: &[Event],
    moves: Moves,
    manual: Option<Manual>,
    usual: UcLocation,
    now: Timestamp,
) -> Whereabouts {
    let end = now.saturating_add(HORIZON).unwrap_or(Timestamp::MAX);
    let by_hand = manual.filter(|manual| manual.until.is_none_or(|until| now < until));
    if let Some(manual) = by_hand {
        let until = manual.until.unwrap_or(end).min(end);
        return Whereabouts { location: manual.location, cause: Cause::ByHand, until, unknown: Vec::new() };
    }
    let mut found = Whereabouts { location: usual, cause: Cause::Usual, until: end, unknown: Vec::new() };
    let mut best: Option<(Rank, UcLocation, Cause)> = None;
    for (index, event) in events.iter().enumerate().filter(|_| moves.enabled) {
        let Ok(occurrences) = event.schedule.expand(now, end) else {
            found.unknown.push(index);
            continue;
        };
        for occurrence in &occurrences {
            let Some(busyness) = counts(event, occurrence, moves) else { continue };
            if occurrence.start > now {
                found.until = found.until.min(occurrence.start);
                continue;
            }
            if occurrence.end <= now {
                continue;
            }
            found.until = found.until.min(occurrence.end);
            let length = occurrence.end.duration_since(occurrence.start);
            let rank = Rank {
                busyness,
                timed: !event.schedule.all_day,
                start: occurrence.start,
                shorter: std::cmp::Reverse(length),
                first: std::cmp::Reverse(index),
            };
            let assigned = event
                .exception(occurrence)
                .and_then(|changed| changed.uc_location)
                .or_else(|| assigned(event));
            let headline = event.headline();
            let cause =
                Cause::Event { index, headline, since: occurrence.start, assigned: assigned.is_some() };
            if best.as_ref().is_none_or(|(best, ..)| rank > *best) {
                best = Some((rank, assigned.unwrap_or(moves.default), cause));
            }
        }
    }
    if let Some((_, location, cause)) = best {
        (found.location, found.cause) = (location, cause);
    }
    found
}

/// By hand in Tieline, or by a category in Outlook.
fn assigned(event: &Event) -> Option<UcLocation> {
    event
        .uc_location
        .or_else(|| event.categories.iter().find_map(|category| UcLocation::from_category(category)))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    busyness: u8,
    timed: bool,
    start: Timestamp,
    shorter: std::cmp::Reverse<SignedDuration>,
    first: std::cmp::Reverse<usize>,
}

/// How much an occurrence counts; `None` when it moves nothing.
fn counts(event: &Event, occurrence: &Occurrence, moves: Moves) -> Option<u8> {
    if event.cancelled || (event.schedule.all_day && !moves.all_day) {
        return None;
    }
    match event.exception(occurrence).and_then(|changed| changed.busy).unwrap_or(event.busy) {
        Busy::Free => None,
        Busy::Tentative if !moves.tentative => None,
        Busy::Tentative => Some(0),
        Busy::WorkingElsewhere => Some(1),
        Busy::Busy => Some(2),
        Busy::OutOfOffice => Some(3),
    }
}
