use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tieline_model::{Refusal, VoiceFormat};

use crate::{Codec, Container, Tool};

/// Why a recording could not be read or converted. The message says what, where (the byte offset), and what next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}; {}", self.what(), self.next())]
pub enum AudioError {
    /// Nothing in the bytes or the name tells what this is.
    NotAudio {
        /// The first bytes, in printable form.
        start: String,
    },
    /// The structure contradicts itself.
    Broken { container: Container, offset: u64, what: &'static str },
    /// The file announces more than is there.
    Truncated { container: Container, offset: u64, declared: u64, present: u64 },
    /// Well formed, but in a codec this crate does not know.
    UnsupportedCodec { container: Container, offset: u64, codec: String },
    /// No sound in it; the audio would begin at `offset`.
    Empty { container: Container, offset: u64 },
    /// More bytes than [`crate::Limits::max_bytes`].
    TooLarge { limit: u64 },
    /// Longer than [`crate::Limits::max_duration`].
    TooLong { duration_ms: u64, limit_ms: u64 },
    /// This machine cannot make the format.
    FormatUnavailable { format: VoiceFormat, missing: Vec<Missing>, next: String },
    /// This machine cannot read the codec that the recording came in.
    SourceUnavailable { codec: Codec, missing: Vec<Missing>, next: String },
    /// The program ran, and failed on this recording.
    ToolFailed { tool: Tool, doing: &'static str, what: String },
    /// The program was still running at [`crate::Limits::tool_time`].
    ToolTimeout { tool: Tool, doing: &'static str, limit: Duration },
}

/// One program that would have done, and why it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    pub tool: Tool,
    pub reason: String,
}

impl AudioError {
    /// What happened, and where in the recording.
    pub fn what(&self) -> String {
        match self {
            Self::NotAudio { start } => format!(
                "not a recording that can be read: it begins with {start}, which is no WAV, MP3 or Ogg Opus, and \
                 its name gives no raw format"
            ),
            Self::Broken { container, offset, what } => {
                format!("broken {container} at byte {offset}: {what}")
            }
            Self::Truncated { container, offset, declared, present } => format!(
                "{container} cut short: {declared} bytes announced at byte {offset}, {present} present"
            ),
            Self::UnsupportedCodec { container, offset, codec } => {
                format!("unsupported codec {codec} in {container} at byte {offset}")
            }
            Self::Empty { container, offset } => {
                format!("the {container} recording holds no sound (audio begins at byte {offset})")
            }
            Self::TooLarge { limit } => format!("the recording is larger than the limit of {limit} bytes"),
            Self::TooLong { duration_ms, limit_ms } => {
                format!("the recording of {duration_ms} ms is longer than the limit of {limit_ms} ms")
            }
            Self::FormatUnavailable { format, missing, .. } => {
                format!("Voice Format {format} cannot be made on this machine: {}", Reasons(missing))
            }
            Self::SourceUnavailable { codec, missing, .. } => {
                format!("{codec} recordings cannot be read on this machine: {}", Reasons(missing))
            }
            Self::ToolFailed { tool, doing, what } => format!("{tool} failed while {doing}: {what}"),
            Self::ToolTimeout { tool, doing, limit } => {
                format!("{tool} did not finish {doing} within {} s and was ended", limit.as_secs_f32())
            }
        }
    }

    /// The one step that helps.
    pub fn next(&self) -> &str {
        match self {
            Self::NotAudio { .. } => {
                "send WAV or MP3, or name the file .gsm, .ulaw, .alaw or .sln if it has no header"
            }
            Self::Broken { .. } => "export or record it again",
            Self::Truncated { .. } => {
                "send it again, or keep what is there with `sox --ignore-length IN OUT`"
            }
            Self::UnsupportedCodec { .. } => "convert it first: `sox IN -b 16 -e signed OUT.wav`",
            Self::Empty { .. } => "record it again",
            Self::TooLarge { .. } | Self::TooLong { .. } => "shorten it or raise the limit",
            Self::FormatUnavailable { next, .. } | Self::SourceUnavailable { next, .. } => next,
            Self::ToolFailed { .. } => "play the recording with another program: it may be damaged",
            Self::ToolTimeout { .. } => "try again or raise the time limit",
        }
    }

    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAudio { .. } => "not-audio",
            Self::Broken { .. } => "broken-recording",
            Self::Truncated { .. } => "truncated-recording",
            Self::UnsupportedCodec { .. } => "unsupported-codec",
            Self::Empty { .. } => "empty-recording",
            Self::TooLarge { .. } => "recording-too-large",
            Self::TooLong { .. } => "recording-too-long",
            Self::FormatUnavailable { .. } => "voice-format-unavailable",
            Self::SourceUnavailable { .. } => "source-codec-unavailable",
            Self::ToolFailed { .. } => "conversion-failed",
            Self::ToolTimeout { .. } => "conversion-timeout",
        }
    }
}

impl From<AudioError> for Refusal {
    /// A missing program is the operator's, a slow one nobody's, all else the sender's.
    fn from(error: AudioError) -> Self {
        let make = match error {
            AudioError::FormatUnavailable { .. } | AudioError::SourceUnavailable { .. } => Self::operator,
            AudioError::ToolTimeout { .. } => Self::transient,
            _ => Self::permanent,
        };
        make(error.code(), error.what(), error.next())
    }
}

struct Reasons<'a>(&'a [Missing]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, missing) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { ", " };
            write!(f, "{separator}{}: {}", missing.tool, missing.reason)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tieline_model::Class;

    use super::*;

    #[test]
    fn a_refusal_keeps_the_parts_apart_and_says_who_must_act() {
        let cut = AudioError::Truncated { container: Container::Wav, offset: 40, declared: 320, present: 8 };
        let refusal = Refusal::from(cut);
        assert_eq!((refusal.code.as_str(), refusal.class), ("truncated-recording", Class::Permanent));
        assert_eq!(refusal.what, "WAV cut short: 320 bytes announced at byte 40, 8 present");
        assert!(refusal.next.starts_with("send it again"));
        let missing = vec![Missing { tool: Tool::Sox, reason: "not installed".to_owned() }];
        let next = "install sox".to_owned();
        let none = AudioError::FormatUnavailable { format: VoiceFormat::GsmWav, missing, next };
        assert_eq!(Refusal::from(none).class, Class::Operator);
    }
}
