//! A contact as a vCard.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use calcard::common::{IanaString as _, IanaType, PartialDateTime};
use calcard::vcard::{
    VCard, VCardEntry, VCardParameter, VCardParameterName, VCardParameterValue, VCardProperty, VCardType,
    VCardValue, VCardVersion,
};
use calcard::{Entry, Parser};
use jiff::civil::Date;
use tieline_model::{
    AddressKind, Contact, ContactForm, ContactText, MailEntry, PhoneKind, PostalAddress, Record, Sensitivity,
    Slot,
};

use crate::{InterchangeError, LONGEST, MOST_BYTES, MOST_ENTRIES, MOST_VALUES, Read, clean};

/// Which vCard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// RFC 2426, which older programs and telephones read.
    V3,
    /// RFC 6350.
    #[default]
    V4,
}

/// Texts with a property that many programs write, beyond those of the RFCs.
const EXTENSIONS: [(&str, ContactText); 9] = [
    ("X-FILE-AS", ContactText::FileAs),
    ("X-INITIALS", ContactText::Initials),
    ("X-PHONETIC-FIRST-NAME", ContactText::PhoneticGivenName),
    ("X-PHONETIC-LAST-NAME", ContactText::PhoneticSurname),
    ("X-OFFICE", ContactText::Office),
    ("X-PROFESSION", ContactText::Profession),
    ("X-MANAGER", ContactText::Manager),
    ("X-ASSISTANT", ContactText::AssistantName),
    ("X-SPOUSE", ContactText::Spouse),
];
/// The exact kind of a telephone number, where RFC 6350 has no word for it.
const KIND: &str = "X-KIND";
/// The name shown for a mail address.
const SHOWN_NAME: &str = "X-NAME";
const MEMBER_V3: &str = "X-ADDRESSBOOKSERVER-MEMBER";
const KIND_V3: &str = "X-ADDRESSBOOKSERVER-KIND";
const ANNIVERSARY_V3: &str = "X-ANNIVERSARY";
const CLASS: &str = "CLASS";

/// Writes contacts, one card after the other.
#[must_use]
pub fn write<'a>(contacts: impl IntoIterator<Item = &'a Contact>, version: Version) -> String {
    let mut text = String::new();
    for contact in contacts {
        // Writing into a string cannot fail.
        let _ = card(contact, version).write_to(
            &mut text,
            match version {
                Version::V3 => VCardVersion::V3_0,
                Version::V4 => VCardVersion::V4_0,
            },
        );
    }
    text
}

fn card(contact: &Contact, version: Version) -> VCard {
    let mut entries = Vec::new();
    let mut put = |name: VCardProperty, values: Vec<String>| {
        if values.iter().any(|value| !value.is_empty()) {
            entries.push(entry(name, values, Vec::new()));
        }
    };
    put(VCardProperty::Uid, vec![contact.uid.clone().unwrap_or_default()]);
    put(VCardProperty::Fn, vec![contact.headline()]);
    // FN may be made up; what was really there is kept apart.
    put(other("X-DISPLAY-NAME"), vec![contact.display_name.clone()]);
    let c = contact;
    let name = [&c.surname, &c.given_name, &c.middle_name, &c.title, &c.suffix];
    put(VCardProperty::N, name.map(String::clone).to_vec());
    put(VCardProperty::Nickname, vec![c.nickname.clone()]);
    put(
        VCardProperty::Org,
        match c.department.is_empty() {
            true => vec![c.company.clone()],
            false => vec![c.company.clone(), c.department.clone()],
        },
    );
    put(VCardProperty::Title, vec![c.job_title.clone()]);
    put(VCardProperty::Url, vec![c.web_page.clone()]);
    put(VCardProperty::Note, vec![c.notes.clone()]);
    put(VCardProperty::Categories, c.categories.iter().cloned().collect());
    for (name, field) in EXTENSIONS {
        put(other(name), vec![c.text(field).clone()]);
    }
    put(other(CLASS), vec![class(c.sensitivity).to_owned()]);
    let date = |date: Option<Date>| vec![date.map(|d| d.strftime("%Y%m%d").to_string()).unwrap_or_default()];
    put(VCardProperty::Bday, date(c.birthday));
    let anniversary = match version {
        Version::V3 => other(ANNIVERSARY_V3),
        Version::V4 => VCardProperty::Anniversary,
    };
    put(anniversary, date(c.anniversary));
    entries.extend(c.mails.iter().map(mail));
    entries.extend(c.ims.iter().map(im));
    entries.extend(c.phones.iter().map(phone));
    entries.extend(c.addresses.iter().map(postal));
    if c.form == ContactForm::List {
        let (kind, member) = match version {
            Version::V3 => (other(KIND_V3), other(MEMBER_V3)),
            Version::V4 => (VCardProperty::Kind, VCardProperty::Member),
        };
        entries.push(entry(kind, vec!["group".to_owned()], Vec::new()));
        entries.extend(c.members.iter().map(|one| {
            entry(member.clone(), vec![format!("mailto:{}", one.address)], shown_name(&one.name))
        }));
    }
    VCard { entries }
}

