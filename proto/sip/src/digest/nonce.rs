//! Nonces that carry their own proof, and the memory of which `nc` values each has seen.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{hex, same};

/// Nonces whose use is remembered; beyond, the oldest are forgotten and count as stale from then on.
const MAX_REMEMBERED: usize = 10_000;

/// A nonce is `time(16 hex) random(16 hex) proof(32 hex)`.
const TIME: usize = 16;
const RANDOM: usize = 16;
const PROOF: usize = 32;

fn proof(key: &[u8; 32], realm: &str, stem: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(realm.as_bytes());
    mac.update(b"\0");
    mac.update(stem.as_bytes());
    let mut text = hex(&mac.finalize().into_bytes());
    text.truncate(PROOF);
    text
}

/// Makes a nonce at `now`.
pub(super) fn issue(key: &[u8; 32], realm: &str, now: i64, random: u64) -> String {
    let stem = format!("{now:016x}{random:016x}");
    let proof = proof(key, realm, &stem);
    stem + &proof
}

/// When a nonce was issued, if it is one of ours.
pub(super) fn issued_at(key: &[u8; 32], realm: &str, nonce: &str) -> Option<i64> {
    let (stem, claimed) = nonce.split_at_checked(TIME + RANDOM)?;
    let proof = proof(key, realm, stem);
    if proof.len() != PROOF || !same(claimed, &proof) {
        return None;
    }
    i64::from_str_radix(stem.get(..TIME)?, 16).ok()
}

/// Which request counts of a nonce were seen: the highest and the 63 below it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    highest: u32,
    below: u64,
}

/// The replay memory.
#[derive(Debug)]
pub(super) struct ReplayWindow {
    seen: BTreeMap<(i64, String), Seen>,
    /// Nonces issued up to here are stale: their use is not remembered.
    floor: i64,
}

impl ReplayWindow {
    pub(super) const fn new(floor: i64) -> Self {
        Self { seen: BTreeMap::new(), floor }
    }

    pub(super) const fn forgets(&self, issued: i64) -> bool {
        issued <= self.floor
    }

    /// Notes one use; `false` when this count was used before, or is too far below the highest to tell.
    pub(super) fn note(&mut self, issued: i64, nonce: &str, nc: u32, oldest_valid: i64) -> bool {
        while let Some(entry) = self.seen.first_entry() {
            if entry.key().0 >= oldest_valid {
                break;
            }
            entry.remove();
        }
        let key = (issued, nonce.to_owned());
        if let Some(seen) = self.seen.get_mut(&key) {
            return seen.note(nc);
        }
        if self.seen.len() >= MAX_REMEMBERED
            && let Some(((oldest, _), _)) = self.seen.pop_first()
        {
            self.floor = self.floor.max(oldest);
            self.seen.retain(|(issued, _), _| *issued > oldest);
        }
        self.seen.insert(key, Seen { highest: nc, below: 1 });
        true
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }
}

impl Seen {
    /// Bit `i` of `below` says that `highest - i` was used.
    fn note(&mut self, nc: u32) -> bool {
        if nc > self.highest {
            let step = nc - self.highest;
            self.below = if step >= 64 { 1 } else { (self.below << step) | 1 };
            self.highest = nc;
            return true;
        }
        let bit = self.highest - nc;
        if bit >= 64 || self.below & (1 << bit) != 0 {
            return false;
        }
        self.below |= 1 << bit;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_accepted_once_in_any_order() {
        let mut window = ReplayWindow::new(0);
        let mut note = |nc| window.note(5, "n", nc, 0);
        assert!(note(1) && note(3) && note(2) && !note(2) && !note(3) && !note(1));
        assert!(note(100) && !note(36) && note(37) && !note(37) && !note(100));
        assert!(note(u32::MAX) && !note(u32::MAX));
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_stale() {
        let mut window = ReplayWindow::new(0);
        for n in 1..=(MAX_REMEMBERED as i64 + 500) {
            assert!(window.note(n, "n", 1, 0));
        }
        assert!(window.len() <= MAX_REMEMBERED);
        assert!(window.forgets(500) && !window.forgets(501));
    }
}
