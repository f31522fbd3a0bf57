//! A service desk's site: the lab with its directory and ticket system, a server with targets for both databases, and a
//! technician with an account.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::lab::{Lab, PASSWORD};
use crate::page::Pages;
use crate::process::eventually;
use crate::site::{Options, Server};

/// The technician's account.
pub const TECHNICIAN: &str = "dana@lab.example";
/// The administrator's; [`Desk::administrator`] makes it.
pub const ADMINISTRATOR: &str = "root@lab.example";
/// The password of both.
pub const SENTENCE: &str = "a sentence does well";

/// Lab, server, technician.
#[derive(Debug)]
pub struct Desk {
    pub server: Server,
    pub lab: Lab,
    folder: TempDir,
}

impl Desk {
    /// With more lines for the configuration file; `{base}` stands for the server's own address.
    pub fn start(more: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("tieline-").tempdir().expect("a temporary folder");
        let lab = Lab::start(folder.path());
        fs::write(folder.path().join("directory.pw"), PASSWORD).expect("the folder can be written");
        let directory = format!("{}\n[limits]\nrequests_per_minute = 1000000\n\n", lab.directory_section());
        let mut server = Server::prepare(folder.path(), &Options { more: directory, ..Options::default() });
        let text = fs::read_to_string(server.config()).expect("the configuration was written");
        let more = more.replace("{base}", &server.base());
        fs::write(server.config(), text + &more).expect("the configuration can be written");
        server.run();
        let desk = Self { server, lab, folder };
        let password = desk.file("dana.pw", SENTENCE);
        let name = ["--display-name", "Dana Desk", "--password-file", &password];
        desk.server.cli(&[&["user", "add", TECHNICIAN][..], &name].concat());
        for (name, page, environment) in [
            ("easyvista", "sso_samlindexlync.php", "production"),
            ("sandbox", "sso_samlindexlyncsbox.php", "sandbox"),
        ] {
            let url = format!("{}/{page}?do_quickcall=1&url_requestor=", desk.itsm());
            let add = ["quick-call", "target", "add", name, "--method1", &url, "--environment", environment];
            desk.server.cli(&add);
        }
        eventually("the directory is read", || {
            let tried =
                desk.server.command(&["quick-call", "test", "sip:bob@lab.example", "--target", "easyvista"]);
            tried.status.success().then_some(())
        });
        desk
    }

    /// The ticket system's address.
    pub fn itsm(&self) -> &str {
        self.lab.ready()["itsm"].as_str().expect("the lab has a ticket system")
    }

    /// The ticket system's origin.
    pub fn itsm_origin(&self) -> &str {
        self.itsm().trim_end_matches("/itsm")
    }

    /// A browser without cookies.
    pub fn pages(&self) -> Pages {
        Pages::new(&self.server.base())
    }

    /// An account that may set up ticket systems.
    pub fn administrator(&self) {
        let password = self.file("root.pw", SENTENCE);
        let role = ["--role", "administrator", "--password-file", &password];
        self.server.cli(&[&["user", "add", ADMINISTRATOR][..], &role].concat());
    }

    /// A browser in which the technician is signed in.
    pub fn signed_in(&self) -> Pages {
        let mut pages = self.pages();
        let answer = pages.sign_in(TECHNICIAN, SENTENCE);
        assert_eq!(answer.status, 200, "{answer:?}");
        pages
    }

    /// A file in the site's folder.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("the folder can be written");
        path.display().to_string()
    }

    /// Where the site's files are.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Why things happened.
    pub fn explain(&self, id: &str) -> Value {
        self.server.cli(&["explain", id])
    }
}