fn other(name: &str) -> VCardProperty {
    VCardProperty::Other(name.to_owned())
}

fn entry(name: VCardProperty, values: Vec<String>, params: Vec<VCardParameter>) -> VCardEntry {
    // A nickname's or category's comma separates, an address' semicolon does: the library escapes each.
    VCardEntry { group: None, name, params, values: values.into_iter().map(VCardValue::Text).collect() }
}

fn param(name: VCardParameterName, value: impl Into<VCardParameterValue>) -> VCardParameter {
    VCardParameter { name, value: value.into() }
}

fn kind_of(kind: VCardType) -> VCardParameter {
    param(VCardParameterName::Type, VCardParameterValue::Type(kind))
}

fn slot_of(slot: Slot) -> VCardParameter {
    param(VCardParameterName::Pref, slot as u32 + 1)
}

fn shown_name(name: &str) -> Vec<VCardParameter> {
    // A parameter cannot hold a quotation mark (RFC 6350 section 3.3).
    let name = name.replace('"', "'");
    let named = param(VCardParameterName::Other(SHOWN_NAME.to_owned()), name.clone());
    if name.is_empty() { Vec::new() } else { vec![named] }
}

fn mail((slot, mail): (&Slot, &MailEntry)) -> VCardEntry {
    let mut params = vec![slot_of(*slot)];
    params.extend(shown_name(&mail.name));
    entry(VCardProperty::Email, vec![mail.address.clone()], params)
}

fn im((slot, address): (&Slot, &String)) -> VCardEntry {
    let uri = if address.contains(':') { address.clone() } else { format!("im:{address}") };
    entry(VCardProperty::Impp, vec![uri], vec![slot_of(*slot)])
}

fn phone((kind, number): (&PhoneKind, &String)) -> VCardEntry {
    let mut params: Vec<VCardParameter> = types(*kind).iter().cloned().map(kind_of).collect();
    params.push(param(VCardParameterName::Other(KIND.to_owned()), kind.to_string()));
    entry(VCardProperty::Tel, vec![number.clone()], params)
}

fn postal((kind, address): (&AddressKind, &PostalAddress)) -> VCardEntry {
    let params = match kind {
        AddressKind::Business => vec![kind_of(VCardType::Work)],
        AddressKind::Home => vec![kind_of(VCardType::Home)],
        AddressKind::Other => Vec::new(),
    };
    let a = address;
    let none = String::new();
    let parts = [&none, &none, &a.street, &a.city, &a.state, &a.postal_code, &a.country];
    entry(VCardProperty::Adr, parts.map(String::clone).to_vec(), params)
}

/// What programs that do not know our kinds make of a number.
fn types(kind: PhoneKind) -> &'static [VCardType] {
    use VCardType::{Cell, Fax, Home, MainNumber, Pager, Textphone, Voice, Work};
    match kind {
        PhoneKind::Business | PhoneKind::Business2 | PhoneKind::Assistant | PhoneKind::Isdn => &[Work, Voice],
        PhoneKind::CompanyMain => &[Work, MainNumber],
        PhoneKind::Home | PhoneKind::Home2 => &[Home, Voice],
        PhoneKind::Mobile | PhoneKind::Car => &[Cell],
        PhoneKind::BusinessFax => &[Work, Fax],
        PhoneKind::HomeFax => &[Home, Fax],
        PhoneKind::OtherFax => &[Fax],
        PhoneKind::Pager => &[Pager],
        PhoneKind::TtyTdd => &[Textphone],
        PhoneKind::Callback | PhoneKind::Other | PhoneKind::Primary | PhoneKind::Radio | PhoneKind::Telex => {
            &[Voice]
        }
    }
}

