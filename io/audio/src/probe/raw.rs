//! Header-less recordings as PBXes write them, 8 kHz and one channel, known by their extension.

use super::{Codec, Container, DataSize, Probe};
use crate::{AudioError, gsm};

const RATE_HZ: u32 = 8_000;

#[derive(Debug)]
pub(super) struct Raw {
    codec: Codec,
    rate_hz: u32,
    len: u64,
}

impl Raw {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let extension = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
        let (codec, rate_hz) = match extension.as_str() {
            "gsm" => (Codec::Gsm, RATE_HZ),
            "ulaw" | "ul" | "mulaw" | "pcmu" | "mu" => (Codec::Ulaw, RATE_HZ),
            "alaw" | "al" | "pcma" => (Codec::Alaw, RATE_HZ),
            "sln" => (Codec::S16, RATE_HZ),
            "sln16" => (Codec::S16, 2 * RATE_HZ),
            _ => return None,
        };
        Some(Self { codec, rate_hz, len: 0 })
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), AudioError> {
        if self.codec == Codec::Gsm {
            // The first byte of each frame carries a signature, the only thing in such a file that can be checked.
            let to_next_frame = (gsm::FRAME_BYTES - self.len % gsm::FRAME_BYTES) % gsm::FRAME_BYTES;
            let firsts = (to_next_frame..).zip(bytes.iter().skip(to_next_frame as usize));
            for (at, byte) in firsts.step_by(gsm::FRAME_BYTES as usize) {
                if byte >> 4 != gsm::SIGNATURE {
                    let what = "a GSM frame does not begin with the bits 1101";
                    let offset = self.len + at;
                    return Err(AudioError::Broken { container: Container::Raw, offset, what });
                }
            }
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn finish(self) -> Probe {
        let (unit, per_unit) = match self.codec.sample_bytes() {
            Some(bytes) => (bytes, 1),
            None => (gsm::FRAME_BYTES, gsm::FRAME_SAMPLES),
        };
        let units = self.len / unit;
        Probe {
            container: Container::Raw,
            codec: self.codec,
            sample_rate_hz: self.rate_hz,
            channels: 1,
            samples: units * per_unit,
            duration_ms: 0,
            data: 0..units * unit,
            data_size: DataSize::Open,
        }
    }
}
