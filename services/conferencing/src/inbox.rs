//! Job `read-conference`: what came into the conference mailbox is read, decided on and written down; the answers are
//! jobs of their own.
//!
//! There is one such job at a time, so that nobody else gives rooms away meanwhile; the store checks it all the same.
//! What was read before is read again after a crash, and known by its version: nothing is answered twice.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_model::{
    Answer, AnswerId, ConferenceMail, ContactAddress, Decision, Inserted, Invitation, KnownSender, Meeting,
    MeetingId, MeetingKey, MeetingState, PastInvitation, Reason, Refusal, RoomKind, SmtpAddress, Span,
    TraceId, Verdict,
};
use tieline_ports::{Arrival, Directory, Found, PortError};
use tieline_store::{ConferenceWrite, Job, NewJob, StoreError, StoredAnswer, StoredMeeting, Write};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::insert::{last_end, ready_to_forward};
use crate::policy::Rule;
use crate::read::{Mail, read};
use crate::respond::respond_job;
use crate::{
    Calendar, Conferencing, Grant, Held, RoomBook, Sender, Situation, answer, spans, verdict,
    with_occurrence, without_occurrence,
};

pub(crate) const READ: &str = "read-conference";
/// An invitation whose room was given away meanwhile is decided on so often.
const DECISIONS: usize = 3;

/// What is known of rooms and reservations.
pub(crate) struct Known {
    calendar: Calendar,
    /// The last change of a meeting that it holds.
    as_of: Option<(MeetingId, Timestamp)>,
    /// And of changes that no invitation made.
    changes: u64,
}

/// Job `read-conference`.
pub(crate) struct ReadInbox(pub(crate) Conferencing);

impl Work for ReadInbox {
    fn kind(&self) -> &'static str {
        READ
    }

    fn concurrency(&self) -> usize {
        1
    }

    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.read_conference", job = %job.id, mailbox = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(async move {
            let ended = self.0.read_inbox(context).await;
            self.0.inner().read.send_modify(|count| *count += 1);
            ended
        })
    }
}

/// What the job needs to know.
#[derive(Debug, Serialize, Deserialize)]
struct ReadPayload {
    mailbox: SmtpAddress,
}

/// What a meeting was before an invitation to it.
struct Before {
    /// The meeting itself, or the series whose occurrence is meant.
    meeting: Option<Meeting>,
    /// It is the series.
    is_series: bool,
    /// The join data that stand in the meeting itself.
    inserted: Option<Inserted>,
}

fn last_change(last: Vec<StoredMeeting>) -> Option<(MeetingId, Timestamp)> {
    last.first().map(|stored| (stored.meeting.id, stored.changed))
}

pub(crate) fn stream_of(mailbox: &SmtpAddress) -> String {
    format!("conference/{}/read", mailbox.key())
}

pub(crate) fn port_error(error: PortError) -> WorkError {
    match error {
        PortError::Failed { refusal, back_off, .. } => WorkError::Failed { refusal, back_off },
        other => WorkError::failed(other.refusal()),
    }
}

impl Known {
    /// The reservations.
    pub(crate) const fn calendar(&self) -> &Calendar {
        &self.calendar
    }
}