const fn class(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Normal => "",
        Sensitivity::Personal => "PERSONAL",
        Sensitivity::Private => "PRIVATE",
        Sensitivity::Confidential => "CONFIDENTIAL",
    }
}

/// Reads every card of a file.
///
/// # Errors
/// When there is no card in it, or more than is taken at once.
pub fn read(text: &str) -> Result<Read<Contact>, InterchangeError> {
    if text.len() > MOST_BYTES {
        return Err(InterchangeError::TooLarge(text.len()));
    }
    let mut parser = Parser::new(text);
    let mut read = Read::default();
    let mut place = 0;
    loop {
        match parser.entry() {
            Entry::VCard(card) => {
                place += 1;
                if place > MOST_ENTRIES {
                    return Err(InterchangeError::TooMany);
                }
                match contact(&card) {
                    Ok(contact) => read.entries.push(contact),
                    Err(reason) => {
                        let name = card.property(&VCardProperty::Fn).map(first).unwrap_or_default();
                        read.refuse(place, &name, reason);
                    }
                }
            }
            Entry::Eof => break,
            Entry::TooManyComponents | Entry::UnterminatedComponent(_) => {
                place += 1;
                read.refuse(place, "", "the card has no end");
            }
            _ => {}
        }
    }
    if place == 0 { Err(InterchangeError::Nothing("vCard")) } else { Ok(read) }
}

fn contact(card: &VCard) -> Result<Contact, String> {
    let mut contact = Contact::default();
    let mut reading = Reading { slots: BTreeMap::new(), shown: None };
    for entry in &card.entries {
        reading.take(&mut contact, entry)?;
    }
    let name = reading.shown.unwrap_or_default();
    let made_up = {
        let mut without = contact.clone();
        without.display_name.clear();
        without.headline() == name
    };
    if contact.display_name.is_empty() && !made_up {
        contact.display_name = name;
    }
    let nothing = contact == Contact { uid: contact.uid.clone(), ..Contact::default() };
    if nothing { Err("the card says nothing".to_owned()) } else { Ok(contact) }
}

struct Reading {
    /// How many mail and IM addresses came without a place, by property.
    slots: BTreeMap<bool, usize>,
    /// FN.
    shown: Option<String>,
}

impl Reading {
    fn take(&mut self, contact: &mut Contact, entry: &VCardEntry) -> Result<(), String> {
        let values = texts(entry)?;
        let value = values.first().cloned().unwrap_or_default();
        let part = |index: usize| values.get(index).cloned().unwrap_or_default();
        match &entry.name {
            VCardProperty::Uid => contact.uid = Some(value).filter(|uid| !uid.is_empty()),
            VCardProperty::Fn => self.shown = self.shown.take().or(Some(value)),
            VCardProperty::N => {
                (contact.surname, contact.given_name) = (part(0), part(1));
                (contact.middle_name, contact.title, contact.suffix) = (part(2), part(3), part(4));
            }
            VCardProperty::Nickname => contact.nickname = values.join(", "),
            VCardProperty::Org => (contact.company, contact.department) = (part(0), part(1)),
            VCardProperty::Title => contact.job_title = value,
            VCardProperty::Role if contact.profession.is_empty() => contact.profession = value,
            VCardProperty::Url => contact.web_page = value,
            VCardProperty::Note => contact.notes = value,
            VCardProperty::Categories => {
                contact.categories.extend(values.into_iter().filter(|name| !name.trim().is_empty()));
            }
            VCardProperty::Bday => contact.birthday = date(entry),
            VCardProperty::Anniversary => contact.anniversary = date(entry),
            VCardProperty::Kind if value.eq_ignore_ascii_case("group") => contact.form = ContactForm::List,
            VCardProperty::Member => contact.members.push(member(&value, entry)),
            VCardProperty::Email => {
                if let Some(slot) = self.slot(entry, false, |slot| contact.mails.contains_key(&slot)) {
                    contact.mails.insert(slot, MailEntry { address: value, name: shown(entry) });
                }
            }
            VCardProperty::Impp => {
                if let Some(slot) = self.slot(entry, true, |slot| contact.ims.contains_key(&slot)) {
                    let bare = value.strip_prefix("im:").map(str::to_owned).unwrap_or(value);
                    contact.ims.insert(slot, bare);
                }
            }
            VCardProperty::Tel => phone_of(contact, entry, value.strip_prefix("tel:").unwrap_or(&value)),
            VCardProperty::Adr => address_of(contact, entry, &part),
            VCardProperty::Other(name) => extension(contact, name, value, entry),
            _ => {}
        }
        Ok(())
    }

