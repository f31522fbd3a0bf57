//! The programs that judge: espeak-ng speaks, sox and soxi measure. A missing one fails the test that needs it.

use std::path::Path;
use std::process::Command;

/// Runs a program and returns what it wrote to both outputs.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!(
            "{program} is needed by this test and does not start ({error}); \
             install it: apt-get install espeak-ng sox libsox-fmt-all ffmpeg"
        )
    });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
    stdout + &stderr
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary path in UTF-8")
}

/// What sox measures: seconds, and RMS in dBFS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) seconds: f64,
    pub(crate) rms_dbfs: f64,
}

/// Has sox play a file into its statistics. sox cannot read Opus, so ffmpeg decodes it first.
pub(crate) fn hear(file: &Path) -> Heard {
    let decoded = file.with_extension("decoded.wav");
    let file = if file.extension().is_some_and(|extension| extension == "ogg") {
        run("ffmpeg", &["-v", "error", "-y", "-i", path(file), path(&decoded)]);
        decoded.as_path()
    } else {
        file
    };
    let seconds = run("soxi", &["-D", path(file)]).trim().parse().expect("soxi -D prints seconds");
    let stat = run("sox", &[path(file), "-n", "stat"]);
    let line =
        stat.lines().find(|line| line.starts_with("RMS     amplitude")).expect("sox stat prints the RMS");
    let amplitude: f64 = line.rsplit(' ').next().expect("a value").parse().expect("a number");
    Heard { seconds, rms_dbfs: 20.0 * amplitude.log10() }
}

/// A spoken recording, 22,050 Hz 16-bit PCM.
pub(crate) fn speak(file: &Path) -> Vec<u8> {
    let text = "You have one new message from extension five five five one two three four.";
    run("espeak-ng", &["-w", path(file), text]);
    std::fs::read(file).expect("espeak-ng wrote the file")
}
