//! Which entries a search returns (RFC 4511 section 4.5.1), compared as a telephone's user expects: texts without regard to
//! case, numbers without regard to blanks and punctuation.

use tieline_proto_ldap::{Entry, Filter, Search};

use crate::entry::NUMBERS;

/// The most parts of a filter: a telephone asks for a handful of attributes.
const MOST_PARTS: usize = 100;
/// The longest value that is looked for, in bytes.
const LONGEST: usize = 1000;

/// Whether a filter is small enough to be carried out on every entry of a book.
pub(crate) fn is_bearable(filter: &Filter) -> bool {
    fn parts(filter: &Filter) -> usize {
        match filter {
            Filter::And(all) | Filter::Or(all) => all.iter().map(parts).fold(1, usize::saturating_add),
            Filter::Not(inner) => 1 + parts(inner),
            Filter::Substrings { initial, any, end, .. } => {
                let bytes = initial.iter().chain(any).chain(end).map(Vec::len).fold(0, usize::saturating_add);
                if bytes > LONGEST { MOST_PARTS + 1 } else { 1 + any.len() }
            }
            Filter::Equal { value, .. } | Filter::Approx { value, .. } if value.len() > LONGEST => {
                MOST_PARTS + 1
            }
            _ => 1,
        }
    }
    parts(filter) <= MOST_PARTS
}

pub(crate) fn matches(filter: &Filter, entry: &Entry) -> bool {
    let any = |attribute: &str, test: &dyn Fn(&str) -> bool| {
        entry.texts(attribute).any(|own| test(&folded(attribute, own)))
    };
    let wanted = |attribute: &str, value: &[u8]| folded(attribute, &String::from_utf8_lossy(value));
    match filter {
        Filter::And(all) => all.iter().all(|filter| matches(filter, entry)),
        Filter::Or(list) => list.iter().any(|filter| matches(filter, entry)),
        Filter::Not(inner) => !matches(inner, entry),
        Filter::Equal { attribute, value } | Filter::Approx { attribute, value } => {
            let wanted = wanted(attribute, value);
            any(attribute, &|own| own == wanted)
        }
        Filter::GreaterOrEqual { attribute, value } => {
            let wanted = wanted(attribute, value);
            any(attribute, &|own| own >= wanted.as_str())
        }
        Filter::LessOrEqual { attribute, value } => {
            let wanted = wanted(attribute, value);
            any(attribute, &|own| own <= wanted.as_str())
        }
        Filter::Present(attribute) => entry.attributes.iter().any(|own| own.is(attribute)),
        Filter::Substrings { attribute, initial, any: middle, end } => {
            let initial = initial.as_deref().map(|part| wanted(attribute, part)).unwrap_or_default();
            let end = end.as_deref().map(|part| wanted(attribute, part)).unwrap_or_default();
            let middle: Vec<_> = middle.iter().map(|part| wanted(attribute, part)).collect();
            any(attribute, &|own| has_parts(own, &initial, &middle, &end))
        }
        Filter::Extensible { .. } => false,
    }
}

fn has_parts(own: &str, initial: &str, middle: &[String], end: &str) -> bool {
    let Some(mut rest) = own.strip_prefix(initial) else { return false };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    rest.ends_with(end)
}

/// A value as it is compared.
fn folded(attribute: &str, value: &str) -> String {
    if NUMBERS.iter().any(|(number, _)| number.eq_ignore_ascii_case(attribute)) {
        return value
            .chars()
            .filter(|c| c.is_alphanumeric() || "+*#".contains(*c))
            .flat_map(char::to_lowercase)
            .collect();
    }
    value.trim().to_lowercase()
}

/// Leaves what was asked for (RFC 4511 section 4.5.1.8).
pub(crate) fn selected(entry: &Entry, search: &Search) -> Entry {
    let all = search.attributes.is_empty() || search.attributes.iter().any(|name| name == "*");
    let mut entry = entry.clone();
    entry.attributes.retain(|attribute| all || search.attributes.iter().any(|name| attribute.is(name)));
    if search.types_only {
        entry.attributes.iter_mut().for_each(|attribute| attribute.values.clear());
    }
    entry
}

/// A distinguished name as names are compared here: none of ours has escaped characters.
pub(crate) fn normalised(dn: &str) -> String {
    dn.to_lowercase()
        .split(',')
        .map(|part| part.split('=').map(str::trim).collect::<Vec<_>>().join("="))
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_proto_ldap::Attribute;

    #[test]
    fn filters_find_as_people_type() {
        let entry = Entry {
            dn: "uid=ct_1,ou=shared,o=tieline".to_owned(),
            attributes: vec![
                Attribute::new("cn", ["Zoë Übel"]),
                Attribute::new("sn", ["Übel"]),
                Attribute::new("telephoneNumber", ["+49 (30) 555-1"]),
            ],
        };
        for (filter, expected) in [
            ("(sn=übel)", true),
            ("(sn=ü*)", true),
            ("(sn=*be*)", true),
            ("(sn=b*)", false),
            ("(telephoneNumber=+49305551)", true),
            ("(telephoneNumber=*30 55*)", true),
            ("(telephoneNumber=*556*)", false),
            ("(|(mobile=*)(telephoneNumber=*))", true),
            ("(&(cn=*)(!(mail=*)))", true),
            ("(cn=zoë*üb*l)", true),
            ("(cn>=z)", true),
            ("(cn<=a)", false),
            ("(cn:dn:2.4.6.8.10:=Dino)", false),
        ] {
            assert_eq!(matches(&filter.parse().unwrap(), &entry), expected, "{filter}");
        }
    }

    #[test]
    fn a_filter_that_would_cost_much_is_not_carried_out() {
        assert!(is_bearable(&"(|(cn=a*)(sn=a*)(telephoneNumber=*1*))".parse().unwrap()));
        let many = Filter::Or((0..200).map(|_| Filter::Present("cn".to_owned())).collect());
        assert!(!is_bearable(&many));
        let long = Filter::Substrings {
            attribute: "cn".to_owned(),
            initial: None,
            any: vec![vec![b'a'; 2000]],
            end: None,
        };
        assert!(!is_bearable(&long));
    }
}
