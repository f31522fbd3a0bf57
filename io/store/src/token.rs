//! Tokens for the API: drawn at random, of which only the SHA-256 hash is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::store::read;
use crate::{Store, StoreError};

/// What every token begins with, so that scanners for leaked secrets know it.
pub const TOKEN_PREFIX: &str = "tlt_";

/// What a token's holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Admin,
    /// Leave messages, and see what became of them.
    Deposit,
    /// Look only.
    Read,
}

impl Role {
    /// As stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Deposit => "deposit",
            Self::Read => "read",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Admin, Self::Deposit, Self::Read].into_iter().find(|role| role.name() == name)
    }
}

/// A token to be added. The token itself is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiToken {
    /// Its id.
    pub id: Uuid,
    /// What it is for, in a person's words.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Who had it made.
    pub by: String,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
}

impl NewApiToken {
    /// Draws a token of 32 random bytes. It is shown once and cannot be read back.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn draw(
        id: Uuid,
        name: &str,
        role: Role,
        by: &str,
        expires: Option<Timestamp>,
    ) -> Result<(Self, SecretString), StoreError> {
        let (token, hash) = draw_token(TOKEN_PREFIX)?;
        Ok((Self { id, name: name.to_owned(), role, hash, by: by.to_owned(), expires }, token))
    }
}

/// A token as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// Who had it made.
    pub by: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
    /// When it was ended.
    pub revoked: Option<Timestamp>,
}

impl ApiToken {
    /// Whether it is accepted.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}

/// A token of 32 random bytes, and its hash.
pub(crate) fn draw_token(prefix: &str) -> Result<(SecretString, [u8; 32]), StoreError> {
    let mut random = [0; 32];
    crate::keys::fill(&mut random)?;
    let token = SecretString::from(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random)));
    let hash = hash(&token);
    Ok((token, hash))
}

/// Tokens have 256 random bits, so a plain hash cannot be guessed backwards, and the look-up by it gives nothing away.
pub(crate) fn hash(token: &SecretString) -> [u8; 32] {
    Sha256::digest(token.expose_secret().as_bytes()).into()
}

impl Store {
    /// The valid token that this is; `None` for a wrong, ended or revoked one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn api_token(
        &self,
        token: &SecretString,
        now: Timestamp,
    ) -> Result<Option<ApiToken>, StoreError> {
        let hash = hash(token);
        let found: Option<ApiToken> = read!(self, conn => secret::token(conn, &hash))?;
        Ok(found.filter(|token| token.is_valid(now)))
    }

    /// Every token, ended ones included, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        read!(self, conn => secret::tokens(conn))
    }
}
