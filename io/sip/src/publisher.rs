//! Publications at presence servers: told on change, refreshed in time, taken up again after a restart.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use tieline_proto_sip::{Package, Publication, PublicationStep, Response};

use crate::client::Way;
use crate::config::PublicationTarget;
use crate::error::{Class, Failure};
use crate::lanes::Lane;
use crate::lock;
use crate::ports::{SipEvent, StoredKind, StoredSubscription};
use crate::stack::{Core, Outcome};

/// A refresh that failed is tried again after this, in ms.
const REFRESH_RETRY: i64 = 30_000;
/// Requests for one change: initial, after 412, after 423, and one to spare.
const MAX_STEPS: u32 = 4;
/// Never due.
const NEVER: i64 = i64::MAX;

/// One publication.
struct Publishing {
    id: String,
    lane: Lane,
    refresh_at: AtomicI64,
    state: tokio::sync::Mutex<Current>,
}

/// What a presence server should hold.
pub(crate) struct State {
    pub(crate) package: Package,
    /// `None` while it is not known.
    pub(crate) body: Option<String>,
    /// Rises with every change; an older state never follows a newer one.
    pub(crate) revision: u64,
    pub(crate) trace: Option<String>,
}

/// What is published, and on whose behalf.
struct Current {
    target: PublicationTarget,
    publication: Publication,
    /// The change that it comes from, for refreshes as well.
    trace: Option<String>,
}

/// All publications.
#[derive(Default)]
pub(crate) struct Publisher {
    current: Mutex<HashMap<String, Arc<Publishing>>>,
    /// Left by an earlier process, until its user is published again: no credentials are stored.
    remembered: Mutex<HashMap<String, Publication>>,
}

impl Publisher {
    pub(crate) fn len(&self) -> usize {
        lock(&self.current).len()
    }
}

impl Core {
    /// Takes up what an earlier process left.
    pub(crate) async fn restore_publications(&self, stored: Vec<StoredSubscription>) {
        let now = self.now();
        for record in stored {
            match serde_json::from_str::<Publication>(&record.record) {
                Ok(publication) if publication.expires_at() > now => {
                    lock(&self.publisher.remembered).insert(record.id, publication);
                }
                _ => {
                    if let Err(error) = self.store.remove(&record.id).await {
                        tracing::warn!(id = record.id, %error, "an old publication could not be removed");
                    }
                }
            }
        }
    }

    /// Publishes a state, or lets what is published lapse when it is unknown.
    pub(crate) async fn publish_state(
        &self,
        target: &PublicationTarget,
        wanted: State,
    ) -> Result<Outcome, Failure> {
        let publishing = self.publishing(target, &wanted);
        let Some(_turn) = publishing.lane.enter(wanted.revision).await else {
            return Ok(Outcome::Superseded);
        };
        let mut current = publishing.state.lock().await;
        current.target = target.clone();
        current.trace = wanted.trace;
        let is_known = wanted.body.is_some();
        current.publication.want(wanted.body);
        if !is_known {
            publishing.refresh_at.store(NEVER, Ordering::Relaxed);
            return Ok(Outcome::Withheld);
        }
        self.drive(&publishing, &mut current).await
    }

    fn publishing(&self, target: &PublicationTarget, wanted: &State) -> Arc<Publishing> {
        let package = match wanted.package {
            Package::MessageSummary => String::new(),
            package => format!("{}:", package.event()),
        };
        let id = format!("publication:{package}{} at {}", target.user.address_of_record(), target.server);
        let mut all = lock(&self.publisher.current);
        all.entry(id.clone())
            .or_insert_with(|| {
                let remembered = lock(&self.publisher.remembered).remove(&id);
                let fresh = || {
                    let (user, lifetime) = (target.user.clone(), target.lifetime);
                    Publication::new(wanted.package, user, &self.call_id(), &self.token(), lifetime)
                };
                let publication = remembered.unwrap_or_else(fresh);
                let current = Current { target: target.clone(), publication, trace: wanted.trace.clone() };
                Arc::new(Publishing {
                    id,
                    lane: Lane::default(),
                    refresh_at: AtomicI64::new(NEVER),
                    state: tokio::sync::Mutex::new(current),
                })
            })
            .clone()
    }

