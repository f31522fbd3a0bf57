use crate::Error;

/// Cuts the answer to `GetStreamingEvents` into its envelopes.
///
/// The answer is one HTTP body that carries complete SOAP envelopes one after the other, in chunks of any size.
/// Feed the chunks with [`push`](Self::push), then take envelopes with [`next`](Self::next) until there is none.
///
/// ```
/// let mut splitter = tieline_proto_ews::EnvelopeSplitter::new(1 << 20);
/// splitter.push(b"<Envelope><Body/></Envel")?;
/// assert_eq!(splitter.next()?, None);
/// splitter.push(b"ope><Envelope/>")?;
/// assert_eq!(splitter.next()?.as_deref(), Some(&b"<Envelope><Body/></Envelope>"[..]));
/// assert_eq!(splitter.next()?.as_deref(), Some(&b"<Envelope/>"[..]));
/// # Ok::<(), tieline_proto_ews::Error>(())
/// ```
#[derive(Debug)]
pub struct EnvelopeSplitter {
    buffer: Vec<u8>,
    /// Where the envelope being assembled begins.
    begin: usize,
    /// How far the buffer has been looked at.
    scanned: usize,
    /// What the byte at `scanned` is part of.
    state: State,
    /// Open elements of the envelope being assembled.
    depth: usize,
    limit: usize,
}

/// What the next byte is part of. Every byte is looked at once, however the chunks fall.
#[derive(Clone, Copy, Debug)]
enum State {
    Text,
    /// Behind `<`.
    Markup,
    /// Within a start tag: an open quote, and whether the last byte was a slash.
    StartTag {
        quote: Option<u8>,
        slash: bool,
    },
    EndTag,
    /// Behind `<!` and so many further bytes of `--` or `[CDATA[`.
    Bang(&'static [u8], usize),
    BangStart,
    /// Until the terminator, of which so many bytes have matched.
    Until(&'static [u8], usize),
}

impl EnvelopeSplitter {
    /// A splitter that refuses envelopes longer than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), begin: 0, scanned: 0, state: State::Text, depth: 0, limit }
    }

    /// Takes the next chunk of the HTTP body. Take envelopes in between: what has not been taken counts.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.buffer.drain(..self.begin.min(self.buffer.len()));
        self.scanned = self.scanned.saturating_sub(self.begin);
        self.begin = 0;
        if self.buffer.len().saturating_add(chunk.len()) > self.limit {
            return Err(Error::Limit("bytes in a streamed envelope"));
        }
        self.buffer.extend_from_slice(chunk);
        Ok(())
    }

