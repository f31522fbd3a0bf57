//! BigBlueButton's REST API: `create`, which may be called as often as somebody enters, and links for `join`.
//!
//! Each call is a GET whose query ends with a checksum: the call's name, the query and the shared secret, hashed. A server
//! says with `bbb-conf --secret` what the secret is, and takes SHA-1 and SHA-256 (and longer ones since 2.6).

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use tieline_model::{Passcode, Refusal, TlsTrust};
use tieline_ports::{Applied, ConferenceBridge, Entrance, OpenRoom, PortError, PortFuture};
use tieline_transport::{
    Client, ClientOptions, Credentials, Endpoint, Fingerprint, Pin, TransportError, Trust, TrustStore,
};

/// How long one request may take: a caller waits.
const WITHIN: Duration = Duration::from_secs(8);
/// The largest answer that is read, in bytes.
const LARGEST: u64 = 256 << 10;

/// How calls are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    /// What every version takes.
    Sha1,
    /// What versions from 2.3 on take.
    #[default]
    Sha256,
}

/// A BigBlueButton server.
pub struct BigBlueButtonAccount {
    /// The API's address, as `https://bbb.corp.example/bigbluebutton/api`.
    pub url: String,
    /// How its certificate is checked.
    pub tls: TlsTrust,
    /// Whose certificates are believed besides.
    pub trust_store: TrustStore,
    /// What is shared with it.
    pub secret: SecretString,
    /// How calls are signed.
    pub checksum: Checksum,
    /// The SIP address of its voice bridge, with `{number}` for the room; `None` when it takes no calls.
    pub sip: Option<String>,
}

/// BigBlueButton as a bridge.
pub struct BigBlueButton {
    client: Client,
    base: String,
    account: BigBlueButtonAccount,
}

impl fmt::Debug for BigBlueButton {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BigBlueButton").field("url", &self.account.url).finish_non_exhaustive()
    }
}

impl BigBlueButton {
    /// Checks the address; nothing is asked yet.
    ///
    /// # Errors
    /// When the address or the trust anchor cannot be used.
    pub fn new(account: BigBlueButtonAccount) -> Result<Self, Refusal> {
        let wrong = |error: &TransportError| {
            Refusal::operator("bridge-address", error.what(), "correct [conferencing.bridge] api")
        };
        let endpoint = Endpoint::parse(&account.url).map_err(|error| wrong(&error))?;
        let trust = match &account.tls {
            TlsTrust::System => Trust::Platform,
            TlsTrust::Ca { pem } => Trust::Authorities(pem.clone()),
            TlsTrust::Pinned { sha256 } => {
                let pin = sha256.parse::<Fingerprint>().map_err(|error| wrong(&error))?;
                Trust::Pinned(vec![Pin::Certificate(pin)])
            }
        };
        let base = endpoint.path().trim_end_matches('/').to_owned();
        let options = ClientOptions { trust_store: account.trust_store.clone(), ..ClientOptions::default() };
        let client =
            Client::new(endpoint, Credentials::Anonymous, &trust, options).map_err(|error| wrong(&error))?;
        Ok(Self { client, base, account })
    }

    /// `call?query&checksum=…`.
    fn signed(&self, call: &str, parameters: &[(&str, String)]) -> String {
        let pair = |(name, value): &(&str, String)| format!("{name}={}", encoded(value));
        let query = parameters.iter().map(pair).collect::<Vec<_>>().join("&");
        let signed = format!("{call}{query}{}", self.account.secret.expose_secret());
        let algorithm = match self.account.checksum {
            Checksum::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Checksum::Sha256 => &SHA256,
        };
        let sum: String = digest(algorithm, signed.as_bytes()).as_ref().iter().map(hex).collect();
        format!("{call}?{query}&checksum={sum}")
    }

    async fn create(&self, room: &OpenRoom, passwords: &Passwords) -> Result<(), PortError> {
        // The same for everybody who enters, else the server takes it for another conference. It gets no duration: that
        // would throw people out, and nobody is let in any more after the end.
        let parameters = [
            ("name", room.name.clone()),
            ("meetingID", room.conference.clone()),
            ("attendeePW", passwords.attendee.clone()),
            ("moderatorPW", passwords.moderator.clone()),
            ("voiceBridge", room.number.to_string()),
        ];
        let path = format!("{}/{}", self.base, self.signed("create", &parameters));
        let request = Request::get(path).header(header::ACCEPT, "application/xml").body(Bytes::new());
        let request = request.map_err(|error| self.odd(&error.to_string()))?;
        let response = self.client.send(request, WITHIN).await.map_err(|error| unreachable(&error))?;
        let status = response.status;
        let body = response.collect(LARGEST, WITHIN).await.map_err(|error| unreachable(&error))?;
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            let what = format!("the bridge answered {status}");
            return Err(PortError::Failed {
                refusal: Refusal::transient(
                    "bridge-busy",
                    what,
                    "wait; it is asked again with the next call",
                )
                .at(self.client.endpoint().authority()),
                back_off: None,
                applied: Applied::No,
            });
        }
        self.read(status, &body)
    }

    /// `<response><returncode>SUCCESS</returncode>…`: a conference that exists already is a success as well.
    fn read(&self, status: StatusCode, body: &[u8]) -> Result<(), PortError> {
        let text = std::str::from_utf8(body).map_err(|_| self.odd("it is no text"))?;
        let document = roxmltree::Document::parse(text)
            .map_err(|_| self.odd(&format!("HTTP {status}, and not its API's XML")))?;
        let field = |name: &str| {
            let found = document.root_element().children().find(|node| node.has_tag_name(name));
            found.and_then(|node| node.text()).unwrap_or_default().trim().to_owned()
        };
        if field("returncode") == "SUCCESS" {
            return Ok(());
        }
        let place = self.client.endpoint().authority();
        let said: String = field("message").chars().filter(|c| !c.is_control()).take(200).collect();
        let refusal = match field("messageKey").as_str() {
            "checksumError" => Refusal::operator(
                "bridge-secret",
                "the bridge refused the checksum",
                "put what bbb-conf --secret says into the file that [conferencing.bridge] secret_file names",
            ),
            _ => Refusal::permanent(
                "bridge-refused",
                format!("the bridge did not make the conference: {said}"),
                "look at its log",
            ),
        };
        Err(PortError::refused(refusal.at(place)))
    }

    fn odd(&self, what: &str) -> PortError {
        let what = format!("the bridge's answer cannot be used: {what}");
        let next = "check [conferencing.bridge] api: it ends with /bigbluebutton/api";
        let place = self.client.endpoint().authority();
        PortError::refused(Refusal::operator("not-a-bridge", what, next).at(place))
    }

    fn join(&self, room: &OpenRoom, passwords: &Passwords) -> String {
        let password = if room.leads { &passwords.moderator } else { &passwords.attendee };
        let role = if room.leads { "MODERATOR" } else { "VIEWER" };
        let parameters = [
            ("fullName", room.participant.clone()),
            ("meetingID", room.conference.clone()),
            ("password", password.clone()),
            // Versions from 2.4 on read the role, older ones see it in the password.
            ("role", role.to_owned()),
            ("redirect", "true".to_owned()),
        ];
        format!("{}/{}", self.account.url.trim_end_matches('/'), self.signed("join", &parameters))
    }
}

