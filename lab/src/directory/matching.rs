//! Which entries a search returns (RFC 4511 section 4.5.1), compared as Active Directory compares: texts without regard
//! to case, `uSNChanged` and `userAccountControl` as numbers, `objectGUID` byte by byte.

use tieline_proto_ldap::{Filter, Scope, oid};

use super::people::Object;

pub(super) fn matches(filter: &Filter, object: &Object) -> bool {
    let any = |attribute: &str, test: &dyn Fn(&[u8]) -> bool| {
        if attribute.eq_ignore_ascii_case("uSNChanged") {
            return test(object.usn.to_string().as_bytes());
        }
        object.entry.values(attribute).any(test)
    };
    match filter {
        Filter::And(all) => all.iter().all(|filter| matches(filter, object)),
        Filter::Or(list) => list.iter().any(|filter| matches(filter, object)),
        Filter::Not(inner) => !matches(inner, object),
        Filter::Equal { attribute, value } if attribute.eq_ignore_ascii_case("objectCategory") => {
            any(attribute, &|own| equal(own, value) || equal(class_of(own), value))
        }
        Filter::Equal { attribute, value } => {
            let exact = attribute.eq_ignore_ascii_case("objectGUID");
            any(attribute, &|own| if exact { own == value } else { equal(own, value) })
        }
        Filter::Approx { attribute, value } => any(attribute, &|own| equal(own, value)),
        Filter::GreaterOrEqual { attribute, value } => any(attribute, &|own| ordered(value, own)),
        Filter::LessOrEqual { attribute, value } => any(attribute, &|own| ordered(own, value)),
        Filter::Present(attribute) => any(attribute, &|_| true),
        Filter::Substrings { attribute, initial, any: middle, end } => {
            any(attribute, &|own| substrings(&fold(own), initial.as_deref(), middle, end.as_deref()))
        }
        Filter::Extensible { rule: Some(rule), attribute: Some(attribute), value, .. } => {
            let Some(wanted) = number(value) else { return false };
            any(attribute, &|own| match (rule.as_str(), number(own)) {
                (oid::BIT_AND, Some(own)) => own & wanted == wanted,
                (oid::BIT_OR, Some(own)) => own & wanted != 0,
                _ => false,
            })
        }
        Filter::Extensible { .. } => false,
    }
}

/// Whether the entry lies where the search looks.
pub(super) fn is_in_scope(dn: &str, base: &str, scope: Scope) -> bool {
    let (dn, base) = (normalised(dn), normalised(base));
    let below = dn.strip_suffix(&base).and_then(|rest| rest.strip_suffix(','));
    match scope {
        Scope::Base => dn == base,
        Scope::OneLevel => below.is_some_and(|rest| !rest.contains(',')),
        Scope::Subtree => dn == base || below.is_some(),
    }
}

/// The lab's names have no escaped characters: blanks around commas and case are all that may differ.
pub(super) fn normalised(dn: &str) -> String {
    dn.to_lowercase().split(',').map(str::trim).collect::<Vec<_>>().join(",")
}

fn fold(value: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(value) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(_) => value.to_vec(),
    }
}

fn equal(a: &[u8], b: &[u8]) -> bool {
    a == b || fold(a) == fold(b)
}

/// `CN=Person,CN=Schema,…` is the class `person`.
fn class_of(dn: &[u8]) -> &[u8] {
    let first = dn.split(|byte| *byte == b',').next().unwrap_or_default();
    first.split_at_checked(3).map_or(first, |(_, name)| name)
}

fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

fn ordered(low: &[u8], high: &[u8]) -> bool {
    match (number(low), number(high)) {
        (Some(low), Some(high)) => low <= high,
        _ => fold(low) <= fold(high),
    }
}

fn substrings(own: &[u8], initial: Option<&[u8]>, middle: &[Vec<u8>], end: Option<&[u8]>) -> bool {
    let Some(mut rest) = own.strip_prefix(fold(initial.unwrap_or_default()).as_slice()) else { return false };
    for part in middle.iter().map(|part| fold(part)) {
        let Some(at) = rest.windows(part.len().max(1)).position(|window| window == part) else {
            return false;
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(&fold(end.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_proto_ldap::{Attribute, Entry};

    fn object() -> Object {
        let attributes = vec![
            Attribute::new("mail", ["Alice@lab.example"]),
            Attribute::new("userAccountControl", ["514"]),
            Attribute::new("objectCategory", ["CN=Person,CN=Schema,DC=x"]),
            Attribute::new("cn", ["Alice Adams"]),
        ];
        let entry = Entry { dn: "CN=Alice,OU=People,DC=x".to_owned(), attributes };
        Object { entry, usn: 42, deleted: false, guid: [0; 16], alias: None }
    }

    #[test]
    fn filters_match_as_active_directory_matches() {
        for (filter, expected) in [
            ("(mail=alice@LAB.example)", true),
            ("(mail=alice)", false),
            ("(mail=*)", true),
            ("(phone=*)", false),
            ("(!(phone=*))", true),
            ("(objectCategory=person)", true),
            ("(objectCategory=computer)", false),
            ("(uSNChanged>=42)", true),
            ("(uSNChanged>=43)", false),
            ("(uSNChanged<=42)", true),
            ("(userAccountControl:1.2.840.113556.1.4.803:=2)", true),
            ("(userAccountControl:1.2.840.113556.1.4.803:=3)", false),
            ("(userAccountControl:1.2.840.113556.1.4.804:=3)", true),
            ("(cn=al*da*ms)", true),
            ("(cn=*ice*)", true),
            ("(cn=al*ice*ice*)", false),
            ("(cn=a*x)", false),
            ("(&(mail=*)(|(cn=bob)(cn=alice adams)))", true),
            ("(&)", true),
            ("(|)", false),
        ] {
            assert_eq!(matches(&filter.parse().unwrap(), &object()), expected, "{filter}");
        }
    }

    #[test]
    fn scopes_follow_the_tree() {
        let dn = "CN=Alice,OU=People,DC=x";
        for (base, scope, expected) in [
            ("dc=X", Scope::Subtree, true),
            ("dc=X", Scope::OneLevel, false),
            ("ou=people, dc=x", Scope::OneLevel, true),
            ("cn=alice,ou=people,dc=x", Scope::Base, true),
            ("cn=alice,ou=people,dc=x", Scope::Subtree, true),
            ("ou=other,dc=x", Scope::Subtree, false),
            ("eople,dc=x", Scope::Subtree, false),
        ] {
            assert_eq!(is_in_scope(dn, base, scope), expected, "{base} {scope:?}");
        }
    }
}
