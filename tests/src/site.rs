//! A whole site in one temporary folder: a lab Exchange and a Tieline server, as processes, with one endpoint, one feature
//! group and the mailboxes a test asks for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::lab::{Lab, PASSWORD, SERVICE_ACCOUNT};
use crate::port;
use crate::process::{Running, eventually, run};
use crate::rest::Rest;

/// What the lab's BigBlueButton shares with whoever may call.
const BRIDGE_SECRET: &str = "lab-bridge-secret";

/// The server of a site: its configuration, its process, and both ways of talking to it.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    config: PathBuf,
    running: Option<Running>,
    http: u16,
    sip: u16,
}

/// What a test wants to be different.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The store's URL; a SQLite file in the site's folder when absent.
    pub store: Option<String>,
    /// More lines for the section `[sip]`.
    pub sip: String,
    /// More lines for the configuration file, section headers included.
    pub more: String,
    /// The server's own pace instead of the short waits of tests.
    pub own_pace: bool,
    /// With the lab's directory, which quick call needs.
    pub directory: bool,
    /// Exchange posts its notifications here.
    pub push: bool,
    /// The address at which Exchange posts them, where it is not this server's own.
    pub push_at: Option<String>,
    /// The lab's BigBlueButton is the rooms' bridge.
    pub bigbluebutton: bool,
    /// Mailboxes are read unasked each so many seconds; 2 when absent.
    pub read_every_s: Option<u32>,
}

impl Server {
    /// Writes a configuration with short waits into the folder and starts the server.
    pub fn start(folder: &Path, options: &Options) -> Self {
        let mut server = Self::prepare(folder, options);
        server.run();
        server
    }

    /// Writes the configuration only.
    pub fn prepare(folder: &Path, options: &Options) -> Self {
        let config = folder.join("tieline.toml");
        let (http, sip) = (port::free(), port::free());
        let store = options.store.clone().unwrap_or_else(|| "sqlite:tieline.db".to_owned());
        let own = options.push.then(|| format!("http://127.0.0.1:{http}"));
        let push = options.push_at.clone().or(own).map(|base| format!("push_url = \"{base}\"\n"));
        let push = push.unwrap_or_default();
        let read_every_s = options.read_every_s.unwrap_or(2);
        let pace = match options.own_pace {
            true => String::new(),
            false => format!(
                "request_within_s = 3\nlate_effect_bound_s = 2\nfirst_retry_ms = 50\nretry_at_most_s = 1\n\
                 read_every_s = {read_every_s}\nlease_s = 2\n"
            ),
        };
        let text = format!(
            "[listen]
http = \"127.0.0.1:{http}\"
admin_socket = \"tieline.sock\"
stop_within_s = 10

\
             [store]
url = \"{store}\"
key_file = \"tieline.key\"

\
             [sip]
udp = \"127.0.0.1:{sip}\"
tcp = \"127.0.0.1:{sip}\"
domain = \"lab.example\"
{}
\
             [delivery]
{pace}{push}
{}",
            options.sip, options.more
        );
        fs::write(&config, text).expect("the test's folder can be written");
        Self { folder: folder.to_owned(), config, running: None, http, sip }
    }

    /// Starts the process and waits until it is ready.
    pub fn run(&mut self) {
        self.spawn();
        self.wait_ready();
    }

    /// Waits until the process answers that it is ready.
    pub fn wait_ready(&mut self) {
        let health = Rest::new(&format!("http://127.0.0.1:{}", self.http));
        let running = self.running.as_mut().expect("the server runs");
        running.wait_until("readiness", || {
            let answer = health.try_send(|client| client.get(health.url("/readyz")))?;
            (answer.status == 200).then_some(())
        });
    }

    /// Starts the process and does not wait.
    pub fn spawn(&mut self) {
        let mut command = Command::new(crate::tieline());
        command.arg("serve").arg("--config").arg(&self.config).current_dir(&self.folder);
        self.running = Some(Running::start("server", &mut command, &self.folder));
    }

    /// Starts the process with a small disk of its own mounted at `mount`, invisible to everybody else.
    pub fn spawn_on_small_disk(&mut self, mount: &Path, megabytes: u32) {
        let mut command = Command::new(crate::tool("unshare"));
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg("mount -t tmpfs -o size=$1m none \"$2\" && shift 2 && exec \"$@\"").arg("sh");
        command.arg(megabytes.to_string()).arg(mount).arg(crate::tieline());
        command.arg("serve").arg("--config").arg(&self.config).current_dir(&self.folder);
        self.running = Some(Running::start("server", &mut command, &self.folder));
    }

