//! How a directory describes people: the names of its attributes, and what becomes of their values.

use tieline_model::{DialPlan, DirectoryId, Person, PhoneNumber, SipAddress, SmtpAddress};
use tieline_proto_ldap::Entry;

/// Longer names and departments are cut.
const MAX_TEXT: usize = 256;
/// More addresses or numbers of one person are not read.
const MAX_VALUES: usize = 64;

/// Which attributes say what. Several names: the first with a value counts, or all where a person has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Never changes: `objectGUID` (16 bytes) or `entryUUID` (text).
    pub id: String,
    /// The name people see.
    pub display_name: Vec<String>,
    /// SIP addresses, with or without `sip:`. All count; values of another scheme do not.
    pub sip: Vec<String>,
    /// Mail addresses. The first is primary, all count.
    pub mail: Vec<String>,
    /// Exchange's list of addresses with their kinds: `SMTP:` primary, `smtp:`, `sip:`, `EUM:`.
    pub proxy_addresses: Option<String>,
    /// Log-on names. The first with a value.
    pub login: Vec<String>,
    /// Telephone numbers; all count.
    pub phones: Vec<String>,
    /// Department.
    pub department: Vec<String>,
    /// Company.
    pub company: Vec<String>,
    /// A number whose second bit says that the account is switched off (MS-ADTS section 2.2.16).
    pub account_control: Option<String>,
}

fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

impl Attributes {
    /// Active Directory with Exchange and Lync.
    pub fn active_directory() -> Self {
        Self {
            id: "objectGUID".to_owned(),
            display_name: names(["displayName", "cn"]),
            sip: names(["msRTCSIP-PrimaryUserAddress"]),
            mail: names(["mail"]),
            proxy_addresses: Some("proxyAddresses".to_owned()),
            login: names(["userPrincipalName", "sAMAccountName"]),
            phones: names(["telephoneNumber", "mobile", "ipPhone", "msRTCSIP-Line", "otherTelephone"]),
            department: names(["department"]),
            company: names(["company"]),
            account_control: Some("userAccountControl".to_owned()),
        }
    }

    /// OpenLDAP with `inetOrgPerson`: SIP addresses in `labeledURI` (RFC 2079).
    pub fn openldap() -> Self {
        Self {
            id: "entryUUID".to_owned(),
            display_name: names(["displayName", "cn"]),
            sip: names(["labeledURI"]),
            mail: names(["mail"]),
            proxy_addresses: None,
            login: names(["uid"]),
            phones: names(["telephoneNumber", "mobile"]),
            department: names(["departmentNumber", "ou"]),
            company: names(["o"]),
            account_control: None,
        }
    }

    /// What a search must ask for.
    pub(crate) fn wanted(&self) -> Vec<String> {
        let lists = [
            &self.display_name,
            &self.sip,
            &self.mail,
            &self.login,
            &self.phones,
            &self.department,
            &self.company,
        ];
        let mut wanted = vec![self.id.clone()];
        wanted.extend(self.proxy_addresses.iter().chain(&self.account_control).cloned());
        wanted.extend(lists.into_iter().flatten().cloned());
        wanted
    }

    /// The person that an entry describes; `None` without id. Values that make no sense are left out: one bad number
    /// must not cost the person.
    pub(crate) fn person(&self, entry: &Entry, plan: &DialPlan) -> Option<Person> {
        let id = self.entry_id(entry)?;
        let first = |names: &[String]| names.iter().find_map(|name| entry.text(name).and_then(clean));
        let name = first(&self.display_name);
        let mut person = Person::named(id, name.unwrap_or_default());
        person.login = first(&self.login);
        person.department = first(&self.department);
        person.company = first(&self.company);
        person.disabled = self.account_control.as_deref().is_some_and(|name| {
            entry
                .text(name)
                .and_then(|bits| bits.trim().parse::<i64>().ok())
                .is_some_and(|bits| bits & 2 != 0)
        });
        for value in self.mail.iter().flat_map(|name| entry.texts(name)) {
            add_mail(&mut person, value, false);
        }
        for value in self.sip.iter().flat_map(|name| entry.texts(name)) {
            add_sip(&mut person, value);
        }
        for value in self.proxy_addresses.iter().flat_map(|name| entry.texts(name)) {
            add_proxy(&mut person, value, plan);
        }
        for value in self.phones.iter().flat_map(|name| entry.texts(name)) {
            add_phone(&mut person, value, plan);
        }
        if person.display_name.is_empty() {
            person.display_name = person.mail.as_ref().map(ToString::to_string).or(person.login.clone())?;
        }
        Some(person)
    }

