//! A contact, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::record::{
    FieldId, MatchKey, Record, RecordHash, RecordKind, Sensitivity, by_name, join_names, line, lines,
    named_values, names,
};

named_values! {
    /// One of the places for a mail or IM address; Exchange has three of each.
    Slot, "a slot from 1 to 3";
    /// The first.
    First = "1",
    /// The second.
    Second = "2",
    /// The third.
    Third = "3",
}

named_values! {
    /// What a telephone number is for; Exchange's names.
    PhoneKind, "a kind of telephone number";
    /// Assistant's.
    Assistant = "assistant",
    /// Fax at work.
    BusinessFax = "business-fax",
    /// At work.
    Business = "business",
    /// At work, second.
    Business2 = "business-2",
    /// Call back.
    Callback = "callback",
    /// In the car.
    Car = "car",
    /// The company's switchboard.
    CompanyMain = "company-main",
    /// Fax at home.
    HomeFax = "home-fax",
    /// At home.
    Home = "home",
    /// At home, second.
    Home2 = "home-2",
    /// ISDN.
    Isdn = "isdn",
    /// Mobile.
    Mobile = "mobile",
    /// Another fax.
    OtherFax = "other-fax",
    /// Another telephone.
    Other = "other",
    /// Pager.
    Pager = "pager",
    /// The one to be dialled first.
    Primary = "primary",
    /// Radio.
    Radio = "radio",
    /// Telex.
    Telex = "telex",
    /// Text telephone.
    TtyTdd = "tty-tdd",
}

named_values! {
    /// Which postal address.
    AddressKind, "a kind of postal address";
    /// At work.
    Business = "business",
    /// At home.
    Home = "home",
    /// Another.
    Other = "other",
}

/// A mail address with the name shown for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct MailEntry {
    /// `user@domain`, as a program wrote it: foreign folders hold addresses that are none.
    pub address: String,
    /// The name shown; often empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// A postal address in Exchange's parts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PostalAddress {
    /// Street and number; may have several lines.
    pub street: String,
    /// Town.
    pub city: String,
    /// State or province.
    pub state: String,
    /// Postal code.
    pub postal_code: String,
    /// Country or region.
    pub country: String,
}

/// A person, or a list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContactForm {
    /// A person or company.
    #[default]
    Person,
    /// A distribution list with members.
    List,
}

