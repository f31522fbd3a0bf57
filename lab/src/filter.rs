//! Restrictions and sort orders, over anything that has properties.

use std::cmp::Ordering;

use tieline_proto_ews::{
    ContainmentComparison, ContainmentMode, PropertyPath, SearchExpression,
    restriction::{Contains, Operand, TwoOperands, bitmask},
};

use crate::property::sort_of;

/// What a restriction can look into.
pub(crate) trait Properties {
    /// The values of a property as text; empty when it is absent.
    fn values(&self, path: &PropertyPath) -> Vec<String>;
}

/// Whether the restriction lets `subject` pass.
pub(crate) fn matches(expression: &SearchExpression, subject: &impl Properties) -> bool {
    use SearchExpression as E;
    let compare = |operands: &TwoOperands, wanted: &[Ordering]| compare(operands, subject, wanted);
    match expression {
        E::And(operands) => operands.expressions.iter().all(|operand| matches(operand, subject)),
        E::Or(operands) => operands.expressions.iter().any(|operand| matches(operand, subject)),
        E::Not(operands) => !operands.expressions.iter().any(|operand| matches(operand, subject)),
        E::Exists(exists) => exists.path.as_ref().is_some_and(|path| !subject.values(path).is_empty()),
        E::IsEqualTo(operands) => compare(operands, &[Ordering::Equal]),
        E::IsNotEqualTo(operands) => !compare(operands, &[Ordering::Equal]),
        E::IsGreaterThan(operands) => compare(operands, &[Ordering::Greater]),
        E::IsGreaterThanOrEqualTo(operands) => compare(operands, &[Ordering::Greater, Ordering::Equal]),
        E::IsLessThan(operands) => compare(operands, &[Ordering::Less]),
        E::IsLessThanOrEqualTo(operands) => compare(operands, &[Ordering::Less, Ordering::Equal]),
        E::Contains(contains) => contains_text(contains, subject),
        E::Excludes(excludes) => {
            let mask = bitmask(&excludes.bitmask.value);
            let number =
                |path| subject.values(path).first().and_then(|value| value.trim().parse::<u32>().ok());
            match (mask, excludes.path.as_ref().and_then(number)) {
                (Some(mask), Some(number)) => number & mask == 0,
                _ => false,
            }
        }
        E::Unknown(_) => false,
    }
}

fn compare(operands: &TwoOperands, subject: &impl Properties, wanted: &[Ordering]) -> bool {
    let (Some(path), Some(operand)) = (&operands.path, &operands.operand) else { return false };
    let right = match operand {
        Operand::Constant(constant) => vec![constant.clone()],
        Operand::Path(path) => subject.values(path),
    };
    let sort = sort_of(path);
    let hit = |left: &String, right: &String| {
        sort.compare(left, right).is_some_and(|found| wanted.contains(&found))
    };
    subject.values(path).iter().any(|left| right.iter().any(|right| hit(left, right)))
}

fn contains_text(contains: &Contains, subject: &impl Properties) -> bool {
    let Some(path) = &contains.path else { return false };
    let exact = matches!(
        contains.comparison,
        Some(ContainmentComparison::Exact | ContainmentComparison::IgnoreNonSpacingCharacters)
    );
    let fold = |text: &str| if exact { text.to_owned() } else { text.to_lowercase() };
    let wanted = fold(&contains.constant.value);
    let hit = |value: &String| {
        let value = fold(value);
        match &contains.mode {
            Some(ContainmentMode::FullString) => value == wanted,
            Some(ContainmentMode::Prefixed) => value.starts_with(&wanted),
            Some(ContainmentMode::PrefixOnWords) => value
                .split(|c: char| !c.is_alphanumeric())
                .any(|word| !word.is_empty() && word.starts_with(&wanted)),
            _ => value.contains(&wanted),
        }
    };
    subject.values(path).iter().any(hit)
}

/// A property to sort by and whether it falls.
pub(crate) type SortKey<'a> = (&'a PropertyPath, bool);

