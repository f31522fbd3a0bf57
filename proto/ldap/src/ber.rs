//! The Basic Encoding Rules as LDAP restricts them (RFC 4511 section 5.1): definite lengths, one-byte tags.

/// What is wrong with received bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BerError {
    /// The message says it is longer than allowed.
    #[error("an LDAP message of {announced} bytes is larger than the {limit} allowed")]
    TooLarge {
        /// Bytes, header included.
        announced: usize,
        /// Bytes.
        limit: usize,
    },
    /// It does not begin as LDAP messages do.
    #[error("the bytes are not LDAP: tag {0:#04x} where a sequence should begin")]
    NotLdap(u8),
    /// A length is in a form that LDAP forbids.
    #[error("a length is not in the definite form of at most four bytes")]
    Length,
    /// An element ends beyond what holds it.
    #[error("an element is cut short")]
    Short,
    /// Another element should stand here.
    #[error("tag {found:#04x} where {expected:#04x} should be")]
    Tag {
        /// What RFC 4511 wants.
        expected: u8,
        /// What is there.
        found: u8,
    },
    /// A number has no bytes or too many.
    #[error("a number has {0} bytes")]
    Number(usize),
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A filter's parts lie too deep in one another.
    #[error("a filter is nested deeper than {0}")]
    Depth(usize),
    /// A value outside its enumeration, or elements too many.
    #[error("a value is outside its range: {0}")]
    Range(&'static str),
}

pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTETS: u8 = 0x04;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// `[number]`, primitive.
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// `[number]`, constructed.
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// How many bytes the message at the beginning of `received` has, header included; `None` when that cannot be told
/// yet. The bytes after the header need not be there.
///
/// # Errors
/// When it is no LDAP message, or larger than `limit` bytes.
pub fn frame_length(received: &[u8], limit: usize) -> Result<Option<usize>, BerError> {
    match received.first() {
        None => return Ok(None),
        Some(&tag::SEQUENCE) => {}
        Some(&other) => return Err(BerError::NotLdap(other)),
    }
    let mut reader = Reader { rest: received.get(1..).unwrap_or_default() };
    let content = match reader.length() {
        Ok(length) => length,
        Err(BerError::Short) => return Ok(None),
        Err(error) => return Err(error),
    };
    let announced = (received.len() - reader.rest.len()).saturating_add(content);
    if announced > limit { Err(BerError::TooLarge { announced, limit }) } else { Ok(Some(announced)) }
}

/// Takes elements off the front of bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element's tag and content.
    pub(crate) fn element(&mut self) -> Result<(u8, &'a [u8]), BerError> {
        let (&tag, rest) = self.rest.split_first().ok_or(BerError::Short)?;
        self.rest = rest;
        let length = self.length()?;
        let (content, rest) = self.rest.split_at_checked(length).ok_or(BerError::Short)?;
        self.rest = rest;
        Ok((tag, content))
    }

    fn length(&mut self) -> Result<usize, BerError> {
        let (&first, rest) = self.rest.split_first().ok_or(BerError::Short)?;
        self.rest = rest;
        if first < 0x80 {
            return Ok(usize::from(first));
        }
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) {
            return Err(BerError::Length);
        }
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(BerError::Short)?;
        self.rest = rest;
        Ok(bytes.iter().fold(0, |length, &byte| (length << 8) | usize::from(byte)))
    }

    pub(crate) fn expect(&mut self, expected: u8) -> Result<&'a [u8], BerError> {
        let (found, content) = self.element()?;
        if found == expected { Ok(content) } else { Err(BerError::Tag { expected, found }) }
    }

    /// The next element, when it has this tag.
    pub(crate) fn optional(&mut self, wanted: u8) -> Result<Option<&'a [u8]>, BerError> {
        if self.peek() == Some(wanted) { self.expect(wanted).map(Some) } else { Ok(None) }
    }

    pub(crate) fn inside(&mut self, expected: u8) -> Result<Self, BerError> {
        self.expect(expected).map(Self::new)
    }

    pub(crate) fn octets(&mut self) -> Result<Vec<u8>, BerError> {
        self.expect(tag::OCTETS).map(<[u8]>::to_vec)
    }

    pub(crate) fn text(&mut self) -> Result<String, BerError> {
        text(self.expect(tag::OCTETS)?)
    }

    pub(crate) fn number(&mut self, expected: u8) -> Result<i64, BerError> {
        number(self.expect(expected)?)
    }

    /// A number that fits an `i32` and is not negative.
    pub(crate) fn count(&mut self, expected: u8) -> Result<i32, BerError> {
        let number = self.number(expected)?;
        i32::try_from(number).ok().filter(|n| *n >= 0).ok_or(BerError::Range("a number from 0 to 2147483647"))
    }
}

