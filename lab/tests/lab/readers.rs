//! Damaged mail, calendars, cards and SMTP sessions: whatever happens to the bytes, the readers return, quickly, and what
//! they accept they can write and read again. A fuzzer that runs on stable Rust.
//!
//! `TIELINE_FUZZ_ITERATIONS` sets the number of mutations, `TIELINE_FUZZ_SEED` repeats a run.

use std::time::Duration;

use tieline_lab::readers;

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

const FRAGMENTS: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n ",
    ":",
    ";",
    ",",
    "=",
    "\"",
    "\\",
    "\\n",
    "\0",
    "\u{e4}",
    "--b\r\n",
    "--b--",
    "BEGIN:VEVENT\r\n",
    "END:VEVENT\r\n",
    "BEGIN:VTIMEZONE\r\n",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU\r\n",
    "DTSTART:99991231T235959Z\r\n",
    "DTSTART;VALUE=DATE:00010101\r\n",
    "TZOFFSETTO:+9959\r\n",
    "COUNT=4294967295",
    "INTERVAL=65535",
    "-PT99999999999M",
    "Content-Type: message/rfc822\r\n\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "=?utf-8?B?",
    "charset=utf-7",
    "PHOTO;ENCODING=b:",
    ".\r\n",
    "AUTH PLAIN ",
    "DATA\r\n",
    "RCPT TO:<@a,@b:alice@lab.example>\r\n",
    "99999999999999999999",
];

fn mutated(seed: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        let to = at + dice.below((bytes.len() - at).min(64));
        match dice.below(5) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let piece = bytes[at..to].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let fragment = FRAGMENTS[dice.below(FRAGMENTS.len())];
                bytes.splice(at..at, fragment.bytes());
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
        }
    }
    bytes
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// What this thread has had of the processor: a machine that is busy with something else does not make a reader slow.
/// The first number of the file is in nanoseconds (proc(5)).
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts it");
    let first = told.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(first.expect("a number comes first"))
}

/// Feeds a reader with damaged seeds.
fn fuzz(reader: &str, seeds: &[&[u8]], read: impl Fn(&[u8], usize)) {
    // A text is read, written and read again, and all of it slower in the tests' build than in a fuzzer's: the short lane
    // does a tenth.
    let wanted = number("TIELINE_FUZZ_ITERATIONS", 2000);
    let iterations = if wanted < 1_000_000 { wanted / 10 } else { wanted };
    let seed = number("TIELINE_FUZZ_SEED", 1);
    let mut dice = Dice(seed);
    for iteration in 0..iterations {
        let bytes = mutated(seeds[dice.below(seeds.len())], &mut dice);
        let begun = processor_time();
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(&bytes, 1 + dice.below(40))));
        let shown = || String::from_utf8_lossy(&bytes);
        assert!(outcome.is_ok(), "{reader}: TIELINE_FUZZ_SEED={seed}, iteration {iteration}:\n{}", shown());
        assert!(
            processor_time() - begun < Duration::from_secs(20),
            "{reader}: too slow, iteration {iteration}:\n{}",
            shown()
        );
    }
}

const MESSAGE: &[u8] = b"From: =?utf-8?Q?J=C3=B6rg?= <j@x.example>\r\nTo: alice@lab.example\r\nSubject: a\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\r\n<img src=3D\"cid:p\">\r\n--b\r\nContent-Type: image/png; name=p.png\r\n\
    Content-ID: <p>\r\nContent-Disposition: inline\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
    Subject: inner\r\n\r\nin\r\n--b--\r\n";
const INVITATION: &[u8] = b"From: zoe@x.example\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n\
    UID:u\r\nORGANIZER:mailto:zoe@x.example\r\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:alice@lab.example\r\nDTSTART:20261102T090000Z\r\n\
    DURATION:PT1H\r\nSUMMARY:s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
const CALENDAR: &[u8] = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Own\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0430\r\n\
    TZOFFSETTO:+0330\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\n\
    TZOFFSETFROM:+0330\r\nTZOFFSETTO:+0430\r\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:u\r\n\
    DTSTART;TZID=Own:20261102T090000\r\nDTEND;TZID=Own:20261102T100000\r\nRRULE:FREQ=MONTHLY;COUNT=5;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1\r\n\
    EXDATE;TZID=Own:20261130T090000\r\nX-ALT-DESC;FMTTYPE=text/html:<b>x</b>\r\nBEGIN:VALARM\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID;TZID=Own:20261230T090000\r\nDTSTART;VALUE=DATE:20261231\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
const CARD: &[u8] = b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Dean;Dora;;;\r\nFN:Dora Dean\r\nTEL;TYPE=WORK,FAX:1\r\nADR;TYPE=HOME:;;a\\,b;c;;;d\r\n\
    EMAIL;TYPE=INTERNET:d@x.example\r\nBDAY:1980-02-03\r\nORG:A;B\r\nCATEGORIES:r,b\r\nPHOTO;ENCODING=b;TYPE=JPEG:/9j/\r\nNOTE:a\\nb\r\nEND:VCARD\r\n";
const CARD_4: &[u8] = b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:D\r\nTEL;VALUE=uri;PREF=1:tel:+1\r\nIMPP:sip:d@x.example\r\nANNIVERSARY:20010203\r\nEND:VCARD\r\n";
const SESSION: &[u8] = b"EHLO x\r\nAUTH LOGIN\r\nYm9i\r\nbGFiLXBhc3N3b3Jk\r\nMAIL FROM:<bob@lab.example> SIZE=10\r\nRCPT TO:<alice@lab.example>\r\n\
    DATA\r\nSubject: a\r\n\r\n..b\r\n.\r\nRSET\r\nQUIT\r\n";

#[test]
fn damaged_mail_is_read_or_refused() {
    fuzz("message", &[MESSAGE, INVITATION], |bytes, _| readers::message(bytes));
}

#[test]
fn damaged_calendars_are_read_or_refused() {
    fuzz("calendar", &[CALENDAR, INVITATION], |bytes, _| readers::calendar(bytes));
}

#[test]
fn damaged_cards_are_read_or_refused() {
    fuzz("card", &[CARD, CARD_4], |bytes, _| readers::card(bytes));
}

#[test]
fn damaged_queries_and_ids_are_read_or_refused() {
    let queries = [
        "subject:\"quarterly plan\" from:bob NOT (kind:email OR received:today) hasattachment:true",
        "AAMkODI4N2RkMmMtZTIwOC00ZTBlLWE2YTAtODhmMTBkNDUzOGRiCQAAAAAAAAD+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
         AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "SDRzAYKH3SziCE4OpqCI8Q1FONsAAAAAAAABHAAAAAAAAASJAAAAAAAAAAA=",
    ];
    let queries: Vec<&[u8]> = queries.iter().map(|query| query.as_bytes()).collect();
    fuzz("query", &queries, |bytes, _| readers::query(bytes));
}

#[test]
fn damaged_sessions_are_heard_out() {
    fuzz("smtp", &[SESSION], readers::smtp);
}
