//! Saved contacts follow the directory in the fields it wrote, and in no other.

use jiff::Timestamp;
use tieline_model::{Contact, ContactField, ContactText, PhoneKind, Record, Slot};
use tieline_sync::{
    Base, Both, Faithful, FieldPolicy, Kept, Origin, record_provenance, refresh, written_by_directory,
};

const FIELDS: [ContactField; 3] = [
    ContactField::Im(Slot::First),
    ContactField::Phone(PhoneKind::Business),
    ContactField::Phone(PhoneKind::Mobile),
];

fn now() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn from_directory(sip: &str, phone: &str) -> Contact {
    let mut contact = Contact::default();
    *contact.text_mut(ContactText::ALL[0]) = "Bob".to_owned();
    contact.ims.insert(Slot::First, sip.to_owned());
    contact.phones.insert(PhoneKind::Business, phone.to_owned());
    contact
}

/// The reader's case: addresses and numbers of people change, and the contacts saved from them go stale.
/// Covers: LY-28 (engine)
#[test]
fn a_new_sip_address_and_number_reach_the_saved_contact() {
    let saved = from_directory("sip:bob@old.example", "+49 30 1");
    let provenance = written_by_directory(&saved, &FIELDS, now());
    let directory = from_directory("sip:bob@new.example", "+49 30 2");
    let refreshed = refresh(&saved, &provenance, &directory, &FIELDS, now());
    assert_eq!(refreshed.changed, [FIELDS[0], FIELDS[1]]);
    assert!(refreshed.record.differences(&directory).is_empty());
    let again = refresh(&refreshed.record, &refreshed.provenance, &directory, &FIELDS, now());
    assert!(again.changed.is_empty() && again.kept.is_empty(), "a second refresh does nothing");
}

/// Covers: LY-28 (engine)
#[test]
fn what_a_person_edited_or_typed_stays() {
    let mut saved = from_directory("sip:bob@old.example", "+49 30 1");
    let provenance = written_by_directory(&saved, &FIELDS, now());
    saved.phones.insert(PhoneKind::Business, "+49 30 999".to_owned());
    saved.phones.insert(PhoneKind::Mobile, "+49 170 1".to_owned());
    let mut directory = from_directory("sip:bob@new.example", "+49 30 2");
    directory.phones.insert(PhoneKind::Mobile, "+49 170 2".to_owned());
    let refreshed = refresh(&saved, &provenance, &directory, &FIELDS, now());
    assert_eq!(refreshed.changed, [FIELDS[0]]);
    assert_eq!(refreshed.kept, [(FIELDS[1], Kept::EditedSince), (FIELDS[2], Kept::NotTheDirectorys)]);
    assert_eq!(refreshed.record.phones, saved.phones);
}

/// Covers: LY-28 (engine)
#[test]
fn an_edit_in_outlook_takes_a_field_from_the_directory_for_good() {
    let base = from_directory("sip:bob@old.example", "+49 30 1");
    let mut provenance = written_by_directory(&base, &FIELDS, now());
    let directory = from_directory("sip:bob@old.example", "+49 30 2");
    let refreshed = refresh(&base, &provenance, &directory, &FIELDS, now());
    provenance.clone_from(&refreshed.provenance);
    // Meanwhile the user wrote another number in Outlook.
    let outlook = from_directory("sip:bob@old.example", "+49 30 777");
    let agreed = Base { left: base.clone(), right: base };
    let both = Both {
        base: Some(&agreed),
        left: &refreshed.record,
        right: &outlook,
        edited: (None, None),
        provenance: &provenance,
    };
    let merged = both.merge(FieldPolicy::Left, &Faithful);
    assert!(merged.conflicts.is_empty() && merged.to_right.is_empty());
    assert_eq!(merged.left.phones, outlook.phones, "even where Tieline's edits win");
    record_provenance(&mut provenance, &merged, (None, None), now());
    assert_eq!(provenance[&FIELDS[1]].origin, Origin::Right);
    let later = refresh(
        &merged.left,
        &provenance,
        &from_directory("sip:bob@old.example", "+49 30 3"),
        &FIELDS,
        now(),
    );
    assert_eq!((later.changed, later.kept), (vec![], vec![(FIELDS[1], Kept::EditedSince)]));
}
