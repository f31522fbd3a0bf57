//! Times as people read them, with the exact one behind.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

/// "3 min ago", with the exact time in its title.
pub(super) fn ago(now: Timestamp, at: Timestamp) -> Markup {
    let exact = at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    html! { time datetime=(at.to_string()) title=(exact) { (in_words(now.duration_since(at))) } }
}

fn in_words(age: SignedDuration) -> String {
    match age.as_secs() {
        i64::MIN..60 => "just now".to_owned(),
        secs @ 60..3600 => format!("{} min ago", secs / 60),
        secs @ 3600..172_800 => format!("{} h ago", secs / 3600),
        secs => format!("{} days ago", secs / 86_400),
    }
}

/// "12 ms", "3.4 s", "2 min".
pub(super) fn lasting(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..7_200_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_units_and_the_exact_one() {
        let now: Timestamp = "2026-01-05T09:00:00Z".parse().unwrap();
        let told = |secs| ago(now, now - SignedDuration::from_secs(secs)).into_string();
        assert!(told(5).contains("just now") && told(5).contains("2026-01-05 08:59:55 UTC"));
        assert!(told(150).contains(">2 min ago<") && told(90_000).contains(">25 h ago<"));
        assert!(told(-30).contains("just now"), "another machine's clock");
        assert_eq!([0, 999, 3400, 90_000].map(lasting), ["0 ms", "999 ms", "3.4 s", "1 min"]);
    }
}
