use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

/// What a request carries: bytes at hand, or pieces that are made while it is sent, anew each time it must be.
#[derive(Clone)]
pub struct Payload {
    /// In bytes.
    length: u64,
    pieces: Arc<dyn Fn() -> Pieces + Send + Sync>,
}

impl Payload {
    /// So many bytes, in the pieces that `make` gives, the same each time.
    pub fn in_pieces<P>(length: u64, make: impl Fn() -> P + Send + Sync + 'static) -> Self
    where
        P: Iterator<Item = Bytes> + Send + 'static,
    {
        Self { length, pieces: Arc::new(move || Box::new(make())) }
    }
}

impl Default for Payload {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl From<Bytes> for Payload {
    fn from(whole: Bytes) -> Self {
        let length = whole.len() as u64;
        Self::in_pieces(length, move || Some(whole.clone()).filter(|whole| !whole.is_empty()).into_iter())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.length)
    }
}

/// A payload on its way. A clone is at the beginning.
#[derive(Default)]
pub(crate) struct Outgoing {
    payload: Payload,
    /// Begun with the first piece, with the bytes that are still to come.
    begun: Option<(Pieces, u64)>,
}

impl From<Payload> for Outgoing {
    fn from(payload: Payload) -> Self {
        Self { payload, begun: None }
    }
}

impl Clone for Outgoing {
    fn clone(&self) -> Self {
        self.payload.clone().into()
    }
}

impl Outgoing {
    fn left(&self) -> u64 {
        self.begun.as_ref().map_or(self.payload.length, |(_, left)| *left)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.begun.is_none() {
            self.begun = Some(((self.payload.pieces)(), self.payload.length));
        }
        let next = self.begun.as_mut().and_then(|(pieces, left)| {
            let piece = pieces.next()?;
            *left = left.saturating_sub(piece.len() as u64);
            Some(Ok(Frame::data(piece)))
        });
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn bytes(outgoing: Outgoing) -> Bytes {
        outgoing.collect().await.map(|whole| whole.to_bytes()).unwrap_or_default()
    }

    #[tokio::test]
    async fn pieces_are_made_anew_for_each_attempt() {
        let pieces = || ["ab", "", "cde"].into_iter().map(|piece| Bytes::from_static(piece.as_bytes()));
        let mut first = Outgoing::from(Payload::in_pieces(5, pieces));
        assert_eq!((first.size_hint().exact(), first.is_end_stream()), (Some(5), false));
        let frame = first.frame().await.expect("a frame").expect("no error");
        assert_eq!(frame.into_data().ok(), Some(Bytes::from_static(b"ab")));
        let again = first.clone();
        assert_eq!((first.size_hint().exact(), again.size_hint().exact()), (Some(3), Some(5)));
        assert_eq!(bytes(again).await, "abcde");
        assert_eq!(bytes(first).await, "cde");
        let nothing = Outgoing::default();
        assert!(nothing.is_end_stream());
        assert!(bytes(nothing).await.is_empty());
    }
}
