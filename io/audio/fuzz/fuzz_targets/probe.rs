//! Any bytes, with and without the name of a header-less file, whole and in two pieces, probed and decoded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_audio::{Prober, level, probe};

const NAMES: [Option<&str>; 4] = [None, Some("m.gsm"), Some("m.ulaw"), Some("m.sln")];

fuzz_target!(|input: &[u8]| {
    let Some((choice, recording)) = input.split_first() else { return };
    let name = NAMES[usize::from(*choice) % NAMES.len()];
    let whole = probe(recording, name);

    let (first, second) = recording.split_at(usize::from(*choice).min(recording.len()));
    let mut prober = Prober::new(name, u64::MAX);
    let _ = prober.push(first);
    let _ = prober.push(second);
    assert_eq!(whole, prober.finish());

    if let Ok(found) = whole {
        assert!(found.data.end <= recording.len() as u64);
        let _ = level::recording_rms_dbfs(recording, &found);
    }
});
