//! WAV: chunks in a RIFF file (Microsoft/IBM "Multimedia Programming Interface and Data Specifications 1.0", and
//! `WAVEFORMATEXTENSIBLE`).

use super::gather::{Gather, skip};
use super::{Codec, Container, DataSize, Probe};
use crate::{AudioError, gsm};

/// Writers that stream leave a size at or near the largest: 0xFFFFFFFF, 0x7FFFFFFF, or 0x7FFFF000 and some.
const STREAMED: u32 = 0x7fff_0000;
/// The part of a format chunk that means something.
const FMT_MAX: usize = 40;
/// Far above anything a telephone or a computer records.
const CHANNELS_MAX: u16 = 8;
const RATE_MIN_HZ: u32 = 1_000;
const RATE_MAX_HZ: u32 = 192_000;
/// The last 14 bytes of the GUIDs that stand for a plain format tag.
const TAG_GUID: [u8; 14] =
    [0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71];

#[derive(Debug, Default)]
pub(super) struct Riff {
    step: Step,
    gather: Gather<FMT_MAX>,
    /// Bytes consumed.
    at: u64,
    riff_size: u32,
    format: Option<Format>,
    /// Samples as the `fact` chunk counts them.
    fact: Option<u32>,
    data: Option<Data>,
}

#[derive(Debug, Default, Clone, Copy)]
enum Step {
    #[default]
    Header,
    Chunk,
    Fmt {
        size: u32,
    },
    Fact {
        size: u32,
    },
    Skip {
        left: u64,
    },
    /// The audio and what follows it need no look.
    Audio,
}

#[derive(Debug, Clone, Copy)]
struct Format {
    codec: Codec,
    channels: u16,
    rate_hz: u32,
}

#[derive(Debug, Clone, Copy)]
struct Data {
    start: u64,
    /// `None`: up to the end of the file.
    declared: Option<u32>,
}

