//! From any recording this crate can read to the Voice Format that a mailbox wants.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tieline_model::VoiceFormat;
use tokio::sync::{OnceCell, Semaphore};

use crate::pcm;
use crate::tool::{self, Foreign, RunError};
use crate::wav::{self, WavCodec};
use crate::{AudioError, Codec, Container, Missing, Probe, Prober, Tool, Tools, g711, gsm, sample};

/// What a recording may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest recording, in bytes.
    pub max_bytes: u64,
    /// The longest recording.
    pub max_duration: Duration,
    /// The time for one run of a program.
    pub tool_time: Duration,
    /// Programs running at the same time; further conversions wait their turn. Zero counts as one.
    pub tools_at_once: usize,
}

impl Default for Limits {
    /// 64 MiB, one hour, one minute, four programs: an hour of 8 kHz PCM is 55 MiB.
    fn default() -> Self {
        Self {
            max_bytes: 64 * 1024 * 1024,
            max_duration: Duration::from_secs(3_600),
            tool_time: Duration::from_secs(60),
            tools_at_once: 4,
        }
    }
}

/// A recording in a Voice Format.
#[derive(Debug, Clone)]
pub struct Recording {
    pub format: VoiceFormat,
    pub bytes: Bytes,
    /// What was received.
    pub source: Probe,
    /// What `bytes` is. MP3 is up to three frames (108 ms) longer than its source: its encoder adds silence.
    pub probe: Probe,
}

/// Who makes a format on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Maker {
    InProcess,
    Tool(Tool),
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InProcess => f.write_str("in process"),
            Self::Tool(tool) => tool.fmt(f),
        }
    }
}

/// Whether a format can be made on this machine, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capability {
    pub format: VoiceFormat,
    /// `None`: not at all, for the reasons in `missing`.
    pub maker: Option<Maker>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// What would make it possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Converts recordings. Make one and share it: it remembers which programs have proved able.
#[derive(Debug)]
pub struct Converter {
    tools: Tools,
    limits: Limits,
    turns: Semaphore,
    gsm: OnceCell<Tool>,
    mp3: OnceCell<Tool>,
    opus: OnceCell<Tool>,
}

/// How far a program's result may differ in length from what it was given: an MP3 encoder's delay and its last frame.
const LENGTH_TOLERANCE_MS: u64 = 250;
/// Headers, tags and a last block, on top of what a codec needs for the sound.
const OUTPUT_SLACK: u64 = 64 * 1024;

impl Default for Converter {
    fn default() -> Self {
        Self::new(Tools::default(), Limits::default())
    }
}

