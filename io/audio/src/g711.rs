//! ITU-T G.711: A-law and mu-law companding between 16-bit linear samples and 8-bit codes.
//!
//! G.711 defines A-law on 13-bit and mu-law on 14-bit values. Here both are scaled to 16 bits (by 8 and by 4), which is
//! how every WAV file and sound card sees them. Decoding is a table made at compile time; encoding follows the
//! decision values of G.711 tables 1 and 2 exactly, a value on the border going to the outer interval for positive
//! samples.

/// mu-law decision values are offset by 33 of 14 bits, so that each segment begins at a power of two.
const ULAW_BIAS: u16 = 33 << 2;
/// The largest magnitude below the virtual decision value 8192 - 33, in 16 bits.
const ULAW_CLIP: u16 = (8159 << 2) - 1;

static ULAW: [i16; 256] = table(false);
static ALAW: [i16; 256] = table(true);

const fn table(alaw: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = if alaw { expand_alaw(code as u8) } else { expand_ulaw(code as u8) };
        code += 1;
    }
    table
}

const fn expand_ulaw(code: u8) -> i16 {
    let code = !code;
    let (segment, step) = ((code >> 4) & 7, (code & 15) as i16);
    let magnitude = (((2 * step + 33) << segment) - 33) * 4;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

const fn expand_alaw(code: u8) -> i16 {
    let code = code ^ 0x55;
    let (segment, step) = ((code >> 4) & 7, (code & 15) as i16);
    let of_13_bits = if segment == 0 { 2 * step + 1 } else { (2 * step + 33) << (segment - 1) };
    if code & 0x80 != 0 { of_13_bits * 8 } else { -of_13_bits * 8 }
}

/// The 16-bit value of a mu-law code.
pub fn decode_ulaw(code: u8) -> i16 {
    ULAW[usize::from(code)]
}

/// The 16-bit value of an A-law code.
pub fn decode_alaw(code: u8) -> i16 {
    ALAW[usize::from(code)]
}

/// The mu-law code of a 16-bit sample.
pub fn encode_ulaw(sample: i16) -> u8 {
    let biased = sample.unsigned_abs().min(ULAW_CLIP) + ULAW_BIAS;
    // The bias puts the top bit at 7 to 14: its place is the segment, the four bits below it are the step.
    let segment = 8 - biased.leading_zeros() as u16;
    let step = (biased >> (segment + 3)) & 15;
    let code = ((segment << 4) | step) as u8;
    !(if sample < 0 { code | 0x80 } else { code })
}

/// The A-law code of a 16-bit sample.
pub fn encode_alaw(sample: i16) -> u8 {
    // A-law has no code for zero, and its two innermost intervals meet there: -1 belongs to the first negative one.
    let magnitude = (if sample < 0 { !sample } else { sample }).unsigned_abs() >> 3;
    let code = if magnitude < 64 {
        (magnitude >> 1) as u8
    } else {
        let segment = 11 - magnitude.leading_zeros() as u16;
        ((segment << 4) | ((magnitude >> segment) & 15)) as u8
    };
    (if sample < 0 { code } else { code | 0x80 }) ^ 0x55
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decision values x of G.711, from the ends of segments and step sizes that its tables 1a and 2a list.
    fn decision_values(first: i32, ends: &[i32], steps: &[i32]) -> Vec<i32> {
        let mut values = vec![0];
        let mut value = first;
        for (end, step) in ends.iter().zip(steps) {
            while value < *end {
                values.push(value);
                value += step;
            }
        }
        values.push(value);
        values
    }

    /// Which interval of `x` holds `magnitude`, values past the last decision value falling into the last interval.
    fn interval(x: &[i32], magnitude: i32) -> usize {
        (x.partition_point(|decision| *decision <= magnitude) - 1).min(x.len() - 2)
    }

    /// Covers: AV-38 (G.711 mu-law)
    #[test]
    fn mulaw_follows_table_2_for_every_sample() {
        // Table 2a: segments end at 31, 95, ... 8159; sixteen steps of 2, 4, ... 256 each.
        let x =
            decision_values(1, &[31, 95, 223, 479, 991, 2015, 4063, 8159], &[2, 4, 8, 16, 32, 64, 128, 256]);
        assert_eq!(x.len(), 129);
        for sample in i16::MIN..=i16::MAX {
            let n = interval(&x, i32::from(sample).abs() / 4);
            let level = if n == 0 { 0 } else { (x[n] + x[n + 1]) / 2 };
            // Character signal: the interval's number with all bits inverted, the first bit 1 for positive.
            let expected = !(n as u8 | if sample < 0 { 0x80 } else { 0 });
            assert_eq!(encode_ulaw(sample), expected, "sample {sample}");
            let sign = if sample < 0 { -1 } else { 1 };
            assert_eq!(i32::from(decode_ulaw(expected)), sign * level * 4, "sample {sample}");
        }
    }

    /// Covers: AV-38 (G.711 A-law)
    #[test]
    fn alaw_follows_table_1_for_every_sample() {
        // Table 1a: 32 steps of 2 up to 64, then sixteen of 4, 8, ... 128 up to 4096.
        let x = decision_values(2, &[64, 128, 256, 512, 1024, 2048, 4096], &[2, 4, 8, 16, 32, 64, 128]);
        assert_eq!(x.len(), 129);
        for sample in i16::MIN..=i16::MAX {
            // The border between two negative intervals belongs to the inner one.
            let magnitude = if sample < 0 { -1 - i32::from(sample) } else { i32::from(sample) };
            let n = interval(&x, magnitude / 8);
            let level = (x[n] + x[n + 1]) / 2;
            // Character signal: the first bit 1 for positive, then the even bits inverted.
            let expected = (n as u8 | if sample < 0 { 0 } else { 0x80 }) ^ 0x55;
            assert_eq!(encode_alaw(sample), expected, "sample {sample}");
            let sign = if sample < 0 { -1 } else { 1 };
            assert_eq!(i32::from(decode_alaw(expected)), sign * level * 8, "sample {sample}");
        }
    }

    #[test]
    fn every_code_survives_the_round_trip() {
        for code in 0..=u8::MAX {
            assert_eq!(encode_alaw(decode_alaw(code)), code);
            // mu-law has two zeros; linear samples have one.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(encode_ulaw(decode_ulaw(code)), expected);
        }
    }
}
