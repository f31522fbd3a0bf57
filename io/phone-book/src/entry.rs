//! A contact as an entry of the tree: `inetOrgPerson` (RFC 2798), the class that telephones expect.

use tieline_model::{Contact, PhoneKind};
use tieline_proto_ldap::{Attribute, Entry};

use crate::Listed;

/// Attributes that hold telephone numbers: compared without blanks and punctuation (RFC 4517 section 4.2.29).
/// With the kinds of number that each holds, the one to be dialled first at the front.
pub(crate) const NUMBERS: [(&str, &[PhoneKind]); 5] = [
    (
        "telephoneNumber",
        &[
            PhoneKind::Primary,
            PhoneKind::Business,
            PhoneKind::Business2,
            PhoneKind::CompanyMain,
            PhoneKind::Other,
        ],
    ),
    ("mobile", &[PhoneKind::Mobile, PhoneKind::Car]),
    ("homePhone", &[PhoneKind::Home, PhoneKind::Home2]),
    ("facsimileTelephoneNumber", &[PhoneKind::BusinessFax, PhoneKind::HomeFax, PhoneKind::OtherFax]),
    ("pager", &[PhoneKind::Pager]),
];

/// The contact's entry in a book; `None` for private ones and for those without a name or number.
pub(crate) fn entry((id, contact): &Listed, book: &str) -> Option<Entry> {
    if contact.sensitivity.hides_details() {
        return None;
    }
    let name = name(contact)?;
    let surname =
        [&contact.surname, &contact.company, &name].into_iter().find(|text| !text.trim().is_empty())?;
    let mut attributes = vec![
        Attribute::new("objectClass", ["top", "person", "organizationalPerson", "inetOrgPerson"]),
        Attribute::new("uid", [id.as_str()]),
        Attribute::new("cn", [name.as_str()]),
        Attribute::new("displayName", [name.as_str()]),
        Attribute::new("sn", [surname.as_str()]),
    ];
    let mut add = |name: &str, values: Vec<String>| {
        let values: Vec<_> = values.into_iter().filter(|value| !value.trim().is_empty()).collect();
        if !values.is_empty() {
            attributes.push(Attribute::new(name, values));
        }
    };
    add("givenName", vec![contact.given_name.clone()]);
    add("o", vec![contact.company.clone()]);
    add("ou", vec![contact.department.clone()]);
    add("title", vec![contact.job_title.clone()]);
    add("mail", contact.mails.values().map(|mail| mail.address.clone()).collect());
    for (name, kinds) in NUMBERS {
        add(name, kinds.iter().filter_map(|kind| contact.phones.get(kind).cloned()).collect());
    }
    add("labeledURI", contact.ims.values().map(|im| labelled(im)).collect());
    Some(Entry { dn: format!("uid={id},{book}"), attributes })
}

/// The name that a telephone shows.
fn name(contact: &Contact) -> Option<String> {
    let parts = [&contact.given_name, &contact.surname].map(|part| part.trim());
    let full = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let names = [contact.display_name.trim(), &full, contact.file_as.trim(), contact.company.trim()];
    names.into_iter().find(|name| !name.is_empty()).map(str::to_owned)
}

/// A SIP address as RFC 2079 writes it, with its label.
fn labelled(im: &str) -> String {
    if im.contains(':') { format!("{im} IM") } else { format!("sip:{im} IM") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_model::Sensitivity;

    #[test]
    fn a_contact_has_the_attributes_that_telephones_ask_for() {
        let mut contact = Contact {
            given_name: "Zoë".to_owned(),
            surname: "Übel".to_owned(),
            display_name: "Zoë Übel".to_owned(),
            company: "Corp".to_owned(),
            ..Contact::default()
        };
        contact.phones.insert(PhoneKind::Business, "+49 30 555-1".to_owned());
        contact.phones.insert(PhoneKind::Mobile, "+49 170 1".to_owned());
        let listed = ("ct_1".to_owned(), contact.clone());
        let entry = entry(&listed, "ou=1001,o=tieline").unwrap();
        assert_eq!(entry.dn, "uid=ct_1,ou=1001,o=tieline");
        for (name, value) in
            [("cn", "Zoë Übel"), ("sn", "Übel"), ("telephoneNumber", "+49 30 555-1"), ("mobile", "+49 170 1")]
        {
            assert_eq!(entry.text(name), Some(value), "{name}");
        }
        contact.sensitivity = Sensitivity::Private;
        assert_eq!(super::entry(&("ct_1".to_owned(), contact), "o=x"), None);
        assert_eq!(super::entry(&("ct_1".to_owned(), Contact::default()), "o=x"), None, "nobody");
    }
}
