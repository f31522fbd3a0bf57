#![deny(clippy::indexing_slicing)]

mod gather;
mod mp3;
mod ogg;
mod raw;
mod riff;

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::AudioError;
use gather::Gather;

/// What holds the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    Wav,
    /// A bare sequence of MPEG frames, perhaps with ID3 tags.
    Mp3,
    Ogg,
    /// No header at all: known by the file's extension only.
    Raw,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wav => "WAV",
            Self::Mp3 => "MP3",
            Self::Ogg => "Ogg",
            Self::Raw => "raw",
        })
    }
}

/// How the samples are written. All of them little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Unsigned PCM, 8 bits.
    U8,
    S16,
    S24,
    S32,
    F32,
    F64,
    /// G.711 A-law.
    Alaw,
    /// G.711 mu-law.
    Ulaw,
    /// GSM 6.10 full rate.
    Gsm,
    /// MPEG-1, -2 or -2.5 layer III.
    Mp3,
    Opus,
}

impl Codec {
    /// Bytes of one sample of one channel, for the codecs where each sample stands alone.
    pub(crate) fn sample_bytes(self) -> Option<u64> {
        match self {
            Self::U8 | Self::Alaw | Self::Ulaw => Some(1),
            Self::S16 => Some(2),
            Self::S24 => Some(3),
            Self::S32 | Self::F32 => Some(4),
            Self::F64 => Some(8),
            Self::Gsm | Self::Mp3 | Self::Opus => None,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U8 => "8-bit PCM",
            Self::S16 => "16-bit PCM",
            Self::S24 => "24-bit PCM",
            Self::S32 => "32-bit PCM",
            Self::F32 => "32-bit float",
            Self::F64 => "64-bit float",
            Self::Alaw => "G.711 A-law",
            Self::Ulaw => "G.711 mu-law",
            Self::Gsm => "GSM 6.10",
            Self::Mp3 => "MP3",
            Self::Opus => "Opus",
        })
    }
}

/// Whether the header knew how much audio follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DataSize {
    /// The announced size is the size.
    Exact,
    /// The writer could not go back and fill it in (a pipe, a PBX that crashed): the audio reaches to the end.
    Open,
}

/// What a recording is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    pub container: Container,
    pub codec: Codec,
    pub sample_rate_hz: u32,
    pub channels: u16,
    /// Samples of each channel.
    pub samples: u64,
    /// Length in milliseconds, rounded.
    pub duration_ms: u64,
    /// The bytes that hold whole frames of audio.
    pub data: Range<u64>,
    pub data_size: DataSize,
}

impl Probe {
    fn checked(mut self) -> Result<Self, AudioError> {
        if self.samples == 0 {
            return Err(AudioError::Empty { container: self.container, offset: self.data.start });
        }
        let rate = u64::from(self.sample_rate_hz.max(1));
        self.duration_ms = (self.samples.saturating_mul(1000).saturating_add(rate / 2)) / rate;
        Ok(self)
    }
}

/// Reads a recording in pieces and keeps almost nothing of it.
///
/// Feed the bytes to [`Prober::push`] as they arrive, in pieces of any size, then ask [`Prober::finish`]. An error from
/// `push` is final: further bytes are ignored and `finish` repeats it.
#[derive(Debug)]
pub struct Prober {
    raw: Option<raw::Raw>,
    max_bytes: u64,
    seen: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Too few bytes to tell.
    Start(Gather<HEAD>),
    Riff(Box<riff::Riff>),
    Mp3(Box<mp3::Mp3>),
    Ogg(Box<ogg::Ogg>),
    Raw(raw::Raw),
    Failed(AudioError),
}

/// Enough for each signature.
const HEAD: usize = 12;

impl Prober {
    /// `name` is the file's name or extension, when there is one: needed only for header-less files. More than
    /// `max_bytes` bytes are refused.
    pub fn new(name: Option<&str>, max_bytes: u64) -> Self {
        let raw = name.and_then(raw::Raw::from_name);
        Self { raw, max_bytes, seen: 0, state: State::Start(Gather::default()) }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), AudioError> {
        self.seen = self.seen.saturating_add(bytes.len() as u64);
        if self.seen > self.max_bytes && !matches!(self.state, State::Failed(_)) {
            self.state = State::Failed(AudioError::TooLarge { limit: self.max_bytes });
        }
        if let State::Start(head) = &mut self.state {
            if !head.fill(HEAD, &mut bytes) {
                return Ok(());
            }
            let head = std::mem::take(head);
            self.recognise(head.bytes());
        }
        self.feed(bytes)
    }

    /// The verdict, once all bytes have been pushed.
    pub fn finish(mut self) -> Result<Probe, AudioError> {
        if let State::Start(head) = &mut self.state {
            let head = std::mem::take(head);
            self.recognise(head.bytes());
        }
        let probe = match self.state {
            State::Start(_) => Err(not_audio(&[])),
            State::Riff(riff) => riff.finish(self.seen),
            State::Mp3(mp3) => mp3.finish(self.seen),
            State::Ogg(ogg) => ogg.finish(self.seen),
            State::Raw(raw) => Ok(raw.finish()),
            State::Failed(error) => Err(error),
        };
        probe?.checked()
    }

    /// Chooses the walker from the first bytes and gives it these.
    fn recognise(&mut self, head: &[u8]) {
        self.state = if head.starts_with(b"RIFF") {
            State::Riff(Box::default())
        } else if head.starts_with(b"OggS") {
            State::Ogg(Box::default())
        } else if let Some(raw) = self.raw.take() {
            State::Raw(raw)
        } else if mp3::begins(head) {
            State::Mp3(Box::default())
        } else {
            State::Failed(not_audio(head))
        };
        // A failure is remembered in the state and reported by the caller's own `feed`.
        let _ = self.feed(head);
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), AudioError> {
        let fed = match &mut self.state {
            State::Start(_) => Ok(()),
            State::Riff(riff) => riff.push(bytes),
            State::Mp3(mp3) => mp3.push(bytes),
            State::Ogg(ogg) => ogg.push(bytes),
            State::Raw(raw) => raw.push(bytes),
            State::Failed(error) => Err(error.clone()),
        };
        if let Err(error) = &fed {
            self.state = State::Failed(error.clone());
        }
        fed
    }
}

/// Probes a recording that is in memory as a whole.
pub fn probe(bytes: &[u8], name: Option<&str>) -> Result<Probe, AudioError> {
    let mut prober = Prober::new(name, u64::MAX);
    prober.push(bytes)?;
    prober.finish()
}

fn not_audio(head: &[u8]) -> AudioError {
    let start = match head {
        [] => "nothing".to_owned(),
        // Quotes need no escape between back quotes.
        _ => format!("`{}`", head.escape_ascii().to_string().replace("\\'", "'").replace("\\\"", "\"")),
    };
    AudioError::NotAudio { start }
}
