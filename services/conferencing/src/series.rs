//! Single occurrences of a series that stands: moved, changed or called off one by one.

use jiff::Timestamp;
use jiff::civil::DateTime;
use tieline_model::Schedule;

/// The series with one occurrence at another time. `None` when it is no series or a zone is not known.
#[must_use]
pub fn with_occurrence(series: &Schedule, original: Timestamp, changed: &Schedule) -> Option<Schedule> {
    let mut whole = series.clone();
    let zone = series.start.zone.resolve().ok()?;
    let key = original_of(series, original)?;
    let recurrence = whole.recurrence.as_mut()?;
    let start = zone.to_datetime(changed.start.instant().ok()?);
    let end = zone.to_datetime(changed.end.instant().ok()?);
    recurrence.cancelled.remove(&key);
    let exception = recurrence.exceptions.entry(key).or_default();
    exception.start = start;
    exception.end = end;
    Some(whole)
}

/// The series without one occurrence. `None` as above.
#[must_use]
pub fn without_occurrence(series: &Schedule, original: Timestamp) -> Option<Schedule> {
    let mut whole = series.clone();
    let key = original_of(series, original)?;
    let recurrence = whole.recurrence.as_mut()?;
    recurrence.exceptions.remove(&key);
    recurrence.cancelled.insert(key);
    Some(whole)
}

/// By which local time the occurrence goes. Some programs say only the day, or the time of the whole series at it.
fn original_of(series: &Schedule, original: Timestamp) -> Option<DateTime> {
    let local = series.start.zone.resolve().ok()?.to_datetime(original);
    let regular = local.date().to_datetime(series.start.local.time());
    let known = |at: &DateTime| {
        let changed = series.recurrence.as_ref();
        changed.is_some_and(|series| series.exceptions.contains_key(at) || series.cancelled.contains(at))
    };
    Some(if known(&local) { local } else { regular })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans;
    use tieline_model::{Ends, Pattern, Recurrence, When, Zone};

    fn schedule(start: &str, end: &str) -> Schedule {
        let when = |local: &str| When { local: local.parse().unwrap(), zone: Zone::named("Europe/Berlin") };
        Schedule { start: when(start), end: when(end), all_day: false, recurrence: None }
    }

    fn daily() -> Schedule {
        let recurrence = Some(Recurrence::new(Pattern::Daily { interval: 1 }, Ends::After(3)));
        Schedule { recurrence, ..schedule("2026-12-01T10:00", "2026-12-01T11:00") }
    }

    fn starts(schedule: &Schedule) -> Vec<String> {
        let from = "2026-01-01T00:00:00Z".parse().unwrap();
        spans(schedule, from, 3000).unwrap().iter().map(|span| span.start.to_string()).collect()
    }

    /// Covers: PO-08 (occurrences)
    #[test]
    fn one_occurrence_moves_and_the_others_stay() {
        let original = "2026-12-02T09:00:00Z".parse().unwrap();
        let moved =
            with_occurrence(&daily(), original, &schedule("2026-12-02T15:00", "2026-12-02T16:00")).unwrap();
        assert_eq!(starts(&moved), ["2026-12-01T09:00:00Z", "2026-12-02T14:00:00Z", "2026-12-03T09:00:00Z"]);
        let changed = &moved.recurrence.as_ref().unwrap().exceptions[&"2026-12-02T10:00".parse().unwrap()];
        assert_eq!(changed.end.to_string(), "2026-12-02T16:00:00");
        let gone = without_occurrence(&moved, original).unwrap();
        assert_eq!(starts(&gone), ["2026-12-01T09:00:00Z", "2026-12-03T09:00:00Z"]);
        let back =
            with_occurrence(&gone, original, &schedule("2026-12-02T10:00", "2026-12-02T11:00")).unwrap();
        assert_eq!(starts(&back).len(), 3);
        assert_eq!(
            with_occurrence(&schedule("2026-12-01T10:00", "2026-12-01T11:00"), original, &daily()),
            None
        );
    }
}