macro_rules! contact {
    ($($(#[$doc:meta])* $value:ident, $member:ident = $text:literal;)+) => {
        named_values! {
            /// A field of one line.
            ContactText, "a text field of a contact";
            $($(#[$doc])* $value = $text),+
        }

        /// A contact. What is not known is empty.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Contact {
            /// The UID, where a side keeps one.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub uid: Option<String>,
            /// Person or list.
            pub form: ContactForm,
            $($(#[$doc])* #[serde(skip_serializing_if = "String::is_empty")] pub $member: String,)+
            /// Mail addresses by place.
            pub mails: BTreeMap<Slot, MailEntry>,
            /// SIP and other IM addresses by place.
            pub ims: BTreeMap<Slot, String>,
            /// Telephone numbers by kind, as written.
            pub phones: BTreeMap<PhoneKind, String>,
            /// Postal addresses by kind.
            pub addresses: BTreeMap<AddressKind, PostalAddress>,
            /// Members of a list.
            pub members: Vec<MailEntry>,
            /// Birthday.
            pub birthday: Option<Date>,
            /// Wedding anniversary.
            pub anniversary: Option<Date>,
            /// Notes, several lines.
            pub notes: String,
            /// Categories.
            pub categories: BTreeSet<String>,
            /// Hash of the picture; its bytes travel beside the contact.
            pub photo: Option<RecordHash>,
            /// Who may see it.
            pub sensitivity: Sensitivity,
        }

        impl Contact {
            /// A field of one line.
            #[must_use]
            pub const fn text(&self, field: ContactText) -> &String {
                match field { $(ContactText::$value => &self.$member),+ }
            }

            /// A field of one line, to be changed.
            pub const fn text_mut(&mut self, field: ContactText) -> &mut String {
                match field { $(ContactText::$value => &mut self.$member),+ }
            }
        }
    };
}

contact! {
    /// The name under which it is sorted.
    FileAs, file_as = "file-as";
    /// The name shown.
    DisplayName, display_name = "display-name";
    /// Dr, Prof.
    Title, title = "title";
    /// Given name.
    GivenName, given_name = "given-name";
    /// Middle name.
    MiddleName, middle_name = "middle-name";
    /// Family name.
    Surname, surname = "surname";
    /// Jr, III.
    Suffix, suffix = "suffix";
    /// Nickname.
    Nickname, nickname = "nickname";
    /// Initials.
    Initials, initials = "initials";
    /// How the given name is spoken (Yomi).
    PhoneticGivenName, phonetic_given_name = "phonetic-given-name";
    /// How the family name is spoken (Yomi).
    PhoneticSurname, phonetic_surname = "phonetic-surname";
    /// Company.
    Company, company = "company";
    /// Department.
    Department, department = "department";
    /// Job title.
    JobTitle, job_title = "job-title";
    /// Office.
    Office, office = "office";
    /// Profession.
    Profession, profession = "profession";
    /// Manager's name.
    Manager, manager = "manager";
    /// Assistant's name.
    AssistantName, assistant_name = "assistant-name";
    /// Spouse's name.
    Spouse, spouse = "spouse";
    /// Web page.
    WebPage, web_page = "web-page";
}

/// A field of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContactField {
    /// Person or list.
    Form,
    /// A line.
    Text(ContactText),
    /// A mail address.
    Mail(Slot),
    /// An IM address.
    Im(Slot),
    /// A telephone number.
    Phone(PhoneKind),
    /// A postal address.
    Address(AddressKind),
    /// Members of a list.
    Members,
    /// Birthday.
    Birthday,
    /// Anniversary.
    Anniversary,
    /// Notes.
    Notes,
    /// Categories.
    Categories,
    /// Picture.
    Photo,
    /// Sensitivity.
    Sensitivity,
}

static FIELDS: LazyLock<Vec<ContactField>> = LazyLock::new(|| {
    let mut all = vec![ContactField::Form];
    all.extend(ContactText::ALL.iter().copied().map(ContactField::Text));
    all.extend(Slot::ALL.iter().copied().map(ContactField::Mail));
    all.extend(Slot::ALL.iter().copied().map(ContactField::Im));
    all.extend(PhoneKind::ALL.iter().copied().map(ContactField::Phone));
    all.extend(AddressKind::ALL.iter().copied().map(ContactField::Address));
    all.extend([
        ContactField::Members,
        ContactField::Birthday,
        ContactField::Anniversary,
        ContactField::Notes,
        ContactField::Categories,
        ContactField::Photo,
        ContactField::Sensitivity,
    ]);
    all
});

impl fmt::Display for ContactField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("form"),
            Self::Text(field) => write!(f, "{field}"),
            Self::Mail(slot) => write!(f, "mail-{slot}"),
            Self::Im(slot) => write!(f, "im-{slot}"),
            Self::Phone(kind) => write!(f, "phone-{kind}"),
            Self::Address(kind) => write!(f, "address-{kind}"),
            Self::Members => f.write_str("members"),
            Self::Birthday => f.write_str("birthday"),
            Self::Anniversary => f.write_str("anniversary"),
            Self::Notes => f.write_str("notes"),
            Self::Categories => f.write_str("categories"),
            Self::Photo => f.write_str("photo"),
            Self::Sensitivity => f.write_str("sensitivity"),
        }
    }
}

by_name!(ContactField, "a field of a contact", FIELDS);

impl FieldId for ContactField {}

impl Record for Contact {
    type Field = ContactField;
    const KIND: RecordKind = RecordKind::Contacts;

    fn fields() -> &'static [ContactField] {
        &FIELDS
    }

    fn canonical(&self, field: ContactField) -> String {
        match field {
            ContactField::Form if self.form == ContactForm::List => "list".to_owned(),
            ContactField::Form => String::new(),
            ContactField::Text(field) => line(self.text(field)),
            ContactField::Mail(slot) => {
                self.mails.get(&slot).map(|mail| address(&mail.address)).unwrap_or_default()
            }
            ContactField::Im(slot) => self.ims.get(&slot).map(|im| im_address(im)).unwrap_or_default(),
            ContactField::Phone(kind) => {
                self.phones.get(&kind).map(|number| phone(number)).unwrap_or_default()
            }
            ContactField::Address(kind) => self.addresses.get(&kind).map(postal).unwrap_or_default(),
            ContactField::Members => {
                let members: Vec<String> =
                    self.members.iter().map(|member| address(&member.address)).collect();
                names(&members)
            }
            ContactField::Birthday => self.birthday.map(|date| date.to_string()).unwrap_or_default(),
            ContactField::Anniversary => self.anniversary.map(|date| date.to_string()).unwrap_or_default(),
            ContactField::Notes => lines(&self.notes),
            ContactField::Categories => names(&self.categories),
            ContactField::Photo => {
                self.photo.as_ref().map(|hash| hash.as_str().to_owned()).unwrap_or_default()
            }
            ContactField::Sensitivity => self.sensitivity.label().to_owned(),
        }
    }

    fn copy_field(&mut self, field: ContactField, from: &Self) {
        match field {
            ContactField::Form => self.form = from.form,
            ContactField::Text(field) => self.text_mut(field).clone_from(from.text(field)),
            ContactField::Mail(slot) => copy_entry(&mut self.mails, &from.mails, slot),
            ContactField::Im(slot) => copy_entry(&mut self.ims, &from.ims, slot),
            ContactField::Phone(kind) => copy_entry(&mut self.phones, &from.phones, kind),
            ContactField::Address(kind) => copy_entry(&mut self.addresses, &from.addresses, kind),
            ContactField::Members => self.members.clone_from(&from.members),
            ContactField::Birthday => self.birthday = from.birthday,
            ContactField::Anniversary => self.anniversary = from.anniversary,
            ContactField::Notes => self.notes.clone_from(&from.notes),
            ContactField::Categories => self.categories.clone_from(&from.categories),
            ContactField::Photo => self.photo.clone_from(&from.photo),
            ContactField::Sensitivity => self.sensitivity = from.sensitivity,
        }
    }

    fn match_keys(&self) -> Vec<MatchKey> {
        let mut keys: Vec<MatchKey> = self.uid.iter().map(|uid| MatchKey::Uid(uid.clone())).collect();
        keys.extend(
            self.ims.values().map(|im| im_address(im)).filter(|im| im.contains('@')).map(MatchKey::Sip),
        );
        keys.extend(self.mail_addresses().map(MatchKey::Mail));
        let name = self.name();
        if !name.is_empty() {
            keys.extend(
                self.phones
                    .values()
                    .map(|number| MatchKey::NameAndPhone(format!("{name}\u{0}{}", phone(number)))),
            );
        }
        keys
    }

    /// One address may belong to a couple: names that are both known must not contradict each other. Of somebody without
    /// a name the nickname and the mail addresses must not: a copy that was made to become another contact often keeps an
    /// address of the first, and two contacts that stay two lose nothing.
    fn may_be(&self, other: &Self) -> bool {
        let (own, others) = (self.name(), other.name());
        if self.form != other.form {
            return false;
        }
        if !own.is_empty() && !others.is_empty() {
            return own == others;
        }
        let (own, others) = (line(&self.nickname).to_lowercase(), line(&other.nickname).to_lowercase());
        let nicknames_agree = own == others || own.is_empty() || others.is_empty();
        let own: BTreeSet<String> = self.mail_addresses().collect();
        let others: BTreeSet<String> = other.mail_addresses().collect();
        nicknames_agree && (own.is_empty() || others.is_empty() || !own.is_disjoint(&others))
    }

    fn headline(&self) -> String {
        let named = [&self.display_name, &self.file_as, &self.company]
            .into_iter()
            .find(|text| !line(text).is_empty());
        match named {
            Some(name) => line(name),
            None if !self.name().is_empty() => line(&format!("{} {}", self.given_name, self.surname)),
            None => self
                .mails
                .values()
                .next()
                .map_or_else(|| "a contact without a name".to_owned(), |mail| line(&mail.address)),
        }
    }

    fn join(field: ContactField, base: (&Self, &Self), left: &Self, right: &Self) -> Option<Self> {
        (field == ContactField::Categories).then(|| Self {
            categories: join_names(
                (&base.0.categories, &base.1.categories),
                &left.categories,
                &right.categories,
            ),
            ..left.clone()
        })
    }
}

