//! A contact as an Exchange item: `t:Contact`, or `t:DistributionList` for a list.
//!
//! Every field is written by a path of its own, so that an update changes only what it names and leaves everything that
//! Tieline does not know as it is.

use jiff::civil::Date;
use tieline_model::{
    AddressKind, Contact, ContactField, ContactForm, ContactText, MailEntry, PhoneKind, PostalAddress,
    Sensitivity, Slot,
};
use tieline_proto_ews::operations::ItemChangeDescription;
use tieline_proto_ews::{
    Attachment, AttachmentId, Contact as EwsContact, DateTime, DistinguishedPropertySet, DistributionList,
    EmailAddress, EmailAddressEntry, ExtendedFieldUri, ExtendedProperty, FieldUri, ImAddressEntry, Item,
    ItemBody, ItemKind, MapiPropertyType, Member, PhoneNumberEntry, PhysicalAddressEntry, PropertyPath,
    Sensitivity as EwsSensitivity,
};

use super::property;

/// The longest text of one line that Exchange keeps of a contact, in characters (PidTag strings of 255).
const LINE: usize = 255;
/// The largest picture that is read, in bytes; Outlook makes them smaller than a tenth of this.
pub(crate) const LARGEST_PICTURE: i32 = 512 * 1024;
/// The longest notes that are written, in characters.
const NOTES: usize = 32_000;

/// PidTagDisplayNamePrefix: EWS shows the title but does not let it be set by name.
const TITLE: u16 = 0x3a45;
/// PidLidYomiFirstName and PidLidYomiLastName ([MS-OXOCNTC] section 2.2.1.1).
const YOMI_FIRST_NAME: i32 = 0x802c;
const YOMI_LAST_NAME: i32 = 0x802d;

/// Where a text stands.
enum Place {
    Field(&'static str),
    Tag(u16),
    Yomi(i32),
}

const fn place(field: ContactText) -> Place {
    match field {
        ContactText::FileAs => Place::Field("contacts:FileAs"),
        ContactText::DisplayName => Place::Field("contacts:DisplayName"),
        ContactText::Title => Place::Tag(TITLE),
        ContactText::GivenName => Place::Field("contacts:GivenName"),
        ContactText::MiddleName => Place::Field("contacts:MiddleName"),
        ContactText::Surname => Place::Field("contacts:Surname"),
        ContactText::Suffix => Place::Field("contacts:Generation"),
        ContactText::Nickname => Place::Field("contacts:Nickname"),
        ContactText::Initials => Place::Field("contacts:Initials"),
        ContactText::PhoneticGivenName => Place::Yomi(YOMI_FIRST_NAME),
        ContactText::PhoneticSurname => Place::Yomi(YOMI_LAST_NAME),
        ContactText::Company => Place::Field("contacts:CompanyName"),
        ContactText::Department => Place::Field("contacts:Department"),
        ContactText::JobTitle => Place::Field("contacts:JobTitle"),
        ContactText::Office => Place::Field("contacts:OfficeLocation"),
        ContactText::Profession => Place::Field("contacts:Profession"),
        ContactText::Manager => Place::Field("contacts:Manager"),
        ContactText::AssistantName => Place::Field("contacts:AssistantName"),
        ContactText::Spouse => Place::Field("contacts:SpouseName"),
        ContactText::WebPage => Place::Field("contacts:BusinessHomePage"),
    }
}

/// The element of a text that has one.
fn slot_of(contact: &mut EwsContact, field: ContactText) -> Option<&mut Option<String>> {
    Some(match field {
        ContactText::FileAs => &mut contact.file_as,
        ContactText::DisplayName => &mut contact.display_name,
        ContactText::GivenName => &mut contact.given_name,
        ContactText::MiddleName => &mut contact.middle_name,
        ContactText::Surname => &mut contact.surname,
        ContactText::Suffix => &mut contact.generation,
        ContactText::Nickname => &mut contact.nickname,
        ContactText::Initials => &mut contact.initials,
        ContactText::Company => &mut contact.company_name,
        ContactText::Department => &mut contact.department,
        ContactText::JobTitle => &mut contact.job_title,
        ContactText::Office => &mut contact.office_location,
        ContactText::Profession => &mut contact.profession,
        ContactText::Manager => &mut contact.manager,
        ContactText::AssistantName => &mut contact.assistant_name,
        ContactText::Spouse => &mut contact.spouse_name,
        ContactText::WebPage => &mut contact.business_home_page,
        ContactText::Title | ContactText::PhoneticGivenName | ContactText::PhoneticSurname => return None,
    })
}

fn yomi(id: i32) -> ExtendedFieldUri {
    ExtendedFieldUri::id(DistinguishedPropertySet::Address, id, MapiPropertyType::String)
}

/// The extended properties that a contact is read with, beside those of every record.
pub(crate) fn paths() -> Vec<PropertyPath> {
    let title = ExtendedFieldUri::tag(TITLE, MapiPropertyType::String);
    vec![title.into(), yomi(YOMI_FIRST_NAME).into(), yomi(YOMI_LAST_NAME).into()]
}

const fn phone_key(kind: PhoneKind) -> &'static str {
    match kind {
        PhoneKind::Assistant => "AssistantPhone",
        PhoneKind::BusinessFax => "BusinessFax",
        PhoneKind::Business => "BusinessPhone",
        PhoneKind::Business2 => "BusinessPhone2",
        PhoneKind::Callback => "Callback",
        PhoneKind::Car => "CarPhone",
        PhoneKind::CompanyMain => "CompanyMainPhone",
        PhoneKind::HomeFax => "HomeFax",
        PhoneKind::Home => "HomePhone",
        PhoneKind::Home2 => "HomePhone2",
        PhoneKind::Isdn => "Isdn",
        PhoneKind::Mobile => "MobilePhone",
        PhoneKind::OtherFax => "OtherFax",
        PhoneKind::Other => "OtherTelephone",
        PhoneKind::Pager => "Pager",
        PhoneKind::Primary => "PrimaryPhone",
        PhoneKind::Radio => "RadioPhone",
        PhoneKind::Telex => "Telex",
        PhoneKind::TtyTdd => "TtyTddPhone",
    }
}

