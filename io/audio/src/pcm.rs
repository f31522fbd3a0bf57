//! From bytes of a codec where each sample stands alone to one channel of 16-bit samples at a wanted rate.

use crate::{Codec, Probe, Resampler, g711};

/// Frames decoded at a time.
const BLOCK: usize = 4096;

/// Decodes, mixes the channels by their mean and resamples. `None` for codecs that need their decoder.
///
/// `bytes` is the whole recording that `probe` was made of; a range outside of it counts as no audio.
pub(crate) fn to_mono(bytes: &[u8], probe: &Probe, rate_hz: u32) -> Option<Vec<i16>> {
    let sample_bytes = probe.codec.sample_bytes()? as usize;
    let frame_bytes = sample_bytes * usize::from(probe.channels.max(1));
    let data = data(bytes, probe);
    let mut output = Output::new(probe.sample_rate_hz, rate_hz, data.len() / frame_bytes);
    for block in data.chunks(BLOCK * frame_bytes) {
        let frames = block.chunks_exact(frame_bytes).map(|frame| {
            let sum: f32 = frame.chunks_exact(sample_bytes).map(|one| sample(probe.codec, one)).sum();
            sum / f32::from(probe.channels.max(1))
        });
        output.push(&frames.collect::<Vec<_>>());
    }
    Some(output.finish())
}

/// Changes the rate of 16-bit samples.
pub(crate) fn resample(samples: &[i16], from_hz: u32, to_hz: u32) -> Vec<i16> {
    let mut output = Output::new(from_hz, to_hz, samples.len());
    for block in samples.chunks(BLOCK) {
        output.push(&block.iter().map(|sample| f32::from(*sample) / 32_768.0).collect::<Vec<_>>());
    }
    output.finish()
}

/// The audio's bytes.
pub(crate) fn data<'a>(bytes: &'a [u8], probe: &Probe) -> &'a [u8] {
    let start = usize::try_from(probe.data.start).unwrap_or(usize::MAX);
    let end = usize::try_from(probe.data.end).unwrap_or(usize::MAX);
    bytes.get(start..end).unwrap_or_default()
}

/// One sample, full scale being 1.
fn sample(codec: Codec, bytes: &[u8]) -> f32 {
    let full = |value: i16| f32::from(value) / 32_768.0;
    match (codec, bytes) {
        (Codec::U8, [value]) => (f32::from(*value) - 128.0) / 128.0,
        (Codec::Alaw, [code]) => full(g711::decode_alaw(*code)),
        (Codec::Ulaw, [code]) => full(g711::decode_ulaw(*code)),
        (Codec::S16, [a, b]) => full(i16::from_le_bytes([*a, *b])),
        (Codec::S24, [a, b, c]) => i32::from_le_bytes([0, *a, *b, *c]) as f32 / 2_147_483_648.0,
        (Codec::S32, [a, b, c, d]) => i32::from_le_bytes([*a, *b, *c, *d]) as f32 / 2_147_483_648.0,
        (Codec::F32, [a, b, c, d]) => audible(f32::from_le_bytes([*a, *b, *c, *d])),
        (Codec::F64, [a, b, c, d, e, f, g, h]) => {
            audible(f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as f32)
        }
        _ => 0.0,
    }
}

/// Float WAVs may hold anything, and one NaN would silence a whole filter's length.
fn audible(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) }
}

/// Collects resampled audio as 16-bit samples.
struct Output {
    resampler: Option<Resampler>,
    scratch: Vec<f32>,
    samples: Vec<i16>,
}

impl Output {
    fn new(from_hz: u32, to_hz: u32, frames: usize) -> Self {
        let expected = frames as u64 * u64::from(to_hz) / u64::from(from_hz.max(1)) + 1;
        Self {
            resampler: (from_hz != to_hz).then(|| Resampler::new(from_hz, to_hz)),
            scratch: Vec::with_capacity(BLOCK),
            samples: Vec::with_capacity(usize::try_from(expected).unwrap_or(0)),
        }
    }

    fn push(&mut self, block: &[f32]) {
        match &mut self.resampler {
            None => self.samples.extend(block.iter().copied().map(quantise)),
            Some(resampler) => {
                self.scratch.clear();
                resampler.push(block, &mut self.scratch);
                self.samples.extend(self.scratch.iter().copied().map(quantise));
            }
        }
    }

    fn finish(mut self) -> Vec<i16> {
        if let Some(resampler) = self.resampler.take() {
            self.scratch.clear();
            resampler.finish(&mut self.scratch);
            self.samples.extend(self.scratch.iter().copied().map(quantise));
        }
        self.samples
    }
}

fn quantise(value: f32) -> i16 {
    // The cast saturates.
    (value * 32_768.0).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Container, DataSize};

    fn probe(codec: Codec, channels: u16, bytes: usize) -> Probe {
        Probe {
            container: Container::Wav,
            codec,
            sample_rate_hz: 8_000,
            channels,
            samples: 1,
            duration_ms: 0,
            data: 0..bytes as u64,
            data_size: DataSize::Exact,
        }
    }

    fn one(codec: Codec, bytes: &[u8]) -> i16 {
        to_mono(bytes, &probe(codec, 1, bytes.len()), 8_000).unwrap()[0]
    }

    #[test]
    fn each_width_reaches_the_same_sample() {
        assert_eq!(one(Codec::U8, &[0xc0]), 0x4000);
        assert_eq!(one(Codec::S16, &[0x34, 0x92]), 0x9234_u16 as i16);
        assert_eq!(one(Codec::S24, &[0, 0x34, 0x12]), 0x1234);
        assert_eq!(one(Codec::S32, &[0, 0, 0x34, 0x12]), 0x1234);
        assert_eq!(one(Codec::F32, &0.5_f32.to_le_bytes()), 0x4000);
        assert_eq!(one(Codec::F64, &(-2.0_f64).to_le_bytes()), i16::MIN);
        assert_eq!(one(Codec::F32, &f32::NAN.to_le_bytes()), 0);
        assert_eq!(one(Codec::Ulaw, &[0x80]), 32_124);
        assert_eq!(one(Codec::Alaw, &[0xaa]), 32_256);
    }

    #[test]
    fn sixteen_bits_come_through_unchanged() {
        let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert_eq!(to_mono(&bytes, &probe(Codec::S16, 1, bytes.len()), 8_000).unwrap(), samples);
    }

    #[test]
    fn channels_are_mixed_by_their_mean() {
        let bytes: Vec<u8> = [1000_i16, 3000].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert_eq!(to_mono(&bytes, &probe(Codec::S16, 2, 4), 8_000).unwrap(), [2000]);
    }
}
