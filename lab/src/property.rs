//! Property paths and values: what restrictions compare, what sort orders sort by, what shapes ask for.

use std::cmp::Ordering;

use jiff::{Timestamp, civil};
use tieline_proto_ews::{MapiPropertyType, PropertyPath};

/// The local name of the element that carries a property; `None` for extended ones.
pub(crate) fn element_of(path: &PropertyPath) -> Option<&str> {
    match path {
        PropertyPath::Field(uri) => uri.as_str().split_once(':').map(|(_, name)| name),
        PropertyPath::Indexed(path) => indexed_list(path.field_uri.as_str()).map(|(list, _)| list),
        PropertyPath::Extended(_) => None,
    }
}

/// How a property's values compare.
pub(crate) fn sort_of(path: &PropertyPath) -> Sort {
    match path {
        PropertyPath::Field(_) => element_of(path).map_or(Sort::Text, Sort::of_element),
        PropertyPath::Indexed(_) => Sort::Text,
        PropertyPath::Extended(uri) => match uri.property_type {
            MapiPropertyType::Boolean => Sort::Bool,
            MapiPropertyType::SystemTime | MapiPropertyType::ApplicationTime => Sort::Time,
            MapiPropertyType::Integer
            | MapiPropertyType::Short
            | MapiPropertyType::Long
            | MapiPropertyType::Currency
            | MapiPropertyType::Error => Sort::Number,
            MapiPropertyType::Double | MapiPropertyType::Float => Sort::Decimal,
            MapiPropertyType::Binary | MapiPropertyType::Clsid => Sort::Exact,
            _ => Sort::Text,
        },
    }
}

/// The list element and, for a line of a postal address, its element, behind an `IndexedFieldURI`.
pub(crate) fn indexed_list(uri: &str) -> Option<(&'static str, Option<&str>)> {
    Some(match uri.split_once(':')?.1 {
        "EmailAddress" => ("EmailAddresses", None),
        "ImAddress" => ("ImAddresses", None),
        "PhoneNumber" => ("PhoneNumbers", None),
        "InternetMessageHeader" => ("InternetMessageHeaders", None),
        name => ("PhysicalAddresses", Some(name.strip_prefix("PhysicalAddress:")?)),
    })
}

/// How values of a property compare with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Text; case does not matter.
    Text,
    /// Text, byte by byte.
    Exact,
    Number,
    Decimal,
    Bool,
    /// Points in time.
    Time,
    /// Normal before personal, low before high.
    Rank(&'static [&'static str]),
}

const IMPORTANCE: &[&str] = &["Low", "Normal", "High"];
const SENSITIVITY: &[&str] = &["Normal", "Personal", "Private", "Confidential"];

impl Sort {
    pub(crate) fn of_element(name: &str) -> Self {
        match name {
            "Importance" => Self::Rank(IMPORTANCE),
            "Sensitivity" => Self::Rank(SENSITIVITY),
            "Size"
            | "ReminderMinutesBeforeStart"
            | "TotalCount"
            | "UnreadCount"
            | "ChildFolderCount"
            | "TotalWork"
            | "ActualWork"
            | "Mileage" => Self::Number,
            "PercentComplete" => Self::Decimal,
            "ItemId" | "ConversationId" | "ParentFolderId" | "FolderId" => Self::Exact,
            "HasAttachments" | "ReminderIsSet" | "MeetingRequestWasSent" | "AllowNewTimeProposal" => {
                Self::Bool
            }
            "Start"
            | "End"
            | "OriginalStart"
            | "ReminderDueBy"
            | "ReminderNextTime"
            | "Birthday"
            | "DueDate"
            | "StartDate"
            | "CompleteDate"
            | "WeddingAnniversary"
            | "AssignedTime"
            | "LastModifiedTime"
            | "AppointmentReplyTime"
            | "DateTimeStamp"
            | "RecurrenceId"
            | "RetentionDate" => Self::Time,
            _ if name.starts_with("DateTime") => Self::Time,
            _ if name.starts_with("Is") => Self::Bool,
            _ => Self::Text,
        }
    }

    /// Compares two values; `None` when one of them is none of this sort.
    pub(crate) fn compare(self, left: &str, right: &str) -> Option<Ordering> {
        match self {
            Self::Text => Some(left.to_lowercase().cmp(&right.to_lowercase())),
            Self::Exact => Some(left.cmp(right)),
            Self::Number => Some(left.trim().parse::<i64>().ok()?.cmp(&right.trim().parse().ok()?)),
            Self::Decimal => left.trim().parse::<f64>().ok()?.partial_cmp(&right.trim().parse().ok()?),
            Self::Bool => Some(boolean(left)?.cmp(&boolean(right)?)),
            Self::Time => Some(millisecond(left)?.cmp(&millisecond(right)?)),
            Self::Rank(order) => {
                let rank = |text: &str| order.iter().position(|name| *name == text);
                Some(rank(left)?.cmp(&rank(right)?))
            }
        }
    }
}

/// `xs:boolean` as clients write it.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "true" | "True" | "1" => Some(true),
        "false" | "False" | "0" => Some(false),
        _ => None,
    }
}

/// `xs:dateTime` in milliseconds since 1970 UTC; without an offset it counts as UTC.
pub(crate) fn millisecond(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_millisecond());
    }
    // A bare date is its midnight.
    let civil: civil::DateTime = text.trim_end_matches('Z').parse().ok()?;
    Some(civil.in_tz("UTC").ok()?.timestamp().as_millisecond())
}

/// Whether an `xs:dateTime` says its offset from UTC.
pub(crate) fn has_offset(text: &str) -> bool {
    text.trim().parse::<Timestamp>().is_ok()
}

/// `xs:dateTime` in UTC with whole seconds, as Exchange answers.
pub(crate) fn date_time(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_compare_by_their_sort() {
        assert_eq!(Sort::of_element("Subject").compare("ABC", "abc"), Some(Ordering::Equal));
        assert_eq!(Sort::of_element("Size").compare("9", "10"), Some(Ordering::Less));
        assert_eq!(Sort::of_element("IsRead").compare("0", "true"), Some(Ordering::Less));
        assert_eq!(Sort::of_element("Importance").compare("High", "Normal"), Some(Ordering::Greater));
        let (zoned, utc) = ("2026-11-23T09:00:00+01:00", "2026-11-23T08:00:00Z");
        assert_eq!(Sort::of_element("DateTimeReceived").compare(zoned, utc), Some(Ordering::Equal));
        assert_eq!(Sort::of_element("Size").compare("many", "10"), None);
        assert_eq!(date_time(1_763_884_800_123), "2025-11-23T08:00:00Z");
        assert_eq!(millisecond("2025-11-23T08:00:00"), Some(1_763_884_800_000));
    }
}