/// Sorts by the keys in turn; what lacks a property comes first, as in Exchange.
pub(crate) fn sort<T>(
    subjects: &mut [T],
    keys: &[SortKey<'_>],
    values: impl Fn(&T, &PropertyPath) -> Vec<String>,
) {
    if keys.is_empty() {
        return;
    }
    let first = |subject: &T, path: &PropertyPath| values(subject, path).into_iter().next();
    subjects.sort_by_cached_key(|subject| {
        let keys = keys.iter().map(|(path, falling)| Keyed {
            value: first(subject, path),
            sort: sort_of(path),
            falling: *falling,
        });
        keys.collect::<Vec<_>>()
    });
}

struct Keyed {
    value: Option<String>,
    sort: crate::property::Sort,
    falling: bool,
}

impl Ord for Keyed {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = match (&self.value, &other.value) {
            (Some(left), Some(right)) => self.sort.compare(left, right).unwrap_or(Ordering::Equal),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if self.falling { order.reverse() } else { order }
    }
}

impl PartialOrd for Keyed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Keyed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Keyed {}

/// The properties that a restriction looks at.
pub(crate) fn paths<'a>(expression: &'a SearchExpression, found: &mut Vec<&'a PropertyPath>) {
    use SearchExpression as E;
    match expression {
        E::And(operands) | E::Or(operands) | E::Not(operands) | E::Unknown(operands) => {
            operands.expressions.iter().for_each(|operand| paths(operand, found));
        }
        E::Exists(exists) => found.extend(&exists.path),
        E::Contains(contains) => found.extend(&contains.path),
        E::Excludes(excludes) => found.extend(&excludes.path),
        E::IsEqualTo(operands)
        | E::IsNotEqualTo(operands)
        | E::IsGreaterThan(operands)
        | E::IsGreaterThanOrEqualTo(operands)
        | E::IsLessThan(operands)
        | E::IsLessThanOrEqualTo(operands) => {
            found.extend(&operands.path);
            if let Some(Operand::Path(path)) = &operands.operand {
                found.push(path);
            }
        }
    }
}

/// The constant that an extended property must equal for the restriction to hold, if there is such a condition:
/// the index then finds the few candidates.
pub(crate) fn required_extended(expression: &SearchExpression) -> Option<(String, String)> {
    match expression {
        SearchExpression::And(operands) => operands.expressions.iter().find_map(required_extended),
        SearchExpression::IsEqualTo(TwoOperands {
            path: Some(PropertyPath::Extended(uri)),
            operand: Some(Operand::Constant(value)),
        }) if uri.property_type.as_str() == "CLSID" || crate::extended::tag(uri).is_none() => {
            Some((crate::extended::canonical(uri)?, value.clone()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tieline_proto_ews::FieldUri;

    use super::*;

    struct One(&'static str, &'static str);

    impl Properties for One {
        fn values(&self, path: &PropertyPath) -> Vec<String> {
            match path {
                PropertyPath::Field(uri) if uri.as_str() == self.0 => vec![self.1.to_owned()],
                _ => Vec::new(),
            }
        }
    }

    #[test]
    fn conditions_hold_and_fail() {
        let class = One("item:ItemClass", "IPM.Note.Microsoft.Voicemail.UM.CA");
        let voicemail = SearchExpression::has_prefix(FieldUri::ITEM_CLASS, "ipm.note.microsoft.voicemail");
        assert!(matches(&voicemail, &class));
        assert!(!matches(&voicemail.clone().negated(), &class));
        assert!(!matches(&SearchExpression::exists(FieldUri::ITEM_SUBJECT), &class));
        let unread = One("message:IsRead", "false");
        assert!(matches(&SearchExpression::equals(FieldUri::MESSAGE_IS_READ, "0"), &unread));
        assert!(matches(&SearchExpression::any(vec![voicemail.clone(), voicemail.clone()]), &class));
        let size = One("item:Size", "9");
        let less = TwoOperands {
            path: Some(FieldUri::ITEM_SIZE.into()),
            operand: Some(Operand::Constant("10".to_owned())),
        };
        assert!(matches(&SearchExpression::IsLessThan(less.clone()), &size));
        assert!(!matches(&SearchExpression::IsGreaterThanOrEqualTo(less), &size));
    }

    #[test]
    fn sorting_is_stable_and_puts_the_absent_first() {
        let mut subjects = vec![One("item:Size", "10"), One("item:Size", "9"), One("item:Subject", "x")];
        let path = PropertyPath::from(FieldUri::ITEM_SIZE);
        sort(&mut subjects, &[(&path, false)], |subject, path| subject.values(path));
        assert_eq!(subjects.iter().map(|subject| subject.1).collect::<Vec<_>>(), ["x", "9", "10"]);
    }
}
