//! The splitter of streamed envelopes: any chunking must give the same envelopes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tieline_proto_ews::{EnvelopeSplitter, Error};

fn split(bytes: &[u8], chunk: usize) -> (Vec<Vec<u8>>, Option<Error>) {
    let mut splitter = EnvelopeSplitter::new(1 << 20);
    let mut envelopes = Vec::new();
    for piece in bytes.chunks(chunk) {
        if let Err(error) = splitter.push(piece) {
            return (envelopes, Some(error));
        }
        loop {
            match splitter.next() {
                Ok(Some(envelope)) => envelopes.push(envelope),
                Ok(None) => break,
                Err(error) => return (envelopes, Some(error)),
            }
        }
    }
    (envelopes, None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((chunk, bytes)) = bytes.split_first() else { return };
    if bytes.len() < 1 << 20 {
        let whole = split(bytes, bytes.len().max(1));
        assert_eq!(split(bytes, usize::from(*chunk).max(1)), whole);
        let joined: usize = whole.0.iter().map(Vec::len).sum();
        assert!(joined <= bytes.len());
    }
});
