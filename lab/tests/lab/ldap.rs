//! The lab's directory asked with OpenLDAP's own client.

use std::process::{Command, Output};

use tieline_lab::{Directory, LabDirectory, PASSWORD};
use tokio_util::sync::CancellationToken;

struct Server {
    directory: LabDirectory,
    stop: CancellationToken,
}

impl Server {
    async fn start(users: usize) -> Self {
        let stop = CancellationToken::new();
        let bind = "127.0.0.1:0".parse().expect("an address");
        let directory =
            LabDirectory::start(bind, &Directory::new(users), stop.clone()).await.expect("listens");
        Self { directory, stop }
    }

    async fn tool(&self, program: &'static str, options: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(["-x", "-H", &format!("ldap://{}", self.directory.address())]).args(options);
        let run = move || command.output().expect("the program of Debian's package ldap-utils");
        tokio::task::spawn_blocking(run).await.expect("it ends")
    }

    async fn search(&self, options: &[&str]) -> (i32, String) {
        let account = ["-LLL", "-o", "ldif-wrap=no", "-D", "svc-tieline@lab.example", "-w", PASSWORD];
        let all: Vec<_> = account.iter().chain(options).copied().collect();
        let output = self.tool("ldapsearch", &all).await;
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn count(text: &str, line: &str) -> usize {
    text.lines().filter(|found| found.starts_with(line)).count()
}

#[tokio::test]
async fn people_are_found_with_their_addresses() {
    let server = Server::start(12).await;
    let base = server.directory.base();
    let filter = "(&(objectCategory=person)(|(mail=ALICE@*)(telephoneNumber=*1004)))";
    let (code, text) =
        server.search(&["-b", base, filter, "mail", "proxyAddresses", "msRTCSIP-PrimaryUserAddress"]).await;
    assert_eq!(
        (code, count(&text, "dn: CN=Alice Adams,OU=People,DC=lab,DC=example"), count(&text, "dn: ")),
        (0, 1, 2)
    );
    assert!(text.contains("proxyAddresses: SMTP:alice@lab.example\n"), "{text}");
    assert!(text.contains("msRTCSIP-PrimaryUserAddress: sip:alice@lab.example\n"), "{text}");
    assert!(!text.contains("telephoneNumber"), "only what was asked for: {text}");
    let (code, text) = server.search(&["-b", base, "-s", "one", "(objectClass=*)", "1.1"]).await;
    assert_eq!((code, count(&text, "dn: OU=")), (0, 2), "{text}");
    let (code, _) = server.search(&["-b", "OU=Nowhere,DC=lab,DC=example", "(cn=*)"]).await;
    assert_eq!(code, 32);
}

#[tokio::test]
async fn more_than_a_page_comes_in_pages_only() {
    let server = Server::start(2500).await;
    let base = server.directory.base();
    let (code, text) = server.search(&["-b", base, "(userPrincipalName=user*)", "cn"]).await;
    assert_eq!((code, count(&text, "dn: ")), (4, 1000));
    let (code, text) =
        server.search(&["-E", "pr=300/noprompt", "-b", base, "(userPrincipalName=user*)", "cn"]).await;
    assert_eq!((code, count(&text, "dn: ")), (0, 2497));
    let (code, text) = server.search(&["-z", "5", "-b", base, "(cn=*)", "cn"]).await;
    assert_eq!((code, count(&text, "dn: ")), (4, 5));
}

#[tokio::test]
async fn nobody_reads_without_a_bind_and_nobody_writes() {
    let server = Server::start(3).await;
    let base = server.directory.base();
    let wrong =
        server.tool("ldapsearch", &["-D", "svc-tieline@lab.example", "-w", "wrong", "-b", base]).await;
    assert_eq!(wrong.status.code(), Some(49));
    assert_eq!(server.tool("ldapsearch", &["-b", base]).await.status.code(), Some(1), "anonymous");
    let root = server.tool("ldapsearch", &["-LLL", "-b", "", "-s", "base", "*", "+"]).await;
    let text = String::from_utf8_lossy(&root.stdout).into_owned();
    assert!(
        text.contains("supportedControl: 1.2.840.113556.1.4.319\n") && text.contains("highestCommittedUSN: "),
        "{text}"
    );
    for name in ["alice@lab.example", "LAB\\alice", "CN=Alice Adams,OU=People,DC=lab,DC=example"] {
        let who = server.tool("ldapwhoami", &["-D", name, "-w", PASSWORD]).await;
        assert_eq!(String::from_utf8_lossy(&who.stdout), "u:LAB\\alice\n", "{name}");
    }
    let dn = "CN=Alice Adams,OU=People,DC=lab,DC=example";
    let delete = server.tool("ldapdelete", &["-D", "alice@lab.example", "-w", PASSWORD, dn]).await;
    assert_eq!(delete.status.code(), Some(53));
}
