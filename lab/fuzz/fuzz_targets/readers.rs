//! Messages, calendars, cards and SMTP sessions: `cargo +stable fuzz run -s none readers` in `lab`. The first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_lab::readers;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    match choice % 4 {
        0 => readers::message(rest),
        1 => readers::calendar(rest),
        2 => readers::card(rest),
        _ => readers::smtp(rest, usize::from(choice / 4)),
    }
});
