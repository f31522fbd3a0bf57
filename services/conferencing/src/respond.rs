//! Job `answer-invitation`: one answer reaches the mail system, whatever dies in between. A yes comes after the join data
//! were put into the meeting itself, so that the answer can say whether attendees have them.
//!
//! Before the answer is sent the job notes that it is about to be. A run that finds that note asks first whether the
//! invitation still waits in the Inbox: an answer takes it from there.

use serde::{Deserialize, Serialize};
use tieline_model::{AnswerId, Refusal, TraceId, Verdict};
use tieline_ports::{ItemRef, PortError};
use tieline_store::{ConferenceWrite, NewJob, StoredAnswer, Write};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::Conferencing;
use crate::inbox::port_error;
use crate::insert::Placed;

pub(crate) const ANSWER: &str = "answer-invitation";

/// Job `answer-invitation`.
pub(crate) struct Respond(pub(crate) Conferencing);

impl Work for Respond {
    fn kind(&self) -> &'static str {
        ANSWER
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.respond(context))
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    answer: AnswerId,
}

/// What the job notes of itself.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
struct Noted {
    /// The answer may be out.
    begun: bool,
    /// The join data may stand in the meeting.
    placing: bool,
    /// Whether the join data stand in the meeting; `None` as long as that was not tried.
    placed: Option<bool>,
}

/// The job that sends an answer. Answers to one meeting go out in order.
pub(crate) fn respond_job(conferencing: &Conferencing, stored: &StoredAnswer, trace: TraceId) -> NewJob {
    let answer = stored.answer.id;
    NewJob {
        id: conferencing.new_job_id(),
        stream: format!("{}/answer", stored.answer.meeting),
        kind: ANSWER.to_owned(),
        payload: serde_json::json!({ "answer": answer }),
        not_before: conferencing.now(),
        trace,
        subject: stored.answer.meeting.to_string(),
        dedupe: Some(format!("{ANSWER}/{answer}")),
    }
}

impl Conferencing {
    async fn respond(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let unreadable = |error: serde_json::Error| {
            WorkError::failed(Refusal::permanent("job-unreadable", error.to_string(), "drop the job"))
        };
        let payload: Payload = serde_json::from_value(context.job().payload.clone()).map_err(unreadable)?;
        let noted: Noted = serde_json::from_value(context.job().state.clone()).unwrap_or_default();
        let Some(stored) = self.store.answer(payload.answer).await?.filter(|stored| stored.sent.is_none())
        else {
            return Ok(Finish::done());
        };
        let target = self.target().await.map_err(WorkError::failed)?;
        let item = ItemRef(stored.item.clone());
        let sent = || {
            let sent = Write::Conference(ConferenceWrite::AnswerSent(payload.answer));
            Ok(Finish::done().with(sent))
        };
        if noted.begun && !self.mail.waits(&target, &item).await.map_err(port_error)? {
            return sent();
        }
        let accept = matches!(stored.answer.verdict, Verdict::Accepted { .. });
        let placed = match noted.placed {
            Some(placed) => placed,
            None => {
                if stored.html_inserted.is_some() && !noted.placing {
                    context.keep(serde_json::json!(Noted { placing: true, ..noted })).await?;
                }
                matches!(self.place(context, &stored, noted.placing).await?, Placed::Yes)
            }
        };
        context.keep(serde_json::json!(Noted { begun: true, placing: true, placed: Some(placed) })).await?;
        let html = stored.html_inserted.as_ref().filter(|_| placed).unwrap_or(&stored.html);
        match self.mail.answer(&target, &item, accept, html).await {
            Ok(()) => sent(),
            // Somebody took the invitation away: there is nothing left that could be answered.
            Err(PortError::NotFound) => {
                tracing::warn!(meeting = %stored.answer.meeting, "the invitation is gone before its answer");
                sent()
            }
            Err(error) => Err(port_error(error)),
        }
    }
}
