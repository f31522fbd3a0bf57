//! What `%contact-id%` stands for: `Contacts=<sip:surname.name@domain.com>` (EV-46), in all the spellings that clients,
//! browsers and proxies make of it (EV-28).

use tieline_model::{ContactAddress, DialPlan, Refusal};

/// The longest contact string that is looked at, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// More contacts than this are a mistake or an attack: a chooser of them helps nobody.
pub const MAX_CONTACTS: usize = 50;
/// How often a string is percent-decoded at most: clients encode once, and links in mails and proxies once more.
const MAX_DECODINGS: usize = 3;

/// Reads the contacts of a menu command, with numbers as they are dialled. See [`parse_contacts_as`].
///
/// # Errors
/// With the reason, in words for the technician.
pub fn parse_contacts(raw: &str) -> Result<Vec<ContactAddress>, Refusal> {
    parse_contacts_as(raw, &DialPlan::default())
}

/// Reads the contacts of a menu command: with or without `Contacts=`, angle brackets and percent-encoding; one or
/// several, separated by commas; `sip:`, `sips:`, `tel:`, `mailto:` or bare, in any case, with any parameters. Each
/// address comes out once, in the order given.
///
/// # Errors
/// When any part is not an address: a contact that is not understood is not left out silently.
pub fn parse_contacts_as(raw: &str, plan: &DialPlan) -> Result<Vec<ContactAddress>, Refusal> {
    if raw.len() > MAX_BYTES {
        return Err(refuse("too-long-contact", "the contact is longer than 16 KiB"));
    }
    let mut text = raw.trim().to_owned();
    let mut verdict = read(&text, plan);
    for _ in 0..MAX_DECODINGS {
        if verdict.is_ok() || !text.contains('%') {
            break;
        }
        let Some(decoded) = percent_decoded(&text) else { break };
        text = decoded;
        verdict = read(text.trim(), plan);
    }
    verdict
}

fn read(text: &str, plan: &DialPlan) -> Result<Vec<ContactAddress>, Refusal> {
    let pieces = if text.contains('<') { bracketed(text)? } else { separated(text) };
    let mut contacts: Vec<ContactAddress> = Vec::new();
    for piece in pieces {
        let contact =
            ContactAddress::parse(piece, plan).map_err(|error| refuse("bad-contact", error.to_string()))?;
        if contacts.contains(&contact) {
            continue;
        }
        if contacts.len() == MAX_CONTACTS {
            return Err(refuse("too-many-contacts", format!("there are more than {MAX_CONTACTS} contacts")));
        }
        contacts.push(contact);
    }
    if contacts.is_empty() {
        return Err(refuse("no-contact", "no contact was given"));
    }
    Ok(contacts)
}

/// `Contacts=<a>,<b>`, also `"Name" <a>; <b>`.
fn bracketed(text: &str) -> Result<Vec<&str>, Refusal> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        between(before)?;
        let (inside, behind) =
            after.split_once('>').ok_or_else(|| refuse("bad-contact", "a contact has no closing >"))?;
        pieces.push(inside);
        rest = behind;
    }
    between(rest)?;
    Ok(pieces)
}

/// What may stand beside `<…>`: `Contacts=`, separators, a name in quotes.
fn between(text: &str) -> Result<(), Refusal> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || ",;&".contains(c));
    let text = without_label(text).trim();
    let quoted =
        text.len() >= 2 && text.starts_with('"') && text.ends_with('"') && text.matches('"').count() == 2;
    if text.is_empty() || quoted {
        return Ok(());
    }
    let shown: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    Err(refuse("bad-contact", format!("{shown:?} stands beside the contacts and is not one")))
}

/// Without brackets only a comma separates: a semicolon begins a parameter.
fn separated(text: &str) -> Vec<&str> {
    without_label(text).split(',').map(str::trim).filter(|piece| !piece.is_empty()).collect()
}

fn without_label(text: &str) -> &str {
    const LABEL: &str = "contacts=";
    match text.get(..LABEL.len()) {
        Some(label) if label.eq_ignore_ascii_case(LABEL) => text.get(LABEL.len()..).unwrap_or_default(),
        _ => text,
    }
}

