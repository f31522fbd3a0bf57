//! vCard (RFC 2426, RFC 6350) in both directions, for contacts, as Exchange writes and reads it ([MS-OXVCARD]).
//!
//! The syntax is calcard's.

use calcard::common::IanaString;
use calcard::common::PartialDateTime;
use calcard::vcard::{
    VCard, VCardEntry, VCardParameter, VCardParameterName, VCardParameterValue, VCardProperty, VCardValue,
    VCardVersion,
};
use tieline_proto_ews::{
    Contact, EmailAddressEntry, ImAddressEntry, Item, ItemBody, ItemKind, PhoneNumberEntry,
    PhysicalAddressEntry, xml::Choice,
};

use crate::{
    body,
    content::NewAttachment,
    document::{Document, decode},
};

/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A contact as a client would send it, with its picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) document: Document,
    pub(crate) photo: Option<NewAttachment>,
}

/// Kinds of telephone with the types that say them; the first whose types all stand there holds.
const PHONES: [(&str, &[&str]); 13] = [
    ("HomeFax", &["HOME", "FAX"]),
    ("BusinessFax", &["WORK", "FAX"]),
    ("OtherFax", &["FAX"]),
    ("Pager", &["PAGER"]),
    ("CarPhone", &["CAR"]),
    ("Isdn", &["ISDN"]),
    ("MobilePhone", &["CELL"]),
    ("AssistantPhone", &["X-ASSISTANT"]),
    ("TtyTddPhone", &["TEXTPHONE"]),
    ("HomePhone", &["HOME"]),
    ("BusinessPhone", &["WORK"]),
    ("PrimaryPhone", &["PREF"]),
    ("OtherTelephone", &["VOICE"]),
];
/// Where a second number of a kind goes.
const SECOND: [(&str, &str); 2] = [("HomePhone", "HomePhone2"), ("BusinessPhone", "BusinessPhone2")];
const ADDRESSES: [(&str, &str); 2] = [("Home", "HOME"), ("Business", "WORK")];

/// Reads a contact; `None` when the text is none.
pub(crate) fn read(text: &[u8]) -> Option<Card> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let text = String::from_utf8_lossy(text);
    let card = VCard::parse(text.trim_start_matches(['\u{feff}', '\r', '\n', ' '])).ok()?;
    let mut item = Item::default();
    let mut contact = Contact::default();
    let mut photo = None;
    for entry in &card.entries {
        read_name(&mut contact, entry);
        read_reach(&mut contact, entry);
        read_rest(&mut item, &mut contact, entry);
        if entry.name == VCardProperty::Photo && photo.is_none() {
            photo = read_photo(entry);
        }
    }
    if contact.display_name.is_none() {
        let names = [contact.given_name.as_deref(), contact.surname.as_deref()];
        let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        contact.display_name = Some(name).filter(|name| !name.is_empty());
    }
    if contact.file_as.is_none() {
        contact.file_as = match (contact.surname.as_deref(), contact.given_name.as_deref()) {
            (Some(surname), Some(given)) => Some(format!("{surname}, {given}")),
            (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
            (None, None) => contact.display_name.clone().or_else(|| contact.company_name.clone()),
        };
    }
    item.subject = contact.display_name.clone().or_else(|| contact.file_as.clone());
    item.kind = ItemKind::Contact(Box::new(contact));
    Some(Card { document: Document::of(|w| item.write_choice(w))?, photo })
}

/// The texts of a property, the parts of a structured one each for itself.
fn texts(entry: &VCardEntry) -> Vec<String> {
    entry
        .values
        .iter()
        .flat_map(|value| match value {
            VCardValue::Component(parts) => vec![parts.join(",")],
            value => vec![value.as_text().unwrap_or_default().to_owned()],
        })
        .map(|text| text.trim().to_owned())
        .collect()
}