impl Riff {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), AudioError> {
        let mut input = bytes;
        while !input.is_empty() {
            let before = input.len();
            let done = match &mut self.step {
                Step::Header => self.gather.fill(12, &mut input),
                Step::Chunk => self.gather.fill(8, &mut input),
                Step::Fmt { size } => self.gather.fill(*size as usize, &mut input),
                Step::Fact { .. } => self.gather.fill(4, &mut input),
                Step::Skip { left } => skip(left, &mut input),
                Step::Audio => return Ok(()),
            };
            self.at += (before - input.len()) as u64;
            if done {
                self.step = self.next()?;
                self.gather.clear();
            }
        }
        Ok(())
    }

    /// What comes after the step whose bytes are complete.
    fn next(&mut self) -> Result<Step, AudioError> {
        match self.step {
            Step::Header => {
                if self.gather.array(8) != Some(*b"WAVE") {
                    return Err(broken(8, "a RIFF file whose form is not WAVE"));
                }
                self.riff_size = self.gather.le32(4);
                Ok(Step::Chunk)
            }
            Step::Chunk => self.chunk(),
            Step::Fmt { size } => {
                self.format = Some(self.format()?);
                Ok(rest_of_chunk(size, FMT_MAX as u32))
            }
            Step::Fact { size } => {
                self.fact = Some(self.gather.le32(0));
                Ok(rest_of_chunk(size, 4))
            }
            Step::Skip { .. } => Ok(Step::Chunk),
            Step::Audio => Ok(Step::Audio),
        }
    }

    fn chunk(&mut self) -> Result<Step, AudioError> {
        let size = self.gather.le32(4);
        let offset = self.at - 8;
        match self.gather.array::<4>(0) {
            Some(id) if id == *b"fmt " => match size {
                0..16 => Err(broken(offset, "the fmt chunk is shorter than 16 bytes")),
                _ => Ok(Step::Fmt { size }),
            },
            Some(id) if id == *b"fact" && size >= 4 => Ok(Step::Fact { size }),
            Some(id) if id == *b"data" => {
                if self.format.is_none() {
                    return Err(broken(offset, "the data chunk comes before any fmt chunk"));
                }
                // A zero is real only if the RIFF header, written last, knows of something at or behind it.
                let riff_end = u64::from(self.riff_size) + 8;
                let never_filled_in =
                    size == 0 && (self.riff_size == 0 || self.riff_size >= STREAMED || riff_end <= self.at);
                let declared = (size < STREAMED && !never_filled_in).then_some(size);
                self.data = Some(Data { start: self.at, declared });
                Ok(Step::Audio)
            }
            _ => Ok(rest_of_chunk(size, 0)),
        }
    }

    fn format(&self) -> Result<Format, AudioError> {
        let fmt = &self.gather;
        let offset = self.at - fmt.bytes().len() as u64;
        let (mut tag, channels, rate_hz) = (fmt.le16(0), fmt.le16(2), fmt.le32(4));
        let (block, bits) = (fmt.le16(12), fmt.le16(14));
        if tag == 0xfffe {
            if fmt.array(26) != Some(TAG_GUID) {
                return Err(unsupported(offset, "of an unknown sub-format GUID".to_owned()));
            }
            tag = fmt.le16(24);
        }
        if !(1..=CHANNELS_MAX).contains(&channels) {
            return Err(broken(offset + 2, "the number of channels is not between 1 and 8"));
        }
        if !(RATE_MIN_HZ..=RATE_MAX_HZ).contains(&rate_hz) {
            return Err(broken(offset + 4, "the sample rate is not between 1,000 and 192,000 Hz"));
        }
        let codec = match (tag, bits) {
            (1, 8) => Codec::U8,
            (1, 16) => Codec::S16,
            (1, 24) => Codec::S24,
            (1, 32) => Codec::S32,
            (3, 32) => Codec::F32,
            (3, 64) => Codec::F64,
            (6, 8) => Codec::Alaw,
            (7, 8) => Codec::Ulaw,
            (0x31, _) => Codec::Gsm,
            _ => return Err(unsupported(offset, tag_name(tag, bits))),
        };
        match codec.sample_bytes() {
            Some(bytes) if u64::from(block) != bytes * u64::from(channels) => {
                return Err(broken(offset + 12, "the block size contradicts bits and channels"));
            }
            None if channels != 1 || u64::from(block) != gsm::WAV_BLOCK_BYTES => {
                return Err(broken(offset + 12, "GSM 6.10 is not in blocks of 65 bytes and one channel"));
            }
            _ => {}
        }
        Ok(Format { codec, channels, rate_hz })
    }

    pub(super) fn finish(self, len: u64) -> Result<Probe, AudioError> {
        let (Some(format), Some(data)) = (self.format, self.data) else {
            return Err(match self.step {
                Step::Header => {
                    AudioError::Truncated { container: Container::Wav, offset: 0, declared: 12, present: len }
                }
                _ => broken(len, "the file ends before a data chunk"),
            });
        };
        let present = len.saturating_sub(data.start);
        let bytes = match data.declared {
            Some(declared) if u64::from(declared) > present => {
                let (offset, declared) = (data.start - 4, u64::from(declared));
                return Err(AudioError::Truncated { container: Container::Wav, offset, declared, present });
            }
            Some(declared) => u64::from(declared),
            None => present,
        };
        let (unit, per_unit) = match format.codec.sample_bytes() {
            Some(bytes) => (bytes * u64::from(format.channels), 1),
            None => (gsm::WAV_BLOCK_BYTES, gsm::WAV_BLOCK_SAMPLES),
        };
        let units = bytes / unit;
        let mut samples = units * per_unit;
        // Blocks are filled up with silence; `fact` knows the true length. It is believed only within the last block.
        if let Some(fact) = self.fact.map(u64::from).filter(|_| per_unit > 1)
            && (samples.saturating_sub(per_unit) + 1..samples).contains(&fact)
        {
            samples = fact;
        }
        Ok(Probe {
            container: Container::Wav,
            codec: format.codec,
            sample_rate_hz: format.rate_hz,
            channels: format.channels,
            samples,
            duration_ms: 0,
            data: data.start..data.start + units * unit,
            data_size: if data.declared.is_some() { DataSize::Exact } else { DataSize::Open },
        })
    }
}

/// Passes over what is left of a chunk of `size` bytes of which `read` have been read, and its pad byte.
fn rest_of_chunk(size: u32, read: u32) -> Step {
    let left = u64::from(size.saturating_sub(read)) + u64::from(size % 2);
    if left == 0 { Step::Chunk } else { Step::Skip { left } }
}

fn broken(offset: u64, what: &'static str) -> AudioError {
    AudioError::Broken { container: Container::Wav, offset, what }
}

fn unsupported(offset: u64, codec: String) -> AudioError {
    AudioError::UnsupportedCodec { container: Container::Wav, offset, codec }
}

fn tag_name(tag: u16, bits: u16) -> String {
    let name = match tag {
        1 => return format!("{bits}-bit PCM"),
        3 => return format!("{bits}-bit float"),
        6 | 7 => return format!("{bits}-bit G.711"),
        0x02 => "Microsoft ADPCM",
        0x11 => "IMA ADPCM",
        0x22 => "TrueSpeech",
        0x40..=0x42 => "G.721 or G.723",
        0x50 | 0x55 => "MPEG audio inside WAV",
        0x64 | 0x45 => "G.726",
        0x83 => "G.729",
        0x160..=0x163 => "Windows Media Audio",
        _ => "unknown",
    };
    format!("{name} (format tag {tag:#06x})")
}
