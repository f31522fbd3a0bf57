//! An invitation that asks for a room and never reached the conference mailbox: noticed in the calendars of the room
//! mailboxes that are watched, and told to the organizer once.
//!
//! Job `notice-forgotten` runs some time after the invitation was seen, so that the conference mailbox's own copy has had
//! time to come. A draft is written first and then sent: a job that died in between finds its draft, or finds it sent.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tieline_model::{AskedIn, Invitation, Meeting, MeetingState, Refusal, SmtpAddress};
use tieline_ports::{ItemRef, PortError};
use tieline_store::{Batch, ConferenceWrite, NewJob, Write};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::Conferencing;
use crate::answer::forgotten;
use crate::inbox::port_error;
use crate::read::{Mail, read};

pub(crate) const NOTICE: &str = "notice-forgotten";
/// How often the rooms' calendars are looked at.
const EVERY: Duration = Duration::from_secs(60);
/// A meeting of which so much is left is worth a word.
const LEFT: SignedDuration = SignedDuration::from_secs(0);

/// Job `notice-forgotten`.
pub(crate) struct Notice(pub(crate) Conferencing);

impl Work for Notice {
    fn kind(&self) -> &'static str {
        NOTICE
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.notice(context))
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    invitation: Invitation,
    attendees: Vec<SmtpAddress>,
    seen_in: SmtpAddress,
}

/// What the job notes of itself.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Noted {
    draft: Option<String>,
}

impl Conferencing {
    /// Looks at the rooms' calendars for ever.
    pub(crate) async fn look_for_forgotten(&self) {
        if self.settings.watched_rooms.is_empty() {
            return std::future::pending().await;
        }
        loop {
            for room in &self.settings.watched_rooms {
                if let Err(refusal) = self.look_into(room).await {
                    tracing::warn!(%room, %refusal, "the room's calendar is not looked at for forgotten invitations");
                }
            }
            tokio::time::sleep(EVERY.min(self.settings.forgotten_after.unsigned_abs())).await;
        }
    }

    async fn look_into(&self, room: &SmtpAddress) -> Result<(), Refusal> {
        let address = format!("calendar/{}", room.key());
        loop {
            let cursor = self.store.conference_cursor(&address).await?;
            let target = self.target_for(room).await?;
            let page = match self.calendars.invited(&target, cursor.as_deref()).await {
                Ok(page) => page,
                Err(PortError::CursorExpired) if cursor.is_some() => {
                    self.keep_cursor(&address, None, Vec::new()).await?;
                    continue;
                }
                Err(error) => return Err(error.refusal()),
            };
            let mut jobs = Vec::new();
            for mail in &page.meetings {
                let Mail::Invitation(invitation) = read(mail, &self.settings.mailbox, &self.settings.policy)
                else {
                    continue;
                };
                if self.is_forgotten(&invitation).await? {
                    jobs.push(self.notice_job(*invitation, &mail.attendees, room));
                }
            }
            if cursor.as_deref() != Some(page.cursor.as_str()) || !jobs.is_empty() {
                self.keep_cursor(&address, Some(page.cursor), jobs).await?;
            }
            if page.complete {
                return Ok(());
            }
        }
    }

    /// Whether it asks for a room, is still to come, and the conference mailbox knows nothing of it.
    async fn is_forgotten(&self, invitation: &Invitation) -> Result<bool, Refusal> {
        if invitation.asked_in == AskedIn::Nowhere {
            return Ok(false);
        }
        let now = self.now();
        let horizon = self.settings.policy.horizon_days;
        let coming = invitation
            .schedule
            .as_ref()
            .and_then(|schedule| crate::spans(schedule, now, horizon).ok())
            .is_some_and(|spans| spans.iter().any(|span| span.end.duration_since(now) > LEFT));
        Ok(coming && self.store.meeting_by_key(&invitation.version.key).await?.is_none())
    }

    fn notice_job(&self, invitation: Invitation, attendees: &[SmtpAddress], room: &SmtpAddress) -> Write {
        let key = &invitation.version.key;
        let after = self.settings.forgotten_after;
        Write::Job(NewJob {
            id: self.new_job_id(),
            stream: format!("conference/forgotten/{}", key.uid),
            kind: NOTICE.to_owned(),
            subject: invitation.organizer.to_string(),
            not_before: self.now().checked_add(after).unwrap_or_else(|_| self.now()),
            trace: self.new_trace(),
            dedupe: Some(format!("{NOTICE}/{}/{:?}", key.uid, key.occurrence)),
            payload: serde_json::json!(Payload {
                attendees: attendees.to_vec(),
                seen_in: room.clone(),
                invitation,
            }),
        })
    }

    async fn keep_cursor(
        &self,
        address: &str,
        cursor: Option<String>,
        mut writes: Vec<Write>,
    ) -> Result<(), Refusal> {
        let write = ConferenceWrite::Cursor { address: address.to_owned(), cursor };
        writes.push(Write::Conference(write));
        self.store.commit(Batch { at: self.now(), fence: None, writes }).await?;
        Ok(())
    }

    async fn notice(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let unreadable = |error: serde_json::Error| {
            WorkError::failed(Refusal::permanent("job-unreadable", error.to_string(), "drop the job"))
        };
        let payload: Payload = serde_json::from_value(context.job().payload.clone()).map_err(unreadable)?;
        let noted: Noted = serde_json::from_value(context.job().state.clone()).unwrap_or_default();
        let invitation = &payload.invitation;
        if self.store.meeting_by_key(&invitation.version.key).await?.is_some() {
            return Ok(Finish::done());
        }
        let target = self.target().await.map_err(WorkError::failed)?;
        let draft = match noted.draft {
            Some(draft) => ItemRef(draft),
            None => {
                let (subject, text) = forgotten(invitation, &self.settings.mailbox);
                let to = &invitation.organizer;
                let draft =
                    self.calendars.draft(&target, to, &subject, &text.html).await.map_err(port_error)?;
                context.keep(serde_json::json!(Noted { draft: Some(draft.0.clone()) })).await?;
                draft
            }
        };
        self.calendars.send(&target, &draft).await.map_err(port_error)?;
        let meeting = self.forgotten_meeting(&payload, context);
        let asked = invitation.number.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string);
        let outcome = format!("{} is told that {} was not invited", meeting.organizer, self.settings.mailbox);
        let decision = self
            .decision(meeting.trace, meeting.id, "tell-of-forgotten-mailbox", outcome)
            .input("organizer", &meeting.organizer)
            .input("room asked for", asked)
            .input("seen in", &payload.seen_in)
            .input("uid", &meeting.key.uid);
        metrics::counter!("tieline_conference_mails_total", "outcome" => "forgotten").increment(1);
        let write =
            ConferenceWrite::Meeting { meeting: Box::new(meeting), spans: Vec::new(), beside_rooms: true };
        Ok(Finish::done().with(Write::Conference(write)).with(Write::Decision(decision)))
    }

    fn forgotten_meeting(&self, payload: &Payload, context: &JobContext) -> Meeting {
        let invitation = &payload.invitation;
        Meeting {
            id: self.new_meeting_id(),
            key: invitation.version.key.clone(),
            // Whatever version comes to the conference mailbox is the first one there.
            sequence: 0,
            state: MeetingState::Forgotten,
            organizer: invitation.organizer.clone(),
            subject: invitation.subject.clone(),
            schedule: invitation.schedule.clone(),
            number: None,
            passcodes: tieline_model::Passcodes::default(),
            private: invitation.private,
            trace: context.job().trace,
            attendees: payload.attendees.clone(),
            kept_until: None,
            link_until: None,
        }
    }
}