fn whole(entry: &VCardEntry) -> Option<String> {
    let text = entry.values.first().and_then(VCardValue::as_text)?.trim();
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn at(parts: &[String], index: usize) -> Option<String> {
    parts.get(index).filter(|text| !text.is_empty()).cloned()
}

fn types(entry: &VCardEntry) -> Vec<String> {
    let of = |parameter: &VCardParameter| match &parameter.value {
        VCardParameterValue::Type(kind) => Some(kind.as_str().to_ascii_uppercase()),
        VCardParameterValue::Text(text) => Some(text.to_ascii_uppercase()),
        _ => None,
    };
    let typed = entry.params.iter().filter(|parameter| parameter.name == VCardParameterName::Type);
    let mut types: Vec<_> = typed.filter_map(of).collect();
    if entry.params.iter().any(|parameter| parameter.name == VCardParameterName::Pref) {
        types.push("PREF".to_owned());
    }
    types
}

fn read_name(contact: &mut Contact, entry: &VCardEntry) {
    match &entry.name {
        VCardProperty::N => {
            let parts = texts(entry);
            contact.surname = at(&parts, 0);
            contact.given_name = at(&parts, 1);
            contact.middle_name = at(&parts, 2);
            contact.generation = at(&parts, 4);
        }
        VCardProperty::Fn => contact.display_name = whole(entry),
        VCardProperty::Nickname => contact.nickname = whole(entry),
        VCardProperty::Org => {
            let parts = texts(entry);
            contact.company_name = at(&parts, 0);
            contact.department = at(&parts, 1);
        }
        VCardProperty::Title => contact.job_title = whole(entry),
        VCardProperty::Role => contact.profession = whole(entry),
        _ => {}
    }
}

fn read_reach(contact: &mut Contact, entry: &VCardEntry) {
    let Some(text) = whole(entry).or_else(|| at(&texts(entry), 2)) else { return };
    match &entry.name {
        VCardProperty::Email if contact.email_addresses.len() < 3 => {
            let key = format!("EmailAddress{}", contact.email_addresses.len() + 1);
            let routing_type = Some("SMTP".to_owned());
            contact.email_addresses.push(EmailAddressEntry {
                key,
                routing_type,
                address: text,
                ..Default::default()
            });
        }
        VCardProperty::Tel => {
            let types = types(entry);
            let kind = PHONES
                .iter()
                .find(|(_, wanted)| wanted.iter().all(|one| types.iter().any(|has| has == one)))
                .map_or("OtherTelephone", |(kind, _)| kind);
            let taken = |key: &str| contact.phone_numbers.iter().any(|phone| phone.key == key);
            let second = SECOND.iter().find(|(first, _)| *first == kind).map(|(_, second)| *second);
            let key =
                [Some(kind), second, Some("OtherTelephone")].into_iter().flatten().find(|key| !taken(key));
            if let Some(key) = key {
                let number = text.strip_prefix("tel:").unwrap_or(&text).to_owned();
                contact.phone_numbers.push(PhoneNumberEntry { key: key.to_owned(), number });
            }
        }
        VCardProperty::Adr => {
            let (parts, types) = (texts(entry), types(entry));
            let kind = ADDRESSES.iter().find(|(_, kind)| types.iter().any(|has| has == kind));
            let key = kind.map_or("Other", |(key, _)| key).to_owned();
            if contact.physical_addresses.iter().all(|address| address.key != key) {
                contact.physical_addresses.push(PhysicalAddressEntry {
                    key,
                    street: at(&parts, 2),
                    city: at(&parts, 3),
                    state: at(&parts, 4),
                    postal_code: at(&parts, 5),
                    country_or_region: at(&parts, 6),
                });
            }
        }
        VCardProperty::Impp => push_im(contact, text),
        VCardProperty::Other(name) if name.eq_ignore_ascii_case("X-MS-IMADDRESS") => push_im(contact, text),
        _ => {}
    }
}

fn push_im(contact: &mut Contact, address: String) {
    if contact.im_addresses.len() < 3 && contact.im_addresses.iter().all(|known| known.address != address) {
        let key = format!("ImAddress{}", contact.im_addresses.len() + 1);
        contact.im_addresses.push(ImAddressEntry { key, address });
    }
}

fn read_rest(item: &mut Item, contact: &mut Contact, entry: &VCardEntry) {
    match &entry.name {
        VCardProperty::Note => item.body = whole(entry).map(ItemBody::text),
        VCardProperty::Url => contact.business_home_page = whole(entry),
        VCardProperty::Bday => contact.birthday = day(entry),
        VCardProperty::Anniversary => contact.wedding_anniversary = day(entry),
        VCardProperty::Categories => item.categories = texts(entry),
        VCardProperty::Other(name) => match name.to_ascii_uppercase().as_str() {
            "X-MS-MANAGER" | "X-MANAGER" => contact.manager = whole(entry),
            "X-MS-ASSISTANT" | "X-ASSISTANT" => contact.assistant_name = whole(entry),
            "X-MS-SPOUSE" | "X-SPOUSE" => contact.spouse_name = whole(entry),
            "X-MS-ANNIVERSARY" | "X-ANNIVERSARY" => contact.wedding_anniversary = day(entry),
            "X-MS-OFFICE" => contact.office_location = whole(entry),
            _ => {}
        },
        _ => {}
    }
}

/// A birthday: its midnight in UTC, as Exchange keeps it.
fn day(entry: &VCardEntry) -> Option<tieline_proto_ews::DateTime> {
    let text = match entry.values.first()? {
        VCardValue::PartialDateTime(PartialDateTime {
            year: Some(year),
            month: Some(month),
            day: Some(day),
            ..
        }) => {
            format!("{year:04}-{month:02}-{day:02}T00:00:00Z")
        }
        value => {
            let text: String = value.as_text()?.chars().filter(char::is_ascii_digit).take(8).collect();
            format!("{}-{}-{}T00:00:00Z", text.get(..4)?, text.get(4..6)?, text.get(6..8)?)
        }
    };
    tieline_proto_ews::DateTime::from_xml(&text)
}

fn read_photo(entry: &VCardEntry) -> Option<NewAttachment> {
    let content = match entry.values.first()? {
        VCardValue::Binary(data) => data.data.clone(),
        _ => return None,
    };
    let mut document = Document { kind: "FileAttachment".to_owned(), ..Document::default() };
    document.set_text("Name", "ContactPicture.jpg");
    document.set_text("ContentType", "image/jpeg");
    document.set_text("IsInline", "false");
    document.set_text("IsContactPhoto", "true");
    Some(NewAttachment { document, content })
}

/// Writes a contact as vCard 3.0. `photo` is its picture.
pub(crate) fn write(document: &Document, subject: Option<&str>, photo: Option<&[u8]>) -> String {
    let item: Item = decode(&document.to_xml(|_| true)).unwrap_or_default();
    let body = item.body.clone();
    let categories = item.categories.clone();
    let contact = match item.kind {
        ItemKind::Contact(contact) => *contact,
        _ => Contact::default(),
    };
    let mut out = Writing::default();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let name = contact.display_name.clone().or_else(|| contact.file_as.clone());
    out.text(VCardProperty::Other("PROFILE".to_owned()), Some("VCARD".to_owned()));
    out.parts(
        VCardProperty::N,
        &[],
        &[
            text(&contact.surname),
            text(&contact.given_name),
            text(&contact.middle_name),
            String::new(),
            text(&contact.generation),
        ],
    );
    out.text(VCardProperty::Fn, name.or_else(|| subject.map(str::to_owned)).or_else(|| Some(String::new())));
    write_reach(&mut out, &contact);
    out.text(VCardProperty::Nickname, contact.nickname.clone());
    if contact.company_name.is_some() || contact.department.is_some() {
        out.parts(VCardProperty::Org, &[], &[text(&contact.company_name), text(&contact.department)]);
    }
    out.text(VCardProperty::Title, contact.job_title.clone());
    out.text(VCardProperty::Role, contact.profession.clone());
    out.text(VCardProperty::Url, contact.business_home_page.clone());
    let date =
        |day: &Option<tieline_proto_ews::DateTime>| day.as_ref().map(|day| day.civil.date().to_string());
    out.text(VCardProperty::Bday, date(&contact.birthday));
    for (name, value) in [
        ("X-MS-ANNIVERSARY", date(&contact.wedding_anniversary)),
        ("X-MS-MANAGER", contact.manager.clone()),
        ("X-MS-ASSISTANT", contact.assistant_name.clone()),
        ("X-MS-SPOUSE", contact.spouse_name.clone()),
        ("X-MS-OFFICE", contact.office_location.clone()),
    ] {
        out.text(VCardProperty::Other(name.to_owned()), value);
    }
    if !categories.is_empty() {
        out.parts(VCardProperty::Categories, &[], &categories);
    }
    let note = body.map(|body| match body.body_type.as_str() {
        "HTML" => body::text_of_html(&body.text),
        _ => body.text,
    });
    out.text(VCardProperty::Note, note.filter(|note| !note.trim().is_empty()));
    if let Some(photo) = photo {
        let value = VCardValue::Binary(calcard::common::Data { content_type: None, data: photo.to_vec() });
        let entry = VCardEntry::new(VCardProperty::Photo).with_value(value);
        out.card.entries.push(entry.with_param(type_of("JPEG")));
    }
    out.finish()
}

fn write_reach(out: &mut Writing, contact: &Contact) {
    for entry in &contact.email_addresses {
        let address = entry.address.strip_prefix("SMTP:").unwrap_or(&entry.address);
        out.parts(VCardProperty::Email, &["INTERNET"], &[address.to_owned()]);
    }
    for entry in &contact.phone_numbers {
        let first = SECOND.iter().find(|(_, second)| *second == entry.key).map(|(first, _)| *first);
        let key = first.unwrap_or(&entry.key);
        let types = PHONES.iter().find(|(kind, _)| *kind == key).map_or(&["VOICE"][..], |(_, types)| *types);
        out.parts(VCardProperty::Tel, types, std::slice::from_ref(&entry.number));
    }
    for entry in &contact.physical_addresses {
        let kind = ADDRESSES.iter().find(|(key, _)| *key == entry.key).map(|(_, kind)| *kind);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let parts = [
            String::new(),
            String::new(),
            text(&entry.street),
            text(&entry.city),
            text(&entry.state),
            text(&entry.postal_code),
            text(&entry.country_or_region),
        ];
        out.parts(VCardProperty::Adr, kind.as_slice(), &parts);
    }
    for entry in &contact.im_addresses {
        out.text(VCardProperty::Other("X-MS-IMADDRESS".to_owned()), Some(entry.address.clone()));
    }
}

fn type_of(kind: &str) -> VCardParameter {
    VCardParameter::new(VCardParameterName::Type, VCardParameterValue::Text(kind.to_owned()))
}

/// A card that is being written.
#[derive(Default)]
struct Writing {
    card: VCard,
}

impl Writing {
    fn text(&mut self, name: VCardProperty, value: Option<String>) {
        if let Some(value) = value {
            self.card.entries.push(VCardEntry::new(name).with_value(VCardValue::Text(value)));
        }
    }

    fn parts(&mut self, name: VCardProperty, types: &[&str], parts: &[String]) {
        let values = parts.iter().map(|part| VCardValue::Text(part.clone())).collect();
        let entry = VCardEntry::new(name).with_values(values);
        self.card.entries.push(entry.with_params(types.iter().map(|kind| type_of(kind)).collect()));
    }

    fn finish(self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.card.write_to(&mut out, VCardVersion::V3_0);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Dean;Dora;M;;Jr\r\nFN:Dora Dean\r\nEMAIL;TYPE=INTERNET:dora@x.example\r\n\
        EMAIL;TYPE=INTERNET:d2@x.example\r\nTEL;TYPE=WORK:+49 30 1\r\nTEL;TYPE=WORK:+49 30 2\r\nTEL;TYPE=CELL:+49 170\r\n\
        TEL;TYPE=HOME,FAX:3\r\nADR;TYPE=WORK:;;Main\\, 1;Town;ST;123;Germany\r\nORG:Acme\\; Inc;Sales\r\nTITLE:Boss\r\n\
        BDAY:1980-02-03\r\nNOTE:line\\nnext\r\nX-MS-IMADDRESS:sip:dora@x.example\r\nCATEGORIES:Red,Blue\r\nNICKNAME:Do\r\n\
        PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ\r\nEND:VCARD\r\n";

    #[test]
    fn a_card_is_read_with_all_it_says() {
        let card = read(CARD.as_bytes()).expect("a card");
        let text = |name: &str| card.document.text(name).unwrap_or_default();
        for (name, value) in [
            ("DisplayName", "Dora Dean"),
            ("GivenName", "Dora"),
            ("Surname", "Dean"),
            ("MiddleName", "M"),
            ("Generation", "Jr"),
            ("FileAs", "Dean, Dora"),
            ("CompanyName", "Acme; Inc"),
            ("Department", "Sales"),
            ("JobTitle", "Boss"),
            ("Birthday", "1980-02-03T00:00:00Z"),
            ("Body", "line\nnext"),
            ("Nickname", "Do"),
        ] {
            assert_eq!(text(name), value, "{name}");
        }
        for (list, key, value) in [
            ("EmailAddresses", "EmailAddress1", "dora@x.example"),
            ("EmailAddresses", "EmailAddress2", "d2@x.example"),
            ("PhoneNumbers", "BusinessPhone", "+49 30 1"),
            ("PhoneNumbers", "BusinessPhone2", "+49 30 2"),
            ("PhoneNumbers", "MobilePhone", "+49 170"),
            ("PhoneNumbers", "HomeFax", "3"),
            ("ImAddresses", "ImAddress1", "sip:dora@x.example"),
        ] {
            assert_eq!(card.document.entry(list, key, None).as_deref(), Some(value), "{key}");
        }
        let street = card.document.entry("PhysicalAddresses", "Business", Some("Street"));
        assert_eq!(street.as_deref(), Some("Main, 1"));
        assert_eq!(card.document.texts_below("Categories", &["String"]), ["Red", "Blue"]);
        assert_eq!(card.photo.map(|photo| photo.content), Some(b"\xff\xd8\xff\xe0\x00\x10".to_vec()));
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let card = read(CARD.as_bytes()).expect("a card");
        let photo = card.photo.as_ref().map(|photo| photo.content.as_slice());
        let written = write(&card.document, None, photo);
        assert!(written.starts_with("BEGIN:VCARD\r\nVERSION:3.0\r\n"), "{written}");
        assert_eq!(read(written.as_bytes()), Some(card), "{written}");
    }

    #[test]
    fn nothing_in_a_value_becomes_a_line_of_its_own() {
        let mut document = Document { kind: "Contact".to_owned(), ..Document::default() };
        for name in ["DisplayName", "Surname", "CompanyName", "JobTitle", "Manager"] {
            document.set_text(name, "a\r\nX-EVIL:1");
        }
        document.set_entry("EmailAddresses", "EmailAddress1", None, Some("a@b\r\nX-EVIL:2"));
        let written = write(&document, None, None).replace("\r\n ", "");
        assert!(!written.lines().any(|line| line.starts_with("X-EVIL")), "{written}");
    }

    #[test]
    fn what_is_no_card_is_no_contact() {
        assert_eq!(read(b"hello"), None);
        assert_eq!(read(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"), None);
        assert!(read(b"BEGIN:VCARD\r\nFN:Only\r\nEND:VCARD\r\n").is_some());
    }
}
