//! Who is signed in to the pages, and who is about to be. Tokens are drawn at random; only their SHA-256 is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::read;
use crate::{Store, StoreError, UserRole};

/// A random text of 256 bits that a browser carries: of a session, of a visit before it, or the `state` of a sign-in.
#[derive(Debug, Clone)]
pub struct BrowserToken(SecretString);

/// What is stored of a [`BrowserToken`].
pub type TokenHash = [u8; 32];

impl BrowserToken {
    /// How long its text is.
    const CHARS: usize = 43;

    /// Draws a new one.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn draw() -> Result<Self, StoreError> {
        let mut random = [0; 32];
        crate::keys::fill(&mut random)?;
        Ok(Self(SecretString::from(URL_SAFE_NO_PAD.encode(random))))
    }

    /// What a browser sent, if it can be a token at all.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (text.len() == Self::CHARS && text.bytes().all(plain)).then(|| Self(SecretString::from(text)))
    }

    /// For the cookie, the form or the URL.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// For the store. 256 random bits cannot be guessed backwards from a plain hash.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        Sha256::digest(self.expose().as_bytes()).into()
    }

    /// Another text that only the holder of this token can know, for one purpose: it gives nothing of the token away.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(b"tieline browser token\0");
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(self.expose().as_bytes());
        URL_SAFE_NO_PAD.encode(hash.finalize())
    }
}

/// How somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignInWay {
    /// With a local account.
    Local,
    /// With an OpenID provider.
    OpenId,
}

impl SignInWay {
    /// As stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::OpenId => "openid",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Local, Self::OpenId].into_iter().find(|way| way.name() == name)
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the token in the browser's cookie.
    pub hash: TokenHash,
    /// The account's name, or what the provider calls the person.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// What they may do.
    pub role: UserRole,
    /// How they signed in.
    pub way: SignInWay,
    /// When they did.
    pub created: Timestamp,
    /// When they were last seen; moved forward now and then only.
    pub seen: Timestamp,
    /// The session ends when nothing was asked for so long.
    pub idle: SignedDuration,
    /// It ends then at the latest.
    pub ends: Timestamp,
}

impl Session {
    /// Whether it still lasts.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.ends && self.seen.saturating_add(self.idle).is_ok_and(|idle| now < idle)
    }
}

/// A sign-in that was begun: what must survive until it is done. Used once.
#[derive(Debug, Clone)]
pub struct PendingSignIn {
    /// SHA-256 of the `state` that travels through the browser.
    pub state: TokenHash,
    /// SHA-256 of the token in the cookie of the browser that began it: no other browser can end it.
    pub visit: TokenHash,
    /// Where to go afterwards: path and query of our own page, with everything the caller gave.
    pub target: Option<String>,
    /// The nonce that the ID token must carry.
    pub nonce: Option<String>,
    /// The PKCE verifier (RFC 7636). Worth nothing without the code that the provider sends to the same browser.
    pub verifier: Option<SecretString>,
    /// Until when it can be ended.
    pub expires: Timestamp,
}

/// More pending sign-ins than this are not kept; those that end first go first.
pub(crate) const PENDING: i64 = 10_000;

impl Store {
    /// The session that this token is of; `None` for a wrong or ended one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn session(&self, token: &BrowserToken, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let hash = token.hash();
        let found: Option<Session> = read!(self, conn => session::one(conn, &hash))?;
        Ok(found.filter(|session| session.is_valid(now)))
    }

    /// The sign-in with this state that this browser began, unless it has expired.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn pending_sign_in(
        &self,
        state: &BrowserToken,
        visit: &BrowserToken,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let (state, visit) = (state.hash(), visit.hash());
        let found: Option<PendingSignIn> = read!(self, conn => session::pending(conn, &state))?;
        Ok(found.filter(|pending| pending.visit == visit && now < pending.expires))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_never_printed_and_what_is_derived_differs_by_purpose() {
        let token = BrowserToken::draw().unwrap();
        assert!(!format!("{token:?}").contains(token.expose()));
        assert_eq!(BrowserToken::parse(token.expose()).unwrap().hash(), token.hash());
        assert_ne!(token.derive("form"), token.derive("other"));
        assert_ne!(token.derive("form"), token.expose());
        for wrong in ["", "short", &"ä".repeat(43), &"a".repeat(44), &" ".repeat(43)] {
            assert!(BrowserToken::parse(wrong).is_none(), "{wrong}");
        }
    }
}
