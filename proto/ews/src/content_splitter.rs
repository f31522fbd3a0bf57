use base64::Engine as _;

use crate::Error;
use crate::binary::LENIENT;
use crate::streaming::{advance, malformed};
use crate::xml::Limits;

/// The elements whose text is the content of something: attachments, items as MIME, exported items.
const CONTENTS: [&[u8]; 3] = [b"Content", b"MimeContent", b"Data"];
/// Longer than the longest of them.
const LONGEST_NAME: usize = 16;
/// So much text is decoded at a time.
const WINDOW: usize = 32 * 1024;

/// What a [`ContentSplitter`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentPart<'a> {
    /// The next content begins: that of the next `Content`, `MimeContent` or `Data` element of the document.
    Begin,
    /// The next bytes of it, decoded; as many parts as it takes.
    Bytes(&'a [u8]),
    /// It ends.
    End,
}

/// Separates the contents of attachments and items from the document around them while both arrive, so that a message
/// with an attachment of any size is read in some kilobytes of memory.
///
/// Contents come to a function that the caller gives, decoded and in the order of the document. What is left is the
/// document with empty contents, for [`decode_response`](crate::decode_response) and its like.
///
/// ```
/// use tieline_proto_ews::{ContentPart, ContentSplitter, Limits};
///
/// let mut splitter = ContentSplitter::new(&Limits::DEFAULT);
/// let mut content = Vec::new();
/// let mut take = |part: ContentPart<'_>| if let ContentPart::Bytes(bytes) = part { content.extend_from_slice(bytes) };
/// splitter.push(b"<t:Name>a</t:Name><t:Content>aGV", &mut take)?;
/// splitter.push(b"sbG8=</t:Content>", &mut take)?;
/// assert_eq!(splitter.finish()?, b"<t:Name>a</t:Name><t:Content></t:Content>");
/// assert_eq!(content, b"hello");
/// # Ok::<(), tieline_proto_ews::Error>(())
/// ```
#[derive(Debug)]
pub struct ContentSplitter {
    document: Vec<u8>,
    limit: usize,
    state: State,
    /// The local name of the start tag at hand, as far as it matters.
    name: Vec<u8>,
    /// Base64 that is not decoded yet.
    text: Vec<u8>,
    decoded: Vec<u8>,
    /// Padding was seen: nothing may follow.
    padded: bool,
}

