//! AV pairs, section 2.2.2.1: what the server says of itself, and what the client adds.

use crate::error::NtlmError;
use crate::time::FileTime;
use crate::wire::{decode_utf16, encode_utf16};

/// What a pair is about. Unknown numbers are kept: the client has to send back all that the server sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AvId(pub u16);

impl AvId {
    /// End of the list.
    const EOL: Self = Self(0);
    /// The server's NetBIOS name.
    pub const NB_COMPUTER_NAME: Self = Self(1);
    /// The domain's NetBIOS name.
    pub const NB_DOMAIN_NAME: Self = Self(2);
    /// The server's DNS name.
    pub const DNS_COMPUTER_NAME: Self = Self(3);
    /// The domain's DNS name.
    pub const DNS_DOMAIN_NAME: Self = Self(4);
    /// The forest's DNS name.
    pub const DNS_TREE_NAME: Self = Self(5);
    /// Flags; bit 1 says that the message carries a MIC.
    pub const FLAGS: Self = Self(6);
    /// The server's time.
    pub const TIMESTAMP: Self = Self(7);
    /// The client machine.
    pub const SINGLE_HOST: Self = Self(8);
    /// The service that the client means (SPN).
    pub const TARGET_NAME: Self = Self(9);
    /// MD5 of the channel bindings.
    pub const CHANNEL_BINDINGS: Self = Self(10);
}

/// One pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvPair {
    /// What it is about.
    pub id: AvId,
    /// At most 65535 bytes.
    pub value: Vec<u8>,
}

/// The list, without its end mark, in the order of the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AvPairs(pub Vec<AvPair>);

impl AvPairs {
    /// Bit of [`AvId::FLAGS`]: the AUTHENTICATE message carries a MIC.
    pub const FLAG_MIC: u32 = 0x2;

    /// The value of the first pair of this kind.
    #[must_use]
    pub fn get(&self, id: AvId) -> Option<&[u8]> {
        self.0.iter().find(|pair| pair.id == id).map(|pair| pair.value.as_slice())
    }

    /// A name.
    #[must_use]
    pub fn text(&self, id: AvId) -> Option<String> {
        self.get(id).map(decode_utf16)
    }

    /// The server's time, where it says one.
    #[must_use]
    pub fn timestamp(&self) -> Option<FileTime> {
        let bytes = self.get(AvId::TIMESTAMP)?.first_chunk::<8>()?;
        Some(FileTime(u64::from_le_bytes(*bytes)))
    }

    /// The flags; none when there is no such pair.
    #[must_use]
    pub fn flags(&self) -> u32 {
        let bytes = self.get(AvId::FLAGS).and_then(|value| value.first_chunk::<4>());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Adds a pair, or replaces the one of this kind.
    pub fn set(&mut self, id: AvId, value: Vec<u8>) {
        match self.0.iter_mut().find(|pair| pair.id == id) {
            Some(pair) => pair.value = value,
            None => self.0.push(AvPair { id, value }),
        }
    }

    /// As [`AvPairs::set`], with a name.
    pub fn set_text(&mut self, id: AvId, text: &str) {
        self.set(id, encode_utf16(text));
    }

    /// Reads pairs up to the end mark.
    ///
    /// # Errors
    /// [`NtlmError::Truncated`] when the end mark is missing or a value is cut.
    pub fn parse(mut bytes: &[u8]) -> Result<Self, NtlmError> {
        const CUT: NtlmError = NtlmError::Truncated { field: "AV_PAIR" };
        let mut pairs = Vec::new();
        loop {
            let (head, rest) = bytes.split_first_chunk::<4>().ok_or(CUT)?;
            let [id_low, id_high, length_low, length_high] = *head;
            let id = AvId(u16::from_le_bytes([id_low, id_high]));
            if id == AvId::EOL {
                return Ok(Self(pairs));
            }
            let length = usize::from(u16::from_le_bytes([length_low, length_high]));
            let (value, rest) = rest.split_at_checked(length).ok_or(CUT)?;
            pairs.push(AvPair { id, value: value.to_owned() });
            bytes = rest;
        }
    }

    /// The pairs with their end mark.
    ///
    /// # Errors
    /// [`NtlmError::NameTooLong`] when a value is.
    pub fn encode(&self) -> Result<Vec<u8>, NtlmError> {
        let mut bytes = Vec::new();
        for pair in &self.0 {
            let length = u16::try_from(pair.value.len());
            let length = length.map_err(|_| NtlmError::NameTooLong { field: "AV_PAIR" })?;
            bytes.extend_from_slice(&pair.id.0.to_le_bytes());
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&pair.value);
        }
        bytes.extend_from_slice(&[0; 4]);
        Ok(bytes)
    }
}
