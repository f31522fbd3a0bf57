//! GSM 6.10 frames in their two packings.
//!
//! One frame holds 260 bits for 160 samples (20 ms). Files without a header pack it into 33 bytes, most significant bit
//! first, behind the four bits 1101. WAV (format 49, "WAV49") packs two frames into 65 bytes, least significant bit
//! first, without them. The parameters are the same, so one becomes the other without decoding a sample.

/// Samples in a frame.
pub(crate) const FRAME_SAMPLES: u64 = 160;
/// Bytes of a frame in a header-less file.
pub(crate) const FRAME_BYTES: u64 = 33;
/// Bytes of a pair of frames in WAV.
pub(crate) const WAV_BLOCK_BYTES: u64 = 65;
/// Samples in a pair of frames.
pub(crate) const WAV_BLOCK_SAMPLES: u64 = 320;
/// The upper half of the first byte of a header-less frame.
pub(crate) const SIGNATURE: u8 = 0xd;

/// Widths in bits of a frame's parameters (GSM 06.10 table 1.1): eight log area ratios, then for each of four
/// sub-frames the lag, the gain, the grid position, the block maximum and thirteen pulses.
fn parameter_widths() -> impl Iterator<Item = u32> {
    let ratios = [6, 6, 5, 5, 4, 4, 3, 3];
    let sub_frame = [7, 2, 2, 6].into_iter().chain([3; 13]);
    ratios.into_iter().chain((0..4).flat_map(move |_| sub_frame.clone()))
}

/// A frame of silence as an encoder makes it of zero samples, to fill up an odd last pair.
const SILENCE: [u8; 33] = [
    0xd8, 0x20, 0xa2, 0xe1, 0x5a, 0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24, 0x50, 0x00, 0x49, 0x24, 0x92,
    0x49, 0x24, 0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24, 0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24,
];

/// Repacks the frames of a header-less file into WAV blocks. A part of a frame at the end is left out.
pub(crate) fn pack_for_wav(frames: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::with_capacity(frames.len() / 66 * 65 + 65);
    let mut frames = frames.chunks_exact(FRAME_BYTES as usize);
    while let Some(first) = frames.next() {
        let second = frames.next().unwrap_or(&SILENCE);
        let mut writer = LowBitsFirst { bytes: &mut blocks, pending: 0, bits: 0 };
        for frame in [first, second] {
            let mut reader = HighBitsFirst { bytes: frame, at: 4 };
            for width in parameter_widths() {
                writer.write(reader.read(width), width);
            }
        }
    }
    blocks
}

struct HighBitsFirst<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl HighBitsFirst<'_> {
    fn read(&mut self, width: u32) -> u32 {
        let mut value = 0;
        for _ in 0..width {
            let byte = self.bytes.get(self.at / 8).copied().unwrap_or(0);
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        value
    }
}

struct LowBitsFirst<'a> {
    bytes: &'a mut Vec<u8>,
    pending: u32,
    bits: u32,
}

impl LowBitsFirst<'_> {
    fn write(&mut self, value: u32, width: u32) {
        self.pending |= value << self.bits;
        self.bits += width;
        while self.bits >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.bits -= 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_260_bits_and_a_pair_fills_its_block() {
        assert_eq!(parameter_widths().sum::<u32>(), 260);
        assert_eq!(pack_for_wav(&SILENCE).len(), 65);
        assert_eq!(pack_for_wav(&[SILENCE; 3].concat()).len(), 130);
        assert_eq!(pack_for_wav(&SILENCE[..32]).len(), 0);
    }

    #[test]
    fn the_first_parameters_land_where_wav49_has_them() {
        let mut frame = [0; 33];
        // Magic 1101, first ratio 101101, second 010010.
        frame[0] = 0b1101_1011;
        frame[1] = 0b0101_0010;
        let block = pack_for_wav(&frame);
        assert_eq!(block[0], 0b10_101101);
        assert_eq!(block[1] & 0b1111, 0b0100);
    }
}