impl Contact {
    /// Lower case, for comparison.
    fn name(&self) -> String {
        let parts = line(&format!("{} {}", self.given_name, self.surname)).to_lowercase();
        if parts.is_empty() { line(&self.display_name).to_lowercase() } else { parts }
    }

    fn mail_addresses(&self) -> impl Iterator<Item = String> {
        self.mails.values().map(|mail| address(&mail.address)).filter(|mail| mail.contains('@'))
    }
}

fn copy_entry<K: Ord, V: Clone>(to: &mut BTreeMap<K, V>, from: &BTreeMap<K, V>, key: K) {
    match from.get(&key) {
        Some(value) => drop(to.insert(key, value.clone())),
        None => drop(to.remove(&key)),
    }
}

pub(crate) fn address(text: &str) -> String {
    let text = line(text).to_lowercase();
    text.strip_prefix("mailto:").or_else(|| text.strip_prefix("smtp:")).unwrap_or(&text).to_owned()
}

fn im_address(text: &str) -> String {
    let text = line(text).to_lowercase();
    text.strip_prefix("sip:").or_else(|| text.strip_prefix("im:")).unwrap_or(&text).to_owned()
}

/// Without separators, so that a number stays one however a program writes it; extensions and letters count.
fn phone(text: &str) -> String {
    line(text)
        .chars()
        .filter(|c| !c.is_whitespace() && !"-.()/".contains(*c))
        .collect::<String>()
        .to_lowercase()
}

