//! The message-waiting light: derived from the messages whenever somebody is to be told, never counted up or down
//! (AV-13).
//!
//! Job `light` compares what each target was told last with what is true now and tells those for whom that differs, and
//! the subscribers. All are asked at once, and one that does not answer soon gets a job of its own (`lamp`), so that it
//! holds up no other. Whoever
//! told a lamp looks once more whether it still is the truth: of two that speak at the same time the later one is right.
//!
//! **Unknown.** While the mail system could not be asked for [`unknown_after`](crate::MessagingPolicy::unknown_after)
//! (or the mailbox is paused for as long), and unread voice messages lie there, their user may have heard them without
//! our knowing. Then nothing is claimed: lamps are left as they are, subscribers are told nothing new, and the API shows
//! *unknown* with the reason. Without unread messages over there the light is known, and is off.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_model::{
    LightState, Mailbox, MailboxId, MessageCounts, MessageKind, MessageState, Refusal, TraceId,
};
use tieline_ports::{Lamp, LampTarget, PortError};
use tieline_store::{Job, KindCounts, LightShown, MessageFilter, NewEvent, StoreError, Write};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::deliver::failure;
use crate::jobs::{self, LampPayload, LightPayload, json};
use crate::{LagStep, Messaging};

/// Job `light`.
pub(crate) struct Light(pub(crate) Messaging);

impl Work for Light {
    fn kind(&self) -> &'static str {
        jobs::LIGHT
    }

    fn concurrency(&self) -> usize {
        32
    }

    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.light", job = %job.id, mailbox = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.tell_everybody(context))
    }
}

/// Job `lamp`: one target that did not answer.
pub(crate) struct OneLamp(pub(crate) Messaging);

impl Work for OneLamp {
    fn kind(&self) -> &'static str {
        jobs::LAMP
    }

    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.lamp", job = %job.id, mailbox = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.tell_one(context))
    }
}

/// A mailbox's light as it is at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LightView {
    /// Whose.
    pub mailbox: MailboxId,
    /// The message account as a SIP URI.
    pub account: String,
    /// What the lamp should show.
    #[serde(flatten)]
    pub light: LightState,
    /// Undeleted messages by kind, as known here.
    pub counts: KindCounts,
    /// Why it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Refusal>,
}

/// What a target was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    voice: MessageCounts,
    fax: MessageCounts,
    text: MessageCounts,
    /// Subscribers were told that it is unknown.
    #[serde(default)]
    unknown: bool,
}

/// How long the lamps of a mailbox are waited for together. SIP goes on asking for half a minute; so long no other lamp
/// and no later change may wait: a silent one is asked again by a job of its own.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

fn silent() -> PortError {
    let what = format!("the telephone did not answer within {} s", ANSWER_WITHIN.as_secs());
    let next = "check the lamp's address, and whether the telephone is switched on; it is asked again";
    PortError::uncertain(Refusal::transient("lamp-silent", what, next))
}

/// The subscribers' entry among the targets.
const SUBSCRIBERS: &str = "subscribers";

impl LightView {
    /// As it is told; `None` while it is unknown.
    fn told(&self) -> Option<Told> {
        let voice = self.light.counts()?;
        Some(Told { voice, fax: self.counts.fax, text: self.counts.text, unknown: false })
    }
}

