//! OpenLDAP's server with people of our making, in a temporary folder, over TLS and plain, on loopback.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tieline_directory::{Account, DirectoryConfig};
use tieline_transport::Trust;

pub(crate) const BASE: &str = "ou=people,dc=corp,dc=example";
const SUFFIX: &str = "dc=corp,dc=example";
const SERVICE: &str = "cn=svc-tieline,dc=corp,dc=example";
pub(crate) const PASSWORD: &str = "k0rrekt-Pferd";
const ADMIN: &str = "cn=admin,dc=corp,dc=example";
const ADMIN_PASSWORD: &str = "admin-of-the-test";
/// CI is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// An authority of the test's own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "Test authority");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust::Authorities(self.0.pem())
    }

    fn issue(&self, folder: &Path) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "localhost");
        let certificate = params.signed_by(&key, &self.0).unwrap();
        std::fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    }
}

/// A server. Dropping it ends it.
pub(crate) struct Slapd {
    folder: TempDir,
    child: Option<Child>,
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
}

impl Slapd {
    /// With people `person0` to `person<people - 1>`.
    pub(crate) fn start(people: usize, authority: &Authority) -> Self {
        let folder = tempfile::Builder::new().prefix("tieline-slapd-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        authority.issue(folder.path());
        std::fs::write(folder.path().join("slapd.conf"), configuration(folder.path())).unwrap();
        std::fs::write(folder.path().join("people.ldif"), ldif(people)).unwrap();
        let mut load = Command::new("/usr/sbin/slapadd");
        load.arg("-q")
            .arg("-f")
            .arg(folder.path().join("slapd.conf"))
            .arg("-l")
            .arg(folder.path().join("people.ldif"));
        let loaded = load.output().expect("slapadd of Debian's package slapd");
        assert!(loaded.status.success(), "slapadd: {}", String::from_utf8_lossy(&loaded.stderr));
        let mut slapd = Self { folder, child: None, plain: free_address(), tls: free_address() };
        slapd.come_back();
        slapd
    }

    /// Starts it again on the same ports and data.
    pub(crate) fn come_back(&mut self) {
        let mut command = Command::new("/usr/sbin/slapd");
        let urls = format!("ldap://{} ldaps://{}", self.plain, self.tls);
        command.arg("-d").arg("0").arg("-h").arg(urls).arg("-f").arg(self.folder.path().join("slapd.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("slapd of Debian's package slapd"));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.tls).is_err() {
            assert!(Instant::now() < deadline, "slapd does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends it at once, connections included, as when its machine fails.
    pub(crate) fn go_away(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn ldaps(&self) -> String {
        format!("ldaps://localhost:{}", self.tls.port())
    }

    pub(crate) fn start_tls(&self) -> String {
        format!("ldap://localhost:{}", self.plain.port())
    }

    /// Changes people through OpenLDAP's own client.
    pub(crate) fn modify(&self, ldif: &str) {
        self.tool("ldapmodify", &[], ldif);
    }

    pub(crate) fn delete(&self, dns: &[String]) {
        self.tool("ldapdelete", &["-c"], &format!("{}\n", dns.join("\n")));
    }

    fn tool(&self, program: &str, options: &[&str], input: &str) {
        let mut command = Command::new(program);
        command
            .args(["-x", "-H", &format!("ldap://{}", self.plain), "-D", ADMIN, "-w", ADMIN_PASSWORD])
            .args(options);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.go_away();
    }
}

/// Settings for these servers, with the service account.
pub(crate) fn config(servers: &[String], authority: &Authority) -> DirectoryConfig {
    let servers = servers.iter().map(|server| server.parse().unwrap()).collect();
    let mut config = DirectoryConfig::openldap(servers, vec![BASE.to_owned()]);
    config.trust = authority.trust();
    config.account = Some(Account { name: SERVICE.to_owned(), password: PASSWORD.into() });
    config
}

pub(crate) fn dn(number: usize) -> String {
    format!("uid=person{number},{BASE}")
}

/// A server that gives at most 500 entries to whoever does not ask for pages.
fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         pidfile {folder}/slapd.pid\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         TLSCertificateFile {folder}/cert.pem\n\
         TLSCertificateKeyFile {folder}/key.pem\n\
         sizelimit size.soft=500 size.hard=500 size.pr=500 size.prtotal=unlimited\n\
         access to attrs=userPassword by anonymous auth\n\
         access to dn.base=\"\" by * read\n\
         access to * by users read by * none\n\
         database mdb\n\
         suffix \"{SUFFIX}\"\n\
         rootdn \"{ADMIN}\"\n\
         rootpw {ADMIN_PASSWORD}\n\
         directory {folder}/data\n\
         maxsize 1073741824\n\
         dbnosync\n\
         index objectClass,mail,uid,telephoneNumber,labeledURI,entryCSN,entryUUID eq\n\
         access to attrs=userPassword by anonymous auth\n\
         access to * by users read by * none\n"
    )
}

/// The same people on every server, operational attributes included.
fn ldif(people: usize) -> String {
    let mut ldif = format!(
        "dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\no: Corp\ndc: corp\n\n\
         dn: {BASE}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: {SERVICE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: svc-tieline\n\
         userPassword: {PASSWORD}\n\n"
    );
    for number in 0..people {
        let (given, family) = name(number);
        // Each entered a minute after the one before.
        let (day, hour, minute) = (1 + number / 1440 % 28, number / 60 % 24, number % 60);
        let time = format!("202601{day:02}{hour:02}{minute:02}00");
        let _ = write!(
            ldif,
            "dn: {}\nobjectClass: inetOrgPerson\nuid: person{number}\ncn: {given} {family}\nsn: {family}\n\
             givenName: {given}\ndisplayName: {given} {family}\nmail: person{number}@corp.example\n\
             mail: {given}.{family}.{number}@corp.example\nlabeledURI: sip:p{number}@uc.example\n\
             telephoneNumber: +49 30 {:07}\nou: Department {}\no: Corp\n\
             entryUUID: {number:08x}-1111-4111-8111-111111111111\n\
             entryCSN: {time}.000000Z#000000#000#000000\nmodifyTimestamp: {time}Z\n\n",
            dn(number),
            1_000_000 + number,
            number % 40,
        );
    }
    ldif
}

/// Names that repeat, as names do.
pub(crate) fn name(number: usize) -> (&'static str, &'static str) {
    const GIVEN: [&str; 10] =
        ["Alice", "Bob", "Carol", "David", "Erika", "Frank", "Greta", "Henry", "Ines", "Jonas"];
    const FAMILY: [&str; 10] =
        ["Adams", "Brown", "Clark", "Dietrich", "Evans", "Fischer", "Garcia", "Huber", "Ivanov", "Jansen"];
    (GIVEN[number % 10], FAMILY[number / 10 % 10])
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
