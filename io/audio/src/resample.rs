//! Changing the sample rate: a polyphase windowed-sinc filter.

use std::f64::consts::PI;

/// Zero crossings of the sinc on each side: with the window below, about 90 dB between pass band and stop band.
const ZERO_CROSSINGS: f64 = 32.0;
/// The Kaiser window's shape.
const BETA: f64 = 9.0;
/// The pass band's end as a part of the lower Nyquist frequency; the filter's slope needs the rest.
const PASS: f64 = 0.93;
/// Rates without a common divisor would need a table of their own size. From here on the nearest of this many phases
/// is taken instead, an error below -60 dB.
const PHASES_MAX: u64 = 1024;

/// Changes the rate of one channel, block by block.
///
/// The filter's delay is compensated: sample `n` of the output is the input at the time `n / to`, and the output's length
/// is the input's times `to / from`, rounded up.
#[derive(Debug)]
pub struct Resampler {
    from: u64,
    to: u64,
    phases: u64,
    /// Samples on each side of the wanted time.
    half: usize,
    /// `phases` filters of `2 * half` coefficients.
    filters: Vec<f32>,
    /// Input not yet done with. `history[0]` is the input at `first - half`, silence before the beginning.
    history: Vec<f32>,
    first: u64,
    received: u64,
    produced: u64,
}

impl Resampler {
    /// Rates in Hz; zero counts as one.
    pub fn new(from_hz: u32, to_hz: u32) -> Self {
        let (from, to) = (u64::from(from_hz.max(1)), u64::from(to_hz.max(1)));
        let divisor = greatest_common_divisor(from, to);
        let (from, to) = (from / divisor, to / divisor);
        let phases = to.min(PHASES_MAX);
        // Relative to the input's rate; below 1 when going down, where the filter must also cut what would fold back.
        let bandwidth = (to as f64 / from as f64).min(1.0);
        let half = (ZERO_CROSSINGS / bandwidth).ceil() as usize;
        let filters = (0..phases)
            .flat_map(|phase| filter(phase as f64 / phases as f64, half, bandwidth * PASS))
            .collect();
        Self { from, to, phases, half, filters, history: vec![0.0; half], first: 0, received: 0, produced: 0 }
    }

    /// Takes the next input and appends what output it makes possible.
    pub fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        self.history.extend_from_slice(input);
        self.received += input.len() as u64;
        self.produce(self.received, output);
    }

    /// Appends the output that still waited for input.
    pub fn finish(mut self, output: &mut Vec<f32>) {
        let end = self.received;
        self.history.resize(self.history.len() + self.half + 1, 0.0);
        self.received += self.half as u64 + 1;
        self.produce(end, output);
    }

    /// Makes each output sample that lies before input sample `end` and whose filter has all its input.
    fn produce(&mut self, end: u64, output: &mut Vec<f32>) {
        loop {
            // The wanted time is `whole + phase / phases` input samples.
            let mut whole = self.produced * self.from / self.to;
            if whole >= end {
                break;
            }
            let rest = self.produced * self.from % self.to;
            let mut phase = (rest * self.phases + self.to / 2) / self.to;
            if phase == self.phases {
                (whole, phase) = (whole + 1, 0);
            }
            if whole + self.half as u64 + 1 > self.received {
                break;
            }
            let taps = 2 * self.half;
            let window = &self.history[(whole - self.first) as usize + 1..][..taps];
            let filter = &self.filters[phase as usize * taps..][..taps];
            output.push(window.iter().zip(filter).map(|(sample, tap)| sample * tap).sum());
            self.produced += 1;
        }
        let next = (self.produced * self.from / self.to).min(self.received);
        let done = (next - self.first) as usize;
        let done = done.min(self.history.len());
        self.history.drain(..done);
        self.first += done as u64;
    }
}

/// The coefficients for a time `fraction` behind a sample: for the `half` samples up to it and the `half` after it.
fn filter(fraction: f64, half: usize, bandwidth: f64) -> Vec<f32> {
    let reach = half as f64;
    let taps: Vec<f64> = (0..2 * half)
        .map(|n| {
            let distance = n as f64 + 1.0 - reach - fraction;
            let window = bessel_i0(BETA * (1.0 - (distance / reach).powi(2)).max(0.0).sqrt());
            sinc(distance * bandwidth) * window
        })
        .collect();
    // Each phase passes a constant exactly, so that none of them hums.
    let sum: f64 = taps.iter().sum();
    taps.into_iter().map(|tap| (tap / sum) as f32).collect()
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The modified Bessel function of order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    let mut k = 1.0;
    while term > sum * 1e-12 {
        term *= (x / (2.0 * k)).powi(2);
        sum += term;
        k += 1.0;
    }
    sum
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: [(u32, u32); 9] = [
        (8_000, 16_000),
        (16_000, 8_000),
        (22_050, 8_000),
        (44_100, 16_000),
        (48_000, 8_000),
        (11_025, 8_000),
        (8_000, 48_000),
        (7_919, 8_000),
        (191_999, 16_000),
    ];

    fn tone(hz: f64, rate: u32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (2.0 * PI * hz * n as f64 / f64::from(rate)).sin() as f32 * 0.5).collect()
    }

    fn run(input: &[f32], from: u32, to: u32, block: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(from, to);
        let mut output = Vec::new();
        for block in input.chunks(block) {
            resampler.push(block, &mut output);
        }
        resampler.finish(&mut output);
        output
    }

    fn rms(samples: &[f32]) -> f64 {
        (samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    }

    #[test]
    fn the_length_is_exact_for_any_rates_and_blocks() {
        for (from, to) in PAIRS {
            for samples in [1, 7, 1_001] {
                let expected = (samples as u64 * u64::from(to)).div_ceil(u64::from(from));
                for block in [1, 5_000] {
                    assert_eq!(
                        run(&vec![0.1; samples], from, to, block).len() as u64,
                        expected,
                        "{from} {to}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_tone_comes_out_as_the_same_tone_at_the_same_time() {
        for (from, to) in PAIRS {
            let output = run(&tone(1_000.0, from, from as usize / 2), from, to, 1_000);
            let expected = tone(1_000.0, to, output.len());
            // Not at the ends, where the silence around the recording is heard too.
            let middle = output.len() / 4..output.len() * 3 / 4;
            let error: Vec<f32> = middle.clone().map(|n| output[n] - expected[n]).collect();
            let decibels = 20.0 * (rms(&error) / rms(&expected[middle])).log10();
            assert!(decibels < -58.0, "{from} to {to}: error at {decibels:.1} dB");
        }
    }

    #[test]
    fn what_would_fold_back_is_gone() {
        for (from, hz) in [(48_000, 5_000.0), (22_050, 4_600.0), (16_000, 7_000.0)] {
            let output = run(&tone(hz, from, from as usize / 2), from, 8_000, 1_000);
            let middle = &output[output.len() / 4..output.len() * 3 / 4];
            let decibels = 20.0 * (rms(middle) / (0.5 / 2f64.sqrt())).log10();
            assert!(decibels < -70.0, "{hz} Hz from {from}: {decibels:.1} dB");
        }
    }

    #[test]
    fn blocks_do_not_show() {
        let input = tone(700.0, 22_050, 3_000);
        assert_eq!(run(&input, 22_050, 8_000, 1), run(&input, 22_050, 8_000, 3_000));
    }
}
