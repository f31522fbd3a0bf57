//! The lab Exchange as a process of its own, and what a test asks of it beside the mail protocol.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::process::Running;
use crate::rest::Rest;

/// The password of every lab account.
pub const PASSWORD: &str = "lab-password";
/// The account that may act for the others.
pub const SERVICE_ACCOUNT: &str = "svc-tieline@lab.example";

/// A running `tieline lab`.
#[derive(Debug)]
pub struct Lab {
    running: Running,
    ready: Value,
    control: Rest,
    folder: PathBuf,
    users: u32,
}

impl Lab {
    /// Starts one with its state in `<folder>/lab`, on free ports, with alice, bob and carol.
    pub fn start(folder: &Path) -> Self {
        Self::with_users(folder, 3)
    }

    /// The same with so many users; the fourth is `user4`.
    pub fn with_users(folder: &Path, users: u32) -> Self {
        let (running, ready) = launch(folder, users, "127.0.0.1:0");
        let control = Rest::new(ready["control"].as_str().expect("the ready file names /lab"));
        Self { running, ready, control, folder: folder.to_owned(), users }
    }

    /// Ends it, changes what it kept, and starts it again at the same address over plain HTTP.
    pub fn restarted(&mut self, meanwhile: impl FnOnce(&Path)) {
        self.running.kill();
        meanwhile(&self.folder.join("lab"));
        let (host, port) = crate::site::host_and_port(self.ews());
        let (running, ready) = launch(&self.folder, self.users, &format!("{host}:{port}"));
        self.control = Rest::new(ready["control"].as_str().expect("the ready file names /lab"));
        (self.running, self.ready) = (running, ready);
    }

    /// Copies what it keeps, as a nightly backup does.
    pub fn back_up(&mut self) -> PathBuf {
        let backup = self.folder.join("backup");
        self.restarted(|state| copy(state, &backup));
        backup
    }

    /// Puts a backup in the place of what it keeps.
    pub fn restore(&mut self, backup: &Path) {
        self.restarted(|state| {
            std::fs::remove_dir_all(state).expect("the lab's folder");
            copy(backup, state);
        });
    }

    /// The ready file's content: every endpoint and account.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// The section of a configuration that reads the lab's directory; `directory.pw` holds the service account's password.
    ///
    /// # Panics
    /// When the lab has no directory.
    pub fn directory_section(&self) -> String {
        let ldap = self.ready["ldap"].as_str().expect("the lab has a directory");
        format!(
            "[directory]\nservers = [\"{ldap}\"]\nbases = [\"DC=lab,DC=example\"]\naccount = \"{SERVICE_ACCOUNT}\"\n\
             password_file = \"directory.pw\"\nallow_plaintext = true\n"
        )
    }

    /// The EWS address over plain HTTP.
    pub fn ews(&self) -> &str {
        self.ready["ews_http"].as_str().expect("the lab listens on http")
    }

    /// The EWS address over TLS with the lab's own certificate.
    pub fn ews_https(&self) -> &str {
        self.ready["ews_https"].as_str().expect("the lab listens on https")
    }

    /// The lab's certificate, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.ready["certificate"].as_str().expect("the lab has a certificate").into()
    }

    /// Switches a fault on: `{"fault": "lost-response", "operation": "CreateItem", "count": 1}`.
    pub fn fault(&self, fault: &Value) {
        self.control.post("/faults", fault).ok();
    }

    /// The faults that still wait for their requests.
    pub fn faults(&self) -> Vec<Value> {
        list(self.control.get("/faults").ok(), "faults")
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.control.delete("/faults").ok();
    }

    /// What an administrator does to accounts: `{"impersonation_scope": ["alice@lab.example"]}`.
    pub fn accounts(&self, said: &Value) {
        self.control.post("/accounts", said).ok();
    }

    /// What clients asked so far, oldest first.
    pub fn requests(&self) -> Vec<Value> {
        list(self.control.get("/requests").ok(), "requests")
    }

    /// The SIP address of a user's desk phone.
    pub fn phone_uri(&self, user: &str) -> String {
        self.phone(user)["uri"].as_str().expect("a phone has an address").to_owned()
    }

    /// A user's desk phone: `lamp` as it is, `history` as it was.
    pub fn phone(&self, user: &str) -> Value {
        let phones = list(self.control.get("/phones").ok(), "phones");
        phones
            .into_iter()
            .find(|phone| phone["user"] == user)
            .unwrap_or_else(|| panic!("{user} has no phone"))
    }

    /// What a judge needs to sign in as this user.
    pub fn account(&self, user: &str) -> Value {
        json!({"ews": self.ews(), "address": format!("{user}@lab.example"), "password": PASSWORD})
    }

    /// Ends the lab at once; its state stays in its folder.
    pub fn kill(&mut self) {
        self.running.kill();
    }
}

fn launch(folder: &Path, users: u32, http: &str) -> (Running, Value) {
    let state = folder.join("lab");
    std::fs::create_dir_all(&state).expect("the test's folder can be written");
    let ready_file = folder.join("lab.json");
    // That of a run before says nothing about this one.
    let _ = std::fs::remove_file(&ready_file);
    let mut command = Command::new(crate::tieline());
    command.arg("lab").arg("--state").arg(&state).arg("--ready-file").arg(&ready_file);
    command.args(["--users", &users.to_string(), "--http", http]);
    for listener in ["--https", "--sip", "--ldap", "--smtp"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    let mut running = Running::start("lab", &mut command, folder);
    let ready = running.wait_for_ready_file(&ready_file);
    (running, ready)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the test's folder can be written");
    for entry in std::fs::read_dir(from).expect("a folder to copy") {
        let entry = entry.expect("a folder can be listed");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}

/// A list that stands alone or under its name.
fn list(value: Value, name: &str) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Object(mut fields) => match fields.remove(name) {
            Some(Value::Array(items)) => items,
            other => panic!("no list of {name}: {other:?}"),
        },
        other => panic!("no list of {name}: {other}"),
    }
}
