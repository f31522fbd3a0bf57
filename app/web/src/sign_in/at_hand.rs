//! Sessions as they were read a moment ago: somebody who makes one call after the other does not wait for the store each
//! time. What ends a session on this node is heeded at once, what another node ends within [`FRESH`].

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tieline_store::{BrowserToken, Session, Store, StoreError, TokenHash};

/// For how long a session is believed without asking again.
const FRESH: SignedDuration = SignedDuration::from_secs(1);
/// Sessions kept at hand.
const MOST: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct AtHand(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Counts what was forgotten: what was read before that is not kept after it.
    generation: u64,
    sessions: HashMap<TokenHash, (Timestamp, Session)>,
}

impl AtHand {
    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The session that a browser's token stands for, if it is valid.
    pub(crate) async fn session(
        &self,
        store: &Store,
        token: &BrowserToken,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let hash = token.hash();
        let (kept, generation) = self.with(|kept| (kept.fresh(&hash, now), kept.generation));
        if kept.is_some() {
            return Ok(kept);
        }
        let read = store.session(token, now).await?;
        if let Some(session) = &read {
            self.with(|kept| kept.put(generation, now, session.clone()));
        }
        Ok(read)
    }

    /// The store was told when this session was last seen.
    pub(crate) fn seen(&self, hash: &TokenHash, now: Timestamp) {
        self.with(|kept| {
            if let Some((_, session)) = kept.sessions.get_mut(hash) {
                session.seen = now;
            }
        });
    }

    /// Somebody's session or account changed: everybody is asked for anew.
    pub(crate) fn forget(&self) {
        self.with(|kept| {
            kept.generation += 1;
            kept.sessions.clear();
        });
    }
}

impl Kept {
    fn fresh(&self, hash: &TokenHash, now: Timestamp) -> Option<Session> {
        let (read, session) = self.sessions.get(hash)?;
        let age = now.duration_since(*read);
        (age >= SignedDuration::ZERO && age < FRESH && session.is_valid(now)).then(|| session.clone())
    }

    fn put(&mut self, generation: u64, now: Timestamp, session: Session) {
        if self.generation != generation {
            return;
        }
        if self.sessions.len() >= MOST {
            self.sessions.clear();
        }
        self.sessions.insert(session.hash, (now, session));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_store::{SignInWay, UserRole};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn session() -> Session {
        Session {
            hash: [7; 32],
            name: "dana".to_owned(),
            display_name: "Dana".to_owned(),
            role: UserRole::Technician,
            way: SignInWay::Local,
            created: at(0),
            seen: at(0),
            idle: SignedDuration::from_mins(10),
            ends: at(3600),
        }
    }

    #[test]
    fn a_session_is_believed_for_a_moment_only() {
        let mut kept = Kept::default();
        kept.put(0, at(0), session());
        assert_eq!(kept.fresh(&[7; 32], at(0)), Some(session()));
        assert_eq!(kept.fresh(&[7; 32], at(1)), None);
        assert_eq!(kept.fresh(&[7; 32], at(-1)), None, "a clock that was set back believes nothing");
        assert_eq!(kept.fresh(&[8; 32], at(0)), None);
        let over = Session { ends: at(5), ..session() };
        kept.put(0, at(5), over);
        assert_eq!(kept.fresh(&[7; 32], at(5)), None);
    }

    #[test]
    fn what_was_read_before_an_end_is_not_kept_after_it() {
        let at_hand = AtHand::default();
        at_hand.forget();
        at_hand.with(|kept| kept.put(0, at(0), session()));
        assert_eq!(at_hand.with(|kept| kept.fresh(&[7; 32], at(0))), None);
    }

    #[test]
    fn no_more_than_a_bounded_number_is_kept() {
        let mut kept = Kept::default();
        for n in 0..=MOST {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&(n as u64).to_be_bytes());
            kept.put(0, at(0), Session { hash, ..session() });
        }
        assert!(kept.sessions.len() <= MOST && kept.fresh(&[7; 32], at(0)).is_none());
    }
}
