//! Quick calls a second with a warm cache of 200,000 people, beside nginx answering a bare 302 on the same machine in the
//! same run; the 99th percentile; the memory of the cache. `cargo bench -p tieline-tests --bench quick_call`, after
//! `cargo build --release -p tieline`; wants slapd, nginx and wrk.
//!
//! Each call is whole: session, contact, look-up, redirect, and a decision written to the store. wrk asks eight at a time,
//! for people who are drawn anew with each request: once over connections that stay open, once over a new one for each
//! call, as a click that opens a browser does; then over one, for the time that a single technician waits. The servers
//! take turns, three rounds, and the median counts. The load of the machine stands beside.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tieline_tests::page::Pages;
use tieline_tests::port;
use tieline_tests::process::{Running, run};
use tieline_tests::site::{Options, Server};
use tieline_tests::tool;

const PEOPLE: u32 = 200_000;
const ROUNDS: usize = 3;
const WANTED_SHARE: f64 = 0.5;
const WANTED_P99_MS: f64 = 5.0;
const TECHNICIAN: &str = "dana@corp.example";
const SENTENCE: &str = "a sentence does well";

fn main() {
    let folder = tempfile::Builder::new().prefix("tieline-").tempdir().expect("a temporary folder");
    let folder = folder.path();
    let (slapd, ldap) = directory(folder);
    println!("load before: {}", load());

    let bare = Server::start(&sub(folder, "bare"), &Options::default());
    let without = resident_mb(&bare);
    drop(bare);
    let more = format!(
        "[directory]\nservers = [\"ldap+plain://127.0.0.1:{ldap}\"]\nkind = \"openldap\"\nbases = [\"ou=people,dc=corp,dc=example\"]\n\
         allow_plaintext = true\nlist_every_s = 86400\nchanges_every_s = 3600\n\n[limits]\nrequests_per_minute = 10000000\n"
    );
    let mut server = Server::start(&sub(folder, "full"), &Options { more, ..Options::default() });
    let url = "https://companyname.easyvista.com/sso_samlindexlync.php?do_quickcall=1&url_requestor=";
    server.cli(&["quick-call", "target", "add", "easyvista", "--method1", url]);
    wait_for_everybody(&server);
    println!("memory: {without:.0} MB without people, {:.0} MB with {PEOPLE}", resident_mb(&server));

    let password = folder.join("dana.pw");
    fs::write(&password, SENTENCE).expect("written");
    server.cli(&["user", "add", TECHNICIAN, "--password-file", &password.display().to_string()]);
    let mut pages = Pages::new(&server.base());
    assert_eq!(pages.sign_in(TECHNICIAN, SENTENCE).status, 200);
    let one = "/quick-call?contactId=Contacts%3D%3Csip:person7@corp.example%3E";
    assert_eq!(pages.get(one).status, 302);
    let cookies: Vec<_> = pages.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let script = |name: &str, connection: &str| {
        let path = folder.join(name);
        fs::write(&path, lua(&cookies.join("; "), connection)).expect("written");
        path
    };
    let (kept, new) = (script("kept.lua", "keep-alive"), script("new.lua", "close"));

    let (mut nginx, bare_302) = nginx(folder);
    compare("connections kept open", &bare_302, &server.base(), &kept);
    compare("a new connection for each", &bare_302, &server.base(), &new);
    let single = wrk(&server.base(), &kept, 1);
    println!(
        "one technician: p99 {:.2} ms (wanted {WANTED_P99_MS}), {:.0} a second",
        single.p99_ms, single.rate
    );
    println!("load afterwards: {}", load());
    server.stop();
    // Asked to end, nginx takes its workers along; killed, it would leave them.
    nginx.stop();
    drop(slapd);
}

/// Prints quick calls a second beside nginx's redirects.
fn compare(how: &str, bare_302: &str, quick_calls: &str, script: &Path) {
    let mut measured = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        measured[0].push(wrk(bare_302, script, 8).rate);
        measured[1].push(wrk(quick_calls, script, 8).rate);
    }
    let [peer, own] = measured.map(median);
    println!(
        "{how}: nginx, bare 302: {peer:.0} a second; quick calls: {own:.0} a second; ratio {:.2} (wanted {WANTED_SHARE})",
        own / peer
    );
}

/// The listing ends with the highest numbers. Each is asked for once: an answer "asked now" would bring that one alone.
fn wait_for_everybody(server: &Server) {
    let begun = Instant::now();
    for n in (0..PEOPLE).rev() {
        let tried = server.cli(&["quick-call", "test", &format!("sip:person{n}@corp.example")]);
        let steps = tried["steps"].as_array().cloned().unwrap_or_default();
        let detail = steps.iter().find(|step| step["name"] == "directory").map(|step| step["detail"].clone());
        if detail.is_some_and(|detail| detail.as_str().is_some_and(|detail| detail.contains(" s ago"))) {
            println!("{PEOPLE} people listed within {:.0} s", begun.elapsed().as_secs_f64());
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(600), "the directory is not read: {tried}");
        sleep(Duration::from_millis(500));
    }
}

