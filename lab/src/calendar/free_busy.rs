//! Free and busy times: the merged string, a digit an interval.

use jiff::{SignedDuration, Timestamp};

/// How much a status counts in a merged string: the highest wins. Working elsewhere is shown as no data.
pub(crate) fn digit(status: &str) -> u8 {
    match status {
        "Free" => 0,
        "Tentative" => 1,
        "OOF" => 3,
        "WorkingElsewhere" | "NoData" => 4,
        _ => 2,
    }
}

/// A digit for each interval that begins in the window: the highest of what overlaps it.
pub(crate) fn merged(
    from: Timestamp,
    to: Timestamp,
    interval: SignedDuration,
    taken: &[(Timestamp, Timestamp, u8)],
) -> String {
    let mut digits = String::new();
    let mut at = from;
    while at < to {
        let until = at.saturating_add(interval).unwrap_or(to);
        let overlapping = taken.iter().filter(|(start, end, _)| *start < until && *end > at);
        digits.push(char::from(b'0' + overlapping.map(|(.., digit)| *digit).max().unwrap_or(0)));
        at = until;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_status_of_an_interval_wins() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).expect("an instant");
        let taken = [(at(0), at(31), 1), (at(30), at(60), 2), (at(90), at(90), 3)];
        let interval = SignedDuration::from_mins(30);
        assert_eq!(merged(at(0), at(120), interval, &taken), "1200");
        assert_eq!(merged(at(0), at(100), interval, &[]).len(), 4, "a part of an interval counts");
    }
}
