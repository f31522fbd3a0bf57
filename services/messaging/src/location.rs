//! Where a user is: moved by the calendar when an event begins, and back when it ends ("Change Location", AV-73).
//!
//! Job `location` asks `core/sync` where the user is now and until when that holds, writes it down when it has changed,
//! and waits for that time; a change of the calendar or of the settings wakes it earlier. Whoever is to be told, a presence
//! server or a webhook, gets a job `tell-location` of its own, which tells what is true when it runs: a slow one
//! holds up nobody and never tells what is over. A location that was set by hand stays until it is taken back or its time
//! is over (AV-81). Others are told where, never why: an event's subject does not leave the house.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tieline_model::settings::effective;
use tieline_model::{Event, Mailbox, MailboxId, Refusal, TraceId, UcLocation};
use tieline_ports::{LocationNotice, LocationSink};
use tieline_store::{Job, LocationWrite, NewEvent, NewJob, RecordFilter, StoreError, Write};
use tieline_sync::{Cause, Manual, Moves, Whereabouts, whereabouts};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::Messaging;
use crate::deliver::failure;
use crate::jobs::{self, json};

pub(crate) const LOCATION: &str = "location";
pub(crate) const TELL_LOCATION: &str = "tell-location";

/// Events are looked at so far ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(33 * 24);
/// More events than these at a time are not looked at.
const MOST_EVENTS: u32 = 5000;

/// What an administrator may set about locations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocationPolicy {
    /// Where a user is when nothing says otherwise; `Office` by default.
    pub usual: UcLocation,
    /// Which events count; `enabled` is the mailbox's own.
    pub moves: Moves,
}

impl Default for LocationPolicy {
    fn default() -> Self {
        Self { usual: UcLocation::Office, moves: Moves::default() }
    }
}

/// What was said by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocationSaid {
    /// Set by hand; stays until it is taken back or its time is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manual: Option<Manual>,
    /// Where this user is when nothing says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual: Option<UcLocation>,
}

/// What others were told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    location: UcLocation,
    by_hand: bool,
    event: bool,
    trace: TraceId,
}

/// Where a user is, and everything that is to be seen about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationView {
    /// Where, until when, and why.
    pub now: Whereabouts,
    /// What was said by hand.
    pub said: LocationSaid,
    /// The calendar moves it.
    pub moved_by_calendar: bool,
    /// Events in a time zone that nobody knows: they move nothing.
    pub unknown: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LocationPayload {
    mailbox: MailboxId,
}

#[derive(Debug, Serialize, Deserialize)]
struct TellPayload {
    mailbox: MailboxId,
    sink: String,
}

/// Job `location`.
pub(crate) struct Locate(pub(crate) Messaging);

impl Work for Locate {
    fn kind(&self) -> &'static str {
        LOCATION
    }

    fn concurrency(&self) -> usize {
        8
    }

    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.location", job = %job.id, mailbox = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.locate_user(context))
    }
}

/// Job `tell-location`.
pub(crate) struct TellLocation(pub(crate) Messaging);

impl Work for TellLocation {
    fn kind(&self) -> &'static str {
        TELL_LOCATION
    }

    fn concurrency(&self) -> usize {
        8
    }

    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.tell-location", job = %job.id, mailbox = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.tell_location(context))
    }
}

impl Messaging {
    /// Names those who are told where users are. Once, before the work begins.
    pub fn tell_locations_to(&self, sinks: Vec<Arc<dyn LocationSink>>) {
        // A second time changes nothing.
        let _ = self.0.sinks.set(sinks);
    }

    fn sinks(&self) -> &[Arc<dyn LocationSink>] {
        self.0.sinks.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// Where a mailbox's user is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn location(&self, mailbox: &Mailbox) -> Result<LocationView, Refusal> {
        Ok(self.location_view(mailbox).await?)
    }

