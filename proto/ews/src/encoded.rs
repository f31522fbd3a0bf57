use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// So many bytes of a content are encoded at a time; a multiple of three, so that padding stands at the end only.
const CHUNK: usize = 48 * 1024;

/// A document whose large contents (of attachments, of messages) are kept beside it, as they came, and encoded while it
/// is sent. Cloning it copies nothing.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    markup: Bytes,
    /// Contents with their places in the markup, in order.
    contents: Arc<[(usize, Bytes)]>,
}

impl Encoded {
    pub(crate) fn new(markup: Vec<u8>, contents: Vec<(usize, Bytes)>) -> Self {
        Self { markup: markup.into(), contents: contents.into() }
    }

    /// The length of the document in bytes, contents encoded.
    pub fn len(&self) -> usize {
        let encoded = |content: &Bytes| content.len().div_ceil(3).saturating_mul(4);
        self.contents.iter().fold(self.markup.len(), |sum, (_, content)| sum.saturating_add(encoded(content)))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether nothing is kept beside it, so that [`into_bytes`](Self::into_bytes) costs nothing.
    pub fn is_whole(&self) -> bool {
        self.contents.is_empty()
    }

    /// The document, piece by piece; as often as it is needed.
    pub fn chunks(&self) -> Chunks {
        Chunks { document: self.clone(), at: 0, content: 0, within: 0 }
    }

    /// The document in one piece.
    pub fn into_bytes(self) -> Bytes {
        if self.is_whole() {
            return self.markup;
        }
        let mut whole = Vec::with_capacity(self.len());
        self.chunks().for_each(|chunk| whole.extend_from_slice(&chunk));
        whole.into()
    }
}

impl From<Vec<u8>> for Encoded {
    fn from(document: Vec<u8>) -> Self {
        Self::new(document, Vec::new())
    }
}

/// The pieces of a document: [`Encoded::chunks`].
#[derive(Clone, Debug)]
pub struct Chunks {
    document: Encoded,
    /// How much of the markup is out.
    at: usize,
    /// The content that comes next, and how much of it is out.
    content: usize,
    within: usize,
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        loop {
            let next = self.document.contents.get(self.content);
            let until = next.map_or(self.document.markup.len(), |(at, _)| *at);
            if self.at < until {
                let piece = self.document.markup.slice(self.at..until);
                self.at = until;
                return Some(piece);
            }
            let (_, content) = next?;
            let rest = content.get(self.within..).unwrap_or_default();
            let piece = rest.get(..CHUNK).unwrap_or(rest);
            if piece.is_empty() {
                self.content = self.content.saturating_add(1);
                self.within = 0;
                continue;
            }
            self.within = self.within.saturating_add(piece.len());
            return Some(STANDARD.encode(piece).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::operations::CreateAttachment;
    use crate::{
        Attachment, ExchangeVersion, FileAttachment, Request, RequestHeader, encode_request,
        encode_request_in_chunks,
    };

    fn request(sizes: &[usize]) -> CreateAttachment {
        let file = |size: &usize| {
            let content: Vec<u8> = (0..*size).map(|n| (n % 251) as u8).collect();
            Attachment::File(FileAttachment::new("a.bin", "application/octet-stream", content))
        };
        CreateAttachment { attachments: sizes.iter().map(file).collect(), ..CreateAttachment::default() }
    }

    #[test]
    fn what_is_sent_in_pieces_is_what_is_sent_at_once() {
        let header = RequestHeader::new(ExchangeVersion::Exchange2016);
        for sizes in [&[][..], &[10], &[70_000], &[200_001, 3, 65_536, 200_002]] {
            let request = request(sizes);
            let whole = encode_request(&header, &request);
            let encoded = encode_request_in_chunks(&header, &request);
            let large = sizes.iter().any(|size| *size >= 65_536);
            assert_eq!((encoded.len(), encoded.is_whole()), (whole.len(), !large));
            for chunk in encoded.chunks() {
                assert!(chunk.len() <= 65_536, "a piece of {} bytes", chunk.len());
            }
            assert_eq!(encoded.clone().into_bytes(), whole);
            assert_eq!(encoded.chunks().flatten().collect::<Vec<u8>>(), whole, "and again");
            let (_, read) = Request::parse(&whole).unwrap();
            assert_eq!(read, Request::CreateAttachment(request));
        }
    }
}
