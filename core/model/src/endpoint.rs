//! A mail server that Tieline talks to: the administrator's "CSE endpoint", formerly "TSE IMAP Server".

use serde::{Deserialize, Serialize};

use crate::{Authentication, EndpointId, Refusal, ServerAddress};

/// The format of recordings sent to the mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoiceFormat {
    /// WAV with 16-bit PCM at 8 kHz: plays everywhere, 16 kB/s.
    #[default]
    PcmWav,
    /// WAV with G.711 mu-law at 8 kHz, 8 kB/s.
    G711UlawWav,
    /// WAV with G.711 A-law at 8 kHz, 8 kB/s.
    G711AlawWav,
    /// WAV with GSM 6.10 ("WAV49") at 8 kHz, 1.6 kB/s; made by sox or ffmpeg.
    GsmWav,
    /// MP3, mono; made by sox or ffmpeg.
    Mp3,
    /// Opus in Ogg, mono; made by ffmpeg.
    Opus,
}

impl VoiceFormat {
    /// Every format, in the order in which they are offered.
    pub const ALL: [Self; 6] =
        [Self::PcmWav, Self::G711UlawWav, Self::G711AlawWav, Self::GsmWav, Self::Mp3, Self::Opus];

    /// The setting's value, as in configuration and API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PcmWav => "pcm-wav",
            Self::G711UlawWav => "g711-ulaw-wav",
            Self::G711AlawWav => "g711-alaw-wav",
            Self::GsmWav => "gsm-wav",
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
        }
    }

    /// The attachment's media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::PcmWav | Self::G711UlawWav | Self::G711AlawWav | Self::GsmWav => "audio/wav",
            Self::Mp3 => "audio/mp3",
            Self::Opus => "audio/ogg",
        }
    }

    /// The attachment's file name extension, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::PcmWav | Self::G711UlawWav | Self::G711AlawWav | Self::GsmWav => "wav",
            Self::Mp3 => "mp3",
            Self::Opus => "ogg",
        }
    }
}

impl std::fmt::Display for VoiceFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for VoiceFormat {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        Self::ALL.into_iter().find(|f| f.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|f| f.name()).collect();
            Refusal::permanent(
                "unknown-voice-format",
                format!("{:?} is not a Voice Format", text.chars().take(40).collect::<String>()),
                format!("choose one of {}", names.join(", ")),
            )
        })
    }
}

/// How the server's certificate is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "trust", rename_all = "kebab-case")]
pub enum TlsTrust {
    /// The operating system's certificate authorities.
    #[default]
    System,
    /// This certificate authority in addition; PEM text.
    Ca {
        /// One or more certificates in PEM form.
        pem: String,
    },
    /// Exactly the server certificate with this SHA-256 fingerprint, in lower-case hex.
    Pinned {
        /// 64 hex digits.
        sha256: String,
    },
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Never changes; feature groups refer to it.
    pub id: EndpointId,
    /// "IMAP Server Name": a label for people, without technical effect. Unique.
    pub name: String,
    /// "IMAP Server Address".
    pub address: ServerAddress,
    /// "IMAP Server Port". Imported settings say 993, the default of the administrator's old form; EWS answers
    /// at 443, which is what [`Endpoint::DEFAULT_PORT`] proposes.
    pub port: u16,
    /// `http` for a lab on loopback, otherwise `https`.
    pub https: bool,
    /// Where EWS answers.
    pub path: String,
    /// How the certificate is trusted.
    #[serde(default)]
    pub tls: TlsTrust,
    /// How the service accounts sign in.
    #[serde(default)]
    pub authentication: Authentication,
    /// "Voice Format".
    #[serde(default)]
    pub voice_format: VoiceFormat,
    /// The Exchange build seen by the last successful check, as `15.1.2507.0`.
    #[serde(default)]
    pub server_version: Option<String>,
}

impl Endpoint {
    /// The port of EWS over HTTPS.
    pub const DEFAULT_PORT: u16 = 443;
    /// The port that imported settings carry: IMAPS, not EWS.
    pub const IMPORTED_PORT: u16 = 993;
    /// The path of every Exchange.
    pub const DEFAULT_PATH: &'static str = "/EWS/Exchange.asmx";

    /// The URL that requests go to.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        format!("{scheme}://{}:{}{}", self.address.authority_host(), self.port, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_named_alike_everywhere() {
        for format in VoiceFormat::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert_eq!(serde_json::to_string(&format).unwrap(), format!("\"{format}\""));
        }
        assert!("wma".parse::<VoiceFormat>().unwrap_err().next.contains("g711-ulaw-wav"));
    }
}
