//! Child processes that a test owns: their output is kept, and they end with their owner.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a process may take until it is ready, and until it ends after it was asked to. Generous: CI is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running child. Dropping it kills it; so does the end of the thread that started it (`setpriv --pdeathsig`).
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts the program with its output in `<folder>/<name>.log` (appended, so that restarts of one name read on).
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        let output =
            File::options().create(true).append(true).open(&log).expect("the test's folder can be written");
        let mut tied = tied_to_this_thread(command);
        tied.stdin(Stdio::null());
        tied.stdout(output.try_clone().expect("a log file can be shared"));
        tied.stderr(output);
        let child = tied.spawn().unwrap_or_else(|error| panic!("{name} did not start: {error}"));
        Self { name: name.to_owned(), child, log }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written so far, standard output and standard error together.
    pub fn output(&self) -> String {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(&self.log) {
            // A log that cannot be read is shown as far as it could be.
            let _ = file.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its exit status if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits until `ready` gives a value.
    ///
    /// # Panics
    /// With its output, when it ends before that or [`PATIENCE`] runs out.
    pub fn wait_until<T>(&mut self, what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(value) = ready() {
                return value;
            }
            if let Some(status) = self.ended() {
                panic!("{} ended ({status}) before {what}:\n{}", self.name, self.output());
            }
            assert!(
                Instant::now() < deadline,
                "{}: no {what} in {PATIENCE:?}:\n{}",
                self.name,
                self.output()
            );
            sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the JSON that the program writes when it is ready.
    pub fn wait_for_ready_file(&mut self, file: &Path) -> serde_json::Value {
        self.wait_until("ready file", || {
            let text = std::fs::read_to_string(file).ok()?;
            serde_json::from_str(&text).ok()
        })
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{} did not end in {PATIENCE:?}:\n{}",
                self.name,
                self.output()
            );
            sleep(Duration::from_millis(10));
        }
    }

    /// SIGTERM, then waits: the graceful way.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// SIGKILL, then waits: the way a power cut looks from inside.
    pub fn kill(&mut self) {
        self.child.kill().expect("an own child can be killed");
        self.child.wait().expect("a killed child ends");
    }

    /// Sends a signal by name, such as `HUP`.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{signal} {} failed", self.pid());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; nothing more can be done about it here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same command, run so that the kernel kills it when the thread that starts it ends. The process id stays the child's.
fn tied_to_this_thread(command: &Command) -> Command {
    let mut tied = Command::new(crate::tool("setpriv"));
    tied.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied
}

/// Runs a program to its end and gives its standard output.
///
/// # Panics
/// With both outputs when it fails.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} did not start: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed ({}):\n{stdout}{stderr}", output.status);
    stdout.into_owned()
}

/// Asks until `answer` gives a value.
///
/// # Panics
/// After [`PATIENCE`], saying what was waited for.
pub fn eventually<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = answer() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not in {PATIENCE:?}");
        sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_ends_with_its_owner_and_its_output_stays() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut running = Running::start(
            "sleeper",
            Command::new("sh").args(["-c", "echo up; exec sleep 600"]),
            folder.path(),
        );
        let log = folder.path().join("sleeper.log");
        running.wait_until("greeting", || {
            std::fs::read_to_string(&log).is_ok_and(|text| text == "up\n").then_some(())
        });
        let process = format!("/proc/{}", running.pid());
        assert!(Path::new(&process).exists());
        drop(running);
        assert!(!Path::new(&process).exists());
    }

    #[test]
    #[should_panic(expected = "ended (exit status: 3) before ready file:\nno such option")]
    fn a_child_that_ends_early_is_shown_with_its_words() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut running = Running::start(
            "failing",
            Command::new("sh").args(["-c", "echo no such option; exit 3"]),
            folder.path(),
        );
        running.wait_for_ready_file(&folder.path().join("ready.json"));
    }
}
