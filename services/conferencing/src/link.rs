//! The meeting's own link: signed, so that nobody can make one up, and bound to the meeting's time.
//!
//! A link names the meeting and the day until which it may be used at all. When the door is open is looked up each time:
//! a meeting that was moved keeps its link, and one that was called off has a link that says so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use tieline_model::{Meeting, MeetingId, MeetingState, Refusal, Span, Zone};
use uuid::Uuid;

use crate::Conferencing;
use crate::answer::Join;

/// Keeps these signatures apart from others of the same key.
const PURPOSE: &str = "join link";
/// A link holds so much longer than the meeting, which may be moved.
const SLACK: SignedDuration = SignedDuration::from_hours(24 * 30);
/// The door stays open so long after the end.
const CLOSES_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// Of the signature, so many bytes are in the link.
const SIGNATURE: usize = 16;
/// Of the whole token: id, seconds, signature.
const BYTES: usize = 16 + 8 + SIGNATURE;

/// What a link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joining {
    /// It goes on, or is about to.
    Open {
        /// What about; nothing of a private meeting.
        subject: Option<String>,
        /// When it takes place.
        span: Span,
        /// In the organizer's zone.
        zone: Zone,
        /// How to join.
        join: Box<Join>,
    },
    /// Too early.
    NotYet {
        /// When the door opens.
        opens: Timestamp,
        /// When it takes place.
        span: Span,
        /// In the organizer's zone.
        zone: Zone,
    },
    /// It took place, and there is no next time.
    Over,
    /// Its organizer called it off, or it has no room any more.
    CalledOff,
    /// The link's own time is up.
    Expired,
    /// Nobody here made this link.
    Forged,
}

impl Conferencing {
    /// The meeting's link, and until when it may be used; `None` where the address that browsers use is not known.
    /// A link that is still good for long enough is given out again.
    pub(crate) fn link(&self, meeting: &Meeting, last_end: Timestamp) -> Option<(String, Timestamp)> {
        let base = self.settings.public_url.as_deref()?;
        let endless = meeting
            .schedule
            .as_ref()
            .and_then(|schedule| schedule.recurrence.as_ref())
            .is_some_and(|series| series.ends == tieline_model::Ends::Never);
        let needed = if endless { Timestamp::MAX } else { last_end };
        let fresh = || {
            let until = needed.checked_add(SLACK).unwrap_or(Timestamp::MAX);
            Timestamp::from_second(until.as_second()).unwrap_or(until)
        };
        let until = meeting.link_until.filter(|until| *until >= needed).unwrap_or_else(fresh);
        let token = self.token(meeting.id, until)?;
        Some((format!("{}/join/{token}", base.trim_end_matches('/')), until))
    }

    fn token(&self, meeting: MeetingId, until: Timestamp) -> Option<String> {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend_from_slice(meeting.uuid().as_bytes());
        bytes.extend_from_slice(&until.as_second().to_be_bytes());
        let signature = self.store.sign(PURPOSE, &bytes)?;
        bytes.extend_from_slice(signature.get(..SIGNATURE)?);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Whose link it is and until when it may be used; `None` when nobody here made it.
    fn read_token(&self, token: &str) -> Option<(MeetingId, Timestamp)> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == BYTES)?;
        let (data, signature) = bytes.split_at_checked(BYTES - SIGNATURE)?;
        if !self.store.verifies(PURPOSE, data, signature) {
            return None;
        }
        let (id, until) = data.split_at_checked(16)?;
        let until = Timestamp::from_second(i64::from_be_bytes(until.try_into().ok()?)).ok()?;
        Some((MeetingId::from_uuid(Uuid::from_slice(id).ok()?), until))
    }

    /// What a link leads to at this moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn joining(&self, token: &str) -> Result<Joining, Refusal> {
        let Some((id, until)) = self.read_token(token) else { return Ok(Joining::Forged) };
        let now = self.now();
        if now > until {
            return Ok(Joining::Expired);
        }
        let Some(meeting) = self.store.meeting(id).await?.map(|stored| stored.meeting) else {
            return Ok(Joining::Over);
        };
        let number = match (meeting.state, &meeting.number) {
            (MeetingState::Released, _) => return Ok(Joining::Over),
            (MeetingState::Accepted, Some(number)) => number,
            _ => return Ok(Joining::CalledOff),
        };
        let from = now.checked_sub(CLOSES_AFTER).unwrap_or(now);
        let next = meeting
            .schedule
            .as_ref()
            .and_then(|schedule| crate::spans(schedule, from, self.settings.policy.horizon_days).ok())
            .and_then(|spans| spans.into_iter().next());
        let Some(span) = next else { return Ok(Joining::Over) };
        let zone = meeting.schedule.map_or_else(Zone::utc, |schedule| schedule.start.zone);
        let opens = span.start.checked_sub(self.settings.opens_before).unwrap_or(span.start);
        if now < opens {
            return Ok(Joining::NotYet { opens, span, zone });
        }
        let join = self.settings.bridge.join(number, &meeting.passcodes, None);
        let subject = (!meeting.private).then_some(meeting.subject);
        Ok(Joining::Open { subject, span, zone, join: Box::new(join) })
    }
}