    /// The place that `PREF` names, or the next one that is free; Exchange has three.
    fn slot(&mut self, entry: &VCardEntry, im: bool, taken: impl Fn(Slot) -> bool) -> Option<Slot> {
        let preferred = entry.parameters(&VCardParameterName::Pref).find_map(|value| match value {
            VCardParameterValue::Integer(place @ 1..=3) => Slot::ALL.get(*place as usize - 1).copied(),
            _ => None,
        });
        let seen = self.slots.entry(im).or_default();
        *seen += 1;
        let free = || Slot::ALL.iter().copied().find(|slot| !taken(*slot));
        preferred.filter(|slot| !taken(*slot)).or_else(free)
    }
}

fn texts(entry: &VCardEntry) -> Result<Vec<String>, String> {
    let mut texts = Vec::new();
    for value in &entry.values {
        match value {
            VCardValue::Component(parts) => texts.push(parts.join(",")),
            other => texts.push(other.as_text().unwrap_or_default().to_owned()),
        }
    }
    if texts.len() > MOST_VALUES {
        return Err(format!("{} has more than {MOST_VALUES} values", entry.name.as_str()));
    }
    let too_long = || format!("{} is longer than {LONGEST} bytes", entry.name.as_str());
    texts.iter().map(|text| clean(text).ok_or_else(too_long)).collect()
}

fn first(entry: &VCardEntry) -> String {
    entry.values.first().and_then(VCardValue::as_text).unwrap_or_default().to_owned()
}

fn shown(entry: &VCardEntry) -> String {
    named(entry, SHOWN_NAME).and_then(|name| clean(&name)).unwrap_or_default()
}

/// The value of a parameter that no RFC names.
fn named(entry: &VCardEntry, wanted: &str) -> Option<String> {
    let own = |param: &&VCardParameter| matches!(&param.name, VCardParameterName::Other(name) if name.eq_ignore_ascii_case(wanted));
    entry.params.iter().find(own).and_then(|param| param.value.as_text()).map(str::to_owned)
}

fn member(value: &str, entry: &VCardEntry) -> MailEntry {
    let address = value.strip_prefix("mailto:").unwrap_or(value).to_owned();
    MailEntry { address, name: shown(entry) }
}

fn has(entry: &VCardEntry, wanted: &VCardType) -> bool {
    entry.parameters(&VCardParameterName::Type).any(|value| match value.as_type() {
        Some(IanaType::Iana(kind)) => kind == wanted,
        Some(IanaType::Other(name)) => name.eq_ignore_ascii_case(wanted.as_str()),
        None => false,
    })
}

fn phone_of(contact: &mut Contact, entry: &VCardEntry, number: &str) {
    if number.trim().is_empty() {
        return;
    }
    let exact = named(entry, KIND).and_then(|kind| kind.to_ascii_lowercase().parse::<PhoneKind>().ok());
    let (work, home, fax) =
        (has(entry, &VCardType::Work), has(entry, &VCardType::Home), has(entry, &VCardType::Fax));
    let wanted: &[PhoneKind] = match (work, home) {
        _ if has(entry, &VCardType::Cell) => &[PhoneKind::Mobile, PhoneKind::Other, PhoneKind::Car],
        _ if has(entry, &VCardType::Pager) => &[PhoneKind::Pager],
        _ if has(entry, &VCardType::Textphone) => &[PhoneKind::TtyTdd],
        (true, _) if has(entry, &VCardType::MainNumber) => &[PhoneKind::CompanyMain],
        (true, _) if fax => &[PhoneKind::BusinessFax, PhoneKind::OtherFax],
        (_, true) if fax => &[PhoneKind::HomeFax, PhoneKind::OtherFax],
        _ if fax => &[PhoneKind::OtherFax, PhoneKind::BusinessFax],
        (true, _) => &[PhoneKind::Business, PhoneKind::Business2, PhoneKind::CompanyMain],
        (_, true) => &[PhoneKind::Home, PhoneKind::Home2],
        _ => &[PhoneKind::Other, PhoneKind::Primary, PhoneKind::Callback],
    };
    // A second number of one kind goes to the next place, and to any that is free when there is none.
    let places = exact.iter().chain(wanted).chain(PhoneKind::ALL);
    if let Some(kind) = places.copied().find(|kind| !contact.phones.contains_key(kind)) {
        contact.phones.insert(kind, number.to_owned());
    }
}

