use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use crate::xml::{Text, Writer, text_values};

/// `xs:base64Binary`, decoded. Content is decoded straight from the document and encoded straight into it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Binary(pub Bytes);

/// Padding may be missing and trailing bits set; servers differ.
pub(crate) const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

impl Binary {
    /// Reads base64; white space anywhere is fine. `None` if it is not base64.
    pub fn from_base64(text: &str) -> Option<Self> {
        let decoded = match LENIENT.decode(text) {
            Ok(decoded) => decoded,
            Err(_) => {
                let dense: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
                LENIENT.decode(dense).ok()?
            }
        };
        Some(Self(decoded.into()))
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Bytes> for Binary {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Binary {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl AsRef<[u8]> for Binary {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Content is somebody's mail: a debug print shows its length only.
impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({} bytes)", self.0.len())
    }
}

text_values!(Binary);

impl Text for Binary {
    fn parse(text: Cow<'_, str>) -> Option<Self> {
        Self::from_base64(&text)
    }
    fn write_text(&self, w: &mut Writer) {
        w.content(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenient_in() {
        let expected = Some(Binary::from(&b"hello"[..]));
        assert_eq!(Binary::from_base64("aGVsbG8="), expected);
        assert_eq!(Binary::from_base64("aGVsbG8"), expected);
        assert_eq!(Binary::from_base64(" aGVs\r\n bG8= "), expected);
        assert_eq!(Binary::from_base64("not base64!"), None);
    }

    #[test]
    fn long_content_is_written_whole() {
        let content = Binary::from((0..10_000_u32).map(|n| n.to_le_bytes()[0]).collect::<Vec<_>>());
        let mut w = Writer::default();
        content.write_text(&mut w);
        let text = String::from_utf8(w.finish()).unwrap();
        assert_eq!(Binary::from_base64(&text), Some(content));
    }
}
