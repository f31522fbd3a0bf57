//! A person in about a hundred bytes. What is written here is read here only, so that reading cannot fail; a record that
//! were damaged all the same would read as shorter, never panic.

use tieline_model::{DirectoryId, Person, PhoneNumber, SipAddress};

use super::interner::Interner;

const MAIL: u8 = 1;
const PROXY: u8 = 2;
const SIP: u8 = 4;
const FIRST_SIP: u8 = 8;
const LOGIN: u8 = 16;

const DISABLED: u8 = 1;
/// The id is sixteen bytes that print as a UUID.
const UUID: u8 = 2;

/// Writes a person. The same person gives the same bytes as long as the interner lives.
pub(super) fn write(person: &Person, texts: &mut Interner) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(160);
    let uuid = uuid_bytes(person.id.as_str());
    let flags = if person.disabled { DISABLED } else { 0 } | if uuid.is_some() { UUID } else { 0 };
    bytes.push(flags);
    match uuid {
        Some(uuid) => bytes.extend_from_slice(&uuid),
        None => put_text(&mut bytes, person.id.as_str()),
    }
    put_text(&mut bytes, &person.display_name);
    for text in [&person.department, &person.company] {
        let number = text.as_ref().map_or(0, |text| texts.number(text));
        put_number(&mut bytes, number);
    }
    let addresses = addresses(person);
    put_number(&mut bytes, addresses.len() as u32);
    for (text, roles) in addresses {
        let (local, domain) =
            text.rsplit_once('@').map_or((text, 0), |(local, domain)| (local, texts.number(domain)));
        bytes.push(roles);
        put_text(&mut bytes, local);
        put_number(&mut bytes, domain);
    }
    put_number(&mut bytes, person.phones.len() as u32);
    for phone in &person.phones {
        put_text(&mut bytes, phone.as_str());
    }
    bytes.into_boxed_slice()
}

/// Each text once, with all it is used for: with most people, mail address, SIP address and log-on name are one.
fn addresses(person: &Person) -> Vec<(&str, u8)> {
    let mail = person.mail.iter().map(|address| (address.as_str(), MAIL));
    let proxies = person.proxy_addresses.iter().map(|address| (address.as_str(), PROXY));
    let sip =
        person.sip.iter().enumerate().map(|(i, a)| (a.as_str(), if i == 0 { SIP | FIRST_SIP } else { SIP }));
    let login = person.login.iter().map(|login| (login.as_str(), LOGIN));
    let mut list: Vec<(&str, u8)> = Vec::with_capacity(4);
    for (text, role) in mail.chain(proxies).chain(sip).chain(login) {
        match list.iter_mut().find(|(known, _)| *known == text) {
            Some((_, roles)) => *roles |= role,
            None => list.push((text, role)),
        }
    }
    list
}

/// Reads a person.
pub(super) fn read(record: &[u8], texts: &Interner) -> Option<Person> {
    let mut bytes = Bytes(record);
    let flags = bytes.byte();
    let id = bytes.id(flags);
    let mut person = Person::named(DirectoryId::new(&id)?, bytes.text());
    person.disabled = flags & DISABLED != 0;
    person.department = texts.text(bytes.number()).map(str::to_owned);
    person.company = texts.text(bytes.number()).map(str::to_owned);
    for _ in bytes.items() {
        let roles = bytes.byte();
        let local = bytes.text();
        let text = match texts.text(bytes.number()) {
            Some(domain) => format!("{local}@{domain}"),
            None => local.to_owned(),
        };
        if roles & MAIL != 0 {
            person.mail = text.parse().ok();
        }
        if roles & PROXY != 0 {
            person.proxy_addresses.extend(text.parse().ok());
        }
        if roles & SIP != 0
            && let Ok(address) = SipAddress::try_from(text.clone())
        {
            let at = if roles & FIRST_SIP != 0 { 0 } else { person.sip.len() };
            person.sip.insert(at, address);
        }
        if roles & LOGIN != 0 {
            person.login = Some(text);
        }
    }
    for _ in bytes.items() {
        person.phones.push(PhoneNumber::kept(bytes.text().to_owned()));
    }
    Some(person)
}

