//! The server's side: challenging and checking.

use super::nonce::{ReplayWindow, issue, issued_at};
use super::{Algorithm, Challenge, Computation, Credentials, Secret, same};

/// What became of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They prove the user.
    Accepted,
    /// Challenge again: `stale` says that the secret was right and only the nonce is not fresh.
    Challenge {
        /// To be said in the challenge, so that the client need not ask its user.
        stale: bool,
    },
    /// Wrong secret or unknown user: 403, since some telephones try again for ever on 401.
    Refused,
}

/// Issues nonces for one realm and checks what comes back.
#[derive(Debug)]
pub struct Verifier {
    realm: String,
    key: [u8; 32],
    algorithms: Vec<Algorithm>,
    lifetime: i64,
    window: ReplayWindow,
}

impl Verifier {
    /// `key` signs the nonces; `lifetime` is how long one may be used, in ms. Nonces from before `now` are stale:
    /// which counts they have seen was forgotten with the process that knew.
    #[must_use]
    pub fn new(realm: &str, key: [u8; 32], algorithms: &[Algorithm], lifetime: i64, now: i64) -> Self {
        let window = ReplayWindow::new(now.saturating_sub(1));
        Self { realm: realm.to_owned(), key, algorithms: algorithms.to_vec(), lifetime, window }
    }

    /// The realm.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// One `WWW-Authenticate` value an algorithm, most preferred first (RFC 8760 section 2.3).
    #[must_use]
    pub fn challenges(&self, stale: bool, now: i64, random: u64) -> Vec<String> {
        let nonce = issue(&self.key, &self.realm, now, random);
        let challenge = |algorithm| Challenge {
            realm: self.realm.clone(),
            nonce: nonce.clone(),
            opaque: None,
            stale,
            algorithm: Some(algorithm),
            qop_auth: true,
            qop_offered: true,
        };
        self.algorithms.iter().map(|a| challenge(*a).to_header()).collect()
    }