impl Converter {
    pub fn new(tools: Tools, limits: Limits) -> Self {
        let turns = Semaphore::new(limits.tools_at_once.max(1));
        Self { tools, limits, turns, gsm: OnceCell::new(), mp3: OnceCell::new(), opus: OnceCell::new() }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Says what a recording is, within the limits. `name` is its file name, for recordings without a header.
    pub fn probe(&self, recording: &[u8], name: Option<&str>) -> Result<Probe, AudioError> {
        let mut prober = self.prober(name);
        prober.push(recording)?;
        self.accept(prober.finish()?)
    }

    /// A prober with this converter's limit of bytes, for a recording that arrives in pieces. Its verdict goes through
    /// [`Converter::accept`].
    pub fn prober(&self, name: Option<&str>) -> Prober {
        Prober::new(name, self.limits.max_bytes)
    }

    /// Refuses a recording that is too long.
    pub fn accept(&self, probe: Probe) -> Result<Probe, AudioError> {
        let limit_ms = u64::try_from(self.limits.max_duration.as_millis()).unwrap_or(u64::MAX);
        if probe.duration_ms > limit_ms {
            return Err(AudioError::TooLong { duration_ms: probe.duration_ms, limit_ms });
        }
        Ok(probe)
    }

    /// Tells for each Voice Format whether this machine can make it. Programs are tried on a short sound, once.
    pub async fn capabilities(&self) -> Vec<Capability> {
        let mut capabilities = Vec::with_capacity(VoiceFormat::ALL.len());
        for format in VoiceFormat::ALL {
            let found = match foreign_format(format) {
                None => Ok(Maker::InProcess),
                Some(foreign) => self.tool(foreign).await.map(Maker::Tool),
            };
            capabilities.push(match found {
                Ok(maker) => Capability { format, maker: Some(maker), missing: Vec::new(), next: None },
                Err(missing) => {
                    let next = Some(make_possible(foreign_format(format)));
                    Capability { format, maker: None, missing, next }
                }
            });
        }
        capabilities
    }

    /// Converts a recording to `format`.
    ///
    /// A recording that is in the format already keeps its samples: WAV gets a clean header, MP3 and Opus stay byte for
    /// byte what they were.
    pub async fn convert(
        &self,
        recording: Bytes,
        name: Option<&str>,
        format: VoiceFormat,
    ) -> Result<Recording, AudioError> {
        let source = self.probe(&recording, name)?;
        let bytes = match unchanged(&recording, &source, format) {
            Some(bytes) => bytes,
            None => self.transcode(recording, &source, format).await?,
        };
        let probe = crate::probe(&bytes, None)?;
        Ok(Recording { format, bytes, source, probe })
    }

    async fn transcode(
        &self,
        recording: Bytes,
        source: &Probe,
        format: VoiceFormat,
    ) -> Result<Bytes, AudioError> {
        let encoder = match foreign_format(format) {
            None => None,
            Some(foreign) => match self.tool(foreign).await {
                Ok(tool) => Some((foreign, tool)),
                Err(missing) => {
                    let next = make_possible(Some(foreign));
                    return Err(AudioError::FormatUnavailable { format, missing, next });
                }
            },
        };
        let rate_hz = rate_of(format);
        let samples = self.samples(recording, source, rate_hz).await?;
        match encoder {
            None => Ok(off_thread(move || encode_in_process(&samples, rate_hz, format)).await),
            Some((foreign, tool)) => self.encode(foreign, tool, &samples).await,
        }
    }

    /// The recording as one channel of 16-bit samples.
    async fn samples(&self, recording: Bytes, source: &Probe, rate_hz: u32) -> Result<Vec<i16>, AudioError> {
        let Some(foreign) = foreign_codec(source.codec) else {
            let source = source.clone();
            let decoded = off_thread(move || pcm::to_mono(&recording, &source, rate_hz)).await;
            return Ok(decoded.unwrap_or_default());
        };
        let tool = self.tool(foreign).await.map_err(|missing| {
            let next = make_possible(Some(foreign));
            AudioError::SourceUnavailable { codec: source.codec, missing, next }
        })?;
        // The program sees a header of ours, never the sender's.
        let input = if foreign == Foreign::Gsm {
            let blocks = gsm_blocks(&recording, source);
            wav::write(WavCodec::Gsm, source.sample_rate_hz, source.samples, &blocks).into()
        } else {
            recording
        };
        let from_hz = source.sample_rate_hz;
        let mut decoded = self.decode(foreign, tool, input, from_hz, source.samples).await?;
        if foreign == Foreign::Gsm {
            decoded.truncate(usize::try_from(source.samples).unwrap_or(usize::MAX));
        }
        Ok(match from_hz == rate_hz {
            true => decoded,
            false => off_thread(move || pcm::resample(&decoded, from_hz, rate_hz)).await,
        })
    }

    async fn decode(
        &self,
        foreign: Foreign,
        tool: Tool,
        input: Bytes,
        rate_hz: u32,
        samples: u64,
    ) -> Result<Vec<i16>, AudioError> {
        let doing = "decoding";
        let output_max = samples * 2 + u64::from(rate_hz) + OUTPUT_SLACK;
        let bytes = self.run(tool, &foreign.decode(tool, rate_hz), input, output_max, doing).await?;
        let decoded: Vec<i16> =
            bytes.as_chunks().0.iter().map(|sample: &[u8; 2]| i16::from_le_bytes(*sample)).collect();
        same_length(tool, doing, millis(samples, rate_hz), millis(decoded.len() as u64, rate_hz))?;
        Ok(decoded)
    }

    /// Encodes samples at the codec's own rate.
    async fn encode(&self, foreign: Foreign, tool: Tool, samples: &[i16]) -> Result<Bytes, AudioError> {
        let doing = "encoding";
        let rate_hz = foreign.rate_hz();
        let input = Bytes::from(pcm_wav(samples, rate_hz));
        let output_max = input.len() as u64 + OUTPUT_SLACK;
        let output = self.run(tool, &foreign.encode(tool), input, output_max, doing).await?;
        let failed = |error: AudioError| AudioError::ToolFailed { tool, doing, what: error.to_string() };
        let probe = crate::probe(&output, None).map_err(failed)?;
        same_length(tool, doing, millis(samples.len() as u64, rate_hz), probe.duration_ms)?;
        Ok(match foreign {
            // Into a pipe a program writes a header with sizes unknown: this one knows them.
            Foreign::Gsm => {
                let blocks = pcm::data(&output, &probe);
                wav::write(WavCodec::Gsm, rate_hz, samples.len() as u64, blocks).into()
            }
            Foreign::Mp3 | Foreign::Opus => output.into(),
        })
    }

    async fn run(
        &self,
        tool: Tool,
        arguments: &[String],
        input: Bytes,
        output_max: u64,
        doing: &'static str,
    ) -> Result<Vec<u8>, AudioError> {
        let limit = self.limits.tool_time;
        let failed = |what| AudioError::ToolFailed { tool, doing, what };
        let path =
            self.tools.path(tool).ok_or_else(|| failed("switched off in the configuration".to_owned()))?;
        // Nobody closes the semaphore, so there is always a permit in the end.
        let _turn = self.turns.acquire().await;
        tool::run(path, arguments, input, output_max, limit).await.map_err(|error| match error {
            RunError::Timeout => AudioError::ToolTimeout { tool, doing, limit },
            error => failed(error.to_string()),
        })
    }

    /// The program for a codec: the first that turns a short sound into it and back. Success is remembered; a failure is
    /// looked at again the next time, since programs get installed while a server runs.
    async fn tool(&self, foreign: Foreign) -> Result<Tool, Vec<Missing>> {
        let cell = match foreign {
            Foreign::Gsm => &self.gsm,
            Foreign::Mp3 => &self.mp3,
            Foreign::Opus => &self.opus,
        };
        let found = cell.get_or_try_init(|| async {
            let mut missing = Vec::new();
            for &tool in foreign.tools() {
                match self.try_out(foreign, tool).await {
                    Ok(()) => return Ok(tool),
                    Err(reason) => missing.push(Missing { tool, reason }),
                }
            }
            tracing::debug!(codec = ?foreign, ?missing, "no program for this codec");
            Err(missing)
        });
        found.await.copied()
    }

    async fn try_out(&self, foreign: Foreign, tool: Tool) -> Result<(), String> {
        // Told without the advice that belongs to a recording.
        let reason = |error| match error {
            AudioError::ToolFailed { what, .. } => what,
            error => error.to_string(),
        };
        let chime = sample::chime(Duration::from_millis(300));
        let probe = crate::probe(&chime, None).map_err(reason)?;
        let samples = pcm::to_mono(&chime, &probe, foreign.rate_hz()).unwrap_or_default();
        let encoded = self.encode(foreign, tool, &samples).await.map_err(reason)?;
        let probe = crate::probe(&encoded, None).map_err(reason)?;
        let decoded = self.decode(foreign, tool, encoded, probe.sample_rate_hz, probe.samples).await;
        decoded.map(|_| ()).map_err(reason)
    }
}

/// Heavy arithmetic away from the threads that serve sockets.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that is shutting down cancels blocking work, and it polls nobody again.
            Err(_) => std::future::pending().await,
        },
    }
}

