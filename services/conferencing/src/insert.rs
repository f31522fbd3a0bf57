//! The join data in the meeting itself: put there as the organizer, so that one update brings them to everybody.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tieline_model::{Class, Decision, Inserted, Language, Meeting, Refusal, SmtpAddress};
use tieline_ports::{Insertion, JoinData, PortError};
use tieline_store::{ConferenceWrite, StoredAnswer, Write};
use tieline_worker::{JobContext, WorkError};

use crate::Conferencing;
use crate::answer::{Join, for_attendees};
use crate::inbox::port_error;

/// So often a server that is busy is asked again before the organizer is answered all the same.
const TRIES: u32 = 3;

/// What became of it.
pub(crate) enum Placed {
    /// Everybody has them.
    Yes,
    /// The organizer has to forward them.
    No,
}

impl Conferencing {
    /// Puts the join data of an accepted meeting into it, where that is wanted and allowed. `again`: it may be done
    /// already.
    pub(crate) async fn place(
        &self,
        context: &JobContext,
        stored: &StoredAnswer,
        again: bool,
    ) -> Result<Placed, WorkError> {
        let Some(past) = stored.past.as_ref().filter(|_| stored.html_inserted.is_some()) else {
            return Ok(Placed::No);
        };
        let Some(found) = self.store.meeting(stored.answer.meeting).await? else { return Ok(Placed::No) };
        let (meeting, stands) = (found.meeting, found.inserted);
        let spans = self.store.spans_of(meeting.id).await?;
        let (Some(around), Some(last), Some(number)) = (spans.first(), spans.last(), &meeting.number) else {
            return Ok(Placed::No);
        };
        let link = meeting.link_until.and_then(|_| self.link(&meeting, last.end)).map(|(link, _)| link);
        let join = self.settings.bridge.join(number, &meeting.passcodes, link.as_deref());
        let mark = mark(&join);
        let data = JoinData {
            uid: meeting.key.uid.clone(),
            around: *around,
            mark: mark.clone(),
            html: for_attendees(&join, past.invitation.language).html,
            location: stored.location.as_ref().map(|location| new_location(location, &join)),
            properties: join.calendar_properties(),
        };
        // Noted first: the update that this causes may come back before the server's answer.
        self.note_insertion(context, &meeting, Some(Inserted { mark, came_back: false })).await?;
        let done = match self.target_for(&meeting.organizer).await {
            Ok(target) => self.calendars.insert(&target, &data).await,
            Err(refusal) => Err(PortError::refused(refusal)),
        };
        match done {
            Ok(done @ (Insertion::Done | Insertion::Already)) => {
                if done == Insertion::Already && !again {
                    // Nothing was changed, so that nothing comes back.
                    self.note_insertion(context, &meeting, stands).await?;
                    return Ok(Placed::Yes);
                }
                self.say(context, &meeting, "join-data-inserted", "everybody who is invited has them", None)
                    .await?;
                Ok(Placed::Yes)
            }
            Ok(Insertion::NoSuchMeeting) => {
                let why = Refusal::permanent(
                    "no-such-meeting",
                    "the organizer's calendar does not have the meeting",
                    "the organizer forwards the join data",
                );
                self.not_placed(context, &meeting, &why).await
            }
            Err(error) => {
                let refusal = error.refusal();
                if refusal.class == Class::Transient && context.job().attempts < TRIES {
                    return Err(port_error(error));
                }
                self.not_placed(context, &meeting, &refusal).await
            }
        }
    }

    async fn not_placed(
        &self,
        context: &JobContext,
        meeting: &Meeting,
        why: &Refusal,
    ) -> Result<Placed, WorkError> {
        self.note_insertion(context, meeting, None).await?;
        let outcome = "the organizer is told to forward them";
        self.say(context, meeting, "join-data-not-inserted", outcome, Some(why)).await?;
        Ok(Placed::No)
    }