fn sub(folder: &Path, name: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::create_dir(&path).expect("the folder can be written");
    path
}

/// OpenLDAP with everybody, on loopback.
fn directory(folder: &Path) -> (Running, u16) {
    let at = sub(folder, "slapd");
    fs::create_dir(at.join("data")).expect("written");
    let conf = format!(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\ninclude /etc/ldap/schema/inetorgperson.schema\n\
         modulepath /usr/lib/ldap\nmoduleload back_mdb\nsizelimit unlimited\ndatabase mdb\nmaxsize 2147483648\nsuffix \"dc=corp,dc=example\"\n\
         directory {}\nindex objectClass eq\nindex entryCSN,entryUUID,labeledURI,mail,uid eq\n",
        at.join("data").display()
    );
    fs::write(at.join("slapd.conf"), conf).expect("written");
    let mut ldif =
        "dn: dc=corp,dc=example\nobjectClass: dcObject\nobjectClass: organization\no: corp\ndc: corp\n\n\
                    dn: ou=people,dc=corp,dc=example\nobjectClass: organizationalUnit\nou: people\n\n"
            .to_owned();
    for n in 0..PEOPLE {
        let _ = write!(
            ldif,
            "dn: uid=person{n},ou=people,dc=corp,dc=example\nobjectClass: inetOrgPerson\nuid: person{n}\ncn: Given{} Family{n}\n\
             sn: Family{n}\nmail: given.family{n}@corp.example\nlabeledURI: sip:person{n}@corp.example\n\
             telephoneNumber: +49 30 {}\no: Corp\nou: Department {}\n\n",
            n % 500,
            1_000_000 + n,
            n % 80
        );
    }
    fs::write(at.join("people.ldif"), ldif).expect("written");
    let mut add = Command::new(tool("slapadd"));
    run(add.arg("-q").arg("-f").arg(at.join("slapd.conf")).arg("-l").arg(at.join("people.ldif")));
    let port = port::free();
    let mut slapd = Command::new(tool("slapd"));
    slapd.args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}"), "-f"]).arg(at.join("slapd.conf"));
    let mut slapd = Running::start("slapd", &mut slapd, &at);
    slapd.wait_until("slapd", || TcpStream::connect(("127.0.0.1", port)).ok());
    (slapd, port)
}

fn nginx(folder: &Path) -> (Running, String) {
    let at = sub(folder, "nginx");
    let port = port::free();
    let conf = format!(
        "worker_processes auto;\npid {0}/pid;\nerror_log {0}/error.log;\ndaemon off;\nevents {{ worker_connections 1024; }}\n\
         http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {0}; proxy_temp_path {0}; fastcgi_temp_path {0};\n\
         uwsgi_temp_path {0}; scgi_temp_path {0};\n\
         server {{ listen 127.0.0.1:{port}; location / {{ return 302 https://companyname.easyvista.com/; }} }} }}\n",
        at.display()
    );
    fs::write(at.join("nginx.conf"), conf).expect("written");
    let mut nginx = Command::new(tool("nginx"));
    let mut nginx = Running::start("nginx", nginx.arg("-c").arg(at.join("nginx.conf")), &at);
    nginx.wait_until("nginx", || TcpStream::connect(("127.0.0.1", port)).ok());
    (nginx, format!("http://127.0.0.1:{port}"))
}

fn lua(cookies: &str, connection: &str) -> String {
    format!(
        "math.randomseed(os.time())\nlocal headers = {{ [\"Cookie\"] = \"{cookies}\", [\"Connection\"] = \"{connection}\" }}\n\
         function request()\n  local path = \"/quick-call?contactId=Contacts%3D%3Csip:person\" .. math.random(0, {}) .. \"@corp.example%3E\"\n\
           return wrk.format(\"GET\", path, headers)\nend\n\
         function done(summary, latency)\n  print(string.format(\"result %f %f %d\", summary.requests / summary.duration * 1e6, latency:percentile(99) / 1000, summary.errors.status))\nend\n",
        PEOPLE - 1
    )
}

struct Measured {
    rate: f64,
    p99_ms: f64,
}

fn wrk(base: &str, script: &Path, connections: u32) -> Measured {
    let mut wrk = Command::new(tool("wrk"));
    wrk.args(["-t1", "-d5s", &format!("-c{connections}"), "-s"]).arg(script).arg(base);
    let output = wrk.output().expect("wrk starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find_map(|line| line.strip_prefix("result ")).unwrap_or_else(|| panic!("{said}"));
    let numbers: Vec<f64> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
    assert!(numbers[2] == 0.0, "some calls were refused: {said}");
    Measured { rate: numbers[0], p99_ms: numbers[1] }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn resident_mb(server: &Server) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').take(3).collect::<Vec<_>>().join(" ")
}
