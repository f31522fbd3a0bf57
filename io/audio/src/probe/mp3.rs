//! MP3: layer III frames one after another (ISO/IEC 11172-3 and 13818-3, and the unofficial MPEG-2.5), with the tags
//! that others put around them. Every frame's header is visited, so the duration is exact for any bit rate.

use super::gather::{Gather, skip};
use super::{Codec, Container, DataSize, Probe};
use crate::AudioError;

/// Enough of the first frame for an information tag and its encoder delay.
const INFO_MAX: usize = 192;
/// Bytes that are no frame, between frames, before the file is called broken.
const JUNK_MAX: u64 = 64 * 1024;

/// Kilobits a second by the header's index; 0 (free format) and 15 are refused.
const MPEG1_KBIT: [u64; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const MPEG2_KBIT: [u64; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

#[derive(Debug, Default)]
pub(super) struct Mp3 {
    step: Step,
    gather: Gather<INFO_MAX>,
    at: u64,
    /// The first frame's header decides what the others must match.
    header: Option<Header>,
    info: Info,
    start: u64,
    end: u64,
    frames: u64,
    junk: u64,
}

#[derive(Debug, Default, Clone, Copy)]
enum Step {
    #[default]
    Start,
    Tag {
        left: u64,
    },
    Header,
    /// The first frame's first bytes, which may be an information tag.
    Info {
        header: Header,
    },
    /// The rest of a frame. An information tag's frame makes no sound and does not count.
    Frame {
        left: u64,
        sound: bool,
    },
    /// An ID3v1 or APE tag ends the audio.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    rate_hz: u32,
    channels: u16,
    samples: u64,
    bytes: u64,
    side_info: usize,
}

/// What a `Xing` or `Info` tag says.
#[derive(Debug, Default, Clone, Copy)]
struct Info {
    bytes: Option<u64>,
    /// Samples that the encoder put before and after the recording.
    padding: u64,
}

/// Whether a file may begin this way.
pub(super) fn begins(head: &[u8]) -> bool {
    head.starts_with(b"ID3") || head.first_chunk().copied().and_then(Header::parse).is_some()
}

impl Header {
    fn parse(bytes: [u8; 4]) -> Option<Self> {
        let word = u32::from_be_bytes(bytes);
        // Eleven sync bits, then version, layer (01 is III), protection.
        if word >> 21 != 0x7ff || (word >> 17) & 3 != 1 {
            return None;
        }
        let version = (word >> 19) & 3;
        let mpeg1 = version == 3;
        let rate_shift = match version {
            3 => 0,
            2 => 1,
            0 => 2,
            _ => return None,
        };
        let rate_hz = [44_100, 48_000, 32_000].get((word >> 10) as usize & 3)? >> rate_shift;
        let kbit = if mpeg1 { MPEG1_KBIT } else { MPEG2_KBIT };
        let kbit = *kbit.get((word >> 12) as usize & 15).filter(|kbit| **kbit > 0)?;
        let padding = u64::from((word >> 9) & 1);
        let channels = if (word >> 6) & 3 == 3 { 1 } else { 2 };
        let samples = if mpeg1 { 1152 } else { 576 };
        let side_info = match (mpeg1, channels) {
            (true, 1) | (false, 2) => 17,
            (true, _) => 32,
            (false, _) => 9,
        };
        let bytes = samples / 8 * kbit * 1000 / u64::from(rate_hz) + padding;
        Some(Self { rate_hz, channels, samples, bytes, side_info })
    }

    fn same_stream(self, other: Self) -> bool {
        self.rate_hz == other.rate_hz && self.samples == other.samples
    }
}

impl Mp3 {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), AudioError> {
        let mut input = bytes;
        while !input.is_empty() {
            let before = input.len();
            let done = match &mut self.step {
                Step::Start => self.gather.fill(10, &mut input),
                Step::Header => self.gather.fill(4, &mut input),
                Step::Info { header } => {
                    self.gather.fill(header.bytes.min(INFO_MAX as u64) as usize, &mut input)
                }
                Step::Tag { left } | Step::Frame { left, .. } => skip(left, &mut input),
                Step::End => return Ok(()),
            };
            self.at += (before - input.len()) as u64;
            if done {
                self.next()?;
            }
        }
        Ok(())
    }

    /// Goes on after a step whose bytes are complete.
    fn next(&mut self) -> Result<(), AudioError> {
        match self.step {
            Step::Start => {
                if self.gather.array(0) == Some(*b"ID3") {
                    // Four times seven bits, so that no byte looks like a sync.
                    let size = self.gather.array::<4>(6).unwrap_or_default();
                    let size = size.into_iter().fold(0u64, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
                    self.gather.clear();
                    self.step = if size == 0 { Step::Header } else { Step::Tag { left: size } };
                } else {
                    // Ten bytes were taken, and a frame is longer: its header is the first four.
                    return self.header();
                }
            }
            Step::Tag { .. } => self.step = Step::Header,
            Step::Header => return self.header(),
            Step::Info { header } => self.info(header),
            Step::Frame { sound, .. } => self.next_frame(sound),
            Step::End => {}
        }
        Ok(())
    }

    fn header(&mut self) -> Result<(), AudioError> {
        let offset = self.at - self.gather.bytes().len() as u64;
        let Some(bytes) = self.gather.array::<4>(0) else { return Ok(()) };
        let parsed = Header::parse(bytes);
        match (parsed, self.header) {
            (Some(header), None) => {
                self.header = Some(header);
                self.start = offset;
                self.step = Step::Info { header };
            }
            (Some(header), Some(first)) if header.same_stream(first) => {
                self.gather.clear();
                self.step = Step::Frame { left: header.bytes.saturating_sub(4), sound: true };
            }
            _ if self.frames < 2 => {
                return Err(broken(offset, "an MP3 tag or frame is not followed by a layer III frame"));
            }
            _ if bytes.starts_with(b"TAG") || bytes == *b"APET" || bytes == *b"LYRI" => self.step = Step::End,
            _ => {
                self.junk += 1;
                if self.junk > JUNK_MAX {
                    return Err(broken(offset, "more than 64 KiB between MP3 frames are no frames"));
                }
                self.gather.shift();
            }
        }
        Ok(())
    }

    fn info(&mut self, header: Header) {
        let tag = 4 + header.side_info;
        let name = self.gather.array::<4>(tag);
        let is_info = name == Some(*b"Xing") || name == Some(*b"Info");
        if is_info {
            let flags = self.gather.be32(tag + 4);
            let mut at = tag + 8;
            at += if flags & 1 != 0 { 4 } else { 0 };
            if flags & 2 != 0 {
                self.info.bytes = self.gather.array(at).map(u32::from_be_bytes).map(u64::from);
                at += 4;
            }
            at += if flags & 4 != 0 { 100 } else { 0 };
            at += if flags & 8 != 0 { 4 } else { 0 };
            // Behind the encoder's name: 12 bits of delay, 12 bits of padding.
            if let Some([a, b, c]) = self.gather.array(at + 21) {
                let (a, b, c) = (u64::from(a), u64::from(b), u64::from(c));
                self.info.padding = (a << 4 | b >> 4) + ((b & 15) << 8 | c);
            }
        }
        let sound = !is_info && self.gather.array(36) != Some(*b"VBRI");
        let left = header.bytes.saturating_sub(self.gather.bytes().len() as u64);
        self.gather.clear();
        self.step = Step::Frame { left, sound };
        if left == 0 {
            self.next_frame(sound);
        }
    }

    fn next_frame(&mut self, sound: bool) {
        self.frames += u64::from(sound);
        self.end = self.at;
        self.step = Step::Header;
    }

    pub(super) fn finish(self, len: u64) -> Result<Probe, AudioError> {
        let Some(header) = self.header else {
            return Err(broken(len, "the file ends before the first MP3 frame is complete"));
        };
        // The information tag counts its own frame and all behind it.
        if let Some(declared) = self.info.bytes
            && declared > len - self.start
        {
            let present = len - self.start;
            return Err(AudioError::Truncated {
                container: Container::Mp3,
                offset: self.start,
                declared,
                present,
            });
        }
        let samples = (self.frames * header.samples).saturating_sub(self.info.padding);
        Ok(Probe {
            container: Container::Mp3,
            codec: Codec::Mp3,
            sample_rate_hz: header.rate_hz,
            channels: header.channels,
            samples,
            duration_ms: 0,
            data: self.start..self.end.max(self.start),
            data_size: if self.info.bytes.is_some() { DataSize::Exact } else { DataSize::Open },
        })
    }
}

fn broken(offset: u64, what: &'static str) -> AudioError {
    AudioError::Broken { container: Container::Mp3, offset, what }
}
