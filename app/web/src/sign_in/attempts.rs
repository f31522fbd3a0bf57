//! How often somebody may try to sign in.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tieline_model::Refusal;

/// Buckets by what is tried: an address, a name, and both together. Nobody can lock somebody else out for longer than
/// a few seconds, and nobody can guess for long.
pub(super) struct Attempts {
    both: DefaultKeyedRateLimiter<u64>,
    name: DefaultKeyedRateLimiter<u64>,
    address: DefaultKeyedRateLimiter<u64>,
    hasher: RandomState,
    asked: AtomicU32,
}

const fn per_minute(count: u32) -> Quota {
    Quota::per_minute(match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    })
}

impl Attempts {
    /// Keys are forgotten after so many attempts, so that the tables stay small.
    const SWEEP_EVERY: u32 = 1024;

    pub(super) fn new() -> Self {
        Self {
            both: RateLimiter::keyed(per_minute(6)),
            name: RateLimiter::keyed(per_minute(20)),
            address: RateLimiter::keyed(per_minute(60)),
            hasher: RandomState::new(),
            asked: AtomicU32::new(0),
        }
    }

    /// Refuses an attempt that comes too soon.
    pub(super) fn check(&self, client: IpAddr, name: &str) -> Result<(), Refusal> {
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(Self::SWEEP_EVERY) {
            [&self.both, &self.name, &self.address].iter().for_each(|limiter| limiter.retain_recent());
        }
        let allowed = self.address.check_key(&self.hasher.hash_one(client)).is_ok()
            && self.both.check_key(&self.hasher.hash_one((client, name))).is_ok()
            && self.name.check_key(&self.hasher.hash_one(name)).is_ok();
        if allowed {
            return Ok(());
        }
        Err(Refusal::transient(
            "slow-down",
            "somebody tried to sign in too often",
            "wait half a minute, then try again",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_stops_after_a_few_tries_and_others_are_not_kept_out() {
        let attempts = Attempts::new();
        let [one, other] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let tried = (0..20).filter(|_| attempts.check(one, "dana").is_ok()).count();
        assert_eq!(tried, 6);
        assert!(attempts.check(other, "dana").is_ok(), "dana herself gets in from elsewhere");
        assert!(attempts.check(one, "erik").is_ok());
        let many = (0..200).filter(|n| attempts.check(one, &format!("user{n}")).is_ok()).count();
        assert!(many <= 60, "{many} names from one address");
    }
}