    /// Sends what the publication asks for until it is content.
    async fn drive(&self, publishing: &Publishing, current: &mut Current) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::Unchanged;
        for _ in 0..MAX_STEPS {
            let request = match current.publication.step(self.now()) {
                PublicationStep::Publish(request) => request,
                PublicationStep::Wait(at) => {
                    publishing.refresh_at.store(at, Ordering::Relaxed);
                    return Ok(outcome);
                }
                PublicationStep::Idle => {
                    publishing.refresh_at.store(NEVER, Ordering::Relaxed);
                    return Ok(outcome);
                }
            };
            let (response, delivered) = match self.publish_once(current, request).await {
                Ok(sent) => sent,
                Err(failure) => {
                    self.try_again(publishing);
                    return Err(failure);
                }
            };
            let again = current.publication.answered(&response, self.now());
            if !(200..300).contains(&response.code) && !again {
                self.try_again(publishing);
                return Err(Failure::answered("PUBLISH", current.target.server.as_str(), &response));
            }
            if !again {
                outcome = delivered;
                self.remember(publishing, current).await;
            }
        }
        match current.publication.is_current(self.now()) {
            true => Ok(outcome),
            false => {
                let why = "the presence server keeps asking for another try";
                Err(Failure::new(Class::Transient, "PUBLISH", current.target.server.as_str(), why))
            }
        }
    }

    async fn publish_once(
        &self,
        current: &mut Current,
        mut request: tieline_proto_sip::Request,
    ) -> Result<(Response, Outcome), Failure> {
        let began = tokio::time::Instant::now();
        self.put_trace(&mut request, current.trace.as_deref());
        let way = Way::Hop(&current.target.server);
        let answer = self.send(request, way, current.target.login.as_ref()).await?;
        current.publication.renumbered(answer.cseq);
        let outcome =
            Outcome::Delivered { code: answer.response.code, sent: answer.sent, elapsed: began.elapsed() };
        Ok((answer.response, outcome))
    }

    fn try_again(&self, publishing: &Publishing) {
        publishing.refresh_at.store(self.now().saturating_add(REFRESH_RETRY), Ordering::Relaxed);
    }

    /// Stores the entity tag. Losing it costs no truth: the presence server then holds two publications of ours, of
    /// which the older lapses.
    async fn remember(&self, publishing: &Publishing, current: &Current) {
        let Ok(record) = serde_json::to_string(&current.publication) else { return };
        let stored = StoredSubscription {
            id: publishing.id.clone(),
            kind: StoredKind::Publication,
            account: current.target.user.address_of_record(),
            record,
            expires_at_ms: current.publication.expires_at(),
        };
        if let Err(error) = self.store.save(stored).await {
            tracing::warn!(id = publishing.id, %error, "a publication could not be stored");
        }
    }

    /// Refreshes what is due.
    pub(crate) fn refresh_publications(&self) {
        let now = self.now();
        let all: Vec<_> = lock(&self.publisher.current).values().cloned().collect();
        for publishing in all.into_iter().filter(|p| p.refresh_at.load(Ordering::Relaxed) <= now) {
            publishing.refresh_at.store(NEVER, Ordering::Relaxed);
            let Some(core) = self.me() else { return };
            self.wire.tasks().spawn(async move {
                let refresh = async {
                    let mut current = publishing.state.lock().await;
                    if let Err(failure) = core.drive(&publishing, &mut current).await {
                        core.observe(SipEvent::RefreshFailed {
                            user: &current.target.user,
                            failure: &failure,
                        });
                    }
                };
                tokio::select! {
                    () = refresh => {}
                    () = core.wire.stopping().cancelled() => {}
                }
            });
        }
    }
}