    /// The id alone.
    pub(crate) fn entry_id(&self, entry: &Entry) -> Option<DirectoryId> {
        let value = entry.values(&self.id).next()?;
        match <[u8; 16]>::try_from(value) {
            // Sixteen bytes that are a text would be nobody's GUID and nobody's UUID.
            Ok(guid) if self.has_binary_id() => DirectoryId::new(&guid_text(&guid)),
            _ => DirectoryId::new(&clean(std::str::from_utf8(value).ok()?)?),
        }
    }

    pub(crate) fn has_binary_id(&self) -> bool {
        self.id.eq_ignore_ascii_case("objectGUID")
    }
}

/// A GUID as Windows prints it: the first three groups are little-endian.
fn guid_text(bytes: &[u8; 16]) -> String {
    let [a, b, c, d, e, f, g, h, rest @ ..] = *bytes;
    let mut text = format!(
        "{:08x}-{:04x}-{:04x}-",
        u32::from_le_bytes([a, b, c, d]),
        u16::from_le_bytes([e, f]),
        u16::from_le_bytes([g, h])
    );
    for (index, byte) in rest.iter().enumerate() {
        text.push_str(&format!("{}{byte:02x}", if index == 2 { "-" } else { "" }));
    }
    text
}

/// The bytes of a GUID in text form, for asking by it.
pub(crate) fn guid_bytes(id: &DirectoryId) -> Option<[u8; 16]> {
    let digits: Vec<u32> =
        id.as_str().chars().filter(|c| *c != '-').map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let mut bytes = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (slot, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *slot = pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8);
    }
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    let mut ordered = [d, c, b, a, f, e, h, g, 0, 0, 0, 0, 0, 0, 0, 0];
    ordered[8..].copy_from_slice(&rest);
    Some(ordered)
}

