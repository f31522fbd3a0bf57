//! AUTHENTICATE_MESSAGE, section 2.2.1.3: who the client is, and the proof.

use crate::error::NtlmError;
use crate::flags::NegotiateFlags;
use crate::wire::{Reader, Version, Writer, decode_name, encode_name};

/// The third message.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticateMessage {
    /// LMv2, or zeros.
    pub lm_response: Vec<u8>,
    /// NTLMv2: proof and [`ClientBlob`](crate::ClientBlob).
    pub nt_response: Vec<u8>,
    /// The user's domain; empty for a user principal name.
    pub domain: String,
    /// The user.
    pub user: String,
    /// The client machine.
    pub workstation: String,
    /// The session key that the client chose, encrypted.
    pub encrypted_session_key: Vec<u8>,
    /// What was agreed on. Whether a version follows is set when it is encoded.
    pub flags: NegotiateFlags,
    /// Informative.
    pub version: Option<Version>,
    /// Message integrity code over all three messages.
    pub mic: Option<[u8; 16]>,
}

impl AuthenticateMessage {
    const NUMBER: u32 = 3;
    /// Where the MIC stands.
    const MIC: usize = 72;
    const FIELDS: [usize; 6] = [12, 20, 28, 36, 44, 52];

    /// # Errors
    /// [`NtlmError`] when it is not such a message, or is cut.
    pub fn parse(bytes: &[u8]) -> Result<Self, NtlmError> {
        let reader = Reader::new(bytes, Self::NUMBER, "AUTHENTICATE")?;
        let flags = NegotiateFlags(reader.u32(60, "NegotiateFlags")?);
        // Version and MIC came with later systems: there is room for them before the payload, or there is not.
        let start = reader.payload_start(&Self::FIELDS)?;
        let has_version = flags.contains(NegotiateFlags::VERSION) && start >= Self::MIC;
        let has_mic = start >= Self::MIC + 16;
        Ok(Self {
            lm_response: reader.field(12, "LmChallengeResponse")?.to_owned(),
            nt_response: reader.field(20, "NtChallengeResponse")?.to_owned(),
            domain: decode_name(reader.field(28, "DomainName")?, flags),
            user: decode_name(reader.field(36, "UserName")?, flags),
            workstation: decode_name(reader.field(44, "Workstation")?, flags),
            encrypted_session_key: reader.field(52, "EncryptedRandomSessionKey")?.to_owned(),
            flags,
            version: if has_version { Some(Version(reader.array(64, "Version")?)) } else { None },
            mic: if has_mic { Some(reader.array(Self::MIC, "MIC")?) } else { None },
        })
    }

    /// # Errors
    /// [`NtlmError::NameTooLong`].
    pub fn encode(&self) -> Result<Vec<u8>, NtlmError> {
        let flags = self.flags.with(NegotiateFlags::VERSION, self.version.is_some());
        let fixed = match (self.version, self.mic) {
            (_, Some(_)) => Self::MIC + 16,
            (Some(_), None) => Self::MIC,
            (None, None) => 64,
        };
        let mut writer = Writer::new(Self::NUMBER, fixed);
        writer.field(&self.lm_response, "LmChallengeResponse")?;
        writer.field(&self.nt_response, "NtChallengeResponse")?;
        writer.field(&encode_name(&self.domain, flags), "DomainName")?;
        writer.field(&encode_name(&self.user, flags), "UserName")?;
        writer.field(&encode_name(&self.workstation, flags), "Workstation")?;
        writer.field(&self.encrypted_session_key, "EncryptedRandomSessionKey")?;
        writer.u32(flags.0);
        if fixed > 64 {
            writer.bytes(&self.version.map_or([0; 8], |version| version.0));
        }
        if let Some(mic) = &self.mic {
            writer.bytes(mic);
        }
        Ok(writer.finish())
    }

    /// The message as it was when its MIC was computed: with zeros in its place.
    pub(crate) fn without_mic(bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_owned();
        if let Some(mic) = bytes.get_mut(Self::MIC..Self::MIC + 16) {
            mic.fill(0);
        }
        bytes
    }
}

impl std::fmt::Debug for AuthenticateMessage {
    /// Without the proof: offline, it is worth as much as the password's hash.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthenticateMessage")
            .field("domain", &self.domain)
            .field("user", &self.user)
            .field("workstation", &self.workstation)
            .field("flags", &self.flags)
            .field("mic", &self.mic.is_some())
            .finish_non_exhaustive()
    }
}
