//! The client's side: answering a challenge.

use super::{Algorithm, Challenge, Computation, Credentials, Secret};

/// A user name and its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The digest user name.
    pub username: String,
    /// Its secret.
    pub secret: Secret,
}

impl Login {
    /// Answers the strongest challenge that this login can: SHA-256 before MD5, `qop=auth` where it is offered.
    /// `None` when nothing offered can be answered. `nc` counts the uses of one nonce from 1.
    #[must_use]
    pub fn answer(
        &self,
        challenges: &[Challenge],
        method: &str,
        uri: &str,
        nc: u32,
        cnonce: &str,
    ) -> Option<Credentials> {
        [Algorithm::Sha256, Algorithm::Md5].into_iter().find_map(|algorithm| {
            let challenge = challenges
                .iter()
                .find(|c| c.algorithm == Some(algorithm) && (c.qop_auth || !c.qop_offered))?;
            let ha1 = self.secret.ha1(algorithm, &self.username, &challenge.realm)?;
            let nc = format!("{nc:08x}");
            let computation = Computation {
                algorithm,
                ha1: &ha1,
                nonce: &challenge.nonce,
                qop: challenge.qop_auth.then_some((nc.as_str(), cnonce)),
                method,
                uri,
            };
            Some(Credentials {
                username: self.username.clone(),
                realm: challenge.realm.clone(),
                nonce: challenge.nonce.clone(),
                uri: uri.to_owned(),
                response: computation.response(),
                algorithm: Some(algorithm),
                qop: challenge.qop_auth.then(|| (cnonce.to_owned(), nc.clone())),
                opaque: challenge.opaque.clone(),
            })
        })
    }
}
