//! Recordings to deposit, spoken by espeak-ng and brought into a format by sox; and what sox hears in what came out.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::run;
use crate::tool;

/// A fax of one empty page, as a telephone system hands it over.
pub const FAX: &str = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
                       3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";

/// Speaks a text into `<folder>/<name>.wav`: one channel, 16 bit, 8 kHz, as a telephone system records.
pub fn spoken(folder: &Path, name: &str, text: &str) -> PathBuf {
    let raw = folder.join(format!("{name}-22k.wav"));
    run(Command::new(tool("espeak-ng")).args(["-v", "en", "-w"]).arg(&raw).arg(text));
    converted(
        &raw,
        &folder.join(format!("{name}.wav")),
        &["-r", "8000", "-c", "1", "-b", "16", "-e", "signed-integer"],
    )
}

/// Converts with sox; the options stand before the output file.
pub fn converted(input: &Path, output: &Path, options: &[&str]) -> PathBuf {
    run(Command::new(tool("sox")).arg(input).args(options).arg(output));
    output.to_owned()
}

/// What sox measures in a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    pub seconds: f64,
    /// Root mean square of the amplitude, 0 to 1.
    pub loudness: f64,
}

impl Heard {
    pub fn in_file(file: &Path) -> Self {
        let output = Command::new(tool("sox")).arg(file).args(["-n", "stat"]).output().expect("sox runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "sox cannot read {}: {said}", file.display());
        let figure = |label: &str| -> f64 {
            let line = said
                .lines()
                .find(|line| line.split_whitespace().collect::<Vec<_>>().join(" ").starts_with(label));
            let text = line.and_then(|line| line.rsplit(':').next()).map(str::trim);
            text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("sox said no {label}: {said}"))
        };
        Self { seconds: figure("Length (seconds)"), loudness: figure("RMS amplitude") }
    }

    /// The same length to a tenth of a second, the same loudness to a tenth.
    pub fn like(&self, other: &Self) -> bool {
        (self.seconds - other.seconds).abs() < 0.1
            && (self.loudness - other.loudness).abs() < 0.1 * other.loudness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spoken_text_is_heard_again_in_another_codec() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let speech = spoken(folder.path(), "speech", "Please call me back about the invoice.");
        let original = Heard::in_file(&speech);
        assert!(original.seconds > 1.0 && original.loudness > 0.01, "{original:?}");
        let alaw = converted(&speech, &folder.path().join("alaw.wav"), &["-e", "a-law"]);
        assert!(Heard::in_file(&alaw).like(&original));
        let quiet = folder.path().join("quiet.wav");
        run(Command::new(tool("sox")).args(["-v", "0.5"]).arg(&speech).arg(&quiet));
        assert!(!Heard::in_file(&quiet).like(&original));
    }
}