const fn address_key(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Business => "Business",
        AddressKind::Home => "Home",
        AddressKind::Other => "Other",
    }
}

fn numbered(name: &str, slot: Slot) -> String {
    format!("{name}{slot}")
}

pub(super) const fn sensitivity(sensitivity: Sensitivity) -> EwsSensitivity {
    match sensitivity {
        Sensitivity::Normal => EwsSensitivity::Normal,
        Sensitivity::Personal => EwsSensitivity::Personal,
        Sensitivity::Private => EwsSensitivity::Private,
        Sensitivity::Confidential => EwsSensitivity::Confidential,
    }
}

pub(crate) const fn sensitivity_of(item: &Item) -> Sensitivity {
    match &item.sensitivity {
        Some(EwsSensitivity::Personal) => Sensitivity::Personal,
        Some(EwsSensitivity::Private) => Sensitivity::Private,
        Some(EwsSensitivity::Confidential) => Sensitivity::Confidential,
        _ => Sensitivity::Normal,
    }
}

/// Noon of the day, as Outlook and other clients write dates: no zone moves it to another day.
fn noon(date: Date) -> DateTime {
    DateTime { civil: date.at(11, 59, 0, 0), offset: Some(jiff::tz::Offset::UTC) }
}

fn mail(slot: Slot, entry: &MailEntry) -> EmailAddressEntry {
    EmailAddressEntry {
        key: numbered("EmailAddress", slot),
        name: Some(entry.name.clone()).filter(|name| !name.is_empty()),
        routing_type: None,
        mailbox_type: None,
        address: entry.address.clone(),
    }
}

fn postal(kind: AddressKind, address: &PostalAddress) -> PhysicalAddressEntry {
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    PhysicalAddressEntry {
        key: address_key(kind).to_owned(),
        street: some(&address.street),
        city: some(&address.city),
        state: some(&address.state),
        country_or_region: some(&address.country),
        postal_code: some(&address.postal_code),
    }
}

fn member(entry: &MailEntry) -> Member {
    let name = if entry.name.is_empty() { &entry.address } else { &entry.name };
    let mailbox = EmailAddress::named(name.clone(), entry.address.clone());
    Member { mailbox: Some(mailbox), ..Member::default() }
}