impl Messaging {
    /// Tells every lamp and subscriber of a mailbox its state again, also what they were told before.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn resync(&self, mailbox: MailboxId, trace: TraceId) -> Result<(), Refusal> {
        let payload = LightPayload { mailbox, since: None, resync: true };
        self.commit(vec![self.light_job_with(payload, trace)]).await
    }

    /// What a mailbox's lamp should show at present; unknown for an unknown mailbox.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn light(&self, mailbox: MailboxId) -> Result<LightState, StoreError> {
        match self.store.mailbox(mailbox).await? {
            Some(mailbox) => Ok(self.light_view(&mailbox).await?.light),
            None => Ok(LightState::Unknown),
        }
    }

    /// A mailbox's light with its counts, as it is at present.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn light_view(&self, mailbox: &Mailbox) -> Result<LightView, StoreError> {
        let counts = self.store.counts(mailbox.id).await?;
        let health = self.store.mailbox_health(mailbox.id).await?;
        let out_of_touch = self.is_out_of_touch(health.as_ref(), self.now());
        let unknown = out_of_touch && counts.voice.new > 0 && self.unread_lie_outside(mailbox.id).await?;
        Ok(LightView {
            mailbox: mailbox.id,
            account: format!("sip:{}@{}", mailbox.number, self.policy.account_domain),
            light: if unknown { LightState::Unknown } else { LightState::from_counts(counts.voice) },
            counts,
            reason: health.filter(|_| unknown).and_then(|health| health.cause),
        })
    }

    async fn unread_lie_outside(&self, mailbox: MailboxId) -> Result<bool, StoreError> {
        let filter = MessageFilter {
            mailbox: Some(mailbox),
            kind: Some(MessageKind::Voice),
            state: Some(MessageState::Unread),
            before: None,
        };
        let unread = self.store.messages(&filter, 1000).await?;
        Ok(unread.iter().any(|stored| stored.delivered.is_some()))
    }

    async fn tell_everybody(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let payload: LightPayload = jobs::payload(context.job())?;
        let trace = context.job().trace;
        let Some(mailbox) = self.store.mailbox(payload.mailbox).await? else { return Ok(Finish::done()) };
        let view = self.light_view(&mailbox).await?;
        let shown = self.store.lights_shown(mailbox.id).await?;
        let before = |target: &str| {
            let entry = shown.iter().find(|shown| shown.target == target && !payload.resync)?;
            serde_json::from_value::<Told>(entry.state.clone()).ok()
        };
        let mut finish = Finish::done();
        let mut told = Vec::new();
        let asked = mailbox.light_targets.iter().map(|target| {
            let answer = self.bring_up_to_date(&mailbox, target, before(target), trace);
            async move { (target, tokio::time::timeout(ANSWER_WITHIN, answer).await) }
        });
        for (target, answer) in join_all(asked).await {
            match answer.unwrap_or_else(|_| Ok(Err(silent())))? {
                Ok(None) => {}
                Ok(Some(now)) => {
                    told.push(target.clone());
                    finish = finish.with(self.shown(&mailbox, target, &now));
                }
                Err(error) => finish = finish.with(self.later(context, &mailbox, target, &error)),
            }
        }
        for gone in
            shown.iter().filter(|s| s.target != SUBSCRIBERS && !mailbox.light_targets.contains(&s.target))
        {
            finish = finish.with(Write::DropLightShown { mailbox: mailbox.id, target: gone.target.clone() });
        }
        if let Some(writes) = self.tell_subscribers(&mailbox, &view, before(SUBSCRIBERS), trace).await? {
            finish = finish.with_all(writes).with_all(self.light_changed(&view, trace, &told));
        } else if !told.is_empty() {
            finish = finish.with(Write::Decision(self.light_decision(&view, trace, &told)));
        }
        if let Some(since) = payload.since {
            self.0.lag.record(LagStep::Light, MessageKind::Voice, context.now().duration_since(since));
        }
        Ok(finish)
    }

    async fn tell_one(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let payload: LampPayload = jobs::payload(context.job())?;
        let trace = context.job().trace;
        let Some(mailbox) = self.store.mailbox(payload.mailbox).await? else { return Ok(Finish::done()) };
        if !mailbox.light_targets.contains(&payload.target) {
            return Ok(Finish::done());
        }
        let shown = self.store.lights_shown(mailbox.id).await?;
        let known = shown
            .into_iter()
            .find(|shown| shown.target == payload.target)
            .and_then(|shown| serde_json::from_value::<Told>(shown.state).ok());
        match self.bring_up_to_date(&mailbox, &payload.target, known, trace).await? {
            Ok(None) => Ok(Finish::done()),
            Ok(Some(told)) => Ok(Finish::done().with(self.shown(&mailbox, &payload.target, &told))),
            Err(error) => {
                let refusal = error.refusal().at(&payload.target);
                // A lamp that refuses is asked again, slowly: the switch may learn of it yet.
                let class = match refusal.class {
                    tieline_model::Class::Permanent => tieline_model::Class::Operator,
                    class => class,
                };
                Err(WorkError::Failed {
                    refusal: Refusal { class, ..refusal },
                    back_off: failure(&error).back_off,
                })
            }
        }
    }

    /// Tells one target until what it was told is the truth; answers what it knows by now, if that is new.
    async fn bring_up_to_date(
        &self,
        mailbox: &Mailbox,
        target: &str,
        mut known: Option<Told>,
        trace: TraceId,
    ) -> Result<Result<Option<Told>, PortError>, StoreError> {
        let mut news = None;
        loop {
            let view = self.light_view(mailbox).await?;
            let Some(truth) = view.told().filter(|truth| known != Some(*truth)) else {
                return Ok(Ok(news));
            };
            let Told { voice, fax, text, .. } = truth;
            let lamp = Lamp { target: lamp_target(target), account: view.account, voice, fax, text, trace };
            if let Err(error) = self.signalling.show(&lamp).await {
                return Ok(Err(error));
            }
            tracing::info!(target, new = voice.new, old = voice.old, "lamp told");
            known = Some(truth);
            news = known;
        }
    }

    async fn tell_subscribers(
        &self,
        mailbox: &Mailbox,
        view: &LightView,
        known: Option<Told>,
        trace: TraceId,
    ) -> Result<Option<Vec<Write>>, StoreError> {
        let truth = view.told().unwrap_or_else(|| {
            let last = known.map_or(MessageCounts::default(), |known| known.voice);
            Told { voice: last, fax: view.counts.fax, text: view.counts.text, unknown: true }
        });
        if known == Some(truth) {
            return Ok(None);
        }
        let KindCounts { fax, text, .. } = view.counts;
        match self.signalling.changed(&view.account, view.light, fax, text, trace).await {
            Ok(()) => Ok(Some(vec![self.shown(mailbox, SUBSCRIBERS, &truth)])),
            Err(error) => {
                // Each subscription is retried or ended by the SIP side; what failed here is the whole of it.
                tracing::warn!(%error, account = view.account, "subscribers were not told");
                Ok(None)
            }
        }
    }

    fn shown(&self, mailbox: &Mailbox, target: &str, told: &Told) -> Write {
        Write::LightShown(LightShown {
            mailbox: mailbox.id,
            target: target.to_owned(),
            state: json(told),
            at: self.now(),
        })
    }

    /// The target did not answer: it is told later, and no other waits for it.
    fn later(&self, context: &JobContext, mailbox: &Mailbox, target: &str, error: &PortError) -> Write {
        tracing::warn!(target, %error, "a lamp was not told yet");
        let policy = &self.policy.delivery;
        let not_before: Timestamp = policy.again(&failure(error), 1, context.now(), context.random());
        self.lamp_job(mailbox.id, target, context.job().trace, not_before)
    }

    fn light_decision(&self, view: &LightView, trace: TraceId, told: &[String]) -> tieline_model::Decision {
        let counts = view.light.counts().map_or_else(
            || "unknown".to_owned(),
            |counts| format!("{} unread, {} read", counts.new, counts.old),
        );
        let outcome = format!("the light is {} ({counts})", view.light.word());
        let decision = self.decision(trace, view.mailbox, "light-from-unread", outcome);
        let decision = decision.input("voice messages", counts).input("lamps told", told.join(", "));
        match &view.reason {
            Some(reason) => decision.input("why unknown", &reason.what),
            None => decision,
        }
    }

    fn light_changed(&self, view: &LightView, trace: TraceId, told: &[String]) -> Vec<Write> {
        vec![
            Write::Decision(self.light_decision(view, trace, told)),
            Write::Event(NewEvent {
                topic: "light".to_owned(),
                subject: view.mailbox.to_string(),
                payload: json(view),
            }),
        ]
    }
}

/// A light target as administrators write it: `sip:…` for an unsolicited NOTIFY, `publish:sip:…` for a presence server.
fn lamp_target(text: &str) -> LampTarget {
    match text.strip_prefix("publish:") {
        Some(uri) => LampTarget::Publish { uri: uri.to_owned() },
        None => LampTarget::Notify { uri: text.to_owned() },
    }
}