    /// Checks credentials for `method`. `secret` is `None` for an unknown user, who is refused in the same way and
    /// after the same work as one with a wrong password.
    ///
    /// Leniency "digest URI": it is not compared with the Request-URI, which proxies rewrite and sipp does not copy;
    /// each nonce count is accepted once, so nothing can be replayed elsewhere.
    pub fn verify(
        &mut self,
        credentials: &Credentials,
        method: &str,
        secret: Option<&Secret>,
        now: i64,
    ) -> Verdict {
        let challenge = Verdict::Challenge { stale: false };
        let Some(algorithm) = credentials.algorithm.filter(|a| self.algorithms.contains(a)) else {
            return challenge;
        };
        // Without qop there is no nonce count, hence no protection against replay.
        let Some((cnonce, nc)) = &credentials.qop else { return challenge };
        let Some(issued) = issued_at(&self.key, &self.realm, &credentials.nonce) else { return challenge };
        if credentials.realm != self.realm {
            return challenge;
        }
        let nobody = Secret::Password(String::new());
        let Some(ha1) = secret.unwrap_or(&nobody).ha1(algorithm, &credentials.username, &self.realm) else {
            return Verdict::Refused;
        };
        let expected = Computation {
            algorithm,
            ha1: &ha1,
            nonce: &credentials.nonce,
            qop: Some((nc, cnonce)),
            method,
            uri: &credentials.uri,
        }
        .response();
        if !same(&expected, &credentials.response) || secret.is_none() {
            return Verdict::Refused;
        }
        let oldest_valid = now.saturating_sub(self.lifetime);
        let count = u32::from_str_radix(nc, 16).unwrap_or(0);
        // A nonce from the future means that our clock went back; it will be replaced.
        let fresh = issued >= oldest_valid && issued <= now && !self.window.forgets(issued);
        if fresh && self.window.note(issued, &credentials.nonce, count, oldest_valid) {
            Verdict::Accepted
        } else {
            Verdict::Challenge { stale: true }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Login;

    const NOW: i64 = 1_800_000_000_000;

    fn verifier() -> Verifier {
        Verifier::new("lab.test", [7; 32], &[Algorithm::Sha256, Algorithm::Md5], 300_000, NOW)
    }

    fn secret() -> Secret {
        Secret::Password("lab-password".into())
    }

    fn challenges(verifier: &Verifier, now: i64) -> Vec<Challenge> {
        verifier.challenges(false, now, 42).iter().map(|c| Challenge::parse(c).unwrap()).collect()
    }

    fn answer(challenges: &[Challenge], nc: u32) -> Credentials {
        let login = Login { username: "alice".into(), secret: secret() };
        login.answer(challenges, "SUBSCRIBE", "sip:alice@lab.test", nc, "c0ffee").unwrap()
    }

    /// Covers: AV-13 (digest)
    #[test]
    fn both_algorithms_are_offered_and_the_stronger_is_answered() {
        let mut verifier = verifier();
        let offered = challenges(&verifier, NOW);
        assert_eq!(
            offered.iter().map(|c| c.algorithm).collect::<Vec<_>>(),
            [Some(Algorithm::Sha256), Some(Algorithm::Md5)]
        );
        let strong = answer(&offered, 1);
        assert_eq!(strong.algorithm, Some(Algorithm::Sha256));
        assert_eq!(verifier.verify(&strong, "SUBSCRIBE", Some(&secret()), NOW), Verdict::Accepted);
        let weak = answer(&offered[1..], 2);
        assert_eq!(weak.algorithm, Some(Algorithm::Md5));
        assert_eq!(verifier.verify(&weak, "SUBSCRIBE", Some(&secret()), NOW), Verdict::Accepted);
    }

    #[test]
    fn a_stored_hash_does_as_well_as_the_password() {
        let mut verifier = verifier();
        let credentials = answer(&challenges(&verifier, NOW), 1);
        let sha256 = Algorithm::Sha256.hash(&["alice", "lab.test", "lab-password"]);
        let stored = Secret::Ha1 { sha256: Some(sha256), md5: None };
        assert_eq!(verifier.verify(&credentials, "SUBSCRIBE", Some(&stored), NOW), Verdict::Accepted);
    }

    #[test]
    fn a_replay_is_stale_and_an_old_nonce_too() {
        let mut verifier = verifier();
        let offered = challenges(&verifier, NOW);
        let first = answer(&offered, 1);
        assert_eq!(verifier.verify(&first, "SUBSCRIBE", Some(&secret()), NOW), Verdict::Accepted);
        let stale = Verdict::Challenge { stale: true };
        assert_eq!(verifier.verify(&first, "SUBSCRIBE", Some(&secret()), NOW), stale);
        let late = answer(&offered, 2);
        assert_eq!(verifier.verify(&late, "SUBSCRIBE", Some(&secret()), NOW + 300_001), stale);
        let mut restarted = Verifier::new("lab.test", [7; 32], &[Algorithm::Sha256], 300_000, NOW + 10);
        assert_eq!(restarted.verify(&first, "SUBSCRIBE", Some(&secret()), NOW + 20), stale);
    }

    #[test]
    fn wrong_secret_unknown_user_other_method_and_forged_nonce() {
        let mut verifier = verifier();
        let good = answer(&challenges(&verifier, NOW), 1);
        let wrong = Secret::Password("guess".into());
        assert_eq!(verifier.verify(&good, "SUBSCRIBE", Some(&wrong), NOW), Verdict::Refused);
        assert_eq!(verifier.verify(&good, "SUBSCRIBE", None, NOW), Verdict::Refused);
        assert_eq!(verifier.verify(&good, "PUBLISH", Some(&secret()), NOW), Verdict::Refused);
        let mut forged = good.clone();
        forged.nonce = issue(&[8; 32], "lab.test", NOW, 1);
        let again = Verdict::Challenge { stale: false };
        assert_eq!(verifier.verify(&forged, "SUBSCRIBE", Some(&secret()), NOW), again);
        let mut without_qop = good.clone();
        without_qop.qop = None;
        assert_eq!(verifier.verify(&without_qop, "SUBSCRIBE", Some(&secret()), NOW), again);
        // An empty password must not open an unknown account.
        let empty = Login { username: "ghost".into(), secret: Secret::Password(String::new()) };
        let claim = empty.answer(&challenges(&verifier, NOW), "SUBSCRIBE", "sip:g@lab.test", 1, "c").unwrap();
        assert_eq!(verifier.verify(&claim, "SUBSCRIBE", None, NOW), Verdict::Refused);
    }
}