    /// Gives the small disk more room while the server runs.
    pub fn grow_small_disk(&self, mount: &Path, megabytes: u32) {
        let pid = self.running.as_ref().expect("the server runs").pid().to_string();
        let mut grow = Command::new(crate::tool("nsenter"));
        grow.args(["--user", "--mount", "--preserve-credentials", "--target", &pid, "mount", "-o"]);
        run(grow.arg(format!("remount,size={megabytes}m")).arg(mount));
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// SIGTERM; its words afterwards are in [`Self::log`].
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let status = running.stop();
            assert!(status.success(), "the server ended with {status}:\n{}", running.output());
        }
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Running {
        self.running.as_mut().expect("the server runs")
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("the server runs").pid()
    }

    /// Everything its processes wrote, over all restarts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Where pages and REST are.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// Host and port of SIP over UDP and TCP.
    pub fn sip(&self) -> String {
        format!("127.0.0.1:{}", self.sip)
    }

    /// REST with a token of this role: admin, deposit or read.
    pub fn rest(&self, role: &str) -> Rest {
        let made = self.cli(&["token", "add", "test", "--role", role]);
        let token = made["token"].as_str().unwrap_or_else(|| panic!("no token: {made}")).to_owned();
        Rest::new(&format!("http://127.0.0.1:{}", self.http)).with_token(&token)
    }

    /// REST without a token.
    pub fn anonymous(&self) -> Rest {
        Rest::new(&format!("http://127.0.0.1:{}", self.http))
    }

    /// A command with `--json` that must hold.
    ///
    /// # Panics
    /// With what it said when its exit code is not 0.
    pub fn cli(&self, arguments: &[&str]) -> Value {
        let output = self.command(&[arguments, &["--json"]].concat());
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "tieline {}: {said}{complained}", arguments.join(" "));
        serde_json::from_str(&said)
            .unwrap_or_else(|error| panic!("tieline {}: {error}: {said}", arguments.join(" ")))
    }

    /// A command that must be refused: exit code 1 and one line. Gives the line.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        let complained = text(&output.stderr);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "tieline {}: {said}{complained}", arguments.join(" "));
        one_line(&complained)
    }

    /// A command as typed.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(crate::tieline());
        command.args(arguments).arg("--config").arg(&self.config).current_dir(&self.folder);
        command.output().expect("tieline starts")
    }
}

