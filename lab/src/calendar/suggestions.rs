//! Times to meet: how well each half hour of a day suits the attendees.

use jiff::{SignedDuration, Timestamp};

/// How well a time suits; the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Quality {
    Excellent,
    Good,
    Fair,
    Poor,
}

impl Quality {
    /// `t:SuggestionQuality`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Excellent => "Excellent",
            Self::Good => "Good",
            Self::Fair => "Fair",
            Self::Poor => "Poor",
        }
    }

    /// Reads `t:SuggestionQuality`; anything else is the default.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "Excellent" => Self::Excellent,
            "Good" => Self::Good,
            "Poor" => Self::Poor,
            _ => Self::Fair,
        }
    }
}

/// One attendee: when busy, and whether a meeting without them is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attendee {
    pub(crate) busy: Vec<(Timestamp, Timestamp)>,
    /// A room: one free room is enough.
    pub(crate) is_room: bool,
}

/// What a suggestion has to meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) lasts: SignedDuration,
    /// Up to how many of a hundred attendees may be busy at a good time.
    pub(crate) good_threshold: usize,
    pub(crate) least: Quality,
    pub(crate) most_by_day: usize,
    pub(crate) most_outside_work: usize,
}

/// A time to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suggestion {
    pub(crate) start: Timestamp,
    pub(crate) is_work_time: bool,
    pub(crate) quality: Quality,
}

/// How well a time suits the attendees.
fn quality(start: Timestamp, wish: &Wish, attendees: &[Attendee]) -> Quality {
    let end = start.saturating_add(wish.lasts).unwrap_or(start);
    let busy = |attendee: &&Attendee| attendee.busy.iter().any(|(from, to)| *from < end && *to > start);
    let (rooms, people): (Vec<&Attendee>, Vec<&Attendee>) =
        attendees.iter().partition(|attendee| attendee.is_room);
    if !rooms.is_empty() && rooms.iter().all(busy) {
        return Quality::Poor;
    }
    let of_hundred = people.iter().filter(|person| busy(person)).count() * 100 / people.len().max(1);
    match of_hundred {
        0 => Quality::Excellent,
        share if share <= wish.good_threshold => Quality::Good,
        share if share < 50 => Quality::Fair,
        _ => Quality::Poor,
    }
}

/// The best times of a day out of `starts` (each with whether it is work time), the best first.
pub(crate) fn of_day(
    starts: impl IntoIterator<Item = (Timestamp, bool)>,
    wish: &Wish,
    attendees: &[Attendee],
) -> Vec<Suggestion> {
    let mut all: Vec<_> = starts
        .into_iter()
        .map(|(start, is_work_time)| Suggestion {
            start,
            is_work_time,
            quality: quality(start, wish, attendees),
        })
        .filter(|suggestion| suggestion.quality <= wish.least)
        .collect();
    all.sort_by_key(|suggestion| (suggestion.quality, !suggestion.is_work_time, suggestion.start));
    let mut outside = 0;
    all.retain(|suggestion| {
        outside += usize::from(!suggestion.is_work_time);
        suggestion.is_work_time || outside <= wish.most_outside_work
    });
    all.truncate(wish.most_by_day);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_times_come_first_and_rooms_decide() {
        let hour = |hour: i64| Timestamp::from_second(hour * 3600).expect("an instant");
        let person = |busy: &[i64]| Attendee {
            busy: busy.iter().map(|from| (hour(*from), hour(from + 1))).collect(),
            is_room: false,
        };
        let room = Attendee { is_room: true, ..person(&[11]) };
        let wish = Wish {
            lasts: SignedDuration::from_hours(1),
            good_threshold: 25,
            least: Quality::Fair,
            most_by_day: 3,
            most_outside_work: 0,
        };
        let attendees = [person(&[9]), person(&[]), person(&[]), person(&[9, 10]), room];
        let starts = (7..13).map(|at| (hour(at), at >= 8));
        let found = of_day(starts, &wish, &attendees);
        let told: Vec<_> = found.iter().map(|one| (one.start, one.quality)).collect();
        assert_eq!(
            told,
            [(hour(8), Quality::Excellent), (hour(12), Quality::Excellent), (hour(10), Quality::Good)]
        );
    }
}
