//! Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760): MD5 and SHA-256, `qop=auth`, both sides.
//!
//! A [`Verifier`] challenges and checks; a [`Login`] answers challenges. `MD5-sess`, `auth-int` and other algorithms
//! are not spoken: a challenge that offers nothing else is left unanswered, credentials that use them are refused.

mod header;
mod login;
mod nonce;
mod verifier;

pub use header::{Challenge, Credentials};
pub use login::Login;
pub use verifier::{Verdict, Verifier};

use std::fmt;

use md5::Md5;
use sha2::{Digest as _, Sha256};

/// A hash algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// `SHA-256` (RFC 8760).
    Sha256,
    /// `MD5`, for old peers.
    Md5,
}

impl Algorithm {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    /// Reads the parameter; absent means MD5 (RFC 7616 section 3.3).
    #[must_use]
    pub fn parse(value: Option<&str>) -> Option<Self> {
        match value {
            None => Some(Self::Md5),
            Some(v) if v.eq_ignore_ascii_case("MD5") => Some(Self::Md5),
            Some(v) if v.eq_ignore_ascii_case("SHA-256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    /// Lower-case hexadecimal of the hash of `parts` joined by colons.
    #[must_use]
    pub fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        match self {
            Self::Sha256 => hex(&Sha256::digest(text.as_bytes())),
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
        }
    }
}

/// What is known of a user: never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The password.
    Password(String),
    /// `H(user:realm:password)` in lower-case hexadecimal, by algorithm.
    Ha1 {
        /// With SHA-256.
        sha256: Option<String>,
        /// With MD5.
        md5: Option<String>,
    },
}

impl Secret {
    /// `HA1`, when this secret can give it for `algorithm`.
    #[must_use]
    pub fn ha1(&self, algorithm: Algorithm, user: &str, realm: &str) -> Option<String> {
        match (self, algorithm) {
            (Self::Password(password), _) => Some(algorithm.hash(&[user, realm, password])),
            (Self::Ha1 { sha256, .. }, Algorithm::Sha256) => sha256.clone(),
            (Self::Ha1 { md5, .. }, Algorithm::Md5) => md5.clone(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The fields that the `response` value is computed over.
struct Computation<'a> {
    algorithm: Algorithm,
    ha1: &'a str,
    nonce: &'a str,
    /// `nc` and `cnonce`, with `qop=auth`.
    qop: Option<(&'a str, &'a str)>,
    method: &'a str,
    uri: &'a str,
}

impl Computation<'_> {
    fn response(&self) -> String {
        let ha2 = self.algorithm.hash(&[self.method, self.uri]);
        match self.qop {
            Some((nc, cnonce)) => self.algorithm.hash(&[self.ha1, self.nonce, nc, cnonce, "auth", &ha2]),
            None => self.algorithm.hash(&[self.ha1, self.nonce, &ha2]),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Compares in a time that does not depend on where the texts differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc_7616(algorithm: Algorithm) -> String {
        let secret = Secret::Password("Circle of Life".into());
        let ha1 = secret.ha1(algorithm, "Mufasa", "http-auth@example.org").unwrap();
        Computation {
            algorithm,
            ha1: &ha1,
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            qop: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
            method: "GET",
            uri: "/dir/index.html",
        }
        .response()
    }

    /// The examples of RFC 7616 section 3.9.1.
    #[test]
    fn rfc_7616_section_3_9_1() {
        assert_eq!(rfc_7616(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            rfc_7616(Algorithm::Sha256),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    /// The example of RFC 2617 section 3.5.
    #[test]
    fn rfc_2617_section_3_5() {
        let ha1 = Algorithm::Md5.hash(&["Mufasa", "testrealm@host.com", "Circle Of Life"]);
        let computation = Computation {
            algorithm: Algorithm::Md5,
            ha1: &ha1,
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            qop: Some(("00000001", "0a4f113b")),
            method: "GET",
            uri: "/dir/index.html",
        };
        assert_eq!(computation.response(), "6629fae49393a05397450978507c4ef1");
    }

    #[test]
    fn a_secret_is_never_printed() {
        assert_eq!(format!("{:?}", Secret::Password("hunter2".into())), "Secret(..)");
    }
}
