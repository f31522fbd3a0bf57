//! The demo's site in a temporary folder: the lab in this process, the server in one of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tieline_lab::{CONFERENCE, DOMAIN, Lab, LabConfig, PASSWORD, Phone, SERVICE_ACCOUNT};
use tieline_model::Refusal;
use tieline_store::KeyFile;
use tokio::process::{Child, Command};

use super::story::Told;
use crate::api::Api;
use crate::cli::Reach;
use crate::commands::lab::phones;
use crate::output::Output;

/// Lab, server, and the folder that both live in.
pub(super) struct Site {
    pub(super) lab: Lab,
    folder: TempDir,
    config: PathBuf,
    server: Child,
    /// Where the server's REST API answers.
    pub(super) http: String,
    /// Where it takes SIP over UDP.
    sip: Option<SocketAddr>,
    /// A token for programs that the visitor may try.
    pub(super) token: String,
}

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
/// How long the server may take to start on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(30);

pub(super) fn failed(what: impl std::fmt::Display, next: &str) -> Refusal {
    Refusal::operator("demo-failed", what.to_string(), next)
}

impl Site {
    pub(super) async fn start() -> Result<(Self, Told), Refusal> {
        let folder = tempfile::Builder::new().prefix("tieline-demo-").tempdir().map_err(|error| {
            failed(format!("no temporary folder: {error}"), "set TMPDIR to a writable folder")
        })?;
        let any = SocketAddr::from((LOOPBACK, 0));
        let lab_config = LabConfig {
            https: Some(any),
            ldap: Some(any),
            phones: phones(any),
            bridge: Some(any),
            ..LabConfig::new(folder.path().join("lab"))
        };
        let lab = Lab::start(lab_config).await.map_err(|error| {
            failed(format!("the lab cannot start: {error}"), "see whether loopback may be used")
        })?;
        let config = folder.path().join("tieline.toml");
        write_config(&config, &lab)?;
        KeyFile::at(folder.path().join("tieline.key")).create()?;
        let server = spawn(&config)?;
        let mut site =
            Self { lab, folder, config, server, http: String::new(), sip: None, token: String::new() };
        site.wait_ready().await?;
        let users: Vec<_> = site.lab.ready().accounts.iter().map(|account| account.address.clone()).collect();
        let sentence = format!("A lab Exchange with {} accounts and the server are up", users.len());
        let detail = json!({"accounts": users, "server_pid": site.server.id(), "http": site.http});
        Ok((site, Told::new(sentence, detail)))
    }

    /// The server's admin API.
    pub(super) fn api(&self) -> Result<Api, Refusal> {
        Api::new(&Reach { json: false, config: self.config.clone(), server: None, token: None })
    }

    /// Where the server takes SIP over UDP.
    pub(super) fn sip(&self) -> Result<SocketAddr, Refusal> {
        self.sip.ok_or_else(|| failed("the server does not speak SIP", "report this line"))
    }

    /// The lab user's desk phone.
    pub(super) fn phone(&self, user: &str) -> Result<Phone, Refusal> {
        self.lab
            .phone(user)
            .cloned()
            .ok_or_else(|| failed(format!("the lab has no telephone for {user}"), "report this line"))
    }

    /// SIGKILL, as a power cut would.
    pub(super) async fn kill(&mut self) -> Result<Option<u32>, Refusal> {
        let pid = self.server.id();
        self.server.kill().await.map_err(|error| failed(error, "report this line"))?;
        Ok(pid)
    }

    pub(super) async fn start_again(&mut self) -> Result<(), Refusal> {
        self.server = spawn(&self.config)?;
        self.wait_ready().await
    }

