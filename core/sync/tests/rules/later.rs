//! Of a field that both sides edited differently, the later edit wins.

use jiff::Timestamp;
use tieline_model::Contact;
use tieline_sync::{Base, Both, Faithful, FieldPolicy, FieldProvenance};

fn of(company: &str) -> Contact {
    Contact { company: company.to_owned(), ..Contact::default() }
}

/// What both sides have afterwards, when Tieline's was edited in this millisecond and the mail system's in that one.
fn winner(ours: Option<i64>, theirs: Option<i64>) -> String {
    let at = |ms: Option<i64>| ms.map(|ms| Timestamp::from_millisecond(ms).expect("a time"));
    let both = Both {
        base: Some(&Base { left: of("first"), right: of("first") }),
        left: &of("ours"),
        right: &of("theirs"),
        edited: (at(ours), at(theirs)),
        provenance: &FieldProvenance::<Contact>::new(),
    };
    let merged = both.merge(FieldPolicy::Later, &Faithful);
    assert_eq!(merged.left.company, merged.right.company);
    merged.left.company
}

#[test]
fn the_later_edit_wins_and_what_cannot_be_told_apart_is_the_mail_systems() {
    for (ours, theirs, wins) in [
        (Some(7_000), Some(6_000), "ours"),
        (Some(6_000), Some(7_000), "theirs"),
        (Some(6_999), Some(6_000), "theirs"),
        (Some(7_000), Some(6_999), "ours"),
        (None, Some(6_000), "theirs"),
        (Some(6_000), None, "theirs"),
    ] {
        assert_eq!(winner(ours, theirs), wins, "{ours:?} and {theirs:?}");
    }
}
