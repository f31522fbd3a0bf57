//! Contacts as telephones look them up: OpenLDAP's own client judges.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::Duration;

use tieline_tests::seed::Seeded;
use tieline_tests::site::{Options, Site};
use tieline_tests::{port, tool};

use crate::trust::Chain;

/// A site that serves the contacts of 1000 to everybody and those of 1001 to its telephones.
fn site() -> (Site, String) {
    let address = format!("127.0.0.1:{}", port::free());
    let more = format!(
        "[ldap]\nplain = \"{address}\"\nshared = [\"1000\"]\naccount = \"cn=phones,o=tieline\"\n\
         password_file = \"phones.pw\"\nmost_entries = 20\n"
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("phones.pw"), "phones-password\n").expect("own folder");
    let server = tieline_tests::site::Server::start(folder.path(), &Options { more, ..Options::default() });
    let site = Site::around(server, folder);
    site.add_endpoint_and_group(&[]);
    site.add_mailbox("1000", "carol", &[]);
    site.add_mailbox("1001", "alice", &[]);
    (site, format!("ldap://{address}"))
}

fn search(url: &str, who: Option<(&str, &str)>, arguments: &[&str]) -> Output {
    ldapsearch(url, who, arguments).output().expect("ldapsearch starts")
}

fn ldapsearch(url: &str, who: Option<(&str, &str)>, arguments: &[&str]) -> Command {
    let mut command = Command::new(tool("ldapsearch"));
    command.args(["-x", "-LLL", "-o", "ldif-wrap=no", "-H", url]);
    if let Some((name, password)) = who {
        command.args(["-D", name, "-w", password]);
    }
    command.args(arguments);
    command
}

fn found(output: &Output, attribute: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let prefix = format!("{attribute}: ");
    let mut values: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect();
    values.sort();
    values
}

