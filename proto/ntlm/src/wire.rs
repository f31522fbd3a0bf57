//! How fields are laid out: a fixed part with lengths and offsets, then the payload (section 2.2.1).

use crate::error::NtlmError;
use crate::flags::NegotiateFlags;

/// The longest message that is read, in bytes. Those of Windows are below 4 kB.
pub const MAX_MESSAGE: usize = 64 * 1024;

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// Section 2.2.2.10. Informative: nothing is decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version(pub [u8; 8]);

impl Version {
    /// Windows 10, revision 15 of the protocol.
    pub const WINDOWS_10: Self = Self([10, 0, 0x63, 0x45, 0, 0, 0, 15]);
}

/// A received message.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    kind: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], number: u32, kind: &'static str) -> Result<Self, NtlmError> {
        if bytes.len() > MAX_MESSAGE {
            return Err(NtlmError::TooLong { max: MAX_MESSAGE });
        }
        let reader = Self { bytes, kind };
        let ours = bytes.starts_with(SIGNATURE) && reader.u32(8, "MessageType").ok() == Some(number);
        if ours { Ok(reader) } else { Err(NtlmError::NotThisMessage { expected: kind }) }
    }

    pub(crate) fn len(self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn array<const N: usize>(self, at: usize, field: &'static str) -> Result<[u8; N], NtlmError> {
        let cut = NtlmError::Truncated { field };
        let rest = self.bytes.get(at..).ok_or(cut)?;
        rest.first_chunk::<N>().copied().ok_or(cut)
    }

    pub(crate) fn u32(self, at: usize, field: &'static str) -> Result<u32, NtlmError> {
        self.array(at, field).map(u32::from_le_bytes)
    }

    /// The payload of the field whose length and offset stand at `at`; `None` when it is empty.
    fn located(self, at: usize, field: &'static str) -> Result<Option<(usize, &'a [u8])>, NtlmError> {
        let length = usize::from(u16::from_le_bytes(self.array(at, field)?));
        let offset = self.u32(at.saturating_add(4), field)? as usize;
        if length == 0 {
            return Ok(None);
        }
        let end = offset.checked_add(length).ok_or(NtlmError::Truncated { field })?;
        let payload = self.bytes.get(offset..end).ok_or(NtlmError::Truncated { field })?;
        Ok(Some((offset, payload)))
    }

    pub(crate) fn field(self, at: usize, field: &'static str) -> Result<&'a [u8], NtlmError> {
        Ok(self.located(at, field)?.map_or(&[][..], |(_, payload)| payload))
    }

    /// Where the payload begins: the smallest offset of a field that is not empty, else the end of the message.
    pub(crate) fn payload_start(self, fields: &[usize]) -> Result<usize, NtlmError> {
        let mut start = self.len();
        for at in fields {
            if let Some((offset, _)) = self.located(*at, self.kind)? {
                start = start.min(offset);
            }
        }
        Ok(start)
    }
}

/// A message under construction: the fixed part is written first, its length known beforehand.
pub(crate) struct Writer {
    fixed: Vec<u8>,
    fixed_length: usize,
    payload: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(number: u32, fixed_length: usize) -> Self {
        let mut fixed = Vec::with_capacity(fixed_length);
        fixed.extend_from_slice(SIGNATURE);
        fixed.extend_from_slice(&number.to_le_bytes());
        Self { fixed, fixed_length, payload: Vec::new() }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.fixed.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Length, length again, offset; the bytes go to the payload.
    pub(crate) fn field(&mut self, payload: &[u8], name: &'static str) -> Result<&mut Self, NtlmError> {
        let offset = self.reserve(payload.len(), name)?;
        self.payload.extend_from_slice(payload);
        Ok(self.u32(offset))
    }

    fn reserve(&mut self, length: usize, field: &'static str) -> Result<u32, NtlmError> {
        let too_long = NtlmError::NameTooLong { field };
        let length = u16::try_from(length).map_err(|_| too_long)?;
        let offset = self.fixed_length.saturating_add(self.payload.len());
        if offset.saturating_add(usize::from(length)) > MAX_MESSAGE {
            return Err(too_long);
        }
        self.bytes(&length.to_le_bytes()).bytes(&length.to_le_bytes());
        u32::try_from(offset).map_err(|_| too_long)
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        debug_assert_eq!(self.fixed.len(), self.fixed_length);
        self.fixed.append(&mut self.payload);
        self.fixed
    }
}

/// A name in the message's character set. Without Unicode it is in the peer's code page, which nobody tells; bytes
/// above ASCII are then read as Latin-1.
pub(crate) fn decode_name(bytes: &[u8], flags: NegotiateFlags) -> String {
    if flags.contains(NegotiateFlags::UNICODE) {
        decode_utf16(bytes)
    } else {
        bytes.iter().copied().map(char::from).collect()
    }
}

pub(crate) fn encode_name(name: &str, flags: NegotiateFlags) -> Vec<u8> {
    if flags.contains(NegotiateFlags::UNICODE) { encode_utf16(name) } else { encode_oem(name) }
}

pub(crate) fn decode_utf16(bytes: &[u8]) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

pub(crate) fn encode_utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Latin-1, with `?` for what it lacks.
pub(crate) fn encode_oem(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}