/// The id alone, for walking over everybody.
pub(super) fn read_id(record: &[u8]) -> String {
    let mut bytes = Bytes(record);
    let flags = bytes.byte();
    bytes.id(flags)
}

fn put_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_number(bytes, text.len() as u32);
    bytes.extend_from_slice(text.as_bytes());
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn number(&mut self) -> u32 {
        let mut number = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte();
            number |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    /// A number of items; no more than there are bytes.
    fn items(&mut self) -> std::ops::Range<usize> {
        let number = self.number() as usize;
        0..number.min(self.0.len())
    }

    fn text(&mut self) -> &'a str {
        let length = self.number() as usize;
        std::str::from_utf8(self.take(length)).unwrap_or_default()
    }

    fn id(&mut self, flags: u8) -> String {
        if flags & UUID == 0 {
            return self.text().to_owned();
        }
        let mut text = String::with_capacity(36);
        for (index, byte) in self.take(16).iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        text
    }
}

/// The bytes of `8-4-4-4-12` lower-case hex digits.
fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    if bytes.len() != 36
        || bytes.iter().enumerate().any(|(at, b)| (*b == b'-') != matches!(at, 8 | 13 | 18 | 23))
    {
        return None;
    }
    let mut uuid = [0; 16];
    let digits: Vec<u8> = bytes
        .iter()
        .filter(|b| **b != b'-')
        .map(|b| match b {
            b'0'..=b'9' => Some(b - b'0'),
            b'a'..=b'f' => Some(b - b'a' + 10),
            _ => None,
        })
        .collect::<Option<_>>()?;
    for (slot, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        *slot = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    }
    Some(uuid)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// People with few distinct addresses, so that some are shared and some have several uses.
    pub(crate) fn any_person() -> impl Strategy<Value = Person> {
        let address = "[a-c]{1,2}@[xy]\\.example";
        (
            prop_oneof!["[0-9a-f]{8}-0000-4000-8000-00000000000[0-9]", "uid=[a-z]{1,4}"],
            "[A-Z][a-z]{1,6} [A-ZÄ][a-zß]{1,6}",
            (proptest::option::of(address), proptest::collection::vec(address, 0..3)),
            proptest::collection::vec(address, 0..3),
            (
                proptest::option::of("[a-c]{1,2}(@x\\.example)?"),
                proptest::collection::vec("\\+49[0-9]{3,4}", 0..3),
            ),
            (proptest::option::of("Sales|R&D"), any::<bool>()),
        )
            .prop_map(|(id, name, (mail, proxies), sip, (login, phones), (department, disabled))| {
                let mut person = Person::named(DirectoryId::new(&id).unwrap(), name);
                person.mail = mail.map(|mail| mail.parse().unwrap());
                for proxy in proxies {
                    let proxy = proxy.parse().unwrap();
                    if !person.has_mail_address(&proxy) {
                        person.proxy_addresses.push(proxy);
                    }
                }
                for address in sip {
                    let address = address.parse().unwrap();
                    if !person.sip.contains(&address) {
                        person.sip.push(address);
                    }
                }
                person.login = login;
                person.phones = phones.into_iter().map(PhoneNumber::kept).collect();
                person.department = department.clone();
                person.company = department;
                person.disabled = disabled;
                person
            })
    }

    /// The order of second SIP addresses means nothing.
    pub(crate) fn sorted(mut person: Person) -> Person {
        if let Some((_, rest)) = person.sip.split_first_mut() {
            rest.sort_by_key(SipAddress::key);
        }
        person.proxy_addresses.sort_by_key(tieline_model::SmtpAddress::key);
        person
    }

    proptest! {
        #[test]
        fn people_come_back_as_they_went_in(person in any_person()) {
            let mut texts = Interner::default();
            let record = write(&person, &mut texts);
            prop_assert_eq!(sorted(read(&record, &texts).unwrap()), sorted(person.clone()));
            prop_assert_eq!(read_id(&record), person.id.as_str());
            prop_assert_eq!(&write(&person, &mut texts), &record);
        }

        #[test]
        fn a_damaged_record_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(&bytes, &Interner::default());
        }
    }
}
