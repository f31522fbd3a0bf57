//! Writing WAV files: the canonical header and nothing else, as every player knows it.

use crate::gsm;

/// What the data chunk holds. Always one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WavCodec {
    Pcm16,
    Ulaw,
    Alaw,
    Gsm,
}

/// A whole WAV file of one channel. `samples` is the recording's true length, which GSM's blocks may exceed.
///
/// The caller keeps `data` below 4 GiB; [`crate::Limits`] does.
pub(crate) fn write(codec: WavCodec, rate_hz: u32, samples: u64, data: &[u8]) -> Vec<u8> {
    let (tag, bits, block, bytes_per_second): (u16, u16, u16, u32) = match codec {
        WavCodec::Pcm16 => (1, 16, 2, rate_hz * 2),
        WavCodec::Alaw => (6, 8, 1, rate_hz),
        WavCodec::Ulaw => (7, 8, 1, rate_hz),
        WavCodec::Gsm => {
            let block = gsm::WAV_BLOCK_BYTES as u32;
            (0x31, 0, block as u16, rate_hz * block / gsm::WAV_BLOCK_SAMPLES as u32)
        }
    };
    let mut fmt = Vec::with_capacity(20);
    fmt.extend(tag.to_le_bytes());
    fmt.extend(1u16.to_le_bytes());
    fmt.extend(rate_hz.to_le_bytes());
    fmt.extend(bytes_per_second.to_le_bytes());
    fmt.extend(block.to_le_bytes());
    fmt.extend(bits.to_le_bytes());
    match codec {
        WavCodec::Pcm16 => {}
        WavCodec::Ulaw | WavCodec::Alaw => fmt.extend(0u16.to_le_bytes()),
        WavCodec::Gsm => {
            fmt.extend(2u16.to_le_bytes());
            fmt.extend((gsm::WAV_BLOCK_SAMPLES as u16).to_le_bytes());
        }
    }

    let mut chunks = Vec::with_capacity(64 + data.len());
    chunks.extend(b"WAVE");
    chunk(&mut chunks, b"fmt ", &fmt);
    if codec != WavCodec::Pcm16 {
        // Every codec but PCM says its length in samples here.
        chunk(&mut chunks, b"fact", &(samples as u32).to_le_bytes());
    }
    chunk(&mut chunks, b"data", data);

    let mut file = Vec::with_capacity(chunks.len() + 8);
    chunk(&mut file, b"RIFF", &chunks);
    file
}

fn chunk(out: &mut Vec<u8>, id: &[u8; 4], body: &[u8]) {
    out.extend(id);
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    if body.len() % 2 == 1 {
        out.push(0);
    }
}
