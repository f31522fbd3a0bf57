//! Items with damaged values: whatever a mailbox holds, reading it gives a record, another kind or a reason, and no panic.
//!
//! `TIELINE_FUZZ_ITERATIONS` sets how many are tried, `TIELINE_FUZZ_SEED` repeats a run.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use tieline_model::{Contact, Event};
use tieline_proto_ews::operations::GetItem;
use tieline_proto_ews::{Item, Limits, Request, decode_response};

use super::invitation;
use crate::ews::mapped::Mapped;

/// What stands where something else is expected.
const VALUES: &[&str] = &[
    "",
    " ",
    "0",
    "-1",
    "32",
    "2147483647",
    "-2147483648",
    "99999999999999999999",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999Z",
    "2026-02-30T25:61:61",
    "2026-03-29T02:30:00",
    "2026-11-23",
    "9999-12-31",
    "PT0S",
    "-P9999999999D",
    "P1Y2M3DT4H5M6.7S",
    "-PT23H59M59S",
    "Sunday Monday Weekday Day",
    "Last",
    "February",
    "true",
    "Customized Time Zone",
    "tzone://Microsoft/Utc",
    "W. Europe Standard Time",
    "Europe/Berlin",
    "std",
    "a@b@c",
    "sip:",
    "&#x1F;\u{202e}\u{1f600}",
];

/// SplitMix64: small, seeded, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound.max(1) as u64).expect("less than a usize")
    }
}

/// What clients sent and the lab answered, of all that hold items.
fn documents() -> Vec<String> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/ews/tests/data");
    let folders = ["davmail", "exchangelib", "lab"].iter().map(|folder| data.join(folder));
    let files = folders.flat_map(|folder| fs::read_dir(folder).expect("captures"));
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let texts = paths.iter().map(|path| fs::read_to_string(path).expect("a text"));
    texts.filter(|text| !items(text).is_empty()).collect()
}

fn items(document: &str) -> Vec<Item> {
    if let Ok((_, Request::CreateItem(create))) = Request::parse(document.as_bytes()) {
        return create.items;
    }
    let Ok(reply) = decode_response::<GetItem>(document.as_bytes(), &Limits::DEFAULT) else {
        return Vec::new();
    };
    let messages = reply.body.map(|response| response.messages).unwrap_or_default();
    messages.into_iter().flat_map(|message| message.payload.items).collect()
}

/// The document with other texts and attributes in places.
fn damaged(document: &str, dice: &mut Dice) -> String {
    let mut text = document.to_owned();
    for _ in 0..=dice.below(5) {
        let (open, close) = if dice.below(4) == 0 { ('"', '"') } else { ('>', '<') };
        let begins: Vec<usize> = text.match_indices(open).map(|(at, _)| at + 1).collect();
        let Some(from) = begins.get(dice.below(begins.len())) else { continue };
        let Some(length) = text[*from..].find(close) else { continue };
        text.replace_range(*from..from + length, VALUES[dice.below(VALUES.len())]);
    }
    text
}

fn read(item: &Item) {
    let now = Timestamp::UNIX_EPOCH;
    if let Ok(Some(draft)) = Contact::read(item) {
        draft.record.rendered();
    }
    if let Ok(Some(draft)) = Event::read(item) {
        draft.record.rendered();
    }
    invitation::mail(item, now);
    invitation::entry(item, now);
}

#[test]
fn mutated_items_are_read_or_refused() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let iterations = number("TIELINE_FUZZ_ITERATIONS").unwrap_or(2000);
    let seed = number("TIELINE_FUZZ_SEED").unwrap_or(1);
    let documents = documents();
    assert!(documents.len() > 20, "only {} documents hold items", documents.len());
    let mut held = 0;
    for iteration in 0..iterations {
        let mut dice = Dice(seed ^ (iteration << 20));
        let text = damaged(&documents[dice.below(documents.len())], &mut dice);
        let found = items(&text);
        held += found.len();
        let outcome = std::panic::catch_unwind(|| found.iter().for_each(read));
        assert!(outcome.is_ok(), "TIELINE_FUZZ_SEED={seed}, iteration {iteration}: {text}");
    }
    assert!(iterations < 100 || held > 0, "nothing was readable");
}