/// The one line that a refusal takes: what, where, and what to do next.
///
/// # Panics
/// When it is more than one line or names no next step.
pub fn one_line(complained: &str) -> String {
    let lines: Vec<&str> = complained.lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(lines.len(), 1, "one line was expected:\n{complained}");
    assert!(lines[0].contains("Next: "), "no next step: {complained}");
    lines[0].to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lab and server, and what they share.
#[derive(Debug)]
pub struct Site {
    pub server: Server,
    pub lab: Lab,
    folder: TempDir,
}

impl Site {
    /// A site whose group `Staff` serves alice at 1001, with her desk phone as light.
    pub fn start() -> Self {
        Self::with(&Options::default())
    }

    pub fn with(options: &Options) -> Self {
        let site = Self::bare(options);
        site.add_endpoint_and_group(&[]);
        site.add_mailbox("1001", "alice", &[&site.lab.phone_uri("alice")]);
        site
    }

    /// A site with nothing configured yet.
    pub fn bare(options: &Options) -> Self {
        Self::bare_with_users(options, 3)
    }

    /// The same with so many users in the lab.
    pub fn bare_with_users(options: &Options, users: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("tieline-").tempdir().expect("a temporary folder");
        let lab = Lab::with_users(folder.path(), users);
        let mut options = options.clone();
        if options.directory {
            fs::write(folder.path().join("directory.pw"), PASSWORD).expect("the folder can be written");
            let section = lab.directory_section();
            options.more = format!("{section}\n{}", options.more);
        }
        if options.bigbluebutton {
            let secret = folder.path().join("bridge.secret");
            fs::write(&secret, BRIDGE_SECRET).expect("the folder can be written");
            let api = lab.ready()["bigbluebutton"].as_str().expect("the lab has a bridge");
            let section = format!(
                "[conferencing.bridge]\nkind = \"bigbluebutton\"\napi = \"{api}\"\nsecret_file = \"{}\"\n",
                secret.display()
            );
            options.more = format!("{section}\n{}", options.more);
        }
        let server = Server::start(folder.path(), &options);
        Self { server, lab, folder }
    }

    /// A site around a server that runs already, in its folder.
    pub fn around(server: Server, folder: TempDir) -> Self {
        let lab = Lab::start(folder.path());
        Self { server, lab, folder }
    }

    /// Endpoint `lab` over plain http on loopback, group `Staff` with the service account.
    pub fn add_endpoint_and_group(&self, endpoint_options: &[&str]) {
        let (host, port) = host_and_port(self.lab.ews());
        let address = format!("ews:{host}");
        let mut endpoint = vec!["endpoint", "add", "lab", &address, "--port", &port, "--http"];
        endpoint.extend_from_slice(endpoint_options);
        self.server.cli(&endpoint);
        let password = self.password_file(PASSWORD);
        let group = ["feature-group", "add", "Staff", "--endpoint", "lab", "--account", SERVICE_ACCOUNT];
        self.server.cli(&[&group[..], &["--password-file", &password]].concat());
    }

    /// A mailbox in group `Staff` with these lights.
    pub fn add_mailbox(&self, number: &str, user: &str, lights: &[&str]) {
        let address = format!("{user}@lab.example");
        let mut mailbox = vec!["mailbox", "add", number, &address, "--group", "Staff"];
        for light in lights {
            mailbox.extend(["--light", light]);
        }
        self.server.cli(&mailbox);
    }

    /// A file with a password, as `--password-file` takes it.
    pub fn password_file(&self, password: &str) -> String {
        let file = self.folder.path().join("password.txt");
        fs::write(&file, format!("{password}\n")).expect("the site's folder can be written");
        file.display().to_string()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Deposits a recording and gives the accepted message.
    pub fn deposit(&self, recording: &Path, mailbox: &str, from: &str) -> Value {
        let file = recording.display().to_string();
        self.server.cli(&["voicemail", "deposit", &file, "--mailbox", mailbox, "--from", from])
    }

    /// A message as Tieline sees it.
    pub fn message(&self, id: &str) -> Value {
        self.server.cli(&["voicemail", "show", id])
    }

    /// A mailbox's messages, as Tieline sees them.
    pub fn messages(&self, mailbox: &str) -> Vec<Value> {
        let answer = self.server.cli(&["voicemail", "list", "--mailbox", mailbox, "--limit", "500"]);
        answer["items"].as_array().unwrap_or_else(|| panic!("no items: {answer}")).clone()
    }

    /// Waits until Tieline says that the message is in the mailbox.
    pub fn wait_delivered(&self, id: &str) -> Value {
        self.wait_message(id, "delivered", |message| message["delivery"]["state"] == "delivered")
    }

    /// Waits until Tieline has the message in this state: unread, read or deleted.
    pub fn wait_state(&self, id: &str, state: &str) -> Value {
        self.wait_message(id, state, |message| message["state"] == state)
    }

    fn wait_message(&self, id: &str, what: &str, hold: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let deadline = std::time::Instant::now() + crate::process::PATIENCE;
        while std::time::Instant::now() < deadline {
            last = self.message(id);
            if hold(&last) {
                return last;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{id} is not {what}: {last:#}\n{}", self.server.log());
    }

    /// Waits until a desk phone of the lab shows this: lamp on or off, new and old messages.
    pub fn wait_lamp(&self, user: &str, on: bool, new: u32, old: u32) {
        let wanted = (json!(on), json!(new), json!(old));
        eventually(&format!("{user}'s lamp {on} {new}/{old}"), || {
            let lamp = &self.lab.phone(user)["lamp"];
            ((lamp["on"].clone(), lamp["new"].clone(), lamp["old"].clone()) == wanted).then_some(())
        });
    }

    /// What a judge needs to sign in as this user and look at these checks.
    pub fn judged_by(&self, user: &str, checks: &[&str], more: Value) -> String {
        let mut told = self.lab.account(user);
        told["checks"] = json!(checks);
        if let (Value::Object(told), Value::Object(more)) = (&mut told, more) {
            told.extend(more);
        }
        told.to_string()
    }
}

impl Drop for Site {
    /// A story that fails shows what the server said last.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.server.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the server's last words:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// `http://127.0.0.1:8080/EWS/Exchange.asmx` to host and port.
pub fn host_and_port(url: &str) -> (String, String) {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let (host, port) = authority.rsplit_once(':').unwrap_or_else(|| panic!("{url} has no port"));
    (host.to_owned(), port.to_owned())
}
