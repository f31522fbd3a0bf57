//! `WWW-Authenticate`, `Proxy-Authenticate` and `Authorization` values (RFC 3261 sections 20.7 and 20.44).

use std::fmt::Write as _;

use super::Algorithm;
use crate::header_value::{quote, unquote};
use crate::{Error, list, malformed};

/// What a server asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The protection space.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// To be sent back unchanged.
    pub opaque: Option<String>,
    /// The credentials were right but the nonce is too old.
    pub stale: bool,
    /// `None`: one that is not spoken here.
    pub algorithm: Option<Algorithm>,
    /// Whether `auth` is among the offered qualities of protection.
    pub qop_auth: bool,
    /// Whether any quality of protection is offered.
    pub qop_offered: bool,
}

/// What a client claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub username: String,
    /// The protection space.
    pub realm: String,
    /// The server's nonce.
    pub nonce: String,
    /// The digest URI.
    pub uri: String,
    /// The proof.
    pub response: String,
    /// `None`: one that is not spoken here.
    pub algorithm: Option<Algorithm>,
    /// The client's nonce and `nc` as written, with `qop=auth`.
    pub qop: Option<(String, String)>,
    /// Sent back unchanged.
    pub opaque: Option<String>,
}

/// The parameters after the scheme `Digest`.
fn parameters(value: &str) -> Result<Vec<(String, String)>, Error> {
    let (scheme, rest) = value.trim().split_once(' ').ok_or_else(|| malformed("digest", "no parameters"))?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return Err(malformed("digest", "another scheme than Digest"));
    }
    list(rest)
        .map(|piece| {
            let (name, value) =
                piece.split_once('=').ok_or_else(|| malformed("digest", "a parameter without a value"))?;
            Ok((name.trim().to_ascii_lowercase(), unquote(value.trim())))
        })
        .collect()
}

fn take(parameters: &[(String, String)], name: &str) -> Option<String> {
    parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
}

impl Challenge {
    /// Reads a header value.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is no Digest challenge or lacks its realm or nonce.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let p = parameters(value)?;
        let need = |name| take(&p, name).ok_or_else(|| malformed("digest challenge", "no realm or no nonce"));
        let qop = take(&p, "qop").unwrap_or_default();
        Ok(Self {
            realm: need("realm")?,
            nonce: need("nonce")?,
            opaque: take(&p, "opaque"),
            stale: take(&p, "stale").is_some_and(|s| s.eq_ignore_ascii_case("true")),
            algorithm: Algorithm::parse(take(&p, "algorithm").as_deref()),
            qop_auth: list(&qop).any(|q| q.eq_ignore_ascii_case("auth")),
            qop_offered: !qop.trim().is_empty(),
        })
    }

    /// The header value.
    #[must_use]
    pub fn to_header(&self) -> String {
        let mut out = format!("Digest realm={}, nonce={}", quote(&self.realm), quote(&self.nonce));
        if let Some(opaque) = &self.opaque {
            let _ = write!(out, ", opaque={}", quote(opaque));
        }
        if self.stale {
            out.push_str(", stale=true");
        }
        if let Some(algorithm) = self.algorithm {
            let _ = write!(out, ", algorithm={}", algorithm.as_str());
        }
        if self.qop_auth {
            out.push_str(", qop=\"auth\"");
        }
        out
    }
}

impl Credentials {
    /// Reads a header value.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not Digest, lacks a field, or `nc` is not eight hexadecimal digits.
    pub fn parse(value: &str) -> Result<Self, Error> {
        let p = parameters(value)?;
        let need = |name| take(&p, name).ok_or_else(|| malformed("digest credentials", "a field is missing"));
        let qop = match take(&p, "qop") {
            None => None,
            Some(q) if q.eq_ignore_ascii_case("auth") => {
                let nc = need("nc")?;
                if nc.len() != 8 || !nc.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(malformed("digest credentials", "nc is not eight hexadecimal digits"));
                }
                Some((need("cnonce")?, nc))
            }
            Some(_) => return Err(malformed("digest credentials", "another qop than auth")),
        };
        Ok(Self {
            username: need("username")?,
            realm: need("realm")?,
            nonce: need("nonce")?,
            uri: need("uri")?,
            response: need("response")?.to_ascii_lowercase(),
            algorithm: Algorithm::parse(take(&p, "algorithm").as_deref()),
            qop,
            opaque: take(&p, "opaque"),
        })
    }

    /// The header value.
    #[must_use]
    pub fn to_header(&self) -> String {
        let mut out = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response={}",
            quote(&self.username),
            quote(&self.realm),
            quote(&self.nonce),
            quote(&self.uri),
            quote(&self.response)
        );
        if let Some(algorithm) = self.algorithm {
            let _ = write!(out, ", algorithm={}", algorithm.as_str());
        }
        if let Some((cnonce, nc)) = &self.qop {
            let _ = write!(out, ", cnonce={}, qop=auth, nc={nc}", quote(cnonce));
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(out, ", opaque={}", quote(opaque));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_round_trip() {
        let value = "Digest realm=\"a, \\\"b\\\"\", nonce=\"n=1\", opaque=\"\", stale=true, algorithm=SHA-256, qop=\"auth\"";
        let challenge = Challenge::parse(value).unwrap();
        assert_eq!(challenge.realm, "a, \"b\"");
        assert_eq!(challenge.to_header(), value);
    }

    /// A challenge as Kamailio 5.6 words it, and one with more than we speak.
    #[test]
    fn foreign_challenges() {
        let plain = Challenge::parse("Digest realm=\"lab.test\", nonce=\"ZWX/bGVl/j8=\"").unwrap();
        assert!(plain.algorithm == Some(Algorithm::Md5) && !plain.qop_auth && !plain.qop_offered);
        let rich =
            Challenge::parse("digest  nonce=\"x\",realm=y,algorithm=SHA-512-256,qop=\"auth,auth-int\"")
                .unwrap();
        assert!(rich.algorithm.is_none() && rich.qop_auth);
        assert!(Challenge::parse("Basic realm=\"x\"").is_err());
        assert!(Challenge::parse("Digest realm=\"x\"").is_err());
    }

    #[test]
    fn credentials_round_trip_and_nc_is_hexadecimal() {
        let value = "Digest username=\"al\\\\ice\", realm=\"r\", nonce=\"n\", uri=\"sip:a@b\", response=\"ab\", \
                     algorithm=MD5, cnonce=\"c\", qop=auth, nc=0000000a";
        assert_eq!(Credentials::parse(value).unwrap().to_header(), value);
        assert!(Credentials::parse(&value.replace("0000000a", "10")).is_err());
        assert!(Credentials::parse(&value.replace("qop=auth", "qop=auth-int")).is_err());
    }
}
