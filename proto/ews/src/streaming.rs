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
    /// How far the buffer has been looked at; always just behind a complete token.
    scanned: usize,
    /// Open elements of the envelope at the beginning of the buffer.
    depth: usize,
    limit: usize,
}

/// What stands at the scanning position.
enum Token {
    /// More bytes are needed.
    Incomplete,
    /// So many bytes of text, comment, declaration.
    Other(usize),
    Open(usize),
    Empty(usize),
    Close(usize),
}

impl EnvelopeSplitter {
    /// A splitter that refuses envelopes longer than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), scanned: 0, depth: 0, limit }
    }

    /// Takes the next chunk of the HTTP body. Take envelopes in between: what has not been taken counts.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        if self.buffer.len().saturating_add(chunk.len()) > self.limit {
            return Err(Error::Limit("bytes in a streamed envelope"));
        }
        self.buffer.extend_from_slice(chunk);
        Ok(())
    }

    /// The next complete envelope, with whatever stood before it (an XML declaration, white space).
    #[expect(clippy::should_implement_trait, reason = "fallible, and not the end when there is none yet")]
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            let rest = self.buffer.get(self.scanned..).unwrap_or_default();
            let (length, complete) = match token(rest)? {
                Token::Incomplete => return Ok(None),
                Token::Other(length) => (length, false),
                Token::Open(length) => {
                    self.depth = self.depth.saturating_add(1);
                    (length, false)
                }
                Token::Empty(length) => (length, self.depth == 0),
                Token::Close(length) => {
                    self.depth = match self.depth.checked_sub(1) {
                        Some(depth) => depth,
                        None => return Err(malformed()),
                    };
                    (length, self.depth == 0)
                }
            };
            self.scanned = self.scanned.saturating_add(length);
            if complete {
                let rest = self.buffer.split_off(self.scanned.min(self.buffer.len()));
                self.scanned = 0;
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
        }
    }

    /// Whether the stream ended between envelopes, and not within one.
    pub fn is_between_envelopes(&self) -> bool {
        self.depth == 0 && self.buffer.iter().all(u8::is_ascii_whitespace)
    }
}

fn malformed() -> Error {
    Error::Xml { at: 0, why: "the stream of envelopes is not XML".to_owned() }
}

/// The token at the beginning of `rest`.
fn token(rest: &[u8]) -> Result<Token, Error> {
    if rest.first() != Some(&b'<') {
        let length = find(rest, b"<").unwrap_or(rest.len());
        return Ok(if length == 0 { Token::Incomplete } else { Token::Other(length) });
    }
    for (open, close) in [(&b"<!--"[..], &b"-->"[..]), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")] {
        if rest.starts_with(open) {
            let body = rest.get(open.len()..).unwrap_or_default();
            return Ok(match find(body, close) {
                Some(at) => Token::Other(at.saturating_add(open.len()).saturating_add(close.len())),
                None => Token::Incomplete,
            });
        }
        if open.starts_with(rest) {
            return Ok(Token::Incomplete);
        }
    }
    if rest.starts_with(b"<!") {
        return Err(Error::DocumentType);
    }
    let Some(end) = tag_end(rest) else {
        return Ok(Token::Incomplete);
    };
    let length = end.saturating_add(1);
    Ok(match rest.get(1) {
        Some(b'/') => Token::Close(length),
        Some(b'>') | None => return Err(malformed()),
        Some(_) if rest.get(end.saturating_sub(1)) == Some(&b'/') => Token::Empty(length),
        Some(_) => Token::Open(length),
    })
}

/// Where the tag's `>` is; one within quotes does not count.
fn tag_end(tag: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.iter().enumerate() {
        match (quote, *byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] =
        b"<?xml version='1.0'?><a:Envelope xmlns:a='u>v'><a:Body x=\"/>\"><!-- </a:Envelope> -->\
        <b/><![CDATA[</a:Envelope>]]></a:Body></a:Envelope>\r\n<E/> <E>text</E>";

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
