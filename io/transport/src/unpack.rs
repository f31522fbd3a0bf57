//! Compressed answers: unpacked as they arrive, never beyond the caller's limit.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::GzDecoder;

/// Unpacks one answer.
pub(crate) struct Unpacker(GzDecoder<Bounded>);

/// Why it did not work.
pub(crate) enum Unusable {
    TooLarge,
    Damaged,
}

struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + piece.len()) as u64 > self.limit {
            self.full = true;
            return Err(io::Error::other("the limit is reached"));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unpacker {
    pub(crate) fn new(limit: u64) -> Self {
        Self(GzDecoder::new(Bounded { bytes: Vec::new(), limit, full: false }))
    }

    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), Unusable> {
        self.0.write_all(piece).map_err(|_| match self.0.get_ref().full {
            true => Unusable::TooLarge,
            false => Unusable::Damaged,
        })
    }

    pub(crate) fn finish(mut self) -> Result<Bytes, Unusable> {
        match self.0.try_finish() {
            Ok(()) => Ok(Bytes::from(std::mem::take(&mut self.0.get_mut().bytes))),
            Err(_) if self.0.get_ref().full => Err(Unusable::TooLarge),
            Err(_) => Err(Unusable::Damaged),
        }
    }
}
