//! Hostile contacts: whatever arrives, the technician is sent to a listed host with one parameter filled in, or told why
//! not.
//!
//! `TIELINE_FUZZ_ITERATIONS` sets how many contacts are read (default 20,000), `TIELINE_FUZZ_SEED` the first of them.
//! Every twentieth goes the whole way through directory and target, which takes ten times as long. A failure prints
//! its seed.

use tieline_model::TargetKind;
use tieline_quick_call::{AutoConnectionLink, MAX_CONTACTS, Resolution, parse_contacts};

use crate::world::{LINK, method1, target, world};

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// What clients really send, and what attackers do.
const CORPUS: [&str; 18] = [
    "Contacts=<sip:alice@corp.example>",
    "Contacts=%3Csip%3Abob%40corp.example%3E",
    "Contacts=<sip:alice@corp.example>,<sip:bob@corp.example>",
    "<sips:Alice.Adams@sip.corp.example;transport=tls>",
    "tel:+49-30-1001;phone-context=corp",
    "sip:+49301001@gw.corp.example;user=phone",
    "mailto:bob@corp.example?subject=x",
    "\"Bob, Brown\" <sip:bob@corp.example>",
    "%contact-id%",
    "//evil.example/",
    "https://evil.example/?x=@corp.example",
    "javascript:alert(1)//@corp.example",
    "sip:bob@corp.example\r\nLocation: https://evil.example/",
    "sip:bob%0d%0aSet-Cookie:%20a=b@corp.example",
    "sip:bob@corp.example&field6=eve@corp.example&field1=00",
    "sip:bob@corp.example&url_requestor=eve@corp.example#",
    "sip:b\u{f6}b@c\u{f6}rp.example",
    "\u{202e}elpmaxe.proc@bob\u{0}",
];
const PIECES: [&str; 22] = [
    "Contacts=",
    "<",
    ">",
    "%3C",
    "%3E",
    "%253C",
    ",",
    ";",
    "&",
    "=",
    "#",
    "?",
    "/",
    "\\",
    "@",
    "%40",
    "%0d%0a",
    "\r\n",
    "\0",
    "sip:",
    "%",
    "\u{feff}",
];

fn mutated(random: &mut Random) -> String {
    let mut text: Vec<char> = CORPUS[random.below(CORPUS.len())].chars().collect();
    for _ in 0..random.below(6) {
        let at = random.below(text.len() + 1);
        match random.below(5) {
            0 => {
                let piece = PIECES[random.below(PIECES.len())];
                text.splice(at..at, piece.chars());
            }
            1 => drop(text.drain(at.min(text.len())..(at + random.below(4)).min(text.len()))),
            2 => {
                let other: Vec<char> = CORPUS[random.below(CORPUS.len())].chars().collect();
                text.splice(at..at, other);
            }
            3 => text.insert(at, char::from_u32(random.below(0x3000) as u32).unwrap_or('x')),
            _ => {
                if let Some(c) = text.get_mut(at) {
                    *c = if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
                }
            }
        }
    }
    text.into_iter().collect()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// One byte of a parameter's value that is neither another parameter nor another address.
fn stays_inside(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)
}

/// What is read is clean addresses, and each fills one field of an auto connection link and nothing else.
///
/// Covers: EV-28, EV-31 (fields), EV-46, EV-48
#[test]
fn no_contact_is_read_as_more_than_addresses() {
    let link = AutoConnectionLink::parse(LINK).unwrap();
    let beginning = LINK.trim_end_matches("morley");
    let (first, count) = (setting("TIELINE_FUZZ_SEED", 1), setting("TIELINE_FUZZ_ITERATIONS", 20_000));
    let mut read = 0_u64;
    for seed in first..first + count {
        let contact = mutated(&mut Random(seed));
        let context = || format!("TIELINE_FUZZ_SEED={seed}: {contact:?}");
        let Ok(contacts) = parse_contacts(&contact) else { continue };
        assert!((1..=MAX_CONTACTS).contains(&contacts.len()), "{}", context());
        for one in contacts {
            let printed = one.to_string();
            assert!(
                !printed.contains(|c: char| c.is_control() || c.is_whitespace() || "<>\"".contains(c)),
                "{}",
                context()
            );
            // A percent sign would be read as an escape.
            if !printed.contains('%') {
                let again = parse_contacts(&printed).map(|again| again.len());
                assert_eq!(again, Ok(1), "{}", context());
            }
            let url = link.with_person(&printed);
            let value = url.expose().strip_prefix(beginning).unwrap_or_else(|| panic!("{}", context()));
            assert!(value.bytes().all(stays_inside), "{}", context());
        }
        read += 1;
    }
    assert!(count < 100 || read * 20 > count, "hardly any contact was understood: {read} of {count}");
}

/// Covers: EV-28, EV-31, EV-46, EV-48
#[tokio::test]
async fn no_contact_leads_elsewhere_or_says_more_than_one_parameter() {
    let world = world().await;
    world.save(method1()).await;
    world.save_link(target(2, "link", TargetKind::Method2)).await;
    let url = "https://itsm.corp.example/new?name={name}&mail={mail}#tel={phone}".to_owned();
    world.save(target(3, "template", TargetKind::Template { url })).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn({
        let (service, stop) = (world.service.clone(), stop.clone());
        async move { service.run(stop).await }
    });
    let beginnings = [
        (
            "easyvista",
            "https://companyname.easyvista.com/sso_samlindexlync.php?do_quickcall=1&url_requestor=",
        ),
        ("link", LINK.trim_end_matches("morley")),
        ("template", "https://itsm.corp.example/new?name="),
    ];
    let (first, count) = (setting("TIELINE_FUZZ_SEED", 1), setting("TIELINE_FUZZ_ITERATIONS", 20_000));
    let count = count.div_ceil(20);
    let mut formed = 0_u64;
    for seed in first..first + count {
        let contact = mutated(&mut Random(seed));
        let context = || format!("TIELINE_FUZZ_SEED={seed}: {contact:?}");
        let (name, beginning) = beginnings[seed as usize % beginnings.len()];
        let tested = world.service.test(name, &contact).await;
        match tested.resolution {
            Ok(Resolution::Redirect { url, .. }) => {
                let rest =
                    url.expose().strip_prefix(beginning).unwrap_or_else(|| panic!("{}: {url}", context()));
                let rest = if name == "template" {
                    rest.replacen("&mail=", "", 1).replacen("#tel=", "", 1)
                } else {
                    rest.to_owned()
                };
                assert!(rest.bytes().all(stays_inside), "{}: {url}", context());
                formed += 1;
            }
            Ok(_) => {}
            Err(refusal) => {
                assert!(!refusal.next.is_empty(), "{}", context());
                assert!(!refusal.to_string().contains(|c: char| c.is_control()), "{}: {refusal}", context());
            }
        }
    }
    stop.cancel();
    running.await.unwrap();
    assert!(count < 100 || formed * 20 > count, "hardly any contact was understood: {formed} of {count}");
}
