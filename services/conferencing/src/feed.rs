//! Calendars of rooms and of people's meetings, for devices that cannot sign in.

use jiff::SignedDuration;
use secrecy::SecretString;
use tieline_model::{Attendee, Event, MeetingState, Refusal, Response, Role, Sensitivity, SmtpAddress};
use tieline_store::{ConferenceWrite, MeetingFeed, MeetingFilter, NewMeetingFeed, StoredMeeting, Write};

use crate::Conferencing;
use crate::answer::for_attendees;

/// Minutes before the start at which a device reminds.
const REMINDER: u32 = 15;
/// What was over so long ago is left out.
const BACK: SignedDuration = SignedDuration::from_hours(24 * 31);

impl Conferencing {
    /// Makes a feed of a room's or a person's meetings. The token is told once.
    ///
    /// # Errors
    /// When it names neither or both, or the store cannot be written.
    pub async fn add_feed(&self, feed: MeetingFeed) -> Result<SecretString, Refusal> {
        if feed.room.is_some() == feed.person.is_some() {
            let what = "a feed is of a room or of a person";
            return Err(Refusal::permanent("bad-request", what, "name one of them"));
        }
        let (new, token) = NewMeetingFeed::draw(feed)?;
        self.commit(vec![Write::Conference(ConferenceWrite::AddFeed(new))]).await?;
        Ok(token)
    }

    /// Ends a feed.
    ///
    /// # Errors
    /// When there is none, or the store cannot be written.
    pub async fn remove_feed(&self, id: uuid::Uuid) -> Result<(), Refusal> {
        self.commit(vec![Write::Conference(ConferenceWrite::RemoveFeed(id))]).await
    }

    /// The meetings of a feed as events. The join data are in the text and the location, as in the meeting itself.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn feed_events(&self, feed: &MeetingFeed) -> Result<Vec<Event>, Refusal> {
        let filter = MeetingFilter {
            state: Some(MeetingState::Accepted),
            number: feed.room.clone(),
            ..MeetingFilter::default()
        };
        let meetings = self.store.meetings_where(&filter, u32::MAX).await?;
        let theirs = |stored: &&StoredMeeting| {
            let meeting = &stored.meeting;
            feed.person
                .as_ref()
                .is_none_or(|person| meeting.organizer == *person || meeting.attendees.contains(person))
        };
        Ok(meetings.iter().filter(theirs).filter_map(|stored| self.event(stored)).collect())
    }

    fn event(&self, stored: &StoredMeeting) -> Option<Event> {
        let meeting = &stored.meeting;
        let schedule = meeting.schedule.clone()?;
        let number = meeting.number.as_ref()?;
        let from = self.now().checked_sub(BACK).ok()?;
        let last = crate::spans(&schedule, from, self.settings.policy.horizon_days).ok()?.last()?.end;
        let link = meeting.link_until.and_then(|_| self.link(meeting, last)).map(|(link, _)| link);
        let join = self.settings.bridge.join(number, &meeting.passcodes, link.as_deref());
        let zone = schedule.start.zone.clone();
        let mut event = Event::new(&meeting.subject, schedule.start.local, schedule.end.local, &zone);
        event.uid = Some(match meeting.key.occurrence {
            None => meeting.key.uid.clone(),
            Some(at) => format!("{}-{}", meeting.key.uid, at.as_second()),
        });
        event.schedule = schedule;
        event.body = for_attendees(&join, self.settings.policy.language).text;
        event.location = join.location();
        event.sensitivity = if meeting.private { Sensitivity::Private } else { Sensitivity::Normal };
        event.reminder = Some(REMINDER);
        event.organizer = Some(meeting.organizer.to_string());
        event.attendees = meeting.attendees.iter().map(|address| attendee(address, self)).collect();
        Some(event)
    }
}

fn attendee(address: &SmtpAddress, conferencing: &Conferencing) -> Attendee {
    let ours = *address == conferencing.settings.mailbox;
    Attendee {
        address: address.to_string(),
        name: String::new(),
        role: if ours { Role::Resource } else { Role::Required },
        response: if ours { Response::Accepted } else { Response::None },
    }
}
