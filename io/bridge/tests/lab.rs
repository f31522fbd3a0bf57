//! Against the lab's BigBlueButton.

use tieline_bridge::{BigBlueButton, BigBlueButtonAccount, Checksum, SipBridge};
use tieline_lab::{BIGBLUEBUTTON_SECRET, Lab, LabConfig};
use tieline_model::{Passcode, Passcodes, TlsTrust};
use tieline_ports::{ConferenceBridge, OpenRoom};
use tieline_transport::TrustStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn room(conference: &str, participant: &str, leads: bool) -> OpenRoom {
    let code = |text: &str| Some(Passcode::new(text));
    OpenRoom {
        number: "7042".parse().unwrap(),
        name: "Plans & more".to_owned(),
        conference: conference.to_owned(),
        until: None,
        passcodes: Passcodes { conference: code("1234"), chairperson: code("9876") },
        participant: participant.to_owned(),
        leads,
    }
}

/// What a browser would be shown.
async fn get(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

struct World {
    _state: tempfile::TempDir,
    lab: Lab,
}

impl World {
    async fn new() -> Self {
        let state = tempfile::tempdir().unwrap();
        let lab = Lab::start(LabConfig::new(state.path())).await.unwrap();
        Self { _state: state, lab }
    }

    fn bridge(&self, secret: &str, checksum: Checksum) -> BigBlueButton {
        BigBlueButton::new(BigBlueButtonAccount {
            url: self.lab.ready().bigbluebutton.clone(),
            tls: TlsTrust::System,
            trust_store: TrustStore::default(),
            secret: secret.to_owned().into(),
            checksum,
            sip: Some("sip:{number}@127.0.0.1:5090".to_owned()),
        })
        .unwrap()
    }
}

/// Covers: PO-09 (BigBlueButton)
#[tokio::test]
async fn a_conference_is_made_once_and_everybody_joins_with_a_link_of_their_own() {
    let world = World::new().await;
    for (checksum, conference) in [(Checksum::Sha1, "one"), (Checksum::Sha256, "two")] {
        let bridge = world.bridge(BIGBLUEBUTTON_SECRET, checksum);
        for (name, leads, role) in [("Bob & Co", false, "VIEWER"), ("Alice", true, "MODERATOR")] {
            let entrance = bridge.open(&room(conference, name, leads)).await.unwrap();
            assert_eq!(entrance.sip.as_deref(), Some("sip:7042@127.0.0.1:5090"));
            let page = get(&entrance.web.unwrap()).await;
            assert!(page.contains("<p id=room>7042</p>"), "{page}");
            assert!(page.contains(&format!("<p id=role>{role}</p>")), "{page}");
            assert!(page.contains(&format!("<p id=name>{}</p>", name.replace('&', "&amp;"))), "{page}");
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_and_a_server_that_is_away_say_who_must_act() {
    let world = World::new().await;
    let error = world.bridge("guess", Checksum::Sha256).open(&room("one", "Bob", false)).await.unwrap_err();
    assert_eq!(error.refusal().code, "bridge-secret");
    // A conference that somebody else made under the same name.
    let bridge = world.bridge(BIGBLUEBUTTON_SECRET, Checksum::Sha256);
    bridge.open(&room("one", "Bob", false)).await.unwrap();
    let mut other = room("one", "Bob", false);
    other.passcodes.conference = Some(Passcode::new("0000"));
    assert_eq!(bridge.open(&other).await.unwrap_err().refusal().code, "bridge-refused");
    let bridge = world.bridge(BIGBLUEBUTTON_SECRET, Checksum::Sha256);
    let url = world.lab.ready().bigbluebutton.clone();
    world.lab.shutdown().await;
    let error = bridge.open(&room("one", "Bob", false)).await.unwrap_err();
    assert_eq!(error.refusal().code, "bridge-unreachable", "{url}");
}

#[tokio::test]
async fn a_plain_bridge_is_an_address() {
    let bridge = SipBridge::new("sip:{number}@10.0.0.9:5060;transport=tcp".to_owned());
    let entrance = bridge.open(&room("one", "Bob", false)).await.unwrap();
    assert_eq!(entrance.sip.as_deref(), Some("sip:7042@10.0.0.9:5060;transport=tcp"));
    assert_eq!(entrance.web, None);
}