    async fn note_insertion(
        &self,
        context: &JobContext,
        meeting: &Meeting,
        inserted: Option<Inserted>,
    ) -> Result<(), WorkError> {
        let write = ConferenceWrite::Inserted { meeting: meeting.id, inserted };
        context.commit(vec![Write::Conference(write)]).await?;
        Ok(())
    }

    async fn say(
        &self,
        context: &JobContext,
        meeting: &Meeting,
        rule: &str,
        outcome: &str,
        why: Option<&Refusal>,
    ) -> Result<(), WorkError> {
        let mut decision: Decision = self
            .decision(meeting.trace, meeting.id, rule, outcome.to_owned())
            .input("acting for", &meeting.organizer);
        if let Some(why) = why {
            decision = decision.input("why", why);
        }
        let audit = Write::Audit {
            who: "tieline".to_owned(),
            action: rule.to_owned(),
            subject: meeting.id.to_string(),
            detail: format!("as {}", meeting.organizer),
        };
        context.commit(vec![Write::Decision(decision), audit]).await?;
        Ok(())
    }
}

/// Tells join data from others.
pub(crate) fn mark(join: &Join) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{join:?}"));
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The location with the room's address in it. What only asked for the room gives way; a place that people go to stays.
fn new_location(location: &str, join: &Join) -> String {
    let address = join.location();
    let location = location.trim();
    if location.is_empty() || location.contains(&address) && location.len() == address.len() {
        return address;
    }
    // A dial string or an older room's address is replaced, wherever in the line it stands.
    let foreign = |part: &&str| {
        let part = part.trim();
        let asks = part.starts_with('@') || part.starts_with("sip:") || part.contains("/join/");
        !part.is_empty() && !asks && !part.to_ascii_lowercase().starts_with("vmr")
    };
    let places: Vec<&str> = location.split(';').filter(foreign).map(str::trim).collect();
    if places.is_empty() { address } else { format!("{}; {address}", places.join("; ")) }
}

/// A mail that an organizer may send on as it is.
#[must_use]
pub(crate) fn ready_to_forward(
    join: &Join,
    language: Language,
    subject: &str,
    attendees: &[SmtpAddress],
    but: &SmtpAddress,
) -> String {
    let people: Vec<&str> = attendees.iter().filter(|one| *one != but).map(SmtpAddress::as_str).collect();
    let text = for_attendees(join, language).text.replace('\n', "\r\n");
    format!("mailto:{}?subject={}&body={}", encoded(&people.join(",")), encoded(subject), encoded(&text))
}

/// Percent-encodes everything but unreserved characters (RFC 6068 section 2), the commas and at signs of addresses too.
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@,".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// When the last of the times ends.
pub(crate) fn last_end(spans: &[tieline_model::Span]) -> Option<Timestamp> {
    spans.iter().map(|span| span.end).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Bridge;

    #[test]
    fn a_place_that_people_go_to_stays_and_what_asked_for_the_room_gives_way() {
        let bridge = Bridge { sip_domain: Some("vmr.example".to_owned()), ..Bridge::default() };
        let join = bridge.join(&"7042".parse().unwrap(), &Default::default(), None);
        let now = |before: &str| new_location(before, &join);
        for asked in ["", "@vmr 7042", "VMR 7042", "sip:7041@vmr.example", "sip:7042@vmr.example"] {
            assert_eq!(now(asked), "sip:7042@vmr.example", "{asked}");
        }
        assert_eq!(now("Berlin 3.14"), "Berlin 3.14; sip:7042@vmr.example");
        assert_eq!(now("Berlin 3.14; sip:7041@vmr.example"), "Berlin 3.14; sip:7042@vmr.example");
        let people = ["bob@lab.example", "c@lab.example"].map(|one| one.parse().unwrap());
        let mail = ready_to_forward(&join, Language::English, "A & B", &people, &people[1]);
        assert!(mail.starts_with("mailto:bob@lab.example?subject=A%20%26%20B&body="), "{mail}");
        assert!(mail.contains("sip%3A7042@vmr.example") && !mail.contains('\n'), "{mail}");
    }
}
