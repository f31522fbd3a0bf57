//! Who is meant by a contact, and how the directory is asked for it.

use tieline_model::{ContactAddress, Person, PhoneNumber};
use tieline_proto_ldap::Filter;

use crate::attributes::Attributes;

/// Of the candidates, those who are meant. A SIP address is first whoever has it as such, else whoever has it as mail
/// address, else as log-on name; a mail address likewise. Accounts that are switched off count only when nobody else
/// has the address.
pub(crate) fn meant(contact: &ContactAddress, candidates: Vec<Person>) -> Vec<Person> {
    let rank = |person: &Person| rank(contact, person);
    let Some(best) = candidates.iter().filter_map(rank).min() else { return Vec::new() };
    candidates.into_iter().filter(|person| rank(person) == Some(best)).collect()
}

/// Lower means more surely.
fn rank(contact: &ContactAddress, person: &Person) -> Option<(bool, u8)> {
    let login = |key: &str| person.login.as_ref().is_some_and(|login| login.to_lowercase() == key);
    let has_number = |number: &PhoneNumber| person.phones.contains(number);
    let rank = match contact {
        ContactAddress::Sip(address) => {
            let key = address.key();
            let mail = || person.mail.iter().chain(&person.proxy_addresses).any(|own| own.key() == key);
            match () {
                () if person.sip.contains(address) => Some(0),
                () if mail() => Some(1),
                () if login(&key) => Some(2),
                () if contact.number_in_sip().is_some_and(|number| has_number(&number)) => Some(3),
                () => None,
            }
        }
        ContactAddress::Mail(address) if person.has_mail_address(address) => Some(0),
        ContactAddress::Mail(address) if login(&address.key()) => Some(1),
        ContactAddress::Mail(_) => None,
        ContactAddress::Tel(number) => has_number(number).then_some(0),
    };
    rank.map(|rank| (person.disabled, rank))
}

/// Asks for whoever may be meant. The contact's text only ever becomes a value.
pub(crate) fn filter(contact: &ContactAddress, attributes: &Attributes) -> Filter {
    let mut any = Vec::new();
    match contact {
        ContactAddress::Sip(address) => {
            any.extend(sip(attributes, address.as_str()));
            any.extend(mail(attributes, address.as_str()));
        }
        ContactAddress::Mail(address) => any.extend(mail(attributes, address.as_str())),
        ContactAddress::Tel(number) => any.extend(tel(attributes, number)),
    }
    if let Some(number) = contact.number_in_sip() {
        any.extend(tel(attributes, &number));
    }
    Filter::Or(any)
}

fn sip(attributes: &Attributes, address: &str) -> Vec<Filter> {
    let mut any = Vec::new();
    let uri = format!("sip:{address}");
    let lower = uri.to_lowercase();
    for name in &attributes.sip {
        any.push(Filter::equal(name, uri.as_str()));
        any.push(Filter::equal(name, address));
        // OpenLDAP compares a labeledURI with regard to case.
        if lower != uri {
            any.push(Filter::equal(name, lower.as_str()));
        }
    }
    any.extend(attributes.proxy_addresses.iter().map(|name| Filter::equal(name, uri.as_str())));
    any
}

fn mail(attributes: &Attributes, address: &str) -> Vec<Filter> {
    let direct = attributes.mail.iter().chain(&attributes.login).map(|name| Filter::equal(name, address));
    let proxies =
        attributes.proxy_addresses.iter().map(|name| Filter::equal(name, format!("smtp:{address}")));
    direct.chain(proxies).collect()
}

