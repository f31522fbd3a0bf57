//! sox and ffmpeg as filters: bytes in by a pipe, bytes out by a pipe, nothing else.
//!
//! No shell, no temporary file, no part of a command line that comes from a recording's content but its sample rate as
//! a number. The input format is forced, so a program's own guess at untrusted bytes is never used, and ffmpeg may open
//! pipes only. Time and output are bounded; a program that exceeds either is ended.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// A program that this crate knows how to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    Sox,
    Ffmpeg,
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sox => "sox",
            Self::Ffmpeg => "ffmpeg",
        })
    }
}

/// Where the programs are. A bare name is looked up in `PATH`; `None` forbids the program.
#[derive(Debug, Clone)]
pub struct Tools {
    pub sox: Option<PathBuf>,
    pub ffmpeg: Option<PathBuf>,
}

impl Default for Tools {
    fn default() -> Self {
        Self { sox: Some("sox".into()), ffmpeg: Some("ffmpeg".into()) }
    }
}

impl Tools {
    /// No program may be started: only the formats made in process remain.
    pub fn none() -> Self {
        Self { sox: None, ffmpeg: None }
    }

    pub(crate) fn path(&self, tool: Tool) -> Option<&Path> {
        match tool {
            Tool::Sox => self.sox.as_deref(),
            Tool::Ffmpeg => self.ffmpeg.as_deref(),
        }
    }
}

/// The codecs that need a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    Gsm,
    Mp3,
    Opus,
}

impl Foreign {
    /// The programs that may do it, the better first. sox writes Opus nowhere.
    pub(crate) fn tools(self) -> &'static [Tool] {
        match self {
            Self::Gsm => &[Tool::Sox, Tool::Ffmpeg],
            Self::Mp3 => &[Tool::Ffmpeg, Tool::Sox],
            Self::Opus => &[Tool::Ffmpeg],
        }
    }

    /// The rate that its encoder is fed with, in Hz.
    pub(crate) fn rate_hz(self) -> u32 {
        match self {
            Self::Gsm => 8_000,
            Self::Mp3 | Self::Opus => 16_000,
        }
    }

    /// Arguments that turn a PCM WAV on the standard input into this codec on the standard output: GSM in WAV, MP3 as
    /// bare frames at 32 kbit/s, Opus in Ogg at 24 kbit/s.
    pub(crate) fn encode(self, tool: Tool) -> Vec<String> {
        let (options, output) = match (tool, self) {
            (Tool::Sox, Self::Gsm) => ("-t wav -e gsm-full-rate", "-"),
            (Tool::Sox, Self::Mp3) => ("-t mp3 -C 32", "-"),
            (Tool::Sox, Self::Opus) => ("-t opus", "-"),
            (Tool::Ffmpeg, Self::Gsm) => ("-c:a libgsm_ms -f wav", "pipe:1"),
            (Tool::Ffmpeg, Self::Mp3) => {
                ("-c:a libmp3lame -b:a 32k -write_xing 0 -id3v2_version 0 -f mp3", "pipe:1")
            }
            (Tool::Ffmpeg, Self::Opus) => ("-c:a libopus -b:a 24k -application voip -f ogg", "pipe:1"),
        };
        arguments(tool, "wav", options, output)
    }

    /// Arguments that turn this codec on the standard input (GSM in WAV) into one channel of 16-bit samples without a
    /// header on the standard output.
    pub(crate) fn decode(self, tool: Tool, rate_hz: u32) -> Vec<String> {
        let input = match (self, tool) {
            (Self::Gsm, _) => "wav",
            (Self::Mp3, _) => "mp3",
            (Self::Opus, Tool::Sox) => "opus",
            (Self::Opus, Tool::Ffmpeg) => "ogg",
        };
        match tool {
            Tool::Sox => arguments(tool, input, &format!("-t raw -e signed -b 16 -L -c 1 -r {rate_hz}"), "-"),
            Tool::Ffmpeg => {
                arguments(tool, input, &format!("-c:a pcm_s16le -ac 1 -ar {rate_hz} -f s16le"), "pipe:1")
            }
        }
    }
}

fn arguments(tool: Tool, input: &str, options: &str, output: &str) -> Vec<String> {
    let line = match tool {
        // -D: no dither, so that the same recording gives the same bytes. -V1: errors only.
        Tool::Sox => format!("-D -V1 -t {input} - {options} {output}"),
        Tool::Ffmpeg => format!(
            "-nostdin -hide_banner -loglevel error -protocol_whitelist pipe -f {input} -i pipe:0 -map 0:a:0 \
             -map_metadata -1 -fflags +bitexact -flags:a +bitexact -threads 1 {options} {output}"
        ),
    };
    line.split_whitespace().map(str::to_owned).collect()
}

/// Why a program gave no result.
#[derive(Debug)]
pub(crate) enum RunError {
    NotStarted(io::Error),
    /// It ended with a failure; the text is its own last words.
    Failed(String),
    /// It wrote more than the recording can be.
    TooMuch,
    Timeout,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(error) if error.kind() == io::ErrorKind::NotFound => {
                f.write_str("not installed")
            }
            Self::NotStarted(error) => write!(f, "cannot be started ({error})"),
            Self::Failed(words) => f.write_str(words),
            Self::TooMuch => f.write_str("it wrote more than the recording can hold"),
            Self::Timeout => f.write_str("it did not finish in time"),
        }
    }
}

/// What is kept of a program's complaints, in bytes.
const WORDS_MAX: u64 = 2_048;

/// Runs a program as a filter over `input`.
pub(crate) async fn run(
    program: &Path,
    arguments: &[String],
    input: Bytes,
    output_max: u64,
    limit: Duration,
) -> Result<Vec<u8>, RunError> {
    let mut command = Command::new(program);
    // The caller's environment could change what a program does (SOX_OPTS) and is none of its business.
    command.env_clear().env("LC_ALL", "C").args(arguments).current_dir("/");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(RunError::NotStarted)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());

    let feed = async {
        if let Some(mut stdin) = stdin {
            // A program that stops reading early says why by its exit status.
            let _ = stdin.write_all(&input).await;
            let _ = stdin.shutdown().await;
        }
    };
    let read = async {
        let output = collect(stdout, output_max.saturating_add(1)).await;
        if output.len() as u64 > output_max { Err(RunError::TooMuch) } else { Ok(output) }
    };
    let words = async {
        let mut stderr = stderr;
        let words = collect(stderr.as_mut(), WORDS_MAX).await;
        // The rest is read and forgotten: a full pipe would stop the program.
        if let Some(mut stderr) = stderr {
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
        words
    };
    let all = async {
        let ((), output, words) = tokio::join!(feed, read, words);
        (output, words, child.wait().await)
    };
    // Returning drops the child, which ends it.
    let (output, words, status) = tokio::time::timeout(limit, all).await.map_err(|_| RunError::Timeout)?;
    let output = output?;
    match status {
        Ok(status) if status.success() => Ok(output),
        Ok(status) => Err(RunError::Failed(last_words(&words, &status.to_string()))),
        Err(error) => Err(RunError::NotStarted(error)),
    }
}

/// Reads at most `max` bytes; an error of the pipe ends it like an end of file.
async fn collect(source: Option<impl AsyncRead + Unpin>, max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(source) = source {
        let _ = source.take(max).read_to_end(&mut bytes).await;
    }
    bytes
}

/// One line of what a program said, fit for a log and a terminal.
fn last_words(words: &[u8], status: &str) -> String {
    let text = String::from_utf8_lossy(words);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or(status);
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}