/// Without control characters and blanks around it, and not longer than names are; `None` when nothing is left.
fn clean(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn add_mail(person: &mut Person, value: &str, primary: bool) {
    let Ok(address) = value.trim().parse::<SmtpAddress>() else { return };
    match &person.mail {
        None => person.mail = Some(address),
        Some(mail) if *mail == address => {}
        // Exchange's own primary address stands above what somebody typed into `mail`.
        Some(mail) if primary => {
            let before = mail.clone();
            person.mail = Some(address);
            add_mail(person, before.as_str(), false);
        }
        Some(_) if person.has_mail_address(&address) || person.proxy_addresses.len() >= MAX_VALUES => {}
        Some(_) => person.proxy_addresses.push(address),
    }
}

fn add_sip(person: &mut Person, value: &str) {
    // A labeled URI is followed by a blank and its label.
    let uri = value.split_whitespace().next().unwrap_or_default();
    let Ok(address) = uri.parse::<SipAddress>() else { return };
    if person.sip.len() < MAX_VALUES && !person.sip.contains(&address) {
        person.sip.push(address);
    }
}

fn add_phone(person: &mut Person, value: &str, plan: &DialPlan) {
    let Some(number) = PhoneNumber::parse(value, plan) else { return };
    if person.phones.len() < MAX_VALUES && !person.phones.contains(&number) {
        person.phones.push(number);
    }
}

/// `kind:address`; the kind in capitals marks the primary one. `EUM:1001;phone-context=plan.example` is an extension of
/// Exchange's unified messaging. X400, X500 and others are no way to reach anybody.
fn add_proxy(person: &mut Person, value: &str, plan: &DialPlan) {
    let Some((kind, address)) = value.split_once(':') else { return };
    match kind {
        "SMTP" => add_mail(person, address, true),
        _ if kind.eq_ignore_ascii_case("smtp") => add_mail(person, address, false),
        _ if kind.eq_ignore_ascii_case("sip") => add_sip(person, address),
        _ if kind.eq_ignore_ascii_case("eum") => match address.split_once(';') {
            Some((extension, _)) if !extension.contains('@') => add_phone(person, extension, plan),
            _ => add_sip(person, address.split(';').next().unwrap_or_default()),
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tieline_proto_ldap::Attribute;

    fn entry(attributes: Vec<Attribute>) -> Entry {
        Entry { dn: "CN=x".to_owned(), attributes }
    }

    fn guid() -> Attribute {
        Attribute::new(
            "objectGUID",
            [[0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 8, 9, 10, 11, 12, 13, 14, 15]],
        )
    }

    /// Covers: EV-47
    #[test]
    fn active_directorys_addresses_are_sorted_by_what_they_are() {
        let entry = entry(vec![
            guid(),
            Attribute::new("displayName", ["Alice Adams"]),
            Attribute::new("mail", ["alice.adams@corp.example"]),
            Attribute::new(
                "proxyAddresses",
                [
                    "smtp:a.adams@corp.example",
                    "SMTP:Alice@corp.example",
                    "sip:alice@uc.example",
                    "EUM:1001;phone-context=plan.corp.example",
                    "X500:/o=Corp/cn=alice",
                    "broken",
                ],
            ),
            Attribute::new("msRTCSIP-PrimaryUserAddress", ["sip:aadams@uc.example"]),
            Attribute::new("userPrincipalName", ["aadams@corp.local"]),
            Attribute::new("telephoneNumber", ["+49 (30) 1234-5"]),
            Attribute::new("msRTCSIP-Line", ["tel:+49301234567;ext=67"]),
            Attribute::new("userAccountControl", ["514"]),
        ]);
        let person = Attributes::active_directory().person(&entry, &DialPlan::default()).unwrap();
        assert_eq!(person.id.as_str(), "00112233-4455-6677-0809-0a0b0c0d0e0f");
        assert_eq!(person.mail.as_ref().unwrap().as_str(), "Alice@corp.example");
        let proxies: Vec<_> = person.proxy_addresses.iter().map(SmtpAddress::as_str).collect();
        assert_eq!(proxies, ["a.adams@corp.example", "alice.adams@corp.example"]);
        let sip: Vec<_> = person.sip.iter().map(SipAddress::as_str).collect();
        assert_eq!(sip, ["aadams@uc.example", "alice@uc.example"]);
        let phones: Vec<_> = person.phones.iter().map(PhoneNumber::as_str).collect();
        assert_eq!(phones, ["1001", "+493012345", "+49301234567"]);
        assert!(person.disabled);
    }

    #[test]
    fn openldaps_labeled_uris_hold_sip_addresses() {
        let entry = entry(vec![
            Attribute::new("entryUUID", ["A5B1C2D3-0000-4000-8000-000000000001"]),
            Attribute::new("cn;lang-en", ["Bob Brown"]),
            Attribute::new(
                "labeledURI",
                ["https://intra.example/bob home", "sip:bob@uc.example Bob's phone"],
            ),
            Attribute::new("uid", ["bob"]),
            Attribute::new("ou", ["Sales"]),
        ]);
        let person = Attributes::openldap().person(&entry, &DialPlan::default()).unwrap();
        assert_eq!(person.id.as_str(), "a5b1c2d3-0000-4000-8000-000000000001");
        assert_eq!(person.display_name, "Bob Brown");
        assert_eq!(person.sip.len(), 1);
        assert_eq!(person.department.as_deref(), Some("Sales"));
    }

    #[test]
    fn without_an_id_there_is_no_person_and_without_a_name_the_address_serves() {
        let plan = DialPlan::default();
        let attributes = Attributes::active_directory();
        assert_eq!(attributes.person(&entry(vec![Attribute::new("cn", ["x"])]), &plan), None);
        assert_eq!(attributes.person(&entry(vec![guid()]), &plan), None);
        let named =
            attributes.person(&entry(vec![guid(), Attribute::new("mail", ["a@b.example"])]), &plan).unwrap();
        assert_eq!(named.display_name, "a@b.example");
    }

    #[test]
    fn a_guid_is_asked_for_as_the_bytes_it_came_in() {
        let attributes = Attributes::active_directory();
        let entry = entry(vec![guid()]);
        let id = attributes.entry_id(&entry).unwrap();
        assert_eq!(guid_bytes(&id).unwrap().as_slice(), entry.values("objectGUID").next().unwrap());
        assert_eq!(guid_bytes(&DirectoryId::new("bob").unwrap()), None);
    }

    proptest! {
        /// Hostile values cost at most themselves.
        #[test]
        fn any_values_make_a_bounded_person(
            names in proptest::collection::vec("(mail|proxyAddresses|displayName|telephoneNumber|objectGUID|userAccountControl)", 0..8),
            values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..100),
        ) {
            let mut attributes: Vec<_> = names.iter().map(|name| Attribute::new(name, values.clone())).collect();
            attributes.push(guid());
            let plan = DialPlan::default();
            if let Some(person) = Attributes::active_directory().person(&entry(attributes), &plan) {
                prop_assert!(person.display_name.chars().count() <= MAX_TEXT);
                prop_assert!(!person.display_name.contains(char::is_control));
                prop_assert!(person.proxy_addresses.len() + person.sip.len() + person.phones.len() <= 3 * MAX_VALUES);
            }
        }
    }
}