/// Directories keep numbers as somebody typed them; this finds the plain forms. What is typed with other separators
/// than the directory ignores is found through the cache, which normalises.
fn tel(attributes: &Attributes, number: &PhoneNumber) -> Vec<Filter> {
    let mut any = Vec::new();
    for name in &attributes.phones {
        any.push(Filter::equal(name, number.as_str()));
        if number.is_international() {
            any.push(Filter::equal(name, number.digits()));
        }
        any.push(Filter::equal(name, format!("tel:{number}")));
        any.push(Filter::begins(name, format!("tel:{number};")));
    }
    any.extend(attributes.proxy_addresses.iter().map(|name| Filter::begins(name, format!("eum:{number};"))));
    any
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tieline_model::{DialPlan, DirectoryId};

    fn contact(text: &str) -> ContactAddress {
        ContactAddress::parse(text, &DialPlan::default()).unwrap()
    }

    fn person(name: &str) -> Person {
        Person::named(DirectoryId::new(name).unwrap(), name)
    }

    fn names(contact: &ContactAddress, people: &[Person]) -> Vec<String> {
        meant(contact, people.to_vec()).into_iter().map(|person| person.display_name).collect()
    }

    /// Covers: EV-26 (directory), EV-47
    #[test]
    fn a_sip_address_means_whoever_has_it_as_such_then_as_mail_then_as_login() {
        let (mut sip, mut mail, mut login) = (person("sip"), person("mail"), person("login"));
        sip.sip = vec!["x@c.example".parse().unwrap()];
        mail.proxy_addresses = vec!["X@c.example".parse().unwrap()];
        login.login = Some("X@C.example".to_owned());
        let asked = contact("sip:x@c.example");
        assert_eq!(names(&asked, &[login.clone(), mail.clone(), sip.clone()]), ["sip"]);
        assert_eq!(names(&asked, &[login.clone(), mail.clone()]), ["mail"]);
        assert_eq!(names(&asked, std::slice::from_ref(&login)), ["login"]);
        assert!(names(&contact("sip:y@c.example"), &[login.clone(), mail.clone(), sip.clone()]).is_empty());
        let asked = contact("mailto:x@c.example");
        assert_eq!(names(&asked, &[login, mail, sip.clone()]), ["mail"]);
        assert!(names(&asked, &[sip]).is_empty(), "somebody's SIP address is not their mail address");
    }

    #[test]
    fn switched_off_accounts_count_only_when_nobody_else_has_the_address() {
        let (mut old, mut new) = (person("old"), person("new"));
        old.mail = Some("x@c.example".parse().unwrap());
        old.disabled = true;
        new.mail.clone_from(&old.mail);
        let asked = contact("mailto:x@c.example");
        assert_eq!(names(&asked, &[old.clone(), new.clone()]), ["new"]);
        assert_eq!(names(&asked, &[old.clone()]), ["old"]);
        new.disabled = true;
        assert_eq!(names(&asked, &[old, new]).len(), 2);
    }

    #[test]
    fn a_gateways_caller_is_found_by_number() {
        let mut caller = person("caller");
        caller.phones = vec![PhoneNumber::kept("+49301234".to_owned())];
        assert_eq!(names(&contact("sip:+49301234@gw.example;user=phone"), &[caller.clone()]), ["caller"]);
        assert_eq!(names(&contact("tel:+49-30-1234"), &[caller]), ["caller"]);
    }

    /// The filter with every value taken out.
    fn shape(filter: &Filter) -> String {
        match filter {
            Filter::And(list) => format!("&({})", list.iter().map(shape).collect::<String>()),
            Filter::Or(list) => format!("|({})", list.iter().map(shape).collect::<String>()),
            Filter::Equal { attribute, .. } => format!("({attribute}=)"),
            Filter::Substrings { attribute, initial, any, end } => {
                format!("({attribute}={}{}{}*)", initial.is_some(), any.len(), end.is_some())
            }
            other => panic!("not used here: {other}"),
        }
    }

    proptest! {
        /// Whatever the contact string is: the filter that reaches the server has the structure of every other one of
        /// its kind, on the wire and in the text form that logs show.
        #[test]
        fn no_contact_changes_the_structure_of_the_filter(
            text in "(sip:|mailto:|tel:|)[\\PC]{0,20}[*()\\\\&|!=\u{0}a-z]{0,10}@[a-z*()\\\\]{0,8}(\\.example|\\)\\(mail=\\*)?",
        ) {
            for attributes in [Attributes::active_directory(), Attributes::openldap()] {
                let Ok(contact) = ContactAddress::parse(&text, &DialPlan::default()) else { continue };
                let built = filter(&contact, &attributes);
                let plain = match &contact {
                    ContactAddress::Sip(address) if address.as_str() == address.key() => "sip:a@b.example",
                    ContactAddress::Sip(_) => "sip:A@b.example",
                    ContactAddress::Mail(_) => "mailto:a@b.example",
                    ContactAddress::Tel(_) => continue,
                };
                if contact.number_in_sip().is_none() {
                    let plain = ContactAddress::parse(plain, &DialPlan::default()).unwrap();
                    prop_assert_eq!(shape(&built), shape(&filter(&plain, &attributes)));
                }
                prop_assert_eq!(&built.to_string().parse::<Filter>().unwrap(), &built);
            }
        }
    }

    #[test]
    fn what_looks_like_a_filter_is_a_value() {
        // '*', '(' and ')' are allowed in a SIP user (RFC 3261 section 25.1).
        let contact = contact("sip:*)(objectClass=*@c.example");
        let text = filter(&contact, &Attributes::active_directory()).to_string();
        assert!(text.contains("=sip:\\2a\\29\\28objectClass=\\2a@c.example)"), "{text}");
        assert!(!text.contains("(objectClass"), "{text}");
    }
}
