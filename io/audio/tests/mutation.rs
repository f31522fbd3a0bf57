//! Untrusted bytes: whatever arrives, in whatever pieces, the prober neither panics nor contradicts itself.
//!
//! `TIELINE_FUZZ_ITERATIONS` sets how many mutated recordings are tried (default 20,000), `TIELINE_FUZZ_SEED` the first
//! of them. A failure prints its seed; with it as `TIELINE_FUZZ_SEED` the same recording is tried first.

use std::time::Duration;

use tieline_audio::{AudioError, Converter, Limits, Probe, Prober, Tools, g711, level, probe, sample};
use tieline_model::VoiceFormat;

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

/// Says which seed it was when the test unwinds.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed with TIELINE_FUZZ_SEED={}", self.0);
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// One small recording of each kind, and the name it needs.
async fn corpus() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let converter = Converter::new(Tools::default(), Limits::default());
    let chime = sample::chime(Duration::from_millis(120));
    let mut corpus = vec![
        (vec![0xd5; 400], Some("m.alaw")),
        (vec![0xd0; 330], Some("m.gsm")),
        (b"ID3\x04\0\0\0\0\0\x0a0123456789".to_vec(), None),
    ];
    for format in VoiceFormat::ALL {
        corpus.push((
            converter.convert(chime.clone().into(), None, format).await.unwrap().bytes.to_vec(),
            None,
        ));
    }
    corpus
}

/// Values that headers are sensitive to.
const EXTREMES: [u32; 8] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff, 0x31, 0xfffe];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        // Headers are at the front, so is most of the trouble.
        let reach = if random.below(2) == 0 { bytes.len().min(64) } else { bytes.len() };
        let at = random.below(reach);
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.next() as u8),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            3 => {
                let value = EXTREMES[random.below(EXTREMES.len())].to_le_bytes();
                bytes.iter_mut().skip(at).zip(value).for_each(|(byte, value)| *byte = value);
            }
            4 => {
                let copy: Vec<u8> = bytes.iter().skip(at).take(random.below(64)).copied().collect();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        }
    }
}

fn in_pieces(bytes: &[u8], name: Option<&str>, random: &mut Random) -> Result<Probe, AudioError> {
    let mut prober = Prober::new(name, u64::MAX);
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.below(40).min(rest.len()));
        // The verdict repeats an error.
        let _ = prober.push(piece);
        rest = after;
    }
    prober.finish()
}

/// Covers: AV-38 (untrusted recordings)
#[tokio::test]
async fn the_prober_survives_mutated_recordings_and_does_not_see_pieces() {
    let first = setting("TIELINE_FUZZ_SEED", 1);
    let corpus = corpus().await;
    for seed in first..first + setting("TIELINE_FUZZ_ITERATIONS", 20_000) {
        let guard = Seed(seed);
        let mut random = Random(seed);
        let (mut bytes, name) = corpus[random.below(corpus.len())].clone();
        mutate(&mut bytes, &mut random);
        let whole = probe(&bytes, name);
        assert_eq!(whole, in_pieces(&bytes, name, &mut random));
        match whole {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(found) => {
                assert!(found.data.start <= found.data.end && found.data.end <= bytes.len() as u64);
                assert!(found.samples > 0 && found.channels > 0 && found.sample_rate_hz > 0);
                // Decoding what was found reads nothing outside of it.
                if let Some(level) = level::recording_rms_dbfs(&bytes, &found) {
                    assert!(level < 0.01, "{level} dBFS");
                }
            }
        }
        drop(guard);
    }
}

/// Covers: AV-38 (G.711 round trip)
#[test]
fn companding_again_changes_nothing() {
    let first = setting("TIELINE_FUZZ_SEED", 1);
    for seed in first..first + setting("TIELINE_FUZZ_ITERATIONS", 20_000) {
        let guard = Seed(seed);
        let sample = Random(seed).next() as i16;
        let ulaw = g711::decode_ulaw(g711::encode_ulaw(sample));
        assert_eq!(g711::decode_ulaw(g711::encode_ulaw(ulaw)), ulaw);
        let alaw = g711::decode_alaw(g711::encode_alaw(sample));
        assert_eq!(g711::decode_alaw(g711::encode_alaw(alaw)), alaw);
        // Half a step of the segment: a sixteenth of the value and of the offset, except where both clip.
        let allowed = |offset: i32| (i32::from(sample).abs() + offset) / 32 + 4;
        let apart = |value: i16| (i32::from(value) - i32::from(sample)).abs();
        assert!(
            apart(ulaw) <= allowed(132).max(644 * i32::from(sample.unsigned_abs() > 32_000)),
            "{sample} {ulaw}"
        );
        assert!(apart(alaw) <= allowed(0).max(8) + 8, "{sample} {alaw}");
        drop(guard);
    }
}