/// The item to create.
pub(crate) fn item(contact: &Contact) -> Item {
    let mut item = match contact.form {
        ContactForm::Person => {
            let mut fields = EwsContact::default();
            for field in ContactText::ALL {
                let text = contact.text(*field);
                if let (false, Some(slot)) = (text.is_empty(), slot_of(&mut fields, *field)) {
                    *slot = Some(text.clone());
                }
            }
            fields.email_addresses = contact.mails.iter().map(|(slot, entry)| mail(*slot, entry)).collect();
            fields.im_addresses = contact.ims.iter().map(|(slot, address)| im(*slot, address)).collect();
            fields.phone_numbers = contact.phones.iter().map(|(kind, number)| phone(*kind, number)).collect();
            fields.physical_addresses =
                contact.addresses.iter().map(|(kind, address)| postal(*kind, address)).collect();
            fields.birthday = contact.birthday.map(noon);
            fields.wedding_anniversary = contact.anniversary.map(noon);
            Item::new(ItemKind::Contact(Box::new(fields)))
        }
        ContactForm::List => {
            let list = DistributionList {
                display_name: Some(contact.headline_or_name()),
                members: contact.members.iter().map(member).collect(),
                ..DistributionList::default()
            };
            Item::new(ItemKind::DistributionList(Box::new(list)))
        }
    };
    item.body = Some(contact.notes.as_str()).filter(|notes| !notes.is_empty()).map(ItemBody::text);
    item.sensitivity = (contact.sensitivity != Sensitivity::Normal).then(|| sensitivity(contact.sensitivity));
    item.categories = contact.categories.iter().cloned().collect();
    if contact.form == ContactForm::Person {
        for field in ContactText::ALL {
            let text = contact.text(*field);
            if let (false, Some(uri)) = (text.is_empty(), extended(*field)) {
                item.extended_properties.push(ExtendedProperty::new(uri, text.clone()));
            }
        }
    }
    item
}

/// The name that a list is shown by.
trait ListName {
    fn headline_or_name(&self) -> String;
}

impl ListName for Contact {
    fn headline_or_name(&self) -> String {
        let named = [&self.display_name, &self.file_as].into_iter().find(|text| !text.is_empty());
        named.cloned().unwrap_or_else(|| "List".to_owned())
    }
}

fn extended(field: ContactText) -> Option<ExtendedFieldUri> {
    match place(field) {
        Place::Field(_) => None,
        Place::Tag(tag) => Some(ExtendedFieldUri::tag(tag, MapiPropertyType::String)),
        Place::Yomi(id) => Some(yomi(id)),
    }
}

fn im(slot: Slot, address: &str) -> ImAddressEntry {
    ImAddressEntry { key: numbered("ImAddress", slot), address: address.to_owned() }
}

fn phone(kind: PhoneKind, number: &str) -> PhoneNumberEntry {
    PhoneNumberEntry { key: phone_key(kind).to_owned(), number: number.to_owned() }
}

/// The changes that bring these fields about.
pub(crate) fn changes(contact: &Contact, fields: &[ContactField]) -> Vec<ItemChangeDescription> {
    let list = contact.form == ContactForm::List;
    fields.iter().flat_map(|field| change(contact, *field, list)).collect()
}