/// What people join with. It never leaves but in signed links, and is the same for everybody of one conference.
struct Passwords {
    attendee: String,
    moderator: String,
}

impl Passwords {
    fn of(room: &OpenRoom, secret: &SecretString) -> Self {
        let made = |role: &str, code: &Option<Passcode>| {
            let code = code.as_ref().map(Passcode::reveal).unwrap_or_default();
            let text = format!("{role}\n{}\n{code}\n{}", room.conference, secret.expose_secret());
            digest(&SHA256, text.as_bytes()).as_ref().iter().take(12).map(hex).collect()
        };
        Self {
            attendee: made("attendee", &room.passcodes.conference),
            moderator: made("moderator", &room.passcodes.chairperson),
        }
    }
}

impl ConferenceBridge for BigBlueButton {
    fn open<'a>(&'a self, room: &'a OpenRoom) -> PortFuture<'a, Entrance> {
        Box::pin(async move {
            let passwords = Passwords::of(room, &self.account.secret);
            self.create(room, &passwords).await?;
            let sip = self.account.sip.as_ref().map(|sip| sip.replace("{number}", room.number.as_str()));
            Ok(Entrance { sip, web: Some(self.join(room, &passwords)) })
        })
    }

    fn has_pages(&self) -> bool {
        true
    }
}

fn unreachable(error: &TransportError) -> PortError {
    let refusal = if error.is_transient() {
        Refusal::transient("bridge-unreachable", error.what(), error.next())
    } else {
        Refusal::operator("bridge-unreachable", error.what(), error.next())
    };
    PortError::refused(refusal)
}

fn hex(byte: &u8) -> String {
    format!("{byte:02x}")
}

/// Percent-encodes a parameter's value.
fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let each = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    value.bytes().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bridge(checksum: Checksum, secret: &str) -> BigBlueButton {
        BigBlueButton::new(BigBlueButtonAccount {
            url: "https://bbb.corp.example/bigbluebutton/api/".to_owned(),
            tls: TlsTrust::System,
            trust_store: TrustStore::default(),
            secret: secret.to_owned().into(),
            checksum,
            sip: None,
        })
        .unwrap()
    }

    /// The example of the API's documentation.
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let parameters = [
            ("name", "Test Meeting".to_owned()),
            ("meetingID", "abc123".to_owned()),
            ("attendeePW", "111222".to_owned()),
            ("moderatorPW", "333444".to_owned()),
        ];
        let query = "name=Test%20Meeting&meetingID=abc123&attendeePW=111222&moderatorPW=333444";
        let secret = "639259d4-9dd8-4b25-bf01-95f9567eaf4b";
        let signed = bridge(Checksum::Sha1, secret).signed("create", &parameters);
        let (rest, sum) = signed.rsplit_once("&checksum=").unwrap();
        assert_eq!(rest, format!("create?{query}"));
        assert_eq!(sum.len(), 40);
        let sum256 = bridge(Checksum::Sha256, secret).signed("create", &parameters);
        assert_eq!(sum256.rsplit_once('=').unwrap().1.len(), 64);
    }

    #[test]
    fn what_the_server_says_is_understood() {
        let bridge = bridge(Checksum::Sha256, "s");
        let answer =
            |text: &str| bridge.read(StatusCode::OK, text.as_bytes()).map_err(|error| error.refusal().code);
        let made =
            "<response><returncode>SUCCESS</returncode><messageKey>duplicateWarning</messageKey></response>";
        assert_eq!(answer(made), Ok(()));
        let wrong =
            "<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey></response>";
        assert_eq!(answer(wrong), Err("bridge-secret".to_owned()));
        let other =
            "<response><returncode>FAILED</returncode><messageKey>idNotUnique</messageKey></response>";
        assert_eq!(answer(other), Err("bridge-refused".to_owned()));
        for odd in ["", "<html>", "nothing", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"] {
            assert!(answer(odd).is_err(), "{odd}");
        }
    }
}
