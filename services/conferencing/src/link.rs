//! The meeting's own link: signed, so that nobody can make one up, and bound to the meeting's time.
//!
//! A link names the meeting and the day until which it may be used at all. When the door is open is looked up each time:
//! a meeting that was moved keeps its link, and one that was called off has a link that says so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use tieline_model::{Meeting, MeetingId, MeetingState, Refusal, RoomNumber, Span, Zone};
use uuid::Uuid;

use crate::Conferencing;
use crate::answer::Join;
use crate::enter::{AHEAD, running};

/// Keeps these signatures apart from others of the same key.
const PURPOSE: &str = "join link";
/// A link holds so much longer than the meeting, which may be moved.
const SLACK: SignedDuration = SignedDuration::from_hours(24 * 30);
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
        /// The bridge has a page for each who takes part: [`Conferencing::enter_by_link`] leads there.
        by_browser: bool,
        /// There is a code with which one leads.
        chairperson: bool,
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

/// A meeting whose door is open.
pub(crate) struct Opened {
    pub(crate) meeting: Meeting,
    pub(crate) number: RoomNumber,
    span: Span,
    zone: Zone,
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
        Ok(match self.opened_by(token).await? {
            Err(closed) => closed,
            Ok(Opened { meeting, number, span, zone }) => {
                let chairperson = meeting.passcodes.chairperson.is_some();
                let join = Box::new(self.settings.bridge.join(&number, &meeting.passcodes, None));
                let by_browser = self.bridge.as_ref().is_some_and(|bridge| bridge.has_pages());
                let subject = (!meeting.private).then_some(meeting.subject);
                Joining::Open { subject, span, zone, join, by_browser, chairperson }
            }
        })
    }

    /// The meeting that a link leads to, when its door is open; else what the link leads to.
    pub(crate) async fn opened_by(&self, token: &str) -> Result<Result<Opened, Joining>, Refusal> {
        let Some((id, until)) = self.read_token(token) else { return Ok(Err(Joining::Forged)) };
        let now = self.now();
        if now > until {
            return Ok(Err(Joining::Expired));
        }
        let Some(meeting) = self.store.meeting(id).await?.map(|stored| stored.meeting) else {
            return Ok(Err(Joining::Over));
        };
        let number = match (meeting.state, &meeting.number) {
            (MeetingState::Released, _) => return Ok(Err(Joining::Over)),
            (MeetingState::Accepted, Some(number)) => number.clone(),
            _ => return Ok(Err(Joining::CalledOff)),
        };
        let door = self.settings.door;
        let from = now.checked_sub(door.after).unwrap_or(now);
        let next = meeting
            .schedule
            .as_ref()
            .and_then(|schedule| crate::spans(schedule, from, self.settings.policy.horizon_days).ok())
            .and_then(|spans| spans.into_iter().next());
        let Some(span) = next else { return Ok(Err(Joining::Over)) };
        let zone = meeting.schedule.as_ref().map_or_else(Zone::utc, |schedule| schedule.start.zone.clone());
        let opens = span.start.checked_sub(door.before).unwrap_or(span.start);
        if now < opens {
            return Ok(Err(Joining::NotYet { opens, span, zone }));
        }
        // Before and after its time the room may be another meeting's.
        let times = self.store.room_times(&number, from, AHEAD).await?;
        let other = running(&times, now).filter(|other| other.key != meeting.key);
        Ok(match other {
            Some(other) if now < span.start => {
                Err(Joining::NotYet { opens: other.span.end.min(span.start), span, zone })
            }
            Some(_) if now >= span.end => Err(Joining::Over),
            _ => Ok(Opened { meeting, number, span, zone }),
        })
    }
}
