//! CHALLENGE_MESSAGE, section 2.2.1.2: the server's random number, and what it says of itself.

use crate::av_pair::AvPairs;
use crate::error::NtlmError;
use crate::flags::NegotiateFlags;
use crate::wire::{Reader, Version, Writer, decode_name, encode_name};

/// The second message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeMessage {
    /// What was agreed on. Whether target information and version follow is set when it is encoded.
    pub flags: NegotiateFlags,
    /// The domain or server that asks.
    pub target_name: String,
    /// Random.
    pub server_challenge: [u8; 8],
    /// What the server says of itself; without it, only NTLM version 1 could follow.
    pub target_info: Option<AvPairs>,
    /// Informative.
    pub version: Option<Version>,
}

impl ChallengeMessage {
    const NUMBER: u32 = 2;

    /// # Errors
    /// [`NtlmError`] when it is not such a message, or is cut.
    pub fn parse(bytes: &[u8]) -> Result<Self, NtlmError> {
        let reader = Reader::new(bytes, Self::NUMBER, "CHALLENGE")?;
        let flags = NegotiateFlags(reader.u32(20, "NegotiateFlags")?);
        let target_info = if flags.contains(NegotiateFlags::TARGET_INFO) {
            Some(AvPairs::parse(reader.field(40, "TargetInfo")?)?)
        } else {
            None
        };
        let version = flags.contains(NegotiateFlags::VERSION);
        Ok(Self {
            flags,
            target_name: decode_name(reader.field(12, "TargetName")?, flags),
            server_challenge: reader.array(24, "ServerChallenge")?,
            target_info,
            version: if version { reader.array(48, "Version").ok().map(Version) } else { None },
        })
    }

    /// # Errors
    /// [`NtlmError::NameTooLong`].
    pub fn encode(&self) -> Result<Vec<u8>, NtlmError> {
        let flags = self
            .flags
            .with(NegotiateFlags::TARGET_INFO, self.target_info.is_some())
            .with(NegotiateFlags::VERSION, self.version.is_some());
        let info = self.target_info.as_ref().map(AvPairs::encode).transpose()?.unwrap_or_default();
        let mut writer = Writer::new(Self::NUMBER, 56);
        writer.field(&encode_name(&self.target_name, flags), "TargetName")?;
        writer.u32(flags.0).bytes(&self.server_challenge).bytes(&[0; 8]);
        writer.field(&info, "TargetInfo")?;
        writer.bytes(&self.version.map_or([0; 8], |version| version.0));
        Ok(writer.finish())
    }
}
