//! A mail user with many contacts and events and a client of few words, for stories and benches that need thousands of them. What is
//! there in the end is for a judge to say.

use std::ops::Range;
use std::time::Duration;

use reqwest::blocking::Client;

use crate::lab::{Lab, PASSWORD};

/// Items in one request.
const AT_ONCE: usize = 250;

const ENVELOPE: &str = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
     xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
     xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"><s:Header>\
     <t:RequestServerVersion Version=\"Exchange2016\"/></s:Header><s:Body>";

/// Somebody who signs in with a password of their own.
#[derive(Debug)]
pub struct MailUser {
    client: Client,
    ews: String,
    address: String,
}

impl MailUser {
    pub fn of(lab: &Lab, user: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(120)).build();
        let (client, ews) = (client.expect("a client"), lab.ews().to_owned());
        Self { client, ews, address: format!("{user}@lab.example") }
    }

    /// Contacts with this surname and a number, a company, a mail address and two telephones each.
    pub fn makes_contacts(&self, surname: &str, numbers: Range<usize>) {
        for first in numbers.clone().step_by(AT_ONCE) {
            let some = first..(first + AT_ONCE).min(numbers.end);
            let items: String = some.map(|number| contact(surname, number)).collect();
            let request = format!(
                "<m:CreateItem><m:SavedItemFolderId><t:DistinguishedFolderId Id=\"contacts\"/></m:SavedItemFolderId>\
                 <m:Items>{items}</m:Items></m:CreateItem>"
            );
            self.ask(&request);
        }
    }

    /// Events with this name and a number, an hour each, some days apart.
    pub fn makes_events(&self, name: &str, numbers: Range<usize>) {
        for first in numbers.clone().step_by(AT_ONCE) {
            let some = first..(first + AT_ONCE).min(numbers.end);
            let items: String = some.map(|number| event(name, number)).collect();
            let request = format!(
                "<m:CreateItem SendMeetingInvitations=\"SendToNone\"><m:SavedItemFolderId>\
                 <t:DistinguishedFolderId Id=\"calendar\"/></m:SavedItemFolderId><m:Items>{items}</m:Items></m:CreateItem>"
            );
            self.ask(&request);
        }
    }

    /// Something that lies among contacts and is none.
    pub fn puts_a_note_among_contacts(&self) {
        self.ask(
            "<m:CreateItem MessageDisposition=\"SaveOnly\"><m:SavedItemFolderId><t:DistinguishedFolderId Id=\"contacts\"/>\
             </m:SavedItemFolderId><m:Items><t:Message><t:Subject>A note</t:Subject></t:Message></m:Items></m:CreateItem>",
        );
    }

    /// The ids of all contacts, as they stand in attributes.
    pub fn contact_ids(&self) -> Vec<String> {
        let answer = self.ask(
            "<m:FindItem Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>\
             <m:ParentFolderIds><t:DistinguishedFolderId Id=\"contacts\"/></m:ParentFolderIds></m:FindItem>",
        );
        let ids = answer.split("ItemId Id=\"").skip(1).filter_map(|rest| rest.split('"').next());
        ids.map(str::to_owned).collect()
    }

    /// Moves items to Deleted Items.
    pub fn deletes(&self, ids: &[String]) {
        for ids in ids.chunks(AT_ONCE) {
            let ids: String = ids.iter().map(|id| format!("<t:ItemId Id=\"{id}\"/>")).collect();
            self.ask(&format!(
                "<m:DeleteItem DeleteType=\"MoveToDeletedItems\"><m:ItemIds>{ids}</m:ItemIds></m:DeleteItem>"
            ));
        }
    }

    /// # Panics
    /// When it is refused.
    fn ask(&self, operation: &str) -> String {
        let body = format!("{ENVELOPE}{operation}</s:Body></s:Envelope>");
        let request = self.client.post(&self.ews).basic_auth(&self.address, Some(PASSWORD));
        let answer = request.header("content-type", "text/xml; charset=utf-8").body(body).send();
        let text = answer.and_then(|answer| answer.text()).unwrap_or_else(|error| panic!("{error}"));
        let refused = text.contains("ResponseClass=\"Error\"") || text.contains("Fault>");
        let shown: String = text.chars().take(2000).collect();
        assert!(!refused && text.contains("NoError"), "{operation:.200}: {shown}");
        text
    }
}

fn contact(surname: &str, number: usize) -> String {
    format!(
        "<t:Contact><t:DisplayName>Number {number} {surname}</t:DisplayName><t:GivenName>Number {number}</t:GivenName>\
         <t:CompanyName>Company {}</t:CompanyName><t:EmailAddresses><t:Entry Key=\"EmailAddress1\">\
         {surname}.{number}@many.example</t:Entry></t:EmailAddresses><t:PhoneNumbers>\
         <t:Entry Key=\"BusinessPhone\">+49 30 {number:07}</t:Entry><t:Entry Key=\"MobilePhone\">+49 170 {number:07}</t:Entry>\
         </t:PhoneNumbers><t:JobTitle>Engineer</t:JobTitle><t:Surname>{surname}</t:Surname></t:Contact>",
        number % 40
    )
}

fn event(name: &str, number: usize) -> String {
    let (day, hour) = day_and_hour(number);
    format!(
        "<t:CalendarItem><t:Subject>Number {number} {name}</t:Subject><t:Start>{day}T{hour:02}:00:00Z</t:Start>\
         <t:End>{day}T{hour:02}:30:00Z</t:End><t:Location>Room {}</t:Location></t:CalendarItem>",
        number % 40
    )
}

fn day_and_hour(number: usize) -> (String, usize) {
    let (month, day) = (number / 280 % 12 + 1, number / 10 % 28 + 1);
    (format!("{}-{month:02}-{day:02}", 2026 + number / 3360), number % 10 + 8)
}

/// An iCalendar file with such events.
pub fn events(name: &str, numbers: Range<usize>) -> String {
    let event = |number: usize| {
        let (day, hour) = day_and_hour(number);
        let day = day.replace('-', "");
        format!(
            "BEGIN:VEVENT\r\nUID:{name}-{number}\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Number {number} {name}\r\n\
             DTSTART:{day}T{hour:02}0000Z\r\nDTEND:{day}T{hour:02}3000Z\r\nLOCATION:Room {}\r\nEND:VEVENT\r\n",
            number % 40
        )
    };
    let events: String = numbers.map(event).collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:many\r\n{events}END:VCALENDAR\r\n")
}

/// A vCard file with such contacts.
pub fn vcards(surname: &str, numbers: Range<usize>) -> String {
    numbers
        .map(|number| {
            format!(
                "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Number {number} {surname}\r\nN:{surname};Number {number};;;\r\n\
                 ORG:Company {}\r\nEMAIL;TYPE=work:{surname}.{number}@many.example\r\n\
                 TEL;TYPE=work:+49 30 {number:07}\r\nTEL;TYPE=cell:+49 170 {number:07}\r\nTITLE:Engineer\r\nEND:VCARD\r\n",
                number % 40
            )
        })
        .collect()
}