    /// The next complete envelope, with whatever stood before it (an XML declaration, white space).
    #[expect(clippy::should_implement_trait, reason = "fallible, and not the end when there is none yet")]
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while let Some(byte) = self.buffer.get(self.scanned) {
            self.scanned = self.scanned.saturating_add(1);
            if self.step(*byte)? {
                let envelope = self.buffer.get(self.begin..self.scanned).map(<[u8]>::to_vec);
                self.begin = self.scanned;
                return Ok(envelope);
            }
        }
        Ok(None)
    }

    /// Whether the stream ended between envelopes, and not within one.
    pub fn is_between_envelopes(&self) -> bool {
        let rest = self.buffer.get(self.begin..).unwrap_or_default();
        self.depth == 0 && rest.iter().all(u8::is_ascii_whitespace)
    }

    /// Looks at one byte; `true` if it completes an envelope.
    fn step(&mut self, byte: u8) -> Result<bool, Error> {
        self.state = match (self.state, byte) {
            (State::Text, b'<') => State::Markup,
            (State::Text, _) => State::Text,
            (State::Markup, b'/') => State::EndTag,
            (State::Markup, b'!') => State::BangStart,
            (State::Markup, b'?') => State::Until(b"?>", 0),
            (State::Markup, b'<' | b'>') => return Err(malformed()),
            (State::Markup, _) => State::StartTag { quote: None, slash: false },
            (State::BangStart, b'-') => State::Bang(b"--", 1),
            (State::BangStart, b'[') => State::Bang(b"[CDATA[", 1),
            (State::BangStart, _) => return Err(Error::DocumentType),
            (State::Bang(word, matched), byte) => match word.get(matched) {
                Some(expected) if *expected == byte => {
                    let matched = matched.saturating_add(1);
                    if matched < word.len() {
                        State::Bang(word, matched)
                    } else if word == b"--" {
                        State::Until(b"-->", 0)
                    } else {
                        State::Until(b"]]>", 0)
                    }
                }
                _ => return Err(malformed()),
            },
            (State::Until(end, matched), byte) => match advance(end, matched, byte) {
                matched if matched == end.len() => State::Text,
                matched => State::Until(end, matched),
            },
            (State::EndTag, b'>') => {
                self.state = State::Text;
                self.depth = self.depth.checked_sub(1).ok_or_else(malformed)?;
                return Ok(self.depth == 0);
            }
            (State::EndTag, _) => State::EndTag,
            (State::StartTag { quote: None, slash }, b'>') => {
                self.state = State::Text;
                if !slash {
                    self.depth = self.depth.saturating_add(1);
                }
                return Ok(slash && self.depth == 0);
            }
            (State::StartTag { quote: None, .. }, byte) => {
                State::StartTag { quote: matches!(byte, b'"' | b'\'').then_some(byte), slash: byte == b'/' }
            }
            (State::StartTag { quote: Some(open), .. }, byte) => {
                State::StartTag { quote: (open != byte).then_some(open), slash: false }
            }
        };
        Ok(false)
    }
}

/// How many bytes of the terminator match after one more byte. All terminators are repetitions of one byte and `>`.
pub(crate) fn advance(end: &[u8], matched: usize, byte: u8) -> usize {
    let repeated = end.first().copied();
    match end.get(matched) {
        Some(expected) if *expected == byte => matched.saturating_add(1),
        // `--->` and `]]]>`: one more of the repeated byte loses nothing.
        _ if repeated == Some(byte) => matched.min(end.len().saturating_sub(1)),
        _ => 0,
    }
}

pub(crate) fn malformed() -> Error {
    Error::Xml { at: 0, why: "the stream is not XML".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b"<?xml version='1.0'?><a:Envelope xmlns:a='u>v'><a:Body x=\"/>\"><!-- </a:Envelope> - -->\
        <b/><![CDATA[</a:Envelope>]]]></a:Body></a:Envelope>\r\n<E/> <E>text</E>";

    fn split(chunk: usize) -> Vec<String> {
        let mut splitter = EnvelopeSplitter::new(1000);
        let mut envelopes = Vec::new();
        for piece in STREAM.chunks(chunk) {
            splitter.push(piece).unwrap();
            while let Some(envelope) = splitter.next().unwrap() {
                envelopes.push(String::from_utf8(envelope).unwrap());
            }
        }
        assert!(splitter.is_between_envelopes());
        envelopes
    }

    #[test]
    fn any_chunking_gives_the_same_envelopes() {
        let whole = split(STREAM.len());
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[1].trim(), "<E/>");
        for chunk in 1..40 {
            assert_eq!(split(chunk), whole, "chunks of {chunk}");
        }
    }

    #[test]
    fn an_endless_envelope_is_refused() {
        let mut splitter = EnvelopeSplitter::new(10);
        splitter.push(b"<Envelope>").unwrap();
        assert_eq!(splitter.next(), Ok(None));
        assert!(splitter.push(b"x").is_err());
    }

    #[test]
    fn a_document_type_is_refused() {
        let mut splitter = EnvelopeSplitter::new(100);
        splitter.push(b"<!DOCTYPE x []><x/>").unwrap();
        assert_eq!(splitter.next(), Err(Error::DocumentType));
    }
}
