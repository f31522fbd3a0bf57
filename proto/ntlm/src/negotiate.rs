//! NEGOTIATE_MESSAGE, section 2.2.1.1: the client says hello.

use crate::error::NtlmError;
use crate::flags::NegotiateFlags;
use crate::wire::{Reader, Version, Writer, decode_name, encode_oem};

/// The first message. Some clients send nothing but the flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NegotiateMessage {
    /// What the client can do. Whether names and version follow is set when it is encoded.
    pub flags: NegotiateFlags,
    /// The client's domain, in a code page.
    pub domain: Option<String>,
    /// The client's name, in a code page.
    pub workstation: Option<String>,
    /// Informative.
    pub version: Option<Version>,
}

impl NegotiateMessage {
    const NUMBER: u32 = 1;

    /// # Errors
    /// [`NtlmError`] when it is not such a message, or is cut.
    pub fn parse(bytes: &[u8]) -> Result<Self, NtlmError> {
        let reader = Reader::new(bytes, Self::NUMBER, "NEGOTIATE")?;
        let flags = NegotiateFlags(reader.u32(12, "NegotiateFlags")?);
        let name = |flag, at, field| -> Result<Option<String>, NtlmError> {
            if !flags.contains(flag) {
                return Ok(None);
            }
            Ok(Some(decode_name(reader.field(at, field)?, NegotiateFlags::OEM)))
        };
        let version = flags.contains(NegotiateFlags::VERSION);
        Ok(Self {
            flags,
            domain: name(NegotiateFlags::OEM_DOMAIN_SUPPLIED, 16, "DomainName")?,
            workstation: name(NegotiateFlags::OEM_WORKSTATION_SUPPLIED, 24, "Workstation")?,
            version: if version { reader.array(32, "Version").ok().map(Version) } else { None },
        })
    }

    /// # Errors
    /// [`NtlmError::NameTooLong`].
    pub fn encode(&self) -> Result<Vec<u8>, NtlmError> {
        let flags = self
            .flags
            .with(NegotiateFlags::OEM_DOMAIN_SUPPLIED, self.domain.is_some())
            .with(NegotiateFlags::OEM_WORKSTATION_SUPPLIED, self.workstation.is_some())
            .with(NegotiateFlags::VERSION, self.version.is_some());
        let mut writer = Writer::new(Self::NUMBER, 40);
        writer.u32(flags.0);
        writer.field(&encode_oem(self.domain.as_deref().unwrap_or_default()), "DomainName")?;
        writer.field(&encode_oem(self.workstation.as_deref().unwrap_or_default()), "Workstation")?;
        writer.bytes(&self.version.map_or([0; 8], |version| version.0));
        Ok(writer.finish())
    }
}
