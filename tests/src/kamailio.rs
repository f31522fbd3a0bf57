//! Kamailio as presence server.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::{Running, run};
use crate::{port, source_root, tool};

/// A running Kamailio with the modules `presence` and `presence_mwi`, over UDP and TCP.
#[derive(Debug)]
pub struct Kamailio {
    running: Running,
    port: u16,
}

impl Kamailio {
    pub fn start(folder: &Path) -> Self {
        let port = port::free();
        let database = folder.join("kamailio.sqlite");
        for tables in ["standard", "presence"] {
            let file = format!("/usr/share/kamailio/db_sqlite/{tables}-create.sql");
            let script =
                fs::File::open(&file).unwrap_or_else(|error| panic!("{file}: {error}. Next: scripts/setup"));
            run(Command::new(tool("sqlite3")).arg(&database).stdin(script));
        }
        let template = source_root().join("tests/judges/kamailio_presence.cfg");
        let config = fs::read_to_string(&template).expect("the judge's configuration");
        let config =
            config.replace("PORT", &port.to_string()).replace("FOLDER", &folder.display().to_string());
        let file = folder.join("kamailio.cfg");
        fs::write(&file, config).expect("the test's folder can be written");
        let mut command = Command::new(tool("kamailio"));
        // In the foreground, so that it ends with its owner.
        command
            .args(["-DD", "-E", "-m", "64", "-M", "8", "-Y"])
            .arg(folder)
            .arg("-f")
            .arg(&file)
            .current_dir(folder);
        let mut running = Running::start("kamailio", &mut command, folder);
        running.wait_until("TCP port", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { running, port }
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn output(&self) -> String {
        self.running.output()
    }
}

impl Drop for Kamailio {
    /// Asked to end, it ends its children too; killed, it would leave them behind.
    fn drop(&mut self) {
        if self.running.ended().is_none() {
            self.running.signal("TERM");
            self.running.wait();
        }
    }
}
