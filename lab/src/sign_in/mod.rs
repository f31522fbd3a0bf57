//! Who is it? The schemes that the lab offers, and what a request or its connection has proved.
//!
//! Basic and Bearer prove themselves with each request. NTLM proves the connection: what comes later on it needs no
//! header, and what comes on another one is a stranger's.

mod issuer;
mod ntlm;
mod token;

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use tieline_proto_ntlm::ChannelBinding;

pub(crate) use self::issuer::issue;
use self::ntlm::Handshake;
pub(crate) use self::token::SigningKey;
pub use self::token::{CLIENT_ID, CLIENT_SECRET, RESOURCE, TENANT};
use crate::{
    account::Account,
    http::Body,
    server::{Server, plain},
};

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// NTLM messages under the name `Negotiate`, in SPNEGO or bare. Kerberos is not spoken.
    Negotiate,
    /// NTLM version 2.
    Ntlm,
    /// User and password with each request.
    Basic,
    /// A token of the lab's own issuer, for an application that acts for mailboxes.
    Bearer,
}

impl std::str::FromStr for Scheme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "negotiate" => Ok(Self::Negotiate),
            "ntlm" => Ok(Self::Ntlm),
            "basic" => Ok(Self::Basic),
            "bearer" => Ok(Self::Bearer),
            _ => Err(format!("`{text}` is not one of negotiate, ntlm, basic, bearer")),
        }
    }
}

impl Scheme {
    fn offer(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Ntlm => "NTLM",
            Self::Basic => "Basic realm=\"mail.lab.example\"",
            Self::Bearer => token::OFFER,
        }
    }
}

/// One TCP connection: what it is, and what has been proved on it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// Of the server's certificate, when the connection is TLS.
    pub(crate) binding: Option<ChannelBinding>,
    pub(crate) secure: bool,
    handshake: Mutex<Handshake>,
}

impl Connection {
    pub(crate) fn new(secure: bool, binding: Option<ChannelBinding>) -> Self {
        Self { binding, secure, handshake: Mutex::default() }
    }

    fn handshake(&self) -> MutexGuard<'_, Handshake> {
        self.handshake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who is known, and by what.
pub(crate) struct SignedIn {
    pub(crate) account: Account,
    pub(crate) by: Scheme,
}

/// Why a request goes no further: the headers of the 401, none for the plain list of schemes.
#[derive(Debug, Default)]
pub(crate) struct Stranger(Vec<(HeaderName, HeaderValue)>);

impl Stranger {
    /// The next step of a handshake, or one scheme's own complaint.
    fn told(challenge: &str) -> Self {
        let value = HeaderValue::from_str(challenge).ok();
        Self(value.map(|value| (header::WWW_AUTHENTICATE, value)).into_iter().collect())
    }

    fn because(mut self, diagnostics: &str) -> Self {
        let value = HeaderValue::from_str(diagnostics).ok();
        self.0.extend(value.map(|value| (HeaderName::from_static("x-ms-diagnostics"), value)));
        self
    }

    pub(crate) fn response(self) -> Response<Body> {
        let mut response = plain(StatusCode::UNAUTHORIZED, "");
        for (name, value) in self.0 {
            response.headers_mut().append(name, value);
        }
        response
    }
}

impl Server {
    /// Who sent this request on this connection.
    pub(crate) fn sign_in(&self, connection: &Connection, headers: &HeaderMap) -> Result<SignedIn, Stranger> {
        let Some(authorization) = headers.get(header::AUTHORIZATION) else {
            return connection.handshake().known().ok_or_else(Stranger::default);
        };
        let authorization = authorization.to_str().unwrap_or_default().trim();
        let (scheme, proof) = authorization.split_once(' ').unwrap_or((authorization, ""));
        let scheme = scheme.parse::<Scheme>().ok();
        match scheme.filter(|scheme| self.settings.authentication.contains(scheme)) {
            Some(Scheme::Basic) => self
                .directory
                .authenticate(authorization)
                .map(|account| SignedIn { account: account.clone(), by: Scheme::Basic })
                .ok_or_else(Stranger::default),
            Some(scheme @ (Scheme::Ntlm | Scheme::Negotiate)) => {
                ntlm::step(self, connection, scheme, proof.trim())
            }
            Some(Scheme::Bearer) => token::check(self, proof.trim()),
            None => Err(Stranger::default()),
        }
    }

    /// A 401 names what the lab offers, unless it is a step of a handshake.
    pub(crate) fn complete(&self, response: &mut Response<Body>) {
        if response.status() != StatusCode::UNAUTHORIZED
            || response.headers().contains_key(header::WWW_AUTHENTICATE)
        {
            return;
        }
        for scheme in &self.settings.authentication {
            let offer = HeaderValue::from_static(scheme.offer());
            response.headers_mut().append(header::WWW_AUTHENTICATE, offer);
        }
    }
}
