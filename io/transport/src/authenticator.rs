//! The authentication state of one connection. Basic and Bearer prove themselves with each request and keep none;
//! NTLM proves the connection and keeps its handshake here, which is why every connection owns one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use tieline_proto_ntlm::{ChannelBinding, Client, FileTime, Fresh, Identity, Mode, NtlmError, Spnego};
use zeroize::Zeroizing;

use crate::credentials::Credentials;

/// What proves a connection or its requests.
#[derive(Debug)]
pub(crate) enum Authenticator {
    Silent,
    EachRequest(HeaderValue),
    Ntlm(Box<Ntlm>),
}

impl Authenticator {
    /// `ntlm` says which of its two ways [`Credentials::Password`] goes. Tokens come from their source with each
    /// request.
    pub(crate) fn begin(credentials: &Credentials, ntlm: bool) -> Self {
        let value = match credentials {
            Credentials::Anonymous | Credentials::Tokens(_) => None,
            Credentials::Ntlm { user, password } => return Self::Ntlm(Box::new(Ntlm::new(user, password))),
            Credentials::Password { user, password } if ntlm => {
                return Self::Ntlm(Box::new(Ntlm::new(user, password)));
            }
            Credentials::Basic { user, password } | Credentials::Password { user, password } => {
                let pair = format!("{user}:{}", password.expose_secret());
                authorization("Basic", &STANDARD.encode(pair))
            }
            Credentials::Bearer { token } => authorization("Bearer", token.expose_secret()),
        };
        value.map_or(Self::Silent, Self::EachRequest)
    }

    /// The `Authorization` header that every request on this connection carries.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        match self {
            Self::EachRequest(value) => Some(value.clone()),
            Self::Silent | Self::Ntlm(_) => None,
        }
    }

    /// The handshake that this connection still owes.
    pub(crate) fn handshake(&mut self) -> Option<&mut Ntlm> {
        match self {
            Self::Ntlm(ntlm) if !ntlm.done => Some(ntlm),
            _ => None,
        }
    }

    /// Whether the connection itself has been authenticated.
    pub(crate) fn is_connection_proven(&self) -> bool {
        matches!(self, Self::Ntlm(ntlm) if ntlm.done)
    }
}

/// A header with a secret in it.
pub(crate) fn authorization(scheme: &str, proof: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{scheme} {proof}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The schemes that a 401 offers, in the server's order and spelling.
pub(crate) fn schemes(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    values.filter_map(|value| value.split_ascii_whitespace().next()).map(str::to_owned).collect()
}

/// Whether a 401 offers this scheme.
pub(crate) fn offers(headers: &HeaderMap, scheme: &str) -> bool {
    schemes(headers).iter().any(|offered| offered.eq_ignore_ascii_case(scheme))
}

/// One handshake.
#[derive(Debug)]
pub(crate) struct Ntlm {
    client: Client,
    /// The messages go in SPNEGO, under the name `Negotiate`.
    negotiates: bool,
    pub(crate) done: bool,
}

impl Ntlm {
    fn new(user: &str, password: &SecretString) -> Self {
        let client = Client::new(Identity::new(user, password.expose_secret()), Mode::Stream);
        Self { client, negotiates: false, done: false }
    }

    fn scheme(&self) -> &'static str {
        if self.negotiates { "Negotiate" } else { "NTLM" }
    }

    /// The header of the first leg.
    pub(crate) fn hello(&mut self) -> Result<Option<HeaderValue>, NtlmError> {
        let hello = self.client.negotiate()?;
        let token = if self.negotiates { Spnego::init(hello).encode() } else { hello };
        Ok(authorization(self.scheme(), &STANDARD.encode(token)))
    }

    /// Some servers let NTLM in under the name `Negotiate` only. Whether there is another name to try.
    pub(crate) fn rename(&mut self, headers: &HeaderMap) -> bool {
        let other = !self.negotiates && !offers(headers, "NTLM") && offers(headers, "Negotiate");
        self.negotiates |= other;
        other
    }

    /// The server's challenge in the answer to the first leg.
    pub(crate) fn challenge(&self, headers: &HeaderMap) -> Option<Vec<u8>> {
        let values = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let mut tokens = values.filter_map(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case(self.scheme()).then_some(token.trim())
        });
        let token = tokens.find_map(|token| STANDARD.decode(token).ok())?;
        // Some servers answer in SPNEGO with the bare message.
        if !self.negotiates || Spnego::is_bare(&token) {
            return Some(token);
        }
        match Spnego::parse(&token) {
            Ok(Spnego::Response { token, .. }) => token,
            _ => None,
        }
    }

    /// The header of the last leg. The server's `Date` serves as clock where its challenge names no time.
    pub(crate) fn answer(
        &self,
        challenge: &[u8],
        headers: &HeaderMap,
        host: &str,
        certificate: Option<&[u8]>,
    ) -> Result<Option<HeaderValue>, NtlmError> {
        let fresh = fresh(date(headers).unwrap_or_default());
        let binding = certificate.map(ChannelBinding::of_certificate);
        let service = format!("HTTP/{host}");
        let mut done = self.client.authenticate(challenge, &fresh, binding, Some(&service))?;
        let token = match self.negotiates {
            false => done.message,
            true => {
                // Nobody on the way may have shortened the list of mechanisms ([MS-SPNG] section 3.3.5.1).
                let mic = done.session.sign(&Spnego::mechanisms()).to_vec();
                let (token, state) = (Some(done.message), None);
                Spnego::Response { state, chooses_ntlm: false, token, mic: Some(mic) }.encode()
            }
        };
        Ok(authorization(self.scheme(), &STANDARD.encode(token)))
    }
}

fn date(headers: &HeaderMap) -> Option<FileTime> {
    let date = httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()?;
    let since_1970 = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since_1970.as_millis()).ok().map(FileTime::from_unix_ms)
}

/// Random numbers from where TLS takes its own.
fn fresh(time: FileTime) -> Fresh {
    let mut client_challenge = [0; 8];
    let mut session_key = Zeroizing::new([0; 16]);
    let random = rustls::crypto::ring::default_provider().secure_random;
    // The challenge need not be secret, and the session key protects nothing here: TLS does. What a failing source
    // of randomness means, the handshake of TLS has said before.
    random.fill(&mut client_challenge).ok();
    random.fill(session_key.as_mut_slice()).ok();
    Fresh { client_challenge, session_key, time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_the_example_of_rfc_7617() {
        let credentials = Credentials::basic("Aladdin", "open sesame");
        let header = Authenticator::begin(&credentials, false).authorization();
        assert_eq!(header.unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn secrets_are_never_printed() {
        for ntlm in [false, true] {
            let credentials =
                Credentials::Password { user: "svc".to_owned(), password: "hunter2".to_owned().into() };
            let authenticator = Authenticator::begin(&credentials, ntlm);
            let printed = format!("{credentials:?} {authenticator:?}");
            assert!(printed.contains("svc"));
            assert!(!printed.contains("hunter2") && !printed.contains("c3ZjOmh1bnRlcjI"), "{printed}");
        }
    }

    #[test]
    fn the_servers_date_is_a_clock() {
        let headers =
            HeaderMap::from_iter([(header::DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"))]);
        assert_eq!(date(&headers), Some(FileTime::from_unix_ms(784_111_777_000)));
        assert_eq!(date(&HeaderMap::new()), None);
    }
}