/// `None` for an escape that is not two hex digits, or bytes that are not UTF-8.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn refuse(code: &str, what: impl Into<String>) -> Refusal {
    Refusal::permanent(code, what, "choose the command on a person in Lync, or write sip:user@domain")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(raw: &str) -> Vec<String> {
        let contacts = parse_contacts(raw).unwrap_or_else(|refusal| panic!("{raw:?}: {refusal}"));
        contacts.iter().map(ContactAddress::key).collect()
    }

    /// Covers: EV-28, EV-46, EV-48, X-21
    #[test]
    fn every_spelling_of_a_contact_is_the_same_address() {
        for raw in [
            "Contacts=<sip:surname.name@domain.com>",
            "contacts=<SIP:Surname.Name@Domain.com>",
            "<sip:surname.name@domain.com>",
            "sip:surname.name@domain.com",
            "surname.name@domain.com",
            "Contacts=sip:surname.name@domain.com",
            "Contacts=<sips:surname.name@domain.com;transport=tls;opaque=user:epid:x>",
            "Contacts=%3Csip:surname.name@domain.com%3E",
            "Contacts%3D%3Csip%3Asurname.name%40domain.com%3E",
            "Contacts%253D%253Csip%253Asurname.name%2540domain.com%253E",
            "sip%3asurname%2ename%40domain.com",
            " Contacts=<sip:surname.name@domain.com:5061> ",
            "\"Name, Surname\" <sip:surname.name@domain.com>",
            "Contacts=<sip:surname.name@domain.com>,<sip:SURNAME.NAME@domain.com>",
        ] {
            assert_eq!(keys(raw), ["sip:surname.name@domain.com"], "{raw:?}");
        }
    }

    /// Covers: EV-57 (reading)
    #[test]
    fn several_contacts_are_several() {
        let two = ["sip:a@x.example", "sip:b@x.example"];
        for raw in [
            "Contacts=<sip:a@x.example>,<sip:b@x.example>",
            "Contacts=<sip:a@x.example><sip:b@x.example>",
            "Contacts=<sip:a@x.example>; Contacts=<sip:b@x.example>",
            "Contacts=%3Csip:a@x.example%3E%2C%3Csip:b@x.example%3E",
            "sip:a@x.example, sip:b@x.example",
        ] {
            assert_eq!(keys(raw), two, "{raw:?}");
        }
        assert_eq!(keys("Contacts=<tel:+49-30-123>,<sip:+4930123@gw.example;user=phone>").len(), 2);
    }

    /// Covers: EV-30 (empty), EV-48
    #[test]
    fn what_is_no_contact_is_refused_with_the_reason() {
        for (raw, code) in [
            ("", "no-contact"),
            ("Contacts=", "no-contact"),
            ("Contacts=<>", "bad-contact"),
            (",,,", "no-contact"),
            ("%contact-id%", "bad-contact"),
            ("Contacts=<sip:a@b", "bad-contact"),
            ("Contacts=<sip:a@b>evil", "bad-contact"),
            ("https://evil.example/", "bad-contact"),
            ("Contacts=<http://evil.example/@x>", "bad-contact"),
            ("sip:a@b%0d%0aLocation:%20//evil", "bad-contact"),
            ("sip:a%00@b.example", "bad-contact"),
            ("javascript:alert(1)@b", "bad-contact"),
        ] {
            let refusal = parse_contacts(raw).unwrap_err();
            assert_eq!(refusal.code, code, "{raw:?}: {refusal}");
            assert!(refusal.next.contains("sip:user@domain"));
        }
        assert_eq!(parse_contacts(&"a".repeat(20_000)).unwrap_err().code, "too-long-contact");
        let many: String = (0..60).map(|n| format!("<sip:p{n}@x.example>,")).collect();
        assert_eq!(parse_contacts(&many).unwrap_err().code, "too-many-contacts");
    }

    proptest! {
        /// Covers: EV-48
        #[test]
        fn any_text_is_clean_addresses_or_refused(text: String) {
            check(&text);
        }

        #[test]
        fn likely_pieces_are_clean_addresses_or_refused(
            text in "(Contacts=|contacts%3D|)([<,;\" ]|%3C|%253C|sip:|SIPS:|tel:|[a-z.]{1,8}|@|%40|>|%3E|\\+49|%0d%0a){0,24}"
        ) {
            check(&text);
        }
    }

    pub(crate) fn check(text: &str) {
        let Ok(contacts) = parse_contacts(text) else { return };
        assert!((1..=MAX_CONTACTS).contains(&contacts.len()));
        for contact in contacts {
            let printed = contact.to_string();
            assert!(
                !printed.contains(|c: char| c.is_control() || c.is_whitespace() || "<>\"".contains(c)),
                "{text:?}"
            );
            // A percent sign would be read as an escape.
            if !printed.contains('%') {
                assert_eq!(parse_contacts(&printed).map(|again| again.len()), Ok(1), "{text:?}");
            }
        }
    }
}
