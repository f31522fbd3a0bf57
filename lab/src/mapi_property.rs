//! Properties that have two names on the wire: EWS's element and MAPI's extended property. Exchange keeps one value
//! under both, and so does the lab: what a client sets as `PropertyTag 0x3a06` another reads as `GivenName`.

use std::{collections::HashMap, sync::LazyLock};

use tieline_proto_ews::{DistinguishedPropertySet, ExtendedFieldUri, MapiPropertyType};

use crate::{
    document::{Document, element, escape},
    extended::{self, ExtendedValue},
};

/// Where an element keeps the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In an element of its own.
    Element(&'static str),
    /// In an entry of a list, or in a line of it.
    Entry(&'static str, &'static str, Option<&'static str>),
    /// In a list of strings.
    Strings(&'static str),
    /// In an element with a name where MAPI has the number of the name in this list.
    Rank(&'static str, &'static [&'static str]),
}

use Place::{Element, Entry, Rank, Strings};

const NUMBERS: &str = "PhoneNumbers";
const ADDRESSES: &str = "PhysicalAddresses";

/// By tag. The first ones are of every item, the others of contacts.
const OF_ITEMS: [(u16, MapiPropertyType, Place); 2] = [
    (0x0017, MapiPropertyType::Integer, Rank("Importance", &["Low", "Normal", "High"])),
    (
        0x0036,
        MapiPropertyType::Integer,
        Rank("Sensitivity", &["Normal", "Personal", "Private", "Confidential"]),
    ),
];

const OF_CONTACTS: [(u16, Place); 47] = [
    (0x3001, Element("DisplayName")),
    (0x3a05, Element("Generation")),
    (0x3a06, Element("GivenName")),
    (0x3a0a, Element("Initials")),
    (0x3a11, Element("Surname")),
    (0x3a16, Element("CompanyName")),
    (0x3a17, Element("JobTitle")),
    (0x3a18, Element("Department")),
    (0x3a19, Element("OfficeLocation")),
    (0x3a30, Element("AssistantName")),
    (0x3a41, Element("WeddingAnniversary")),
    (0x3a42, Element("Birthday")),
    (0x3a44, Element("MiddleName")),
    (0x3a46, Element("Profession")),
    (0x3a48, Element("SpouseName")),
    (0x3a4e, Element("Manager")),
    (0x3a4f, Element("Nickname")),
    (0x3a51, Element("BusinessHomePage")),
    (0x3a02, Entry(NUMBERS, "Callback", None)),
    (0x3a08, Entry(NUMBERS, "BusinessPhone", None)),
    (0x3a09, Entry(NUMBERS, "HomePhone", None)),
    (0x3a1a, Entry(NUMBERS, "PrimaryPhone", None)),
    (0x3a1b, Entry(NUMBERS, "BusinessPhone2", None)),
    (0x3a1c, Entry(NUMBERS, "MobilePhone", None)),
    (0x3a1d, Entry(NUMBERS, "RadioPhone", None)),
    (0x3a1e, Entry(NUMBERS, "CarPhone", None)),
    (0x3a1f, Entry(NUMBERS, "OtherTelephone", None)),
    (0x3a21, Entry(NUMBERS, "Pager", None)),
    (0x3a23, Entry(NUMBERS, "OtherFax", None)),
    (0x3a24, Entry(NUMBERS, "BusinessFax", None)),
    (0x3a25, Entry(NUMBERS, "HomeFax", None)),
    (0x3a2c, Entry(NUMBERS, "Telex", None)),
    (0x3a2d, Entry(NUMBERS, "Isdn", None)),
    (0x3a2e, Entry(NUMBERS, "AssistantPhone", None)),
    (0x3a2f, Entry(NUMBERS, "HomePhone2", None)),
    (0x3a4b, Entry(NUMBERS, "TtyTddPhone", None)),
    (0x3a57, Entry(NUMBERS, "CompanyMainPhone", None)),
    (0x3a59, Entry(ADDRESSES, "Home", Some("City"))),
    (0x3a5a, Entry(ADDRESSES, "Home", Some("CountryOrRegion"))),
    (0x3a5b, Entry(ADDRESSES, "Home", Some("PostalCode"))),
    (0x3a5c, Entry(ADDRESSES, "Home", Some("State"))),
    (0x3a5d, Entry(ADDRESSES, "Home", Some("Street"))),
    (0x3a5f, Entry(ADDRESSES, "Other", Some("City"))),
    (0x3a60, Entry(ADDRESSES, "Other", Some("CountryOrRegion"))),
    (0x3a61, Entry(ADDRESSES, "Other", Some("PostalCode"))),
    (0x3a62, Entry(ADDRESSES, "Other", Some("State"))),
    (0x3a63, Entry(ADDRESSES, "Other", Some("Street"))),
];

/// By id in the set of addresses ([MS-OXOCNTC]).
const OF_ADDRESSES: [(i32, Place); 10] = [
    (0x8005, Element("FileAs")),
    (0x8045, Entry(ADDRESSES, "Business", Some("Street"))),
    (0x8046, Entry(ADDRESSES, "Business", Some("City"))),
    (0x8047, Entry(ADDRESSES, "Business", Some("State"))),
    (0x8048, Entry(ADDRESSES, "Business", Some("PostalCode"))),
    (0x8049, Entry(ADDRESSES, "Business", Some("CountryOrRegion"))),
    (0x8062, Entry("ImAddresses", "ImAddress1", None)),
    (0x8083, Entry("EmailAddresses", "EmailAddress1", None)),
    (0x8093, Entry("EmailAddresses", "EmailAddress2", None)),
    (0x80a3, Entry("EmailAddresses", "EmailAddress3", None)),
];

/// Places by canonical name, and whether only contacts have them.
static PLACES: LazyLock<HashMap<String, (Place, bool)>> = LazyLock::new(|| {
    let mut places = HashMap::new();
    let mut add = |uri: ExtendedFieldUri, place: Place, contacts: bool| {
        if let Some(name) = extended::canonical(&uri) {
            places.insert(name, (place, contacts));
        }
    };
    for (tag, kind, place) in OF_ITEMS {
        add(ExtendedFieldUri::tag(tag, kind), place, false);
    }
    let keywords = DistinguishedPropertySet::PublicStrings;
    add(
        ExtendedFieldUri::name(keywords, "Keywords", MapiPropertyType::StringArray),
        Strings("Categories"),
        false,
    );
    for (tag, place) in OF_CONTACTS {
        let time = matches!(place, Element("WeddingAnniversary" | "Birthday"));
        let kind = if time { MapiPropertyType::SystemTime } else { MapiPropertyType::String };
        add(ExtendedFieldUri::tag(tag, kind), place, true);
    }
    for (id, place) in OF_ADDRESSES {
        let uri = ExtendedFieldUri::id(DistinguishedPropertySet::Address, id, MapiPropertyType::String);
        add(uri, place, true);
    }
    places
});

/// PidLidAppointmentStateFlags: a meeting, received, cancelled ([MS-OXOCAL] section 2.2.1.10).
pub(crate) const APPOINTMENT_STATE: &str = "00062002-0000-0000-c000-000000000046#33303:Integer";
/// The bit of a meeting that was called off.
const CANCELLED: i32 = 4;

/// What an appointment says of itself in MAPI's words alone: its state, and from whom it comes.
pub(crate) fn take_over_meeting(document: &mut Document) {
    let mut take = |name: &str| document.extended.remove(name)?.values.into_iter().next();
    let (state, name, address) = (take(APPOINTMENT_STATE), take("0x0042:String"), take("0x0065:String"));
    take("0x0064:String");
    if let Some(state) = state {
        set_state(document, Some(&state));
    }
    if let Some(address) = address {
        let organizer = [(Some(name.unwrap_or_else(|| address.clone())), address)];
        let part = crate::mime::recipients_fragment("Organizer", &organizer);
        document.parts.insert("Organizer".to_owned(), part);
    }
}

fn set_state(document: &mut Document, state: Option<&str>) {
    let state = state.and_then(|state| state.trim().parse::<i32>().ok()).unwrap_or(0);
    document.set_text("AppointmentState", &state.to_string());
    document.set_text("IsCancelled", if state & CANCELLED != 0 { "true" } else { "false" });
}

fn place(document: &Document, name: &str) -> Option<Place> {
    let (place, contacts) = PLACES.get(name)?;
    (!contacts || document.kind == "Contact").then_some(*place)
}

/// Moves extended properties that have an element into it.
pub(crate) fn take_over(document: &mut Document) {
    let named: Vec<_> =
        document.extended.keys().filter_map(|name| Some((name.clone(), place(document, name)?))).collect();
    for (name, place) in named {
        if let Some(value) = document.extended.remove(&name) {
            set(document, place, Some(&value));
        }
    }
    // A text body may come as the property that MAPI has for it.
    if !document.parts.contains_key("Body")
        && let Some(text) =
            document.extended.remove("0x1000:String").and_then(|value| value.values.into_iter().next())
    {
        let body = format!("<t:Body BodyType=\"Text\">{}</t:Body>", escape(&text));
        document.parts.insert("Body".to_owned(), body);
    }
}

/// Sets, or with `None` removes, the element behind an extended property; `false` when it has none.
pub(crate) fn set_named(document: &mut Document, name: &str, value: Option<&ExtendedValue>) -> bool {
    let place = match name {
        "0x1000:String" => {
            document.parts.remove("Body");
            if let Some(text) = value.and_then(|value| value.values.first()) {
                let body = format!("<t:Body BodyType=\"Text\">{}</t:Body>", escape(text));
                document.parts.insert("Body".to_owned(), body);
            }
            return true;
        }
        APPOINTMENT_STATE if document.kind == "CalendarItem" => {
            set_state(document, value.and_then(|value| value.values.first()).map(String::as_str));
            return true;
        }
        _ => place(document, name),
    };
    if let Some(place) = place {
        set(document, place, value);
    }
    place.is_some()
}

fn set(document: &mut Document, place: Place, value: Option<&ExtendedValue>) {
    let text = value.and_then(|value| value.values.first()).map(String::as_str);
    match place {
        Element(name) => match text {
            Some(text) => document.set_text(name, text),
            None => drop(document.parts.remove(name)),
        },
        Entry(list, key, field) => {
            document.set_entry(list, key, field, text.filter(|text| !text.is_empty()));
            if document.texts_below(list, &["Entry"]).is_empty() && field.is_none() {
                document.parts.remove(list);
            }
        }
        Strings(name) => match value {
            Some(value) if !value.values.is_empty() => {
                let strings: String = value.values.iter().map(|text| element("String", text)).collect();
                document.parts.insert(name.to_owned(), format!("<t:{name}>{strings}</t:{name}>"));
            }
            _ => drop(document.parts.remove(name)),
        },
        Rank(name, names) => {
            let at = text.and_then(|text| text.trim().parse::<usize>().ok());
            match at.and_then(|at| names.get(at)) {
                Some(text) => document.set_text(name, text),
                None => drop(document.parts.remove(name)),
            }
        }
    }
}

/// The value of an extended property that an element holds.
pub(crate) fn value(document: &Document, name: &str) -> Option<ExtendedValue> {
    match place(document, name)? {
        Element(name) => document.text(name).map(ExtendedValue::one),
        Entry(list, key, field) => document.entry(list, key, field).map(ExtendedValue::one),
        Strings(name) => {
            let values = document.texts_below(name, &["String"]);
            (!values.is_empty()).then_some(ExtendedValue { values, array: true })
        }
        Rank(name, names) => {
            let text = document.text(name)?;
            names.iter().position(|known| *known == text).map(|at| ExtendedValue::one(at.to_string()))
        }
    }
}

/// Every value that a search for an extended property may ask for, with the property's canonical name.
pub(crate) fn searchable(document: &Document) -> Vec<(String, String)> {
    // What no element of the document could answer need not be asked.
    if document.kind != "Contact" && !document.parts.contains_key("Categories") {
        return Vec::new();
    }
    let held = PLACES.keys().filter_map(|name| Some((name, value(document, name)?)));
    held.flat_map(|(name, value)| value.values.into_iter().map(|text| (name.clone(), text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_two_names() {
        let mut document = Document { kind: "Contact".to_owned(), ..Document::default() };
        for (name, text) in [("0x3a06:String", "Eve"), ("0x3a1c:String", "170"), ("0x0036:Integer", "2")] {
            document.extended.insert(name.to_owned(), ExtendedValue::one(text));
        }
        let words = ExtendedValue { values: vec!["Red".to_owned(), "Blue".to_owned()], array: true };
        let keywords =
            PLACES.iter().find(|(_, (place, _))| *place == Strings("Categories")).map(|(name, _)| name);
        let keywords = keywords.expect("keywords");
        document.extended.insert(keywords.clone(), words.clone());
        take_over(&mut document);
        assert!(document.extended.is_empty(), "{:?}", document.extended);
        assert_eq!(document.text("GivenName").as_deref(), Some("Eve"));
        assert_eq!(document.entry("PhoneNumbers", "MobilePhone", None).as_deref(), Some("170"));
        assert_eq!(document.text("Sensitivity").as_deref(), Some("Private"));
        assert_eq!(value(&document, keywords), Some(words));
        assert_eq!(value(&document, "0x3a06:String"), Some(ExtendedValue::one("Eve")));
        assert!(searchable(&document).contains(&("0x3a06:String".to_owned(), "Eve".to_owned())));
        assert!(set_named(&mut document, "0x3a06:String", None));
        assert_eq!(document.text("GivenName"), None);
    }

    #[test]
    fn names_of_contacts_mean_nothing_to_messages() {
        let mut document = Document { kind: "Message".to_owned(), ..Document::default() };
        document.extended.insert("0x3a06:String".to_owned(), ExtendedValue::one("Eve"));
        take_over(&mut document);
        assert_eq!(document.extended.len(), 1);
    }
}