fn foreign_format(format: VoiceFormat) -> Option<Foreign> {
    match format {
        VoiceFormat::PcmWav | VoiceFormat::G711UlawWav | VoiceFormat::G711AlawWav => None,
        VoiceFormat::GsmWav => Some(Foreign::Gsm),
        VoiceFormat::Mp3 => Some(Foreign::Mp3),
        VoiceFormat::Opus => Some(Foreign::Opus),
    }
}

fn foreign_codec(codec: Codec) -> Option<Foreign> {
    match codec {
        Codec::Gsm => Some(Foreign::Gsm),
        Codec::Mp3 => Some(Foreign::Mp3),
        Codec::Opus => Some(Foreign::Opus),
        _ => None,
    }
}

fn make_possible(foreign: Option<Foreign>) -> String {
    let install = match foreign {
        Some(Foreign::Opus) => "install ffmpeg (Debian: ffmpeg)",
        _ => "install sox (Debian: sox libsox-fmt-all) or ffmpeg (Debian: ffmpeg)",
    };
    format!("{install}, or choose PCM or G.711, which need no program")
}

/// The rate at which a format is written, in Hz.
fn rate_of(format: VoiceFormat) -> u32 {
    foreign_format(format).map_or(8_000, Foreign::rate_hz)
}

/// The recording in `format`, if its samples are in it already.
fn unchanged(recording: &Bytes, source: &Probe, format: VoiceFormat) -> Option<Bytes> {
    let rate_hz = source.sample_rate_hz;
    let codec = match (format, source.codec) {
        (VoiceFormat::Mp3, Codec::Mp3) | (VoiceFormat::Opus, Codec::Opus) => return Some(recording.clone()),
        (VoiceFormat::PcmWav, Codec::S16) => WavCodec::Pcm16,
        (VoiceFormat::G711UlawWav, Codec::Ulaw) => WavCodec::Ulaw,
        (VoiceFormat::G711AlawWav, Codec::Alaw) => WavCodec::Alaw,
        (VoiceFormat::GsmWav, Codec::Gsm) => WavCodec::Gsm,
        _ => return None,
    };
    if source.channels != 1 || rate_hz != rate_of(format) {
        return None;
    }
    let data = match codec {
        WavCodec::Gsm => gsm_blocks(recording, source),
        _ => pcm::data(recording, source).to_vec(),
    };
    Some(wav::write(codec, rate_hz, source.samples, &data).into())
}