    /// Keeps what is said by hand; it holds at once.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn say_location(&self, mailbox: &Mailbox, said: LocationSaid, by: &str) -> Result<(), Refusal> {
        let trace = self.new_trace();
        let outcome = match (said.manual, said.usual) {
            (Some(manual), _) => format!("{} by hand", manual.location.label()),
            (None, Some(usual)) => format!("usually {}", usual.label()),
            (None, None) => "nothing by hand any more".to_owned(),
        };
        let decision = self.decision(trace, mailbox.id, "location-said", outcome).input("by", by);
        let body = (said != LocationSaid::default()).then(|| json(&said));
        let writes = vec![
            Write::Location(LocationWrite::Said { mailbox: mailbox.id, body }),
            Write::Decision(decision),
            self.location_job(mailbox.id),
        ];
        self.commit(writes).await
    }

    async fn location_view(&self, mailbox: &Mailbox) -> Result<LocationView, StoreError> {
        let now = self.now();
        let entry = self.store.location(mailbox.id).await?;
        let said: LocationSaid =
            entry.said.and_then(|said| serde_json::from_value(said).ok()).unwrap_or_default();
        let group = self.store.feature_group(mailbox.feature_group).await?;
        let moved = group.is_some_and(|group| effective(mailbox, &group).change_location.value);
        let events = if moved { self.events_around(mailbox.id, now).await? } else { Vec::new() };
        let policy = self.policy.location;
        let moves = Moves { enabled: moved, ..policy.moves };
        let usual = said.usual.unwrap_or(policy.usual);
        let found = whereabouts(&events, moves, said.manual, usual, now);
        let unknown = found.unknown.iter().filter_map(|at| events.get(*at));
        let unknown = unknown.map(tieline_model::Record::headline).collect();
        Ok(LocationView { now: found, said, moved_by_calendar: moved, unknown })
    }

    async fn events_around(&self, mailbox: MailboxId, now: Timestamp) -> Result<Vec<Event>, StoreError> {
        let to = now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        let filter = RecordFilter { between: Some((now, to)), ..RecordFilter::default() };
        let found = self.store.records::<Event>(mailbox, &filter, MOST_EVENTS).await?;
        Ok(found.into_iter().map(|stored| stored.record).collect())
    }

    /// Looks where the user is: now, and then whenever that may change.
    pub(crate) fn location_job(&self, mailbox: MailboxId) -> Write {
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: format!("{mailbox}/{LOCATION}"),
            kind: LOCATION.to_owned(),
            payload: json(&LocationPayload { mailbox }),
            not_before: self.now(),
            trace: self.new_trace(),
            subject: mailbox.to_string(),
            dedupe: Some(format!("{LOCATION}/{mailbox}")),
        })
    }

    /// A look for a mailbox whose location the calendar moves, or moved.
    pub(crate) async fn location_jobs(&self, mailbox: &Mailbox) -> Result<Option<Write>, StoreError> {
        let group = self.store.feature_group(mailbox.feature_group).await?;
        let moved = group.is_some_and(|group| effective(mailbox, &group).change_location.value);
        let known = moved || self.store.location(mailbox.id).await?.shown.is_some();
        Ok(known.then(|| self.location_job(mailbox.id)))
    }

    fn tell_job(&self, mailbox: MailboxId, sink: &str, trace: TraceId) -> Write {
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: format!("{mailbox}/{TELL_LOCATION}/{sink}"),
            kind: TELL_LOCATION.to_owned(),
            payload: json(&TellPayload { mailbox, sink: sink.to_owned() }),
            not_before: self.now(),
            trace,
            subject: mailbox.to_string(),
            dedupe: Some(format!("{TELL_LOCATION}/{sink}/{mailbox}")),
        })
    }

    async fn locate_user(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let payload: LocationPayload = jobs::payload(context.job())?;
        let Some(mailbox) = self.store.mailbox(payload.mailbox).await? else { return Ok(Finish::done()) };
        let view = self.location_view(&mailbox).await?;
        let before = self.store.location(mailbox.id).await?.shown;
        let before: Option<Shown> = before.and_then(|(shown, _)| serde_json::from_value(shown).ok());
        // Nobody was ever told anything, and nothing moves it: nobody need be.
        if before.is_none() && !view.moved_by_calendar && view.said == LocationSaid::default() {
            return Ok(Finish::done());
        }
        let trace = context.job().trace;
        let shown = Shown {
            location: view.now.location,
            by_hand: view.now.cause == Cause::ByHand,
            event: matches!(view.now.cause, Cause::Event { .. }),
            trace,
        };
        let mut finish = Finish::wait(view.now.until, serde_json::Value::Null);
        if before.is_some_and(|before| Shown { trace, ..before } == shown) {
            return Ok(finish);
        }
        finish = finish
            .with(Write::Location(LocationWrite::Shown { mailbox: mailbox.id, body: json(&shown) }))
            .with(Write::Decision(self.location_decision(&mailbox, &view, trace)))
            .with(Write::Event(NewEvent {
                topic: "location".to_owned(),
                subject: mailbox.id.to_string(),
                payload: serde_json::json!({"location": shown.location, "trace": trace}),
            }));
        for sink in self.sinks() {
            finish = finish.with(self.tell_job(mailbox.id, sink.name(), trace));
        }
        tracing::info!(location = %shown.location, until = %view.now.until, "location changed");
        Ok(finish)
    }

    fn location_decision(
        &self,
        mailbox: &Mailbox,
        view: &LocationView,
        trace: TraceId,
    ) -> tieline_model::Decision {
        let (rule, why) = match &view.now.cause {
            Cause::Usual => ("location-usual", "nothing says otherwise".to_owned()),
            Cause::ByHand => ("location-by-hand", "set by hand".to_owned()),
            Cause::Event { headline, assigned: true, .. } => {
                ("location-of-event", format!("assigned to {headline}"))
            }
            Cause::Event { headline, .. } => ("location-by-event", headline.clone()),
        };
        let outcome = format!("{} until {}", view.now.location.label(), view.now.until);
        self.decision(trace, mailbox.id, rule, outcome)
            .input("why", why)
            .input("events in unknown time zones", view.unknown.len())
    }

    async fn tell_location(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let payload: TellPayload = jobs::payload(context.job())?;
        let Some(mailbox) = self.store.mailbox(payload.mailbox).await? else { return Ok(Finish::done()) };
        let Some(sink) = self.sinks().iter().find(|sink| sink.name() == payload.sink) else {
            return Ok(Finish::done());
        };
        let Some((shown, since)) = self.store.location(mailbox.id).await?.shown else {
            return Ok(Finish::done());
        };
        let Ok(shown) = serde_json::from_value::<Shown>(shown) else { return Ok(Finish::done()) };
        let notice = LocationNotice {
            mailbox: mailbox.id,
            account: format!("sip:{}@{}", mailbox.number, self.policy.account_domain),
            number: mailbox.number,
            address: mailbox.address,
            location: shown.location,
            cause: match (shown.by_hand, shown.event) {
                (true, _) => "by-hand",
                (false, true) => "event",
                (false, false) => "usual",
            },
            since,
            trace: shown.trace,
        };
        match sink.tell(&notice).await {
            Ok(()) => Ok(Finish::done()),
            Err(error) => {
                let refusal = error.refusal();
                // Who refuses now may take the next change: it is asked again, slowly.
                let class = match refusal.class {
                    tieline_model::Class::Permanent => tieline_model::Class::Operator,
                    class => class,
                };
                let back_off = failure(&error).back_off;
                Err(WorkError::Failed { refusal: Refusal { class, ..refusal }, back_off })
            }
        }
    }
}