fn address_of(contact: &mut Contact, entry: &VCardEntry, part: &dyn Fn(usize) -> String) {
    let kind = match (has(entry, &VCardType::Work), has(entry, &VCardType::Home)) {
        (true, _) => AddressKind::Business,
        (_, true) => AddressKind::Home,
        _ => AddressKind::Other,
    };
    let mut street = String::new();
    // Post office box and extended address stand before the street.
    for line in [part(2), part(1), part(0)].into_iter().filter(|line| !line.is_empty()) {
        let _ = write!(street, "{}{line}", if street.is_empty() { "" } else { "\n" });
    }
    let address =
        PostalAddress { street, city: part(3), state: part(4), postal_code: part(5), country: part(6) };
    let places = [kind, AddressKind::Other, AddressKind::Business, AddressKind::Home];
    if address != PostalAddress::default()
        && let Some(kind) = places.into_iter().find(|kind| !contact.addresses.contains_key(kind))
    {
        contact.addresses.insert(kind, address);
    }
}

fn extension(contact: &mut Contact, name: &str, value: String, entry: &VCardEntry) {
    let name = name.to_ascii_uppercase();
    let plain = name.replace("X-MS-", "X-").replace("X-EVOLUTION-", "X-");
    match plain.as_str() {
        "X-DISPLAY-NAME" => contact.display_name = value,
        KIND_V3 if value.eq_ignore_ascii_case("group") => contact.form = ContactForm::List,
        MEMBER_V3 => contact.members.push(member(&value, entry)),
        ANNIVERSARY_V3 => contact.anniversary = date(entry).or_else(|| date_text(&value)),
        CLASS => {
            contact.sensitivity = match value.to_ascii_uppercase().as_str() {
                "PRIVATE" => Sensitivity::Private,
                "PERSONAL" => Sensitivity::Personal,
                "CONFIDENTIAL" => Sensitivity::Confidential,
                _ => Sensitivity::Normal,
            }
        }
        _ => {
            if let Some((_, field)) = EXTENSIONS.iter().find(|(known, _)| *known == plain) {
                *contact.text_mut(*field) = value;
            }
        }
    }
}

/// A date with its year; a birthday without one has no place in Exchange.
fn date(entry: &VCardEntry) -> Option<Date> {
    match entry.values.first()? {
        VCardValue::PartialDateTime(PartialDateTime {
            year: Some(year),
            month: Some(month),
            day: Some(day),
            ..
        }) => {
            Date::new(i16::try_from(*year).ok()?, i8::try_from(*month).ok()?, i8::try_from(*day).ok()?).ok()
        }
        other => date_text(other.as_text()?),
    }
}