impl Conferencing {
    /// The job that reads the mailbox; one at a time, however often it is asked for.
    pub(crate) fn read_job(&self) -> Write {
        let mailbox = self.settings.mailbox.clone();
        let stream = stream_of(&mailbox);
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: stream.clone(),
            kind: READ.to_owned(),
            subject: mailbox.to_string(),
            payload: serde_json::json!({ "mailbox": mailbox }),
            not_before: self.now(),
            trace: self.new_trace(),
            dedupe: Some(stream),
        })
    }

    async fn read_inbox(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let payload: ReadPayload =
            serde_json::from_value(context.job().payload.clone()).map_err(|error| {
                WorkError::failed(Refusal::permanent("job-unreadable", error.to_string(), "drop the job"))
            })?;
        let target = self.target().await.map_err(WorkError::failed)?;
        let address = payload.mailbox.key();
        let mut known = self.inner().known.lock().await;
        let mut knowledge = self.knowledge(known.take()).await?;
        self.extend_series(context, &mut knowledge).await?;
        let rooms = self.room_book().await?;
        loop {
            let cursor = self.store.conference_cursor(&address).await?;
            let page = match self.mail.arrivals(&target, cursor.as_deref()).await {
                Ok(page) => page,
                Err(PortError::CursorExpired) if cursor.is_some() => {
                    context.commit(vec![cursor_write(&address, None)]).await?;
                    continue;
                }
                Err(error) => return Err(port_error(error)),
            };
            for arrival in &page.arrivals {
                self.take(context, arrival, &rooms, &mut knowledge).await?;
            }
            if cursor.as_deref() != Some(page.cursor.as_str()) {
                context.commit(vec![cursor_write(&address, Some(page.cursor))]).await?;
            }
            if page.complete || context.stopping().is_cancelled() {
                break;
            }
        }
        *known = Some(knowledge);
        Ok(Finish::done())
    }

    /// What was known, when nobody changed a meeting since; else read anew.
    async fn knowledge(&self, before: Option<Known>) -> Result<Known, StoreError> {
        let changes = self.inner().changes.load(Ordering::Acquire);
        let as_of = last_change(self.store.meetings(1).await?);
        if let Some(before) = before.filter(|before| before.as_of == as_of && before.changes == changes) {
            return Ok(before);
        }
        let mut calendar = Calendar::new();
        let all = self.store.reservations(self.now()).await?;
        for held in all.chunk_by(|a, b| a.key == b.key && a.number == b.number) {
            let Some(first) = held.first() else { continue };
            let spans: Vec<Span> = held.iter().map(|one| one.span).collect();
            if calendar.reserve(&first.key, &first.number, &spans).is_err() {
                tracing::warn!(number = %first.number, uid = first.key.uid, "two meetings have one room");
            }
        }
        Ok(Known { calendar, as_of, changes })
    }

    pub(crate) async fn room_book(&self) -> Result<RoomBook, StoreError> {
        let mut rooms = RoomBook::new();
        let custom = self.store.meeting_rooms().await?;
        custom.into_iter().chain(self.enterprise_rooms()).for_each(|room| rooms.insert(room));
        Ok(rooms)
    }

    async fn take(
        &self,
        context: &JobContext,
        arrival: &Arrival,
        rooms: &RoomBook,
        known: &mut Known,
    ) -> Result<(), WorkError> {
        let settings = &self.settings;
        match read(&arrival.mail, &settings.mailbox, &settings.policy) {
            Mail::Ignored(why) => {
                metrics::counter!("tieline_conference_mails_total", "outcome" => "left").increment(1);
                let decision =
                    self.decision(self.new_trace(), &settings.mailbox, "leave-other-mail", why.to_string());
                context.commit(vec![Write::Decision(decision)]).await?;
            }
            Mail::Cancelled { key, sequence } => self.cancel(context, &key, sequence, known).await?,
            Mail::Invitation(invitation) => self.invite(context, arrival, &invitation, rooms, known).await?,
        }
        Ok(())
    }

    async fn invite(
        &self,
        context: &JobContext,
        arrival: &Arrival,
        invitation: &Invitation,
        rooms: &RoomBook,
        known: &mut Known,
    ) -> Result<(), WorkError> {
        if self.store.answer_to(&invitation.version).await?.is_some() {
            return Ok(());
        }
        let before = self.before(&invitation.version.key).await?;
        if before.meeting.as_ref().is_some_and(|meeting| meeting.sequence > invitation.version.sequence) {
            return Ok(());
        }
        if let Some(meeting) = self.own_update(&before, invitation, &arrival.mail) {
            return self.pass_over(context, arrival, invitation, meeting, before.inserted.as_ref()).await;
        }
        let sender = self.sender(invitation).await;
        for _ in 0..DECISIONS {
            match self.invite_once(context, arrival, invitation, &before, &sender, rooms, known).await {
                Err(WorkError::Store(StoreError::Conflict(refusal))) if refusal.code == "room-taken" => {
                    *known = self.knowledge(None).await?;
                }
                Err(WorkError::Store(StoreError::Conflict(refusal)))
                    if refusal.code == "answered-already" =>
                {
                    return Ok(());
                }
                ended => return ended,
            }
        }
        Err(WorkError::failed(Refusal::transient(
            "room-contended",
            "another node gives the same room away again and again",
            "nothing; the invitation is decided on again",
        )))
    }

    /// What is known of the meeting: an occurrence of a series that is known belongs to that.
    async fn before(&self, key: &MeetingKey) -> Result<Before, StoreError> {
        let whole = MeetingKey { uid: key.uid.clone(), occurrence: None };
        if key.occurrence.is_some()
            && let Some(series) = self.store.meeting_by_key(&whole).await?
            && series.meeting.state == MeetingState::Accepted
        {
            return Ok(Before { meeting: Some(series.meeting), is_series: true, inserted: series.inserted });
        }
        let (meeting, inserted) =
            self.store.meeting_by_key(key).await?.map(|stored| (stored.meeting, stored.inserted)).unzip();
        Ok(Before { meeting, is_series: false, inserted: inserted.flatten() })
    }

    #[expect(clippy::too_many_arguments, reason = "one attempt with everything that was found out before it")]
    async fn invite_once(
        &self,
        context: &JobContext,
        arrival: &Arrival,
        invitation: &Invitation,
        before: &Before,
        sender: &Sender,
        rooms: &RoomBook,
        known: &mut Known,
    ) -> Result<(), WorkError> {
        let settings = &self.settings;
        let accepted = before.meeting.as_ref().filter(|meeting| meeting.state == MeetingState::Accepted);
        let held = accepted.and_then(|meeting| {
            Some(Held { number: meeting.number.clone()?, passcodes: meeting.passcodes.clone() })
        });
        let mut asked = invitation.clone();
        let occurrence = invitation.version.key.occurrence.filter(|_| before.is_series);
        let series = before.meeting.as_ref().and_then(|meeting| meeting.schedule.as_ref());
        if let (Some(original), Some(series), Some(changed)) = (occurrence, series, &invitation.schedule) {
            asked.schedule = with_occurrence(series, original, changed);
        }
        let now = self.now();
        let situation = Situation {
            policy: &settings.policy,
            rooms,
            calendar: &known.calendar,
            sender,
            held: held.as_ref(),
            now,
        };
        let (verdict, grant) = verdict(&asked, &situation, context.random()).map_err(WorkError::failed)?;
        let mut meeting = self.meeting(&asked, before);
        if !before.is_series {
            meeting.attendees.clone_from(&arrival.mail.attendees);
        }
        let spans = self.settle(&mut meeting, grant, occurrence, series)?;
        let link = last_end(&spans).and_then(|last| self.link(&meeting, last));
        meeting.link_until = link.as_ref().map(|(_, until)| *until).or(meeting.link_until);
        let link = link.as_ref().map(|(link, _)| link.as_str());
        let reply = |forward| answer::reply(&verdict, invitation, &settings.bridge, link, forward);
        let accepted = matches!(verdict, Verdict::Accepted { .. });
        let forward = meeting.number.as_ref().filter(|_| accepted).map(|number| {
            let join = settings.bridge.join(number, &meeting.passcodes, link);
            let (people, but) = (&meeting.attendees, &settings.mailbox);
            ready_to_forward(&join, invitation.language, &invitation.subject, people, but)
        });
        let inserts = accepted && settings.insert_join_data;
        let html_inserted = inserts.then(|| reply(None).html);
        let html = reply(forward.as_deref()).html;
        let stored = StoredAnswer {
            answer: Answer {
                id: AnswerId::from_uuid(self.ids.uuid()),
                meeting: meeting.id,
                version: invitation.version.clone(),
                decided: now,
                verdict,
            },
            item: arrival.item.0.clone(),
            html,
            html_inserted,
            location: Some(arrival.mail.location.clone()).filter(|_| occurrence.is_none()),
            past: Some(Box::new(PastInvitation {
                invitation: asked.clone(),
                sender: match sender {
                    Sender::Known { addresses, department } => {
                        Some(KnownSender { addresses: addresses.clone(), department: department.clone() })
                    }
                    Sender::NotInDirectory | Sender::Unasked(_) => None,
                },
            })),
            sent: None,
        };
        let decision = self.explained(&meeting, invitation, sender, &stored.answer.verdict);
        let beside_rooms = settings.policy.rules.custom_number_in_use == Rule::Accept;
        let write = ConferenceWrite::Meeting {
            meeting: Box::new(meeting.clone()),
            spans: spans.clone(),
            beside_rooms,
        };
        let job = respond_job(self, &stored, meeting.trace);
        context
            .commit(vec![
                Write::Conference(write),
                Write::Conference(ConferenceWrite::Answer(Box::new(stored))),
                Write::Decision(decision),
                Write::Job(job),
            ])
            .await?;
        self.note(known, &meeting, &spans).await?;
        Ok(())
    }

    /// The meeting, when this is nothing but the update by which its join data were inserted, on its way back to us.
    fn own_update(&self, before: &Before, invitation: &Invitation, mail: &ConferenceMail) -> Option<Meeting> {
        before.inserted.as_ref().filter(|inserted| !inserted.came_back)?;
        let meeting = before.meeting.as_ref().filter(|meeting| meeting.state == MeetingState::Accepted)?;
        let number = meeting.number.as_ref()?;
        let block = self.settings.bridge.join(number, &meeting.passcodes, None).block();
        let codes = [
            (&invitation.conference_passcode, &meeting.passcodes.conference),
            (&invitation.chairperson_passcode, &meeting.passcodes.chairperson),
        ];
        let same = invitation.number.as_ref() == Some(number)
            && codes.iter().all(|(asked, held)| asked.is_none() || asked == held)
            && invitation.problems.is_empty()
            && invitation.schedule == meeting.schedule
            && invitation.version.key == meeting.key;
        (same && mail.body.contains(&block)).then(|| meeting.clone())
    }

    /// An own update needs no answer; that it has one is written down, so that it is known when it is read again.
    async fn pass_over(
        &self,
        context: &JobContext,
        arrival: &Arrival,
        invitation: &Invitation,
        meeting: Meeting,
        inserted: Option<&Inserted>,
    ) -> Result<(), WorkError> {
        let Some(number) = meeting.number.clone() else { return Ok(()) };
        let now = self.now();
        let stored = StoredAnswer {
            answer: Answer {
                id: AnswerId::from_uuid(self.ids.uuid()),
                meeting: meeting.id,
                version: invitation.version.clone(),
                decided: now,
                verdict: Verdict::Accepted { number, passcodes: meeting.passcodes.clone() },
            },
            item: arrival.item.0.clone(),
            html: String::new(),
            html_inserted: None,
            location: None,
            past: None,
            sent: Some(now),
        };
        let outcome = "it is the update that brought the join data to everybody; nothing is answered";
        let decision = self.decision(meeting.trace, meeting.id, "own-update", outcome.to_owned());
        let inserted = inserted.map(|inserted| Inserted { came_back: true, ..inserted.clone() });
        context
            .commit(vec![
                Write::Conference(ConferenceWrite::Inserted { meeting: meeting.id, inserted }),
                Write::Conference(ConferenceWrite::Answer(Box::new(stored))),
                Write::Decision(decision),
            ])
            .await?;
        Ok(())
    }

    /// The meeting as the invitation has it.
    fn meeting(&self, asked: &Invitation, before: &Before) -> Meeting {
        let fresh = || Meeting {
            id: self.new_meeting_id(),
            key: asked.version.key.clone(),
            sequence: 0,
            state: MeetingState::Declined,
            organizer: asked.organizer.clone(),
            subject: String::new(),
            schedule: None,
            number: None,
            passcodes: tieline_model::Passcodes::default(),
            private: false,
            trace: self.new_trace(),
            attendees: Vec::new(),
            kept_until: None,
            link_until: None,
        };
        let mut meeting = before.meeting.clone().unwrap_or_else(fresh);
        meeting.sequence = meeting.sequence.max(asked.version.sequence);
        meeting.schedule.clone_from(&asked.schedule);
        // What the organizer asks for now takes the place of what an administrator kept.
        meeting.kept_until = None;
        if !before.is_series {
            meeting.organizer = asked.organizer.clone();
            meeting.subject.clone_from(&asked.subject);
            meeting.private = asked.private;
        }
        meeting
    }

    /// What the meeting holds from now on. Of a series one occurrence of which was declined the others stay.
    fn settle(
        &self,
        meeting: &mut Meeting,
        grant: Option<Grant>,
        occurrence: Option<jiff::Timestamp>,
        series: Option<&tieline_model::Schedule>,
    ) -> Result<Vec<Span>, WorkError> {
        if let Some(grant) = grant {
            meeting.state = MeetingState::Accepted;
            meeting.number = Some(grant.number);
            meeting.passcodes = grant.passcodes;
            return Ok(grant.spans);
        }
        let rest = occurrence.zip(series).and_then(|(original, series)| without_occurrence(series, original));
        if let Some(rest) = rest {
            let spans = self.coming(&rest)?;
            meeting.schedule = Some(rest);
            return Ok(spans);
        }
        meeting.state = MeetingState::Declined;
        meeting.number = None;
        Ok(Vec::new())
    }

    fn coming(&self, schedule: &tieline_model::Schedule) -> Result<Vec<Span>, WorkError> {
        spans(schedule, self.now(), self.settings.policy.horizon_days).map_err(|unknown| {
            WorkError::failed(Refusal::permanent("unknown-zone", unknown.to_string(), "see the meeting"))
        })
    }

    /// Keeps what is known in step with what was written.
    pub(crate) async fn note(
        &self,
        known: &mut Known,
        meeting: &Meeting,
        spans: &[Span],
    ) -> Result<(), StoreError> {
        known.calendar.release(&meeting.key);
        if let Some(number) = &meeting.number {
            // The store has just agreed to it.
            let _ = known.calendar.reserve(&meeting.key, number, spans);
        }
        known.as_of = last_change(self.store.meetings(1).await?);
        Ok(())
    }

    async fn cancel(
        &self,
        context: &JobContext,
        key: &MeetingKey,
        sequence: u32,
        known: &mut Known,
    ) -> Result<(), WorkError> {
        let before = self.before(key).await?;
        // Exchange does not say a cancellation's sequence: then it is believed.
        let is_newer = |meeting: &Meeting| sequence == 0 || meeting.sequence <= sequence;
        let Some(mut meeting) = before.meeting.filter(is_newer) else {
            return Ok(());
        };
        if meeting.state == MeetingState::Cancelled {
            return Ok(());
        }
        let rest = key.occurrence.filter(|_| before.is_series);
        let rest =
            rest.zip(meeting.schedule.as_ref()).and_then(|(at, series)| without_occurrence(series, at));
        let (spans, outcome) = match rest {
            Some(rest) => {
                let spans = self.coming(&rest)?;
                meeting.schedule = Some(rest);
                (spans, "one occurrence is called off, and its room is free")
            }
            None => {
                meeting.state = MeetingState::Cancelled;
                meeting.number = None;
                (Vec::new(), "the meeting is called off, and its room is free")
            }
        };
        meeting.sequence = meeting.sequence.max(sequence);
        let decision = self.decision(meeting.trace, meeting.id, "free-cancelled", outcome.to_owned());
        let write = ConferenceWrite::Meeting {
            meeting: Box::new(meeting.clone()),
            spans: spans.clone(),
            beside_rooms: true,
        };
        context.commit(vec![Write::Conference(write), Write::Decision(decision)]).await?;
        self.note(known, &meeting, &spans).await?;
        Ok(())
    }

    /// What the directory says of organizer and sender; one of them is enough.
    async fn sender(&self, invitation: &Invitation) -> Sender {
        let Some(directory) = &self.directory else {
            return Sender::Unasked(Refusal::operator(
                "no-directory",
                "no directory is configured that could say who sent an invitation",
                "configure [directory], or set sender-unknown = \"accept\" under [rules] of the policy",
            ));
        };
        let mut unasked = None;
        for address in std::iter::once(&invitation.organizer).chain(&invitation.sender) {
            match look_up(directory.as_ref(), address).await {
                Sender::NotInDirectory => {}
                Sender::Unasked(refusal) => unasked = Some(refusal),
                known => return known,
            }
        }
        unasked.map_or(Sender::NotInDirectory, Sender::Unasked)
    }

    pub(crate) fn decision(
        &self,
        trace: TraceId,
        subject: impl ToString,
        rule: &str,
        outcome: String,
    ) -> Decision {
        Decision::new(trace, subject, self.now(), rule, outcome)
    }

    fn explained(
        &self,
        meeting: &Meeting,
        invitation: &Invitation,
        sender: &Sender,
        verdict: &Verdict,
    ) -> Decision {
        let outcome = match verdict {
            Verdict::Accepted { number, .. } => {
                format!("accepted: room {number} for {}", invitation.organizer)
            }
            Verdict::Declined { reasons, alternatives } => {
                let kinds: Vec<String> = reasons.iter().map(reason_in_words).collect();
                format!("declined: {}; {} alternatives proposed", kinds.join(", "), alternatives.len())
            }
        };
        metrics::counter!(
            "tieline_conference_mails_total",
            "outcome" => if matches!(verdict, Verdict::Accepted { .. }) { "accepted" } else { "declined" }
        )
        .increment(1);
        let in_directory = match sender {
            Sender::Known { .. } => "yes",
            Sender::NotInDirectory => "no",
            Sender::Unasked(_) => "not asked",
        };
        let asked = invitation.number.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string);
        self.decision(meeting.trace, meeting.id, "answer-invitation", outcome)
            .input("organizer", &invitation.organizer)
            .input("organizer in the directory", in_directory)
            .input("room asked for", asked)
            .input("sequence", invitation.version.sequence)
            .input("uid", &invitation.version.key.uid)
    }
}

fn reason_in_words(reason: &Reason) -> String {
    match reason {
        Reason::NumberInUse { by: RoomKind::Calendared, collisions, .. } => {
            format!("number-in-use by meetings at {collisions} times")
        }
        Reason::NumberInUse { by, .. } => format!("number-in-use by a room ({by})"),
        other => other.kind().to_string(),
    }
}

fn cursor_write(address: &str, cursor: Option<String>) -> Write {
    Write::Conference(ConferenceWrite::Cursor { address: address.to_owned(), cursor })
}

async fn look_up(directory: &dyn Directory, address: &SmtpAddress) -> Sender {
    match directory.resolve(&ContactAddress::Mail(address.clone())).await.found {
        Found::One(person) => Sender::Known {
            addresses: person.mail.iter().chain(&person.proxy_addresses).cloned().collect(),
            department: person.department,
        },
        // A shared address is somebody's.
        Found::Several(people) if !people.is_empty() => {
            Sender::Known { addresses: vec![address.clone()], department: None }
        }
        Found::Several(_) | Found::Nobody { .. } => Sender::NotInDirectory,
        Found::Unknown { reason, .. } => Sender::Unasked(reason),
    }
}