fn postal(address: &PostalAddress) -> String {
    let parts = [&address.street, &address.city, &address.state, &address.postal_code, &address.country]
        .map(|part| line(part));
    if parts.iter().all(String::is_empty) { String::new() } else { parts.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Contact {
        let mut alice =
            Contact { given_name: "Alice".into(), surname: "Ädams 李".into(), ..Contact::default() };
        alice
            .mails
            .insert(Slot::First, MailEntry { address: "Alice@Lab.example".into(), name: "Alice".into() });
        alice.phones.insert(PhoneKind::Mobile, "+49 (30) 123-456".into());
        alice.ims.insert(Slot::First, "sip:alice@lab.example".into());
        alice.categories = BTreeSet::from(["Red".to_owned(), "Blue".to_owned()]);
        alice.notes = "one\r\ntwo  \r\n".into();
        alice
    }

    #[test]
    fn what_servers_do_to_a_contact_is_no_edit() {
        let mut written = alice();
        written.given_name = "  Alice ".into();
        written.notes = "one\ntwo".into();
        written.phones.insert(PhoneKind::Mobile, "+4930123456".into());
        written.ims.insert(Slot::First, "SIP:Alice@lab.example".into());
        written.mails.insert(Slot::Second, MailEntry::default());
        assert_eq!(written.differences(&alice()), []);
        assert_eq!(written.hash(), alice().hash());
    }

    /// Covers: AV-84 (every field is named, copied and compared)
    #[test]
    fn every_field_is_copied_and_compared_by_its_name() {
        let mut full = alice();
        full.form = ContactForm::List;
        for text in ContactText::ALL {
            *full.text_mut(*text) = format!("{text}!");
        }
        for slot in Slot::ALL {
            full.mails
                .insert(*slot, MailEntry { address: format!("m{slot}@x.example"), name: String::new() });
            full.ims.insert(*slot, format!("i{slot}@x.example"));
        }
        for kind in PhoneKind::ALL {
            full.phones.insert(*kind, format!("1{}", *kind as u8));
        }
        for kind in AddressKind::ALL {
            full.addresses
                .insert(*kind, PostalAddress { city: format!("{kind}"), ..PostalAddress::default() });
        }
        full.members.push(MailEntry { address: "m@x.example".into(), name: String::new() });
        full.birthday = Some("1970-02-03".parse().unwrap());
        full.anniversary = Some("1990-02-03".parse().unwrap());
        full.photo = Some(RecordHash::of("picture"));
        full.sensitivity = Sensitivity::Private;
        assert_eq!(
            full.differences(&Contact::default()),
            Contact::fields(),
            "every field is set and differs"
        );
        let mut copy = Contact::default();
        for field in Contact::fields() {
            let name = field.to_string();
            assert_eq!(name.parse(), Ok(*field));
            copy.copy_field(*field, &full);
            assert!(copy.same(&full, *field), "{name}");
        }
        assert_eq!(copy.hash(), full.hash());
        let json = serde_json::to_string(&full).unwrap();
        assert_eq!(serde_json::from_str::<Contact>(&json).unwrap(), full);
    }

    #[test]
    fn a_couple_with_one_address_is_two_people() {
        let bob = Contact { given_name: "Bob".into(), ..alice() };
        assert!(!alice().may_be(&bob));
        let nameless = Contact { given_name: String::new(), surname: String::new(), ..alice() };
        assert!(alice().may_be(&nameless));
    }

    #[test]
    fn a_nameless_copy_with_an_address_of_its_own_is_another_contact() {
        let mail = |address: &str| MailEntry { address: address.into(), name: String::new() };
        let mut first = Contact::default();
        first.ims.insert(Slot::First, "sip:desk@lab.example".into());
        let mut copy = first.clone();
        assert!(copy.may_be(&first), "nothing tells them apart");
        first.mails.insert(Slot::First, mail("one@lab.example"));
        assert!(copy.may_be(&first), "one of them has an address more");
        copy.mails.insert(Slot::First, mail("two@lab.example"));
        assert!(copy.match_keys().iter().any(|key| first.match_keys().contains(key)));
        assert!(!copy.may_be(&first) && !first.may_be(&copy));
        copy.mails.insert(Slot::Second, mail("SMTP:One@lab.example"));
        assert!(copy.may_be(&first), "one address is the same");
        let called = |name: &str, of: &Contact| Contact { nickname: name.into(), ..of.clone() };
        assert!(!called("Desk", &copy).may_be(&called("Door", &first)));
        assert!(called("Desk", &copy).may_be(&called(" desk ", &first)));
        let named = Contact { given_name: "Bob".into(), ..first.clone() };
        assert!(!named.may_be(&Contact { mails: [(Slot::First, mail("two@lab.example"))].into(), ..first }));
    }
}