/// A telephone looks up by name and by the number that calls; it sees its own book and the shared one, the account only the
/// shared one, and nobody sees private contacts or a book that is somebody else's. A change shows at once.
#[test]
fn telephones_look_up_names_and_numbers() {
    let (site, url) = site();
    let add = |mailbox: &str, fields: &[&str]| {
        let mut arguments = vec!["contact", "add", "--mailbox", mailbox];
        for field in fields {
            arguments.extend(["--set", field]);
        }
        site.server.cli(&arguments)["id"].as_str().expect("an id").to_owned()
    };
    add("1000", &["given_name=Ada", "surname=Lovelace", "phones.business=+44 20 1234", "company=Analytical"]);
    add("1001", &["given_name=Charles", "surname=Babbage", "phones.mobile=+44 (7700) 900-1"]);
    add("1001", &["given_name=Secret", "surname=Doctor", "phones.home=+44 1", "sensitivity=private"]);
    let password = site.password_file("telephone-secret");
    site.server.cli(&["mailbox", "set-sip-password", "1001", "--password-file", &password]);
    let phone = Some(("uid=1001,o=tieline", "telephone-secret"));
    let account = Some(("cn=phones,o=tieline", "phones-password"));

    let all = search(&url, phone, &["-b", "o=tieline", "(telephoneNumber=*)"]);
    assert_eq!(found(&all, "cn"), ["Ada Lovelace"], "{all:?}");
    let all = search(&url, phone, &["-b", "o=tieline", "(objectClass=inetOrgPerson)", "cn", "mobile"]);
    assert_eq!(found(&all, "cn"), ["Ada Lovelace", "Charles Babbage"], "{all:?}");
    assert_eq!(found(&all, "mobile"), ["+44 (7700) 900-1"]);
    assert!(found(&all, "sn").is_empty(), "only what was asked for");
    for filter in
        ["(sn=bab*)", "(cn=*charles b*)", "(mobile=*7700900*)", "(|(telephoneNumber=x)(mobile=+4477009001))"]
    {
        assert_eq!(found(&search(&url, phone, &["-b", "o=tieline", filter]), "sn"), ["Babbage"], "{filter}");
    }
    let mine = search(&url, phone, &["-b", "ou=1001,o=tieline", "-s", "one", "(sn=*)"]);
    assert_eq!(found(&mine, "sn"), ["Babbage"], "{mine:?}");
    assert_eq!(found(&search(&url, account, &["-b", "o=tieline", "(sn=*)"]), "sn"), ["Lovelace"]);
    let others = search(&url, account, &["-b", "ou=1001,o=tieline", "(sn=*)"]);
    assert_eq!(others.status.code(), Some(32), "noSuchObject: {others:?}");
    let root = search(&url, None, &["-b", "", "-s", "base", "(objectClass=*)", "namingContexts"]);
    assert_eq!(found(&root, "namingContexts"), ["o=tieline"], "{root:?}");

    for (name, password) in
        [("uid=1001,o=tieline", "wrong"), ("uid=1000,o=tieline", "telephone-secret"), ("cn=x", "y")]
    {
        let refused = search(&url, Some((name, password)), &["-b", "o=tieline"]);
        assert_eq!(refused.status.code(), Some(49), "invalidCredentials: {refused:?}");
    }
    let refused = search(&url, None, &["-b", "o=tieline", "(sn=*)"]);
    assert_eq!(refused.status.code(), Some(50), "insufficientAccessRights: {refused:?}");

    let changed = add("1001", &["given_name=Luigi", "surname=Menabrea"]);
    assert_eq!(found(&search(&url, phone, &["-b", "o=tieline", "(sn=Menabrea)"]), "givenName"), ["Luigi"]);
    site.server.cli(&["contact", "remove", &changed]);
    assert!(found(&search(&url, phone, &["-b", "o=tieline", "(sn=Menabrea)"]), "sn").is_empty());
    for number in 0..30 {
        add("1000", &[&format!("surname=Many{number:02}")]);
    }
    let many = search(&url, phone, &["-b", "o=tieline", "(sn=many*)"]);
    assert_eq!((many.status.code(), found(&many, "sn").len()), (Some(4), 20), "sizeLimitExceeded");
    let few = search(&url, phone, &["-b", "o=tieline", "-z", "3", "(sn=many*)"]);
    assert_eq!((few.status.code(), found(&few, "sn").len()), (Some(4), 3));
}