fn change(contact: &Contact, field: ContactField, list: bool) -> Vec<ItemChangeDescription> {
    let one = |path: PropertyPath, fields: Option<EwsContact>| {
        vec![match fields {
            Some(fields) => ItemChangeDescription::set(path, Item::new(ItemKind::Contact(Box::new(fields)))),
            None => ItemChangeDescription::delete(path),
        }]
    };
    match field {
        // An item never changes its form, and pictures travel apart.
        ContactField::Form | ContactField::Photo => Vec::new(),
        ContactField::Text(ContactText::DisplayName) if list => {
            let fields = DistributionList {
                display_name: Some(contact.headline_or_name()),
                ..DistributionList::default()
            };
            let item = Item::new(ItemKind::DistributionList(Box::new(fields)));
            vec![ItemChangeDescription::set(FieldUri::CONTACTS_DISPLAY_NAME, item)]
        }
        ContactField::Members if list => {
            let members = contact.members.iter().map(member).collect();
            let item = Item::new(ItemKind::DistributionList(Box::new(DistributionList {
                members,
                ..DistributionList::default()
            })));
            vec![ItemChangeDescription::set(FieldUri::new("distributionlist:Members"), item)]
        }
        ContactField::Members => Vec::new(),
        ContactField::Notes => {
            // A body cannot be deleted, only emptied.
            let item = Item { body: Some(ItemBody::text(&contact.notes)), ..empty(list) };
            vec![ItemChangeDescription::set(FieldUri::ITEM_BODY, item)]
        }
        ContactField::Categories if contact.categories.is_empty() => {
            vec![ItemChangeDescription::delete(FieldUri::ITEM_CATEGORIES)]
        }
        ContactField::Categories => {
            let item = Item { categories: contact.categories.iter().cloned().collect(), ..empty(list) };
            vec![ItemChangeDescription::set(FieldUri::ITEM_CATEGORIES, item)]
        }
        ContactField::Sensitivity => {
            let item = Item { sensitivity: Some(sensitivity(contact.sensitivity)), ..empty(list) };
            vec![ItemChangeDescription::set(FieldUri::ITEM_SENSITIVITY, item)]
        }
        // The other fields are a person's.
        _ if list => Vec::new(),
        ContactField::Text(field) => text_change(contact, field),
        ContactField::Mail(slot) => {
            let entry = contact.mails.get(&slot).filter(|entry| !entry.address.is_empty());
            let fields = entry.map(|entry| EwsContact {
                email_addresses: vec![mail(slot, entry)],
                ..EwsContact::default()
            });
            one(PropertyPath::indexed("contacts:EmailAddress", numbered("EmailAddress", slot)), fields)
        }
        ContactField::Im(slot) => {
            let address = contact.ims.get(&slot).filter(|address| !address.is_empty());
            let fields = address
                .map(|address| EwsContact { im_addresses: vec![im(slot, address)], ..EwsContact::default() });
            one(PropertyPath::indexed("contacts:ImAddress", numbered("ImAddress", slot)), fields)
        }
        ContactField::Phone(kind) => {
            let number = contact.phones.get(&kind).filter(|number| !number.is_empty());
            let fields = number.map(|number| EwsContact {
                phone_numbers: vec![phone(kind, number)],
                ..EwsContact::default()
            });
            one(PropertyPath::indexed("contacts:PhoneNumber", phone_key(kind)), fields)
        }
        ContactField::Address(kind) => address_changes(kind, contact.addresses.get(&kind)),
        ContactField::Birthday => {
            let fields = contact
                .birthday
                .map(|date| EwsContact { birthday: Some(noon(date)), ..EwsContact::default() });
            one(FieldUri::new("contacts:Birthday").into(), fields)
        }
        ContactField::Anniversary => {
            let date = contact.anniversary;
            let fields = date
                .map(|date| EwsContact { wedding_anniversary: Some(noon(date)), ..EwsContact::default() });
            one(FieldUri::new("contacts:WeddingAnniversary").into(), fields)
        }
    }
}

fn empty(list: bool) -> Item {
    Item::new(match list {
        true => ItemKind::DistributionList(Box::default()),
        false => ItemKind::Contact(Box::default()),
    })
}

fn text_change(contact: &Contact, field: ContactText) -> Vec<ItemChangeDescription> {
    let text = contact.text(field);
    let path: PropertyPath = match place(field) {
        Place::Field(uri) => FieldUri::new(uri).into(),
        Place::Tag(tag) => ExtendedFieldUri::tag(tag, MapiPropertyType::String).into(),
        Place::Yomi(id) => yomi(id).into(),
    };
    if text.trim().is_empty() {
        return vec![ItemChangeDescription::delete(path)];
    }
    let mut fields = EwsContact::default();
    let mut item = Item::default();
    match (slot_of(&mut fields, field), extended(field)) {
        (Some(slot), _) => *slot = Some(text.clone()),
        (None, Some(uri)) => item.extended_properties.push(ExtendedProperty::new(uri, text.clone())),
        (None, None) => {}
    }
    item.kind = ItemKind::Contact(Box::new(fields));
    vec![ItemChangeDescription::set(path, item)]
}

