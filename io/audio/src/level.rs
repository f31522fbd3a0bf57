//! How loud a recording is, to compare it with another.

use crate::{Probe, pcm};

/// Root mean square in dB relative to full scale, 0 dBFS being a square wave at full scale (a full-scale sine has
/// -3.01 dBFS). Silence, and nothing at all, are minus infinity.
pub fn rms_dbfs(samples: &[i16]) -> f64 {
    let energy: f64 = samples.iter().map(|sample| (f64::from(*sample) / 32_768.0).powi(2)).sum();
    10.0 * (energy / samples.len().max(1) as f64).log10()
}

/// The level of a recording in PCM or G.711, its channels mixed; `None` for a codec that needs a decoder.
pub fn recording_rms_dbfs(bytes: &[u8], probe: &Probe) -> Option<f64> {
    pcm::to_mono(bytes, probe, probe.sample_rate_hz).map(|samples| rms_dbfs(&samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_signals_have_known_levels() {
        assert!(rms_dbfs(&[i16::MIN; 100]).abs() < 1e-9);
        assert!((rms_dbfs(&[16_384, -16_384]) + 6.0206).abs() < 1e-3);
        assert_eq!(rms_dbfs(&[0; 8]), f64::NEG_INFINITY);
        assert_eq!(rms_dbfs(&[]), f64::NEG_INFINITY);
    }
}
