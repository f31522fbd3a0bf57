//! Who is invited to a meeting, and what they answered.

use std::collections::BTreeSet;

use tieline_proto_ews::{Attendee, DateTime, EmailAddress, MailboxType, ResponseType};

use super::appointment::{fragment, typed};
use crate::{account::Directory, document::Document};

/// The three lists of attendees.
pub(crate) const LISTS: [&str; 3] = ["RequiredAttendees", "OptionalAttendees", "Resources"];

/// The attendees of one list.
pub(crate) fn of(document: &Document, list: &str) -> Vec<Attendee> {
    let fields = typed(document, &[list]);
    match list {
        "OptionalAttendees" => fields.optional_attendees,
        "Resources" => fields.resources,
        _ => fields.required_attendees,
    }
}

/// Writes a list anew; an empty one is left out.
pub(crate) fn write(document: &mut Document, list: &str, attendees: &[Attendee]) {
    if attendees.is_empty() {
        document.parts.remove(list);
        return;
    }
    let entries: String = attendees.iter().map(|attendee| fragment("Attendee", attendee)).collect();
    document.parts.insert(list.to_owned(), format!("<t:{list}>{entries}</t:{list}>"));
}

/// Changes every attendee.
pub(crate) fn change(document: &mut Document, mut change: impl FnMut(&mut Attendee)) {
    for list in LISTS {
        let mut attendees = of(document, list);
        attendees.iter_mut().for_each(&mut change);
        write(document, list, &attendees);
    }
}

/// The address of an attendee, in lower case.
pub(crate) fn address(attendee: &Attendee) -> Option<String> {
    attendee.mailbox.email_address.as_deref().map(str::to_lowercase)
}

/// Everybody's addresses, in lower case.
pub(crate) fn addresses(document: &Document) -> BTreeSet<String> {
    LISTS.iter().flat_map(|list| of(document, list)).filter_map(|attendee| address(&attendee)).collect()
}

/// Whether anybody is invited.
pub(crate) fn any(document: &Document) -> bool {
    LISTS.iter().any(|list| document.parts.contains_key(*list)) && !addresses(document).is_empty()
}

/// Gives lab accounts their display names and everybody a state, as Exchange does when an item is saved.
pub(crate) fn resolve(document: &mut Document, directory: &Directory) {
    change(document, |attendee| {
        let given = attendee.mailbox.email_address.clone().unwrap_or_default();
        let known = directory.by_address(&given);
        let mailbox = &mut attendee.mailbox;
        match known {
            Some(account) => {
                mailbox.name = Some(account.display_name.clone());
                mailbox.email_address = Some(account.address.clone());
                mailbox.mailbox_type = Some(MailboxType::Mailbox);
            }
            None => {
                mailbox.name.get_or_insert(given);
                mailbox.mailbox_type = Some(MailboxType::OneOff);
            }
        }
        mailbox.routing_type = Some("SMTP".to_owned());
        attendee.response_type.get_or_insert(ResponseType::Unknown);
    });
}

/// Notes an attendee's answer; `false` when nobody of that address is invited.
pub(crate) fn note_answer(document: &mut Document, who: &str, answer: &Answer) -> bool {
    let mut noted = false;
    change(document, |attendee| {
        if address(attendee).is_some_and(|address| address.eq_ignore_ascii_case(who)) {
            attendee.response_type = Some(answer.response.clone());
            attendee.last_response_time = Some(answer.at);
            (attendee.proposed_start, attendee.proposed_end) = answer.proposed.unzip();
            noted = true;
        }
    });
    noted
}

/// Forgets all answers, because what was answered is no more.
pub(crate) fn forget_answers(document: &mut Document) {
    change(document, |attendee| {
        *attendee = Attendee {
            mailbox: attendee.mailbox.clone(),
            response_type: Some(ResponseType::Unknown),
            ..Attendee::default()
        };
    });
}

/// Adds somebody who answered without having been invited, as Exchange does with those to whom it was forwarded.
pub(crate) fn add(document: &mut Document, mailbox: EmailAddress) {
    let mut attendees = of(document, "OptionalAttendees");
    attendees.push(Attendee { mailbox, ..Attendee::default() });
    write(document, "OptionalAttendees", &attendees);
}

/// What somebody answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) response: ResponseType,
    pub(crate) at: DateTime,
    /// Another start and end.
    pub(crate) proposed: Option<(DateTime, DateTime)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_noted_and_forgotten() {
        let mut document = Document::from_xml(
            "<t:CalendarItem><t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>BOB@lab.example</t:EmailAddress>\
             </t:Mailbox></t:Attendee></t:RequiredAttendees></t:CalendarItem>",
        )
        .expect("a document");
        resolve(&mut document, &Directory::new(3));
        let bob = || of(&document, "RequiredAttendees").remove(0);
        assert_eq!(bob().mailbox.name.as_deref(), Some("Bob Brown"));
        assert_eq!(bob().response_type, Some(ResponseType::Unknown));
        let at = DateTime::from(jiff::Timestamp::UNIX_EPOCH);
        let answer = Answer { response: ResponseType::Accept, at, proposed: None };
        assert!(note_answer(&mut document, "Bob@lab.example", &answer));
        assert!(!note_answer(&mut document, "carol@lab.example", &answer));
        let bob = |document: &Document| of(document, "RequiredAttendees").remove(0);
        assert_eq!(
            (bob(&document).response_type, bob(&document).last_response_time),
            (Some(ResponseType::Accept), Some(at))
        );
        forget_answers(&mut document);
        assert_eq!(
            (bob(&document).response_type, bob(&document).last_response_time),
            (Some(ResponseType::Unknown), None)
        );
    }
}