/// A postal address has no path of its own, only its lines have.
fn address_changes(kind: AddressKind, address: Option<&PostalAddress>) -> Vec<ItemChangeDescription> {
    let none = PostalAddress::default();
    let address = address.unwrap_or(&none);
    let key = address_key(kind).to_owned();
    let lines = [
        ("Street", &address.street),
        ("City", &address.city),
        ("State", &address.state),
        ("CountryOrRegion", &address.country),
        ("PostalCode", &address.postal_code),
    ];
    lines
        .into_iter()
        .map(|(name, text)| {
            let path = PropertyPath::indexed(format!("contacts:PhysicalAddress:{name}"), key.clone());
            if text.is_empty() {
                return ItemChangeDescription::delete(path);
            }
            let mut entry = PhysicalAddressEntry { key: key.clone(), ..PhysicalAddressEntry::default() };
            let line = match name {
                "Street" => &mut entry.street,
                "City" => &mut entry.city,
                "State" => &mut entry.state,
                "CountryOrRegion" => &mut entry.country_or_region,
                _ => &mut entry.postal_code,
            };
            *line = Some(text.clone());
            let fields = EwsContact { physical_addresses: vec![entry], ..EwsContact::default() };
            ItemChangeDescription::set(path, Item::new(ItemKind::Contact(Box::new(fields))))
        })
        .collect()
}

/// A contact as it stands. `None` for what is no contact.
pub(crate) fn read(item: &Item) -> Option<Contact> {
    let mut contact = Contact {
        uid: property::record_uid_of(item),
        notes: item.body.as_ref().map(|body| body.text.clone()).unwrap_or_default(),
        categories: item.categories.iter().cloned().collect(),
        sensitivity: sensitivity_of(item),
        ..Contact::default()
    };
    match &item.kind {
        ItemKind::Contact(fields) => read_person(&mut contact, &mut (**fields).clone(), item),
        ItemKind::DistributionList(list) => {
            contact.form = ContactForm::List;
            contact.display_name = list.display_name.clone().unwrap_or_default();
            contact.members = list.members.iter().filter_map(member_of).collect();
        }
        _ => return None,
    }
    Some(contact)
}

/// The attachment that holds the picture, unless it is larger than any picture of a contact is.
pub(crate) fn picture(item: &Item) -> Option<AttachmentId> {
    item.attachments.iter().find_map(|attachment| match attachment {
        Attachment::File(file)
            if file.is_contact_photo == Some(true)
                && file.attachment.size.is_none_or(|size| size <= LARGEST_PICTURE) =>
        {
            file.attachment.attachment_id.clone()
        }
        _ => None,
    })
}

fn member_of(member: &Member) -> Option<MailEntry> {
    let mailbox = member.mailbox.as_ref()?;
    let address = mailbox.email_address.clone()?;
    let name = mailbox.name.clone().filter(|name| *name != address).unwrap_or_default();
    Some(MailEntry { address, name })
}

fn read_person(contact: &mut Contact, fields: &mut EwsContact, item: &Item) {
    for field in ContactText::ALL {
        let text = match (slot_of(fields, *field), extended(*field)) {
            (Some(slot), _) => slot.take(),
            (None, Some(uri)) => item.extended_property(&uri).and_then(|property| property.value.clone()),
            (None, None) => None,
        };
        *contact.text_mut(*field) = text.unwrap_or_default();
    }
    for entry in &fields.email_addresses {
        if let Some(slot) = slot_by(&entry.key, "EmailAddress")
            && !entry.address.is_empty()
        {
            let name = entry.name.clone().filter(|name| *name != entry.address).unwrap_or_default();
            contact.mails.insert(slot, MailEntry { address: entry.address.clone(), name });
        }
    }
    for entry in fields.im_addresses.iter().filter(|entry| !entry.address.is_empty()) {
        if let Some(slot) = slot_by(&entry.key, "ImAddress") {
            contact.ims.insert(slot, entry.address.clone());
        }
    }
    for entry in fields.phone_numbers.iter().filter(|entry| !entry.number.is_empty()) {
        if let Some(kind) = PhoneKind::ALL.iter().find(|kind| phone_key(**kind) == entry.key) {
            contact.phones.insert(*kind, entry.number.clone());
        }
    }
    for entry in &fields.physical_addresses {
        if let Some(kind) = AddressKind::ALL.iter().find(|kind| address_key(**kind) == entry.key) {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let address = PostalAddress {
                street: text(&entry.street),
                city: text(&entry.city),
                state: text(&entry.state),
                postal_code: text(&entry.postal_code),
                country: text(&entry.country_or_region),
            };
            if address != PostalAddress::default() {
                contact.addresses.insert(*kind, address);
            }
        }
    }
    contact.birthday = fields.birthday.map(|time| day(&time));
    contact.anniversary = fields.wedding_anniversary.map(|time| day(&time));
}

fn slot_by(key: &str, name: &str) -> Option<Slot> {
    key.strip_prefix(name)?.parse().ok()
}

