//! Opus in Ogg (RFC 3533, RFC 7845): the first page says it is Opus, the last granule position how long.

use super::gather::{Gather, skip};
use super::{Codec, Container, DataSize, Probe};
use crate::AudioError;

/// Granule positions count at this rate, and decoders play at it, whatever the source's rate was.
const RATE_HZ: u32 = 48_000;
const PAGE_HEADER: usize = 27;
/// The part of the identification header that every stream has.
const OPUS_HEAD: usize = 19;

#[derive(Debug, Default)]
pub(super) struct Ogg {
    step: Step,
    /// A page header, or the segment table, or the first packet.
    gather: Gather<255>,
    at: u64,
    page: Page,
    opus: Option<Opus>,
    granule: u64,
}

#[derive(Debug, Default, Clone, Copy)]
enum Step {
    #[default]
    PageHeader,
    SegmentTable {
        segments: usize,
    },
    OpusHead {
        body: u64,
    },
    Body {
        left: u64,
    },
}

#[derive(Debug, Default, Clone, Copy)]
struct Page {
    start: u64,
    granule: u64,
    serial: u32,
}

#[derive(Debug, Clone, Copy)]
struct Opus {
    serial: u32,
    channels: u8,
    pre_skip: u16,
}

impl Ogg {
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), AudioError> {
        let mut input = bytes;
        while !input.is_empty() {
            let before = input.len();
            let done = match &mut self.step {
                Step::PageHeader => self.gather.fill(PAGE_HEADER, &mut input),
                Step::SegmentTable { segments } => self.gather.fill(*segments, &mut input),
                Step::OpusHead { .. } => self.gather.fill(OPUS_HEAD, &mut input),
                Step::Body { left } => skip(left, &mut input),
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
            Step::PageHeader => {
                let start = self.at - PAGE_HEADER as u64;
                if self.gather.array(0) != Some(*b"OggS") {
                    return Err(broken(start, "an Ogg page does not begin with OggS"));
                }
                self.page = Page { start, granule: self.gather.le64(6), serial: self.gather.le32(14) };
                match self.gather.bytes().get(26) {
                    Some(0) | None => Ok(self.page_complete()),
                    Some(segments) => Ok(Step::SegmentTable { segments: usize::from(*segments) }),
                }
            }
            Step::SegmentTable { .. } => {
                let body = self.gather.bytes().iter().map(|length| u64::from(*length)).sum();
                match (self.opus, body) {
                    (None, 0..19) => Err(self.not_opus()),
                    (None, _) => Ok(Step::OpusHead { body }),
                    (Some(_), 0) => Ok(self.page_complete()),
                    (Some(_), _) => Ok(Step::Body { left: body }),
                }
            }
            Step::OpusHead { body } => {
                self.opus = Some(self.opus_head()?);
                match body - OPUS_HEAD as u64 {
                    0 => Ok(Step::PageHeader),
                    left => Ok(Step::Body { left }),
                }
            }
            Step::Body { .. } => Ok(self.page_complete()),
        }
    }

    fn opus_head(&self) -> Result<Opus, AudioError> {
        let head = self.gather.bytes();
        if !head.starts_with(b"OpusHead") {
            return Err(self.not_opus());
        }
        let channels = head.get(9).copied().unwrap_or(0);
        if channels == 0 {
            return Err(broken(self.page.start, "the Opus header has no channel"));
        }
        Ok(Opus { serial: self.page.serial, channels, pre_skip: self.gather.le16(10) })
    }

    /// Only a complete page counts, and only of the stream that came first.
    fn page_complete(&mut self) -> Step {
        let no_packet_ends_here = self.page.granule == u64::MAX;
        if self.opus.is_some_and(|opus| opus.serial == self.page.serial) && !no_packet_ends_here {
            self.granule = self.page.granule;
        }
        Step::PageHeader
    }

    fn not_opus(&self) -> AudioError {
        let (container, offset) = (Container::Ogg, self.page.start);
        AudioError::UnsupportedCodec { container, offset, codec: "other than Opus".to_owned() }
    }

    pub(super) fn finish(self, len: u64) -> Result<Probe, AudioError> {
        if let Step::Body { left } = self.step {
            let present = len - self.page.start;
            let (container, offset) = (Container::Ogg, self.page.start);
            return Err(AudioError::Truncated { container, offset, declared: present + left, present });
        }
        let Some(opus) = self.opus else {
            return Err(broken(len, "the file ends before its first page is complete"));
        };
        Ok(Probe {
            container: Container::Ogg,
            codec: Codec::Opus,
            sample_rate_hz: RATE_HZ,
            channels: u16::from(opus.channels),
            samples: self.granule.saturating_sub(u64::from(opus.pre_skip)),
            duration_ms: 0,
            data: 0..len,
            data_size: DataSize::Exact,
        })
    }
}

fn broken(offset: u64, what: &'static str) -> AudioError {
    AudioError::Broken { container: Container::Ogg, offset, what }
}
