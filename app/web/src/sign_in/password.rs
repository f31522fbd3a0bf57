//! Passwords of local accounts: Argon2id (RFC 9106), a few at a time and away from the threads that serve requests.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tieline_model::Refusal;
use tokio::sync::Semaphore;

/// Each takes 19 MiB and most of a core for tens of milliseconds.
const AT_ONCE: usize = 2;
/// How long somebody waits for their turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longer ones are refused before they cost anything, in bytes.
const LONGEST: usize = 1024;
/// Shorter ones are refused when they are set, in characters.
const SHORTEST: usize = 12;

pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    /// The hash of a password that nobody knows: what unknown names are compared with.
    nobody: SecretString,
}

impl Passwords {
    pub(super) fn new() -> Result<Self, Refusal> {
        let mut unknown = [0; 32];
        getrandom::fill(&mut unknown).map_err(|error| broken(&error))?;
        let nobody = hash(&unknown)?;
        Ok(Self { turns: Arc::new(Semaphore::new(AT_ONCE)), nobody })
    }

    pub(super) async fn hash(&self, password: SecretString) -> Result<SecretString, Refusal> {
        self.in_turn(move || hash(password.expose_secret().as_bytes())).await?
    }

    /// Whether the password is right. Takes its time also when there is nothing to compare with.
    pub(super) async fn verify(
        &self,
        password: SecretString,
        hash: Option<SecretString>,
    ) -> Result<bool, Refusal> {
        if password.expose_secret().len() > LONGEST {
            return Ok(false);
        }
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let right = self
            .in_turn(move || {
                let hash = PasswordHash::new(hash.expose_secret()).map_err(|error| broken(&error))?;
                let password = password.expose_secret().as_bytes();
                Ok::<_, Refusal>(Argon2::default().verify_password(password, &hash).is_ok())
            })
            .await??;
        Ok(right && known)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            let what = "too many people sign in at this moment";
            return Err(Refusal::transient("sign-in-busy", what, "try again in a few seconds"));
        };
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| broken(&error))
    }
}

fn hash(password: &[u8]) -> Result<SecretString, Refusal> {
    let hash = Argon2::default().hash_password(password).map_err(|error| broken(&error))?;
    Ok(SecretString::from(hash.to_string()))
}

fn broken(error: &dyn std::fmt::Display) -> Refusal {
    let next = "set it anew: tieline user set-password";
    Refusal::operator("password-unusable", format!("the password could not be worked with: {error}"), next)
}

/// Refuses a password that is too easy to guess, or absurdly long.
pub(crate) fn check(name: &str, password: &str) -> Result<(), Refusal> {
    let refuse = |what: &str| {
        Err(Refusal::permanent("weak-password", what, "choose 12 characters or more; a sentence does well"))
    };
    if password.chars().count() < SHORTEST {
        return refuse("the password is shorter than 12 characters");
    }
    if password.len() > LONGEST {
        return refuse("the password is longer than 1024 bytes");
    }
    let lower = password.to_lowercase();
    if lower == name.to_lowercase() || lower.chars().all(|c| lower.starts_with(c)) {
        return refuse("the password is the name, or one character over and over");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_an_unknown_name_by_none() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify("correct horse battery".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse batterY".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse battery".into(), None).await.unwrap());
        assert!(!passwords.verify("x".repeat(2000).into(), Some(hash)).await.unwrap());
    }

    #[test]
    fn weak_passwords_are_refused_when_they_are_set() {
        assert!(check("dana", "a sentence does well").is_ok());
        for weak in ["short", "aaaaaaaaaaaaaaaa", "", "dana.example@x"] {
            assert!(check("Dana.Example@x", weak).is_err(), "{weak}");
        }
    }
}