/// OpenLDAP's client turns to TLS on the plain port, checks the certificate, and is somebody only after a bind under TLS; and it
/// gets a book that is larger than one answer in pages, each contact once.
#[test]
fn telephones_turn_to_tls_and_read_in_pages() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // By its address: OpenLDAP makes the machine's own name of localhost.
    let chain = Chain::issue_for(folder.path(), 20, "IP:127.0.0.1");
    // OpenLDAP wants the whole chain from the server.
    let whole =
        ["server.pem", "chain.pem"].map(|name| fs::read_to_string(chain.file(name)).expect("just made"));
    fs::write(folder.path().join("own.pem"), whole.concat()).expect("own folder");
    let port = port::free();
    let more = format!(
        "[ldap]\nplain = \"127.0.0.1:{port}\"\ntls = {{ certificate = \"own.pem\", key = \"server.key\" }}\n\
         shared = [\"1000\"]\naccount = \"cn=phones,o=tieline\"\npassword_file = \"phones.pw\"\nmost_entries = 20\n"
    );
    fs::write(folder.path().join("phones.pw"), "phones-password\n").expect("own folder");
    let server = tieline_tests::site::Server::start(folder.path(), &Options { more, ..Options::default() });
    let root = chain.file("root.pem");
    let site = Site::around(server, folder);
    site.add_endpoint_and_group(&[]);
    site.add_mailbox("1000", "carol", &[]);
    let cards: String = (0..45)
        .map(|n| format!("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Many {n:02}\r\nN:Many{n:02};;;;\r\nEND:VCARD\r\n"))
        .collect();
    let file = site.folder().join("many.vcf");
    fs::write(&file, cards).expect("own folder");
    site.server.cli(&["contact", "import", &file.display().to_string(), "--mailbox", "1000"]);

    let account = Some(("cn=phones,o=tieline", "phones-password"));
    let asked = |url: &str, believed: bool, arguments: &[&str]| {
        let mut command = ldapsearch(url, account, arguments);
        if believed {
            command.env("LDAPTLS_CACERT", &root);
        }
        command.output().expect("ldapsearch starts")
    };
    let url = format!("ldap://127.0.0.1:{port}");
    let base = ["-b", "", "-s", "base", "supportedExtension", "supportedControl"];
    let offered = found(&asked(&url, true, &base), "supportedExtension");
    assert!(offered.contains(&"1.3.6.1.4.1.1466.20037".to_owned()), "{offered:?}");
    assert_eq!(found(&asked(&url, true, &base), "supportedControl"), ["1.2.840.113556.1.4.319"]);
    let one = ["-ZZ", "-b", "o=tieline", "(sn=Many07)"];
    let secured = asked(&url, true, &one);
    assert_eq!(found(&secured, "sn"), ["Many07"], "{secured:?}");
    let refused = asked(&url, false, &one);
    assert!(!refused.status.success(), "nobody believes it: {refused:?}");
    let under_tls = asked(&url, true, &["-ZZ", "-b", "", "-s", "base", "supportedExtension"]);
    let offered = found(&under_tls, "supportedExtension");
    assert_eq!(offered, ["1.3.6.1.4.1.4203.1.11.3"], "not twice");

    let all: Vec<String> = (0..45).map(|n| format!("Many{n:02}")).collect();
    for pages in ["pr=10/noprompt", "pr=20/noprompt", "pr=1000/noprompt"] {
        let listed = asked(&url, true, &["-ZZ", "-E", pages, "-b", "o=tieline", "(sn=many*)", "sn"]);
        assert!(listed.status.success(), "{listed:?}");
        assert_eq!(found(&listed, "sn"), all, "{pages}");
    }
    let critical = asked(&url, true, &["-E", "!pr=7/noprompt", "-b", "o=tieline", "(sn=many*)", "sn"]);
    assert_eq!(found(&critical, "sn"), all, "{critical:?}");
    let few = asked(&url, true, &["-E", "pr=7/noprompt", "-z", "9", "-b", "o=tieline", "(sn=many*)", "sn"]);
    assert_eq!((few.status.code(), found(&few, "sn").len()), (Some(4), 9), "{few:?}");
}

/// Whatever is sent to the port, well-formed in parts or not at all: the server goes on and telephones are served.
#[test]
fn garbage_on_the_port_harms_nobody() {
    let (site, url) = site();
    let mut random = Seeded::for_test("garbage_on_the_port_harms_nobody");
    // A bind, as ldapsearch sends it.
    let bind = b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00".to_vec();
    let address = url.trim_start_matches("ldap://");
    for round in 0..60 {
        let mut bytes = bind.clone();
        for _ in 0..=random.next_u64() % 8 {
            let at = (random.next_u64() as usize) % bytes.len();
            match random.next_u64() % 3 {
                0 => bytes[at] = random.next_u64() as u8,
                1 => bytes.insert(at, random.next_u64() as u8),
                _ => bytes.extend(random.next_u64().to_be_bytes()),
            }
        }
        if round % 10 == 0 {
            // A message that claims to be endless.
            bytes = b"\x30\x84\x7f\xff\xff\xff".to_vec();
        }
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket");
        let _ = stream.write_all(&bytes);
        let _ = stream.read(&mut [0; 512]);
    }
    let account = Some(("cn=phones,o=tieline", "phones-password"));
    let answer = search(&url, account, &["-b", "o=tieline", "(sn=*)"]);
    assert!(answer.status.success(), "{answer:?}");
    assert!(!site.server.log().contains("panicked"), "{}", site.server.log());
}