    async fn wait_ready(&mut self) -> Result<(), Refusal> {
        let file = self.folder.path().join("ready.json");
        let begun = Instant::now();
        loop {
            if let Ok(text) = std::fs::read(&file)
                && let Ok(ready) = serde_json::from_slice::<Value>(&text)
                && ready.get("pid").and_then(Value::as_u64) == self.server.id().map(u64::from)
            {
                let listeners = ready.get("sip").and_then(Value::as_array).into_iter().flatten();
                let mut udp = listeners.filter_map(|one| one.as_str()?.strip_prefix("udp ")?.parse().ok());
                self.sip = udp.next();
                self.http = ready.get("http").and_then(Value::as_str).unwrap_or_default().to_owned();
                return Ok(());
            }
            if let Ok(Some(status)) = self.server.try_wait() {
                return Err(failed(
                    format!("the server ended with {status}: {}", self.last_words()),
                    "read the line above",
                ));
            }
            if begun.elapsed() > START_WITHIN {
                return Err(failed("the server did not start in 30 s", "try again on a less busy machine"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
        log.lines().last().unwrap_or("it said nothing").to_owned()
    }

    /// What a visitor needs to try it with programs of their own.
    pub(super) fn settings(&self, out: Output) {
        let ready = self.lab.ready();
        let https = ready.ews_https.clone().unwrap_or_default();
        let http = ready.ews_http.clone().unwrap_or_default();
        if out.json() {
            let detail = json!({"ews_https": https, "ews_http": http, "rest": self.http, "token": self.token,
                "config": self.config, "user": "alice@lab.example", "password": "lab-password"});
            return out.line(
                &json!({"job": "settings", "step": "settings", "ok": true, "ms": 0, "detail": detail})
                    .to_string(),
            );
        }
        let config = self.config.display();
        out.line(&format!(
            "\n{}\n  \
             mail client   Exchange (EWS) {https}  or {http}\n                \
             user alice@lab.example, password lab-password; the certificate is self-signed\n  \
             pages         {}/  user dana@lab.example, password: a sentence does well\n                \
             {}/quick-call?target=desk&contactId=Contacts%3D%3Csip:bob@lab.example%3E\n  \
             REST          {}/api/v1  with Authorization: Bearer {}\n  \
             command line  tieline --config {config} voicemail deposit FILE --mailbox 1001 --from 5551234\n                \
             tieline --config {config} mailbox light 1001\n\nStop with Ctrl-C.",
            out.heading("Try it yourself"),
            self.http,
            self.http,
            self.http,
            self.token,
        ));
    }

    pub(super) async fn stop(mut self) {
        let _ = self.server.kill().await;
        self.lab.shutdown().await;
    }
}

/// Short waits, since nobody is far away; every address on loopback, with a port that is free.
fn write_config(path: &std::path::Path, lab: &Lab) -> Result<(), Refusal> {
    let refuse = |error| failed(error, "set TMPDIR to a writable folder");
    let directory = lab.ldap().map(|ldap| {
        format!(
            "\n[directory]\nservers = [\"{}\"]\nbases = [\"{}\"]\naccount = \"{SERVICE_ACCOUNT}@{DOMAIN}\"\n\
             password_file = \"directory.pw\"\nallow_plaintext = true\n",
            ldap.url(),
            ldap.base()
        )
    });
    std::fs::write(path.with_file_name("directory.pw"), PASSWORD).map_err(refuse)?;
    let bridge = lab.bridge().map(tieline_lab::Bridge::address);
    let conferencing = bridge.map(|bridge| {
        format!(
            "\n[conferencing]\nmailbox = \"{CONFERENCE}@{DOMAIN}\"\nfeature_group = \"Staff\"\nsip_domain = \"vmr.{DOMAIN}\"\n\
             policy_file = \"rooms.toml\"\n\n[conferencing.bridge]\naddress = \"sip:{{number}}@{bridge}\"\n"
        )
    });
    let rules = "default-conference-duration-minutes = 120\nnumbers = [\"7040-7048\"]\n";
    std::fs::write(path.with_file_name("rooms.toml"), rules).map_err(refuse)?;
    let text = "[listen]\nhttp = \"127.0.0.1:0\"\n\n[sip]\nudp = \"127.0.0.1:0\"\ndomain = \"lab.example\"\n\n\
        [delivery]\nrequest_within_s = 5\nlate_effect_bound_s = 2\nfirst_retry_ms = 100\nretry_at_most_s = 2\n\
        read_every_s = 30\nlease_s = 2\n";
    let more = directory.unwrap_or_default() + &conferencing.unwrap_or_default();
    std::fs::write(path, text.to_owned() + &more).map_err(refuse)
}

fn spawn(config: &std::path::Path) -> Result<Child, Refusal> {
    let folder = config.parent().unwrap_or(config);
    let start = || -> std::io::Result<Child> {
        let log = std::fs::File::options().create(true).append(true).open(folder.join("server.log"))?;
        Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg("--config")
            .arg(config)
            .arg("--ready-file")
            .arg(folder.join("ready.json"))
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
    };
    start().map_err(|error| {
        failed(format!("the server cannot be started: {error}"), "run the binary from its own place")
    })
}
