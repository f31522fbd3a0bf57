//! Whose certificates the service believes beside the operating system's, and how long those that it meets are good.
//!
//! What is believed lies in the store and is taken up by every node within seconds, without a restart. The days that are
//! left are counted for every certificate that was let in and for every server that is asked over TLS.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tieline_model::{Clock, Refusal};
use tieline_store::{Store, TrustedCertificate};
use tieline_transport::{
    CertificateFacts, Endpoint, Fingerprint, PresentedCertificate, TransportError, TrustStore,
    presented_chain,
};
use tokio_util::sync::CancellationToken;

/// How long a server may take to present itself.
pub(crate) const WITHIN: Duration = Duration::from_secs(10);
/// How often another node's changes are looked for.
const TAKE_UP_EVERY: Duration = Duration::from_secs(5);
/// How often the servers' certificates are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3600);
/// From how many days on people are warned, the last the most urgent.
pub(crate) const WARN_DAYS: [i64; 3] = [30, 14, 3];

/// A certificate that was met, and when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The server, as `mail.corp.example`; for one that was let in, where it was fetched.
    pub(crate) place: String,
    /// It is presented there; otherwise it was let in.
    pub(crate) presented: bool,
    /// When it ends.
    pub(crate) not_after: Timestamp,
    /// Whom it names.
    pub(crate) subject: String,
}

impl Seen {
    /// Whole days until it ends, negative afterwards.
    pub(crate) fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after.duration_since(now).as_secs().div_euclid(24 * 3600)
    }

    /// What people should know, if anything.
    pub(crate) fn warning(&self, now: Timestamp) -> Option<Refusal> {
        let days = self.days_left(now);
        let [first, ..] = WARN_DAYS;
        let whose = if self.presented { "the certificate of" } else { "the trusted certificate of" };
        let next = match self.presented {
            true => {
                "have it renewed; if another authority will sign it, let that one in first: tieline trust fetch HOST"
            }
            false => "let in the one that follows it: tieline trust fetch HOST",
        };
        if days < 0 {
            let what = format!("{whose} {} has ended ({})", self.place, self.subject);
            return Some(Refusal::operator("certificate-ended", what, next).at(&self.place));
        }
        (days <= first).then(|| {
            let what = format!("{whose} {} ends in {days} days ({})", self.place, self.subject);
            Refusal::operator("certificate-ends", what, next).at(&self.place)
        })
    }
}

/// What is believed, and what was met.
pub struct Certificates {
    store: Store,
    clock: Arc<dyn Clock>,
    live: TrustStore,
    /// TLS servers that the configuration file names.
    configured: Vec<Endpoint>,
    seen: Mutex<Vec<Seen>>,
}

impl Certificates {
    /// `live` is what the clients look at; `configured` are TLS servers that the configuration file names.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, live: TrustStore, configured: Vec<Endpoint>) -> Self {
        Self { store, clock, live, configured, seen: Mutex::default() }
    }

    /// Believes what the store holds, and nothing else, from the next connection on.
    ///
    /// # Errors
    /// When the store cannot be read, or holds what cannot be believed; then everything stays as it was.
    pub async fn take_up(&self) -> Result<(), Refusal> {
        let trusted = self.store.trusted_certificates().await?;
        let (authorities, servers): (Vec<_>, Vec<_>) = trusted.into_iter().partition(|one| one.authority);
        let servers = servers.into_iter().map(|one| (one.host, Fingerprint(one.sha256))).collect();
        let authorities = authorities.into_iter().map(|one| one.der).collect();
        self.live.replace(authorities, servers).map_err(|error| unusable(&error))
    }

    /// Keeps both up to date until told to stop.
    pub async fn run(&self, stop: CancellationToken) {
        let mut takes = tokio::time::interval(TAKE_UP_EVERY);
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = takes.tick() => {
                    if let Err(refusal) = self.take_up().await {
                        tracing::warn!(%refusal, "trusted certificates not taken up");
                    }
                }
                _ = looks.tick() => self.look_and_warn().await,
            }
        }
    }

    async fn look_and_warn(&self) {
        if let Err(refusal) = self.look().await {
            tracing::warn!(%refusal, "certificates not looked at");
        }
        let now = self.clock.now();
        for refusal in self.seen().iter().filter_map(|seen| seen.warning(now)) {
            tracing::warn!(%refusal, "certificate");
        }
    }

    /// Looks at every server that is asked over TLS and at everything that was let in. A server that cannot be reached is
    /// left out: its own check says so.
    pub(crate) async fn look(&self) -> Result<(), Refusal> {
        let mut places = self.configured.clone();
        for endpoint in self.store.endpoints().await?.iter().filter(|endpoint| endpoint.https) {
            places.extend(Endpoint::parse(&endpoint.url()));
        }
        places.sort_by_key(Endpoint::authority);
        places.dedup_by_key(|place| place.authority());
        let mut seen = Vec::new();
        let looks = places.iter().map(|place| presented_chain(place, WITHIN));
        for (place, looked) in places.iter().zip(join_all(looks).await) {
            match looked {
                Ok(chain) => seen.extend(chain.first().and_then(|leaf| met(leaf, place.authority(), true))),
                Err(error) => tracing::debug!(%error, "a server's certificate was not seen"),
            }
        }
        for one in self.store.trusted_certificates().await? {
            seen.extend(met(&PresentedCertificate::new(one.der), one.host, false));
        }
        let now = self.clock.now();
        for one in &seen {
            let left = one.not_after.duration_since(now).as_secs();
            let kind = if one.presented { "server" } else { "trusted" };
            let labels = [("kind", kind.to_owned()), ("place", one.place.clone())];
            metrics::gauge!("tieline_certificate_expires_seconds", &labels).set(left as f64);
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(())
    }

    /// What was met at the last look.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything that was let in.
    pub(crate) async fn trusted(&self) -> Result<Vec<TrustedCertificate>, Refusal> {
        Ok(self.store.trusted_certificates().await?)
    }
}

fn met(certificate: &PresentedCertificate, place: String, presented: bool) -> Option<Seen> {
    let CertificateFacts { subject, not_after_s, .. } = certificate.facts.clone()?;
    Some(Seen { place, presented, not_after: Timestamp::from_second(not_after_s).ok()?, subject })
}

/// A chain or a store that cannot be used.
pub(crate) fn unusable(error: &TransportError) -> Refusal {
    Refusal::operator("no-certificate", error.what(), error.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AV-60 (warnings at 30, 14 and 3 days)
    #[test]
    fn people_are_warned_a_month_before_the_end_and_afterwards() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let ending = |not_after: &str| Seen {
            place: "mail.corp.example".to_owned(),
            presented: true,
            not_after: not_after.parse().unwrap(),
            subject: "CN=mail".to_owned(),
        };
        assert!(ending("2026-12-25T12:00:00Z").warning(now).is_none());
        for (not_after, days) in
            [("2026-12-23T12:00:00Z", 30), ("2026-12-07T12:00:00Z", 14), ("2026-11-26T13:00:00Z", 3)]
        {
            let refusal = ending(not_after).warning(now).unwrap();
            assert!(refusal.what.contains(&format!("ends in {days} days")), "{refusal}");
        }
        assert_eq!(ending("2026-11-23T11:59:59Z").warning(now).unwrap().code, "certificate-ended");
    }
}