/// Outlook writes midnight of its own zone, others noon: half a day later is the day that was meant.
fn day(time: &DateTime) -> Date {
    let whole = jiff::SignedDuration::from_hours(12);
    let midnight_like = time.civil.hour() >= 12;
    if midnight_like {
        time.civil.checked_add(whole).map_or(time.civil.date(), |later| later.date())
    } else {
        time.civil.date()
    }
}

/// What Exchange keeps of a contact: lines and notes up to their lengths; of a list, name, members, notes, categories.
pub(crate) fn rendered(contact: &Contact) -> Contact {
    let mut rendered = contact.clone();
    rendered.photo = None;
    rendered.notes = cut(&rendered.notes, NOTES);
    match rendered.form {
        ContactForm::Person => {
            for field in ContactText::ALL {
                let text = rendered.text_mut(*field);
                *text = cut(text, LINE);
            }
            rendered.members.clear();
        }
        ContactForm::List => {
            rendered = Contact {
                uid: rendered.uid,
                form: ContactForm::List,
                display_name: contact.headline_or_name(),
                members: rendered.members,
                notes: rendered.notes,
                categories: rendered.categories,
                sensitivity: rendered.sensitivity,
                ..Contact::default()
            };
        }
    }
    rendered
}

pub(super) fn cut(text: &str, characters: usize) -> String {
    text.char_indices().nth(characters).map_or_else(|| text.to_owned(), |(at, _)| text[..at].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_model::Record as _;

    fn full() -> Contact {
        let mut contact = Contact::default();
        for text in ContactText::ALL {
            *contact.text_mut(*text) = format!("{text} ü");
        }
        for slot in Slot::ALL {
            contact
                .mails
                .insert(*slot, MailEntry { address: format!("m{slot}@x.example"), name: "N".into() });
            contact.ims.insert(*slot, format!("sip:i{slot}@x.example"));
        }
        for kind in PhoneKind::ALL {
            contact.phones.insert(*kind, format!("+4930{}", *kind as u8));
        }
        for kind in AddressKind::ALL {
            contact
                .addresses
                .insert(*kind, PostalAddress { city: kind.to_string(), ..PostalAddress::default() });
        }
        contact.birthday = Some("1970-02-03".parse().unwrap());
        contact.anniversary = Some("1990-12-31".parse().unwrap());
        contact.notes = "one\ntwo".into();
        contact.categories = ["Red".to_owned()].into();
        contact.sensitivity = Sensitivity::Private;
        contact
    }

    /// Covers: AV-84 (Exchange)
    #[test]
    fn every_field_is_written_and_read_back() {
        assert_eq!(read(&item(&full())).unwrap(), full());
        assert_eq!(rendered(&full()), full());
        let list = Contact {
            form: ContactForm::List,
            display_name: "Team".into(),
            members: vec![MailEntry { address: "a@x.example".into(), name: "A".into() }],
            ..Contact::default()
        };
        assert_eq!(read(&item(&list)).unwrap(), list);
        assert_eq!(rendered(&list), list);
    }

    /// Covers: AV-84 (only what changed)
    #[test]
    fn an_update_names_each_field_by_its_own_path() {
        for field in Contact::fields() {
            let (set, deleted) = (changes(&full(), &[*field]), changes(&Contact::default(), &[*field]));
            let expected = match field {
                ContactField::Form | ContactField::Photo | ContactField::Members => 0,
                ContactField::Address(_) => 5,
                _ => 1,
            };
            assert_eq!((set.len(), deleted.len()), (expected, expected), "{field}");
        }
    }

    #[test]
    fn dates_are_the_day_that_was_meant_in_whatever_zone_they_were_written() {
        let date = |text: &str| day(&DateTime::from_xml(text).unwrap()).to_string();
        assert_eq!(date("1970-02-03T11:59:00Z"), "1970-02-03");
        assert_eq!(date("1970-02-03T00:00:00Z"), "1970-02-03");
        assert_eq!(date("1970-02-02T23:00:00Z"), "1970-02-03", "midnight in Berlin");
        assert_eq!(date("1970-02-03T08:00:00Z"), "1970-02-03", "midnight in Los Angeles");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let long = Contact { surname: "ü".repeat(300), ..Contact::default() };
        assert_eq!(rendered(&long).surname.chars().count(), 255);
    }
}