fn date_text(text: &str) -> Option<Date> {
    let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
    let digits = digits.replace('-', "");
    digits.get(..8).and_then(|date| Date::strptime("%Y%m%d", date).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn full() -> Contact {
        let mut contact = Contact { uid: Some("uid-1".into()), ..Contact::default() };
        for text in ContactText::ALL {
            *contact.text_mut(*text) = format!("{text}; ,\\ \"ü\" 李");
        }
        for (place, slot) in Slot::ALL.iter().enumerate() {
            let name = if place == 1 { String::new() } else { "Müller, Jörg".to_owned() };
            contact.mails.insert(*slot, MailEntry { address: format!("m{slot}@x.example"), name });
            contact.ims.insert(*slot, format!("sip:i{slot}@x.example"));
        }
        for kind in PhoneKind::ALL {
            contact.phones.insert(*kind, format!("+49 30 1{}", *kind as u8));
        }
        for kind in AddressKind::ALL {
            let address = PostalAddress {
                street: "Weg 1\n2. Hof; links".into(),
                city: kind.to_string(),
                state: "BE".into(),
                postal_code: "10117".into(),
                country: "Deutschland, EU".into(),
            };
            contact.addresses.insert(*kind, address);
        }
        contact.birthday = Some("1970-02-03".parse().unwrap());
        contact.anniversary = Some("1990-12-31".parse().unwrap());
        contact.notes = "one\ntwo; three, four\\n".into();
        contact.categories = ["Red".to_owned(), "a,b".to_owned()].into();
        contact.sensitivity = Sensitivity::Private;
        contact
    }

    /// Covers: AV-84 (vCard)
    #[test]
    fn every_field_survives_both_versions() {
        let mut list = Contact { display_name: "Team".into(), form: ContactForm::List, ..Contact::default() };
        list.members.push(MailEntry { address: "a@x.example".into(), name: "A \"the\" B".into() });
        for version in [Version::V3, Version::V4] {
            let text = write([&full(), &list], version);
            let read = read(&text).unwrap();
            assert_eq!(read.unreadable, []);
            assert_eq!(read.entries[0], full(), "{text}");
            assert_eq!(read.entries[1].members[0].name, "A 'the' B");
            assert_eq!(read.entries[1].form, ContactForm::List);
            assert!(text.lines().all(|line| line.len() <= 76), "{text}");
        }
    }

    #[test]
    fn a_card_of_another_program_is_understood() {
        let text = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe;Jane;;;\r\nFN:Jane Doe\r\nORG:Acme;R&D\r\n\
                    TEL;TYPE=CELL:+1 555 1\r\nTEL;TYPE=WORK,VOICE:+1 555 2\r\nTEL;TYPE=WORK:+1 555 3\r\n\
                    EMAIL;TYPE=INTERNET:jane@acme.example\r\nBDAY:1980-05-06\r\n\
                    ADR;TYPE=HOME:;Apt 4;1 Main St;Springfield;IL;62701;USA\r\n\
                    X-MS-MANAGER:Boss\r\nX-UNKNOWN:x\r\nEND:VCARD\r\n";
        let jane = read(text).unwrap().entries.remove(0);
        assert_eq!((jane.given_name.as_str(), jane.display_name.as_str()), ("Jane", "Jane Doe"));
        assert_eq!(jane.headline(), "Jane Doe");
        assert_eq!(jane.phones[&PhoneKind::Business2], "+1 555 3");
        assert_eq!(jane.addresses[&AddressKind::Home].street, "1 Main St\nApt 4");
        assert_eq!((jane.manager.as_str(), jane.birthday), ("Boss", Some("1980-05-06".parse().unwrap())));
        assert_eq!(jane.mails[&Slot::First].address, "jane@acme.example");
    }

    #[test]
    fn what_says_nothing_is_refused_and_the_rest_is_taken() {
        let text =
            "BEGIN:VCARD\nVERSION:4.0\nUID:x\nEND:VCARD\nBEGIN:VCARD\nVERSION:4.0\nFN:Bob\nEND:VCARD\n";
        let both = read(text).unwrap();
        assert_eq!((both.entries.len(), both.unreadable[0].place), (1, 1));
        assert_eq!(read("hello"), Err(InterchangeError::Nothing("vCard")));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String, at in 0_usize..2000, byte: char) {
            let _ = read(&text);
            let mut mutated: Vec<char> = write([&full()], Version::V4).chars().collect();
            let at = at % mutated.len();
            mutated[at] = byte;
            let mutated: String = mutated.into_iter().collect();
            if let Ok(read) = read(&mutated) {
                for contact in &read.entries {
                    let again = super::read(&write([contact], Version::V4)).unwrap();
                    prop_assert_eq!(again.entries.len(), 1);
                }
            }
        }

        #[test]
        fn texts_of_any_kind_survive(given in "[^\\p{Cc}]{1,40}", notes in "[^\\p{Cc}\n]{0,80}") {
            let contact = Contact { given_name: given.clone(), notes, ..Contact::default() };
            let back = read(&write([&contact], Version::V4)).unwrap();
            if !given.trim().is_empty() {
                prop_assert_eq!(back.entries[0].differences(&contact), []);
            }
        }
    }
}