pub(crate) fn text(content: &[u8]) -> Result<String, BerError> {
    std::str::from_utf8(content).map(str::to_owned).map_err(|_| BerError::Text)
}

pub(crate) fn boolean(content: &[u8]) -> Result<bool, BerError> {
    match content {
        [byte] => Ok(*byte != 0),
        _ => Err(BerError::Number(content.len())),
    }
}

/// Two's complement, most significant byte first.
fn number(content: &[u8]) -> Result<i64, BerError> {
    let Some(first) = content.first().filter(|_| content.len() <= 8) else {
        return Err(BerError::Number(content.len()));
    };
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(content.iter().fold(start, |number: i64, &byte| (number << 8) | i64::from(byte)))
}

/// Appends elements to bytes.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// An element around what `content` writes.
    pub(crate) fn around(&mut self, tag: u8, content: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        content(&mut inner);
        self.primitive(tag, &inner.bytes);
    }

    pub(crate) fn primitive(&mut self, tag: u8, content: &[u8]) {
        self.bytes.push(tag);
        let bytes = content.len().to_be_bytes();
        match u8::try_from(content.len()) {
            Ok(short) if short < 0x80 => self.bytes.push(short),
            _ => {
                let first = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len() - 1);
                let significant = bytes.get(first..).unwrap_or_default();
                // At most eight bytes.
                self.bytes.push(0x80 | significant.len() as u8);
                self.bytes.extend_from_slice(significant);
            }
        }
        self.bytes.extend_from_slice(content);
    }

    pub(crate) fn octets(&mut self, content: impl AsRef<[u8]>) {
        self.primitive(tag::OCTETS, content.as_ref());
    }

    pub(crate) fn boolean(&mut self, tag: u8, value: bool) {
        self.primitive(tag, &[if value { 0xff } else { 0 }]);
    }

    pub(crate) fn number(&mut self, tag: u8, value: i64) {
        let bytes = value.to_be_bytes();
        // Leading bytes that only repeat the sign are left out.
        let redundant = |pair: &[u8]| match pair {
            [0, next] => next & 0x80 == 0,
            [0xff, next] => next & 0x80 != 0,
            _ => false,
        };
        let skip = bytes.windows(2).take_while(|pair| redundant(pair)).count();
        self.primitive(tag, bytes.get(skip..).unwrap_or(&bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_have_their_shortest_form() {
        for (value, bytes) in [
            (0, &[2, 1, 0][..]),
            (127, &[2, 1, 127]),
            (128, &[2, 2, 0, 128]),
            (255, &[2, 2, 0, 255]),
            (256, &[2, 2, 1, 0]),
            (-1, &[2, 1, 255]),
            (-128, &[2, 1, 128]),
            (-129, &[2, 2, 255, 127]),
        ] {
            let mut writer = Writer::default();
            writer.number(tag::INTEGER, value);
            assert_eq!(writer.into_bytes(), bytes);
            assert_eq!(Reader::new(bytes).number(tag::INTEGER), Ok(value));
        }
    }

    #[test]
    fn a_message_that_is_too_large_is_refused_by_its_header() {
        assert_eq!(frame_length(&[], 10), Ok(None));
        assert_eq!(frame_length(&[0x30], 10), Ok(None));
        assert_eq!(frame_length(&[0x30, 0x82, 0x01], 1000), Ok(None));
        assert_eq!(frame_length(&[0x30, 0x82, 0x01, 0x00], 1000), Ok(Some(260)));
        assert_eq!(
            frame_length(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], 1000),
            Err(BerError::TooLarge { announced: 0x1_0000_0005, limit: 1000 })
        );
        assert_eq!(frame_length(&[0x30, 0x80], 1000), Err(BerError::Length));
        assert_eq!(frame_length(&[0x30, 0x89], 1000), Err(BerError::Length));
        assert_eq!(frame_length(b"HTTP/1.1", 1000), Err(BerError::NotLdap(b'H')));
    }

    proptest! {
        #[test]
        fn elements_round_trip(number: i64, content in proptest::collection::vec(any::<u8>(), 0..700), yes: bool) {
            let mut writer = Writer::default();
            writer.around(tag::SEQUENCE, |inner| {
                inner.number(tag::INTEGER, number);
                inner.octets(&content);
                inner.boolean(tag::BOOLEAN, yes);
            });
            let bytes = writer.into_bytes();
            prop_assert_eq!(frame_length(&bytes, 10_000), Ok(Some(bytes.len())));
            let mut inner = Reader::new(&bytes).inside(tag::SEQUENCE).unwrap();
            prop_assert_eq!(inner.number(tag::INTEGER), Ok(number));
            prop_assert_eq!(inner.octets(), Ok(content));
            prop_assert_eq!(boolean(inner.expect(tag::BOOLEAN).unwrap()), Ok(yes));
            prop_assert!(inner.is_empty());
        }
    }
}
