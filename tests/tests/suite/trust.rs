//! Whose certificates are believed: OpenSSL makes the authorities, serves the chains and reads the fingerprints.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tieline_tests::page::Pages;
use tieline_tests::process::{Running, eventually, run};
use tieline_tests::recording::spoken;
use tieline_tests::site::{Options, Server, Site, host_and_port};
use tieline_tests::{port, tool};

/// A root, an authority below it, and a server's certificate for `localhost` that ends in so many days.
pub(crate) struct Chain {
    folder: PathBuf,
}

impl Chain {
    pub(crate) fn issue(folder: &Path, days: u32) -> Self {
        Self::issue_for(folder, days, "DNS:localhost")
    }

    /// The same for these names, as OpenSSL takes them.
    pub(crate) fn issue_for(folder: &Path, days: u32, names: &str) -> Self {
        let chain = Self { folder: folder.to_owned() };
        let authority = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
        let server = format!("subjectAltName={names}\nextendedKeyUsage=serverAuth\n");
        chain.certificate("root", "/CN=Lab Root", authority, None, 3650);
        chain.certificate("issuing", "/O=Lab/CN=Lab Issuing", authority, Some("root"), 1000);
        chain.certificate("server", "/CN=localhost", &server, Some("issuing"), days);
        let all: String = ["issuing", "root"].map(|name| chain.pem(name)).concat();
        fs::write(chain.file("chain.pem"), all).expect("own folder");
        chain
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn pem(&self, name: &str) -> String {
        fs::read_to_string(self.file(&format!("{name}.pem"))).expect("just made")
    }

    fn certificate(&self, name: &str, subject: &str, extensions: &str, issuer: Option<&str>, days: u32) {
        let path = |what: &str| self.file(&format!("{name}.{what}"));
        fs::write(path("ext"), extensions).expect("own folder");
        let mut request = Command::new(tool("openssl"));
        request.args([
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            subject,
        ]);
        run(request.arg("-keyout").arg(path("key")).arg("-out").arg(path("csr")));
        let mut sign = Command::new(tool("openssl"));
        sign.args(["x509", "-req", "-days", &days.to_string(), "-set_serial", &(name.len() * 7).to_string()]);
        sign.arg("-in").arg(path("csr")).arg("-out").arg(path("pem")).arg("-extfile").arg(path("ext"));
        match issuer {
            None => sign.arg("-signkey").arg(path("key")),
            Some(by) => sign
                .arg("-CA")
                .arg(self.file(&format!("{by}.pem")))
                .arg("-CAkey")
                .arg(self.file(&format!("{by}.key"))),
        };
        run(&mut sign);
    }

    /// What OpenSSL prints of a certificate: `AB:CD:…`.
    fn fingerprint(&self, name: &str) -> String {
        let mut read = Command::new(tool("openssl"));
        read.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arg(self.file(&format!("{name}.pem")));
        let output = read.output().expect("openssl runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.trim().split('=').nth(1).expect("a fingerprint").to_owned()
    }

    /// Serves the chain; any request is answered with a page.
    fn serve(&self, port: u16) -> Running {
        let mut server = Command::new(tool("openssl"));
        server.args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}")]);
        server.arg("-cert").arg(self.file("server.pem")).arg("-key").arg(self.file("server.key"));
        server.arg("-cert_chain").arg(self.file("chain.pem"));
        let mut running = Running::start("s_server", &mut server, &self.folder);
        running.wait_until("a listener", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        running
    }
}

/// OpenSSL's chain is shown with the fingerprints that OpenSSL prints, each certificate with its role, names and days; a
/// fingerprint must be given before anything is believed, and another one is refused. By its address the server's name does not
/// fit, and that is what is said.
///
/// Covers: AV-54, AV-56 (shown), AV-57, AV-58, AV-59, AV-60 (import), X-06
#[test]
fn a_chain_is_shown_compared_and_then_believed() {
    let site = Site::start();
    let chain = Chain::issue(site.folder(), 20);
    let port = port::free();
    let _server = chain.serve(port);
    let host = format!("localhost:{port}");
    let shown = site.server.cli(&["trust", "fetch", &host]);
    let told: Vec<(Value, Value)> = shown["certificates"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| (one["sha256"].clone(), one["role"].clone()))
        .collect();
    let expected = [("server", "server"), ("issuing", "intermediate"), ("root", "root")];
    let expected = expected.map(|(name, role)| (json!(chain.fingerprint(name)), json!(role)));
    assert_eq!(told, expected, "{shown:#}");
    assert_eq!(
        (&shown["proposed"], &shown["proposed_as"]),
        (&expected[2].0, &json!("authority")),
        "{shown:#}"
    );
    assert_eq!(shown["certificates"][0]["names"], json!(["localhost"]));
    assert_eq!(shown["certificates"][0]["days_left"], 19);
    let by_address = site.server.cli(&["trust", "fetch", &format!("127.0.0.1:{port}")]);
    assert_eq!(by_address["warnings"][0]["code"], "name-mismatch", "{by_address:#}");
    assert_eq!(site.server.cli(&["trust", "list"])["trusted"], json!([]), "showing is not believing");

    let blind = site.server.refused(&["trust", "fetch", &host, "--yes"]);
    assert!(blind.contains("--fingerprint"), "{blind}");
    let wrong = "00".repeat(32);
    let refused = site.server.refused(&["trust", "fetch", &host, "--fingerprint", &wrong, "--yes"]);
    assert!(refused.contains("no certificate with this fingerprint"), "{refused}");
    assert_eq!(site.server.cli(&["trust", "list"])["trusted"], json!([]));

    // The server's own fingerprint proves the chain; what is believed is the authority, which outlives it.
    let leaf = chain.fingerprint("server");
    let text = String::from_utf8_lossy(
        &site.server.command(&["trust", "fetch", &host, "--fingerprint", &leaf, "--yes"]).stdout,
    )
    .into_owned();
    assert!(
        text.contains("Believed from now on") && text.contains("Lab Root") && text.contains("days"),
        "{text}"
    );
    let listed = site.server.cli(&["trust", "list"]);
    let trusted = &listed["trusted"][0];
    assert_eq!(
        (&trusted["certificate"]["sha256"], &trusted["trusted_as"]),
        (&expected[2].0, &json!("authority")),
        "{listed:#}"
    );

    // It is the service's, not the account's that typed: it is there after a restart, and an import by file is the same.
    let mut site = site;
    site.server.stop();
    site.server.run();
    assert_eq!(site.server.cli(&["trust", "list"])["trusted"][0]["certificate"]["sha256"], expected[2].0);
    let root = chain.fingerprint("root");
    site.server.cli(&["trust", "remove", &root]);
    let file = chain.file("root.pem").display().to_string();
    let refused = site.server.refused(&["trust", "add", &file, "--fingerprint", &leaf]);
    assert!(refused.contains("fingerprint"), "{refused}");
    site.server.cli(&["trust", "add", &file, "--fingerprint", &root]);
    let server = chain.file("server.pem").display().to_string();
    let refused = site.server.refused(&["trust", "add", &server, "--fingerprint", &leaf]);
    assert!(refused.contains("no authority"), "{refused}");
}

/// A server that nobody believes is refused; once its certificate was let in, the same running server believes it, and messages go
/// out over it. Taken out again, new connections are refused.
///
/// Covers: AV-52, AV-62, AV-58 (used), X-06 (used)
#[test]
fn what_is_let_in_holds_at_once_and_without_a_restart() {
    let site = Site::bare(&Options::default());
    let (_, port) = host_and_port(site.lab.ews_https());
    let add = ["endpoint", "add", "lab", "ews:127.0.0.1", "--port", &port];
    let refused = site.server.refused(&add);
    assert!(refused.contains("tieline trust fetch"), "{refused}");
    let host = format!("127.0.0.1:{port}");
    let own = site.server.cli(&["trust", "fetch", &host])["certificates"][0]["sha256"].clone();
    let own = own.as_str().expect("a fingerprint").to_owned();
    site.server.cli(&["trust", "fetch", &host, "--server-only", "--fingerprint", &own, "--yes"]);
    site.server.cli(&add);
    let password = site.password_file(tieline_tests::lab::PASSWORD);
    let account = tieline_tests::lab::SERVICE_ACCOUNT;
    site.server.cli(&[
        "feature-group",
        "add",
        "Staff",
        "--endpoint",
        "lab",
        "--account",
        account,
        "--password-file",
        &password,
    ]);
    site.add_mailbox("1001", "alice", &[]);
    let message = site.deposit(&spoken(site.folder(), "short", "Call me."), "1001", "111");
    site.wait_delivered(message["id"].as_str().expect("an id"));

    site.server.cli(&["trust", "remove", &own]);
    let refused = site.server.refused(&["endpoint", "add", "again", "ews:127.0.0.1", "--port", &port]);
    assert!(refused.contains("unknown issuer"), "{refused}");
}

/// A sign-in provider behind TLS: refused while nobody believes its authority, believed once that stands in the file `ca_file`
/// and the configuration is read again, or once it is let in; a file that holds no certificate changes nothing. All in one
/// process.
///
/// Covers: AV-62 (files, sign-in)
#[test]
fn authorities_in_files_and_the_trust_store_reach_the_sign_in_provider() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (chain, port) = (Chain::issue(folder.path(), 20), port::free());
    let _provider = chain.serve(port);
    let other = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("provider-ca.pem");
    let believe = |root: &Path| fs::copy(root, &file).expect("own folder");
    believe(&Chain::issue(other.path(), 20).file("root.pem"));
    let more = format!(
        "[sign_in]\npublic_url = \"http://127.0.0.1\"\nlocal_accounts = false\n\n[sign_in.openid]\n\
         issuer = \"https://localhost:{port}\"\nclient_id = \"tieline\"\nca_file = \"provider-ca.pem\"\n"
    );
    let mut server = Server::start(folder.path(), &Options { more, ..Options::default() });
    let asked = |server: &Server| Pages::new(&server.base()).get("/sign-in/openid").body;
    let unknown = |page: &str| page.contains("cannot be reached");
    // The provider is a page in truth: what is said of that proves that it was asked.
    let known = |page: &str| page.contains("is not usable");
    let page = asked(&server);
    assert!(unknown(&page), "{page}");

    fs::write(&file, "no certificate").expect("own folder");
    let refused = server.refused(&["config", "reload"]);
    assert!(refused.contains("provider-ca.pem"), "{refused}");
    assert!(unknown(&asked(&server)), "as before");
    believe(&chain.file("root.pem"));
    let reloaded = server.cli(&["config", "reload"]);
    assert_eq!(reloaded["restart"], json!([]), "{reloaded}");
    let page = asked(&server);
    assert!(known(&page), "{page}");
    believe(&other.path().join("root.pem"));
    server.process().signal("HUP");
    eventually("the other authority", || unknown(&asked(&server)).then_some(()));

    let (root, print) = (chain.file("root.pem").display().to_string(), chain.fingerprint("root"));
    server.cli(&["trust", "add", &root, "--fingerprint", &print]);
    let page = asked(&server);
    assert!(known(&page), "{page}");
    server.stop();
}

/// Certificates in use are looked at with their days: in the list, as a metric, and as a warning in status and doctor when they
/// end soon.
///
/// Covers: AV-60
#[test]
fn the_days_of_certificates_are_counted_and_their_end_is_told() {
    let site = Site::start();
    let chain = Chain::issue(site.folder(), 2);
    let port = port::free();
    let _server = chain.serve(port);
    let port = port.to_string();
    site.server.cli(&["endpoint", "add", "other", "ews:localhost", "--port", &port, "--unchecked"]);
    let looked = site.server.cli(&["trust", "look"]);
    let seen = &looked["seen"][0];
    assert_eq!(
        (&seen["place"], &seen["days_left"]),
        (&json!(format!("localhost:{port}")), &json!(1)),
        "{looked:#}"
    );
    assert_eq!(seen["warning"]["code"], "certificate-ends", "{looked:#}");
    let status = site.server.cli(&["status"]);
    assert_eq!(status["certificates"][0]["days_left"], 1, "{status:#}");
    let metrics = site.server.anonymous().get("/metrics");
    let text = metrics.body.as_str().unwrap_or_default();
    let line =
        text.lines().find(|line| line.starts_with("tieline_certificate_expires_seconds")).unwrap_or_default();
    let seconds: f64 =
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{text}"));
    assert!((86_400.0..=2.0 * 86_400.0).contains(&seconds), "{line}");
    let doctor = site.server.command(&["doctor", "--json"]);
    let said = String::from_utf8_lossy(&doctor.stdout);
    assert!(said.contains("ends in 1 days") && said.contains("have it renewed"), "{said}");
}

/// What the operating system believes is believed, and read again on a reload.
///
/// Covers: AV-55
#[test]
fn authorities_of_the_operating_system_are_believed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let chain = Chain::issue(folder.path(), 20);
    let port = port::free();
    let _server = chain.serve(port);
    let server = Server::prepare(folder.path(), &Options::default());
    // The command line asks a server by the same trust as the service asks Exchange.
    let asked = |store: Option<&Path>| {
        let mut command = Command::new(tieline_tests::tieline());
        command.args([
            "status",
            "--token",
            "none",
            "--server",
            &format!("https://localhost:{port}"),
            "--config",
        ]);
        command.arg(server.config());
        if let Some(store) = store {
            command.env("SSL_CERT_FILE", store);
        }
        String::from_utf8_lossy(&command.output().expect("tieline starts").stderr).into_owned()
    };
    assert!(asked(None).contains("unknown issuer"), "{}", asked(None));
    let root = chain.file("root.pem");
    let said = asked(Some(&root));
    assert!(!said.contains("issuer") && !said.contains("certificate"), "{said}");
    eventually("an answer of the page", || asked(Some(&root)).contains("tieline: ").then_some(()));
}
