//! A recording to show things with, where nobody has spoken yet.

use std::f64::consts::PI;
use std::time::Duration;

use crate::wav::{self, WavCodec};

const RATE_HZ: u32 = 8_000;
/// A falling major third, E5 then C5, as a door bell has it.
const NOTES_HZ: [f64; 2] = [659.255, 523.251];
/// The time from one stroke to the next, in seconds.
const STROKE: f64 = 0.9;
/// Overtones: multiple of the note, strength, and decay per second.
const PARTIALS: [(f64, f64, f64); 3] = [(1.0, 0.30, 3.0), (2.0, 0.08, 5.0), (3.0, 0.04, 8.0)];

/// A two-note chime, repeated for `duration` (at most an hour): a WAV of 16-bit PCM, 8 kHz, one channel, the same
/// bytes each time.
pub fn chime(duration: Duration) -> Vec<u8> {
    let duration = duration.min(Duration::from_secs(3_600));
    let samples = (duration.as_secs_f64() * f64::from(RATE_HZ)).round() as u64;
    let data: Vec<u8> =
        (0..samples).flat_map(|n| sample(n as f64 / f64::from(RATE_HZ)).to_le_bytes()).collect();
    wav::write(WavCodec::Pcm16, RATE_HZ, samples, &data)
}

fn sample(time: f64) -> i16 {
    // The stroke sounding now, and the one before, still dying away: cut off, it would click.
    let stroke = (time / STROKE).floor();
    let sounding = [stroke, stroke - 1.0].into_iter().filter(|stroke| *stroke >= 0.0).map(|stroke| {
        let since = time - stroke * STROKE;
        let note = NOTES_HZ[stroke as usize % NOTES_HZ.len()];
        let attack = (since / 0.005).min(1.0);
        let fade = (2.0 - since / STROKE).clamp(0.0, 1.0);
        let partials = PARTIALS.map(|(multiple, strength, decay)| {
            strength * (-decay * since).exp() * (2.0 * PI * note * multiple * since).sin()
        });
        partials.into_iter().sum::<f64>() * attack * fade
    });
    (sounding.sum::<f64>() * 32_767.0).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Codec, level, probe};

    #[test]
    fn the_chime_is_a_plain_recording_of_the_asked_length() {
        let bytes = chime(Duration::from_millis(2_500));
        let found = probe(&bytes, None).unwrap();
        assert_eq!((found.codec, found.sample_rate_hz, found.channels), (Codec::S16, 8_000, 1));
        assert_eq!(found.duration_ms, 2_500);
        let level = level::recording_rms_dbfs(&bytes, &found).unwrap();
        assert!((-26.0..-12.0).contains(&level), "{level} dBFS is not a comfortable level");
        assert_eq!(bytes, chime(Duration::from_millis(2_500)));
    }
}
