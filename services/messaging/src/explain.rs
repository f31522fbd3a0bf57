//! Why something happened: the chain of decisions about a message, a mailbox or a journey, in one order of time.

use serde::Serialize;
use tieline_model::{Decision, MessageId, Refusal, TraceId};
use tieline_store::{Job, JobFilter};

use crate::Messaging;

/// The answer to `tieline explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What was asked about, as a printed id.
    pub id: String,
    /// The journey, when the id belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// Every decision, oldest first.
    pub decisions: Vec<Decision>,
    /// Jobs that wait or were put aside, with their reasons.
    pub jobs: Vec<Job>,
}

impl Messaging {
    /// Explains a printed id: a message with its whole journey, a journey by its trace, or what was decided about
    /// anything else.
    ///
    /// # Errors
    /// When nothing is known about the id, or the store cannot be read.
    pub async fn explain(&self, id: &str) -> Result<Explanation, Refusal> {
        let id = id.trim();
        let mut decisions = self.store.explain(id).await?;
        let mut trace = id.parse::<TraceId>().ok();
        let mut about = id.to_owned();
        if let Ok(message) = id.parse::<MessageId>()
            && let Some(stored) = self.store.message(message).await?
        {
            trace = Some(stored.message.trace);
            let about =
                std::mem::replace(&mut decisions, self.store.decisions_on(stored.message.trace).await?);
            let more: Vec<Decision> = about.into_iter().filter(|one| !decisions.contains(one)).collect();
            decisions.extend(more);
        } else if trace.is_some()
            && let Some(decision) = decisions.iter().find(|decision| decision.subject.starts_with("vm_"))
        {
            about.clone_from(&decision.subject);
        }
        decisions.sort_by_key(|decision| decision.at);
        let filter = JobFilter { subject: Some(about), ..JobFilter::default() };
        let jobs = self.store.jobs(&filter, 100).await?;
        if decisions.is_empty() && jobs.is_empty() {
            let shown: String = id.chars().take(64).collect();
            return Err(Refusal::permanent(
                "nothing-known",
                format!("nothing is known about {shown:?}"),
                "give a message id (vm_…), mailbox id (mb_…) or trace id (tr_…); decisions are kept for the retention time",
            ));
        }
        Ok(Explanation { id: id.to_owned(), trace, decisions, jobs })
    }
}