/// What the next byte is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// Behind `<`.
    Markup,
    /// Within the name of a start tag.
    Name,
    /// Behind the name: an open quote, and whether the last byte was a slash.
    StartTag {
        quote: Option<u8>,
        slash: bool,
    },
    EndTag,
    /// Behind `<!`.
    BangStart,
    /// Behind `<!` and so many further bytes of `--` or `[CDATA[`.
    Bang(&'static [u8], usize),
    /// Until the terminator, of which so many bytes have matched.
    Until(&'static [u8], usize),
    /// Within a content; in a character reference there (white space, some servers write lines).
    Content {
        reference: bool,
    },
    /// Behind the `<` that ends a content.
    ContentEnd,
}

impl ContentSplitter {
    /// A splitter that refuses documents longer than the limit; contents do not count.
    pub fn new(limits: &Limits) -> Self {
        Self {
            document: Vec::new(),
            limit: limits.bytes,
            state: State::Text,
            name: Vec::with_capacity(LONGEST_NAME),
            text: Vec::with_capacity(WINDOW),
            decoded: Vec::new(),
            padded: false,
        }
    }

    /// Takes the next bytes of the document.
    pub fn push(&mut self, chunk: &[u8], sink: &mut dyn FnMut(ContentPart<'_>)) -> Result<(), Error> {
        let mut rest = chunk;
        loop {
            let plain = match self.state {
                State::Text | State::Content { .. } => {
                    rest.iter().position(|byte| *byte == b'<').unwrap_or(rest.len())
                }
                _ => 0,
            };
            let (run, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
            match self.state {
                State::Content { .. } => self.decode(run, sink)?,
                _ => self.keep(run)?,
            }
            let Some((byte, after)) = after.split_first() else { return Ok(()) };
            self.keep(&[*byte])?;
            self.step(*byte, sink)?;
            rest = after;
        }
    }

    /// The document without its contents, after the last of it has come.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        if self.state == State::Text { Ok(self.document) } else { Err(Error::Truncated) }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.document.len().saturating_add(bytes.len()) > self.limit {
            return Err(Error::Limit("bytes in the document"));
        }
        self.document.extend_from_slice(bytes);
        Ok(())
    }

    /// Looks at one byte of markup.
    fn step(&mut self, byte: u8, sink: &mut dyn FnMut(ContentPart<'_>)) -> Result<(), Error> {
        self.state = match (self.state, byte) {
            (State::Text, _) => State::Markup,
            (State::Content { .. }, _) => {
                self.flush(sink)?;
                sink(ContentPart::End);
                State::ContentEnd
            }
            (State::ContentEnd, b'/') => State::EndTag,
            (State::ContentEnd, _) => return Err(Error::Content),
            (State::Markup, b'/') => State::EndTag,
            (State::Markup, b'!') => State::BangStart,
            (State::Markup, b'?') => State::Until(b"?>", 0),
            (State::Markup, b'<' | b'>') => return Err(malformed()),
            (State::Markup, byte) => {
                self.name.clear();
                self.name.push(byte);
                State::Name
            }
            (State::Name, b':') => {
                self.name.clear();
                State::Name
            }
            (State::Name, b'>') => self.entered(false, sink),
            (State::Name, b'/') => State::StartTag { quote: None, slash: true },
            (State::Name, byte) if byte.is_ascii_whitespace() => {
                State::StartTag { quote: None, slash: false }
            }
            (State::Name, byte) => {
                if self.name.len() < LONGEST_NAME {
                    self.name.push(byte);
                }
                State::Name
            }
            (State::StartTag { quote: Some(open), .. }, byte) => {
                State::StartTag { quote: Some(open).filter(|open| *open != byte), slash: false }
            }
            (State::StartTag { .. }, b'"' | b'\'') => State::StartTag { quote: Some(byte), slash: false },
            (State::StartTag { slash, .. }, b'>') => self.entered(slash, sink),
            (State::StartTag { .. }, byte) => State::StartTag { quote: None, slash: byte == b'/' },
            (State::EndTag, b'>') => State::Text,
            (State::EndTag, _) => State::EndTag,
            (State::BangStart, b'-') => State::Bang(b"--", 1),
            (State::BangStart, b'[') => State::Bang(b"[CDATA[", 1),
            (State::BangStart, _) => return Err(Error::DocumentType),
            (State::Bang(word, matched), byte) if word.get(matched) == Some(&byte) => {
                match matched.saturating_add(1) {
                    matched if matched < word.len() => State::Bang(word, matched),
                    2 => State::Until(b"-->", 0),
                    _ => State::Until(b"]]>", 0),
                }
            }
            (State::Bang(..), _) => return Err(malformed()),
            (State::Until(end, matched), byte) => match advance(end, matched, byte) {
                matched if matched == end.len() => State::Text,
                matched => State::Until(end, matched),
            },
        };
        Ok(())
    }

    /// A start tag is over; `empty` if the element is, too.
    fn entered(&mut self, empty: bool, sink: &mut dyn FnMut(ContentPart<'_>)) -> State {
        if !CONTENTS.contains(&self.name.as_slice()) {
            return State::Text;
        }
        self.padded = false;
        sink(ContentPart::Begin);
        if empty {
            sink(ContentPart::End);
            return State::Text;
        }
        State::Content { reference: false }
    }

    /// Takes base64, in which white space may stand, also as references.
    fn decode(&mut self, text: &[u8], sink: &mut dyn FnMut(ContentPart<'_>)) -> Result<(), Error> {
        let State::Content { mut reference } = self.state else { return Ok(()) };
        let mut rest = text;
        loop {
            let plain = if reference || self.padded { 0 } else { rest.iter().take_while(is_digit).count() };
            let (run, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
            self.gather(run, sink)?;
            let Some((byte, after)) = after.split_first() else { break };
            match byte {
                b';' if reference => reference = false,
                _ if reference => {}
                b'&' => reference = true,
                b'=' => self.padded = true,
                byte if byte.is_ascii_whitespace() => {}
                _ => return Err(Error::Content),
            }
            rest = after;
        }
        self.state = State::Content { reference };
        Ok(())
    }

    /// Takes digits of base64.
    fn gather(&mut self, digits: &[u8], sink: &mut dyn FnMut(ContentPart<'_>)) -> Result<(), Error> {
        let mut rest = digits;
        while !rest.is_empty() {
            let room = WINDOW.saturating_sub(self.text.len());
            let (some, after) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.text.extend_from_slice(some);
            if self.text.len() == WINDOW {
                self.flush(sink)?;
            }
            rest = after;
        }
        Ok(())
    }

    fn flush(&mut self, sink: &mut dyn FnMut(ContentPart<'_>)) -> Result<(), Error> {
        if self.text.is_empty() {
            return Ok(());
        }
        self.decoded.clear();
        LENIENT.decode_vec(&self.text, &mut self.decoded).map_err(|_| Error::Content)?;
        self.text.clear();
        sink(ContentPart::Bytes(&self.decoded));
        Ok(())
    }
}

/// Whether a byte is a digit of base64.
fn is_digit(byte: &&u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    type Split = Result<(String, Vec<Vec<u8>>), Error>;

    fn split(document: &str, piece: usize) -> Split {
        let mut splitter = ContentSplitter::new(&Limits::DEFAULT);
        let mut contents: Vec<Vec<u8>> = Vec::new();
        let mut open = false;
        let mut take = |part: ContentPart<'_>| match part {
            ContentPart::Begin => {
                assert!(!std::mem::replace(&mut open, true));
                contents.push(Vec::new());
            }
            ContentPart::Bytes(bytes) => contents.last_mut().unwrap().extend_from_slice(bytes),
            ContentPart::End => assert!(std::mem::take(&mut open)),
        };
        for chunk in document.as_bytes().chunks(piece) {
            splitter.push(chunk, &mut take)?;
        }
        Ok((String::from_utf8(splitter.finish()?).unwrap(), contents))
    }

    fn each_piece(document: &str, wanted: &Split) {
        for piece in 1..=document.len().max(1) {
            assert_eq!(&split(document, piece), wanted, "pieces of {piece}: {document}");
        }
    }

    #[test]
    fn contents_and_document_come_apart_wherever_it_is_cut() {
        let document = "<?xml version='1.0'?><s:E><!-- <t:Content>x</t:Content> --><t:Name>a&amp;b</t:Name>\
            <Content x=\"a>'/\">aGVs\r\n bG8&#xD;=</Content><t:MimeContent CharacterSet='UTF-8'>aGk=</t:MimeContent >\
            <t:Content/><![CDATA[<t:Content>]]><t:ContentType>text/plain</t:ContentType><m:Data></m:Data></s:E>";
        let left = "<?xml version='1.0'?><s:E><!-- <t:Content>x</t:Content> --><t:Name>a&amp;b</t:Name>\
            <Content x=\"a>'/\"></Content><t:MimeContent CharacterSet='UTF-8'></t:MimeContent >\
            <t:Content/><![CDATA[<t:Content>]]><t:ContentType>text/plain</t:ContentType><m:Data></m:Data></s:E>";
        let contents = [&b"hello"[..], b"hi", b"", b""].map(<[u8]>::to_vec).to_vec();
        each_piece(document, &Ok((left.to_owned(), contents)));
    }

    #[test]
    fn what_is_no_content_is_refused() {
        each_piece("<t:Content>a!==</t:Content>", &Err(Error::Content));
        each_piece("<t:Content>YQ==YQ==</t:Content>", &Err(Error::Content));
        each_piece("<t:Content>YQ<b/></t:Content>", &Err(Error::Content));
        each_piece("<t:Content>YQ==", &Err(Error::Truncated));
        each_piece("<!DOCTYPE x><t:Content/>", &Err(Error::DocumentType));
    }

    #[test]
    fn only_the_document_counts_against_the_limit() {
        let limits = Limits { bytes: 30, ..Limits::DEFAULT };
        let mut splitter = ContentSplitter::new(&limits);
        let mut bytes = 0;
        let mut take = |part: ContentPart<'_>| {
            if let ContentPart::Bytes(some) = part {
                bytes += some.len();
            }
        };
        splitter.push(b"<t:Content>", &mut take).unwrap();
        for _ in 0..1000 {
            splitter.push(b"AAAA".repeat(100).as_slice(), &mut take).unwrap();
        }
        splitter.push(b"</t:Content>", &mut take).unwrap();
        assert_eq!(
            splitter.push(b"<t:Name>long</t:Name>", &mut take),
            Err(Error::Limit("bytes in the document"))
        );
        assert_eq!(bytes, 300_000);
    }
}