/// GSM as WAV packs it.
fn gsm_blocks(recording: &[u8], source: &Probe) -> Vec<u8> {
    let data = pcm::data(recording, source);
    if source.container == Container::Raw { gsm::pack_for_wav(data) } else { data.to_vec() }
}

fn encode_in_process(samples: &[i16], rate_hz: u32, format: VoiceFormat) -> Bytes {
    let count = samples.len() as u64;
    let ulaw = |samples: &[i16]| samples.iter().copied().map(g711::encode_ulaw).collect::<Vec<_>>();
    let alaw = |samples: &[i16]| samples.iter().copied().map(g711::encode_alaw).collect::<Vec<_>>();
    match format {
        VoiceFormat::G711UlawWav => wav::write(WavCodec::Ulaw, rate_hz, count, &ulaw(samples)).into(),
        VoiceFormat::G711AlawWav => wav::write(WavCodec::Alaw, rate_hz, count, &alaw(samples)).into(),
        _ => pcm_wav(samples, rate_hz).into(),
    }
}

fn pcm_wav(samples: &[i16], rate_hz: u32) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    wav::write(WavCodec::Pcm16, rate_hz, samples.len() as u64, &data)
}

fn millis(samples: u64, rate_hz: u32) -> u64 {
    samples.saturating_mul(1000) / u64::from(rate_hz.max(1))
}

/// A program that gave up half way without saying so has failed.
fn same_length(tool: Tool, doing: &'static str, given_ms: u64, got_ms: u64) -> Result<(), AudioError> {
    if given_ms.abs_diff(got_ms) > LENGTH_TOLERANCE_MS {
        let what = format!("{given_ms} ms became {got_ms} ms");
        return Err(AudioError::ToolFailed { tool, doing, what });
    }
    Ok(())
}
