//! How far the directory has been read.

use tieline_ports::ChangeTracking;
use tieline_proto_ldap::{Entry, Filter};

/// How long before the last change that was seen reading begins again: a replica may receive a change later than a newer
/// one.
const OVERLAP: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// A place in the stream of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Marker {
    /// The cookie of DirSync, good at every domain controller.
    DirSync(Vec<u8>),
    /// A number of one domain controller.
    UpdateSequence { service: String, last: u64 },
    /// The greatest `entryCSN` seen.
    EntryCsn(String),
    /// The greatest `modifyTimestamp` seen.
    ModifyTimestamp(String),
}

impl Marker {
    pub(crate) fn tracking(&self) -> ChangeTracking {
        match self {
            Self::DirSync(_) => ChangeTracking::DirSync,
            Self::UpdateSequence { .. } => ChangeTracking::UpdateSequence,
            Self::EntryCsn(_) => ChangeTracking::EntryCsn,
            Self::ModifyTimestamp(_) => ChangeTracking::ModifyTimestamp,
        }
    }

    /// What lies behind it; `None` where a filter cannot say that.
    pub(crate) fn filter(&self) -> Option<Filter> {
        match self {
            Self::DirSync(_) => None,
            Self::UpdateSequence { last, .. } => {
                Some(Filter::at_least("uSNChanged", last.saturating_add(1).to_string()))
            }
            Self::EntryCsn(last) => Some(Filter::at_least("entryCSN", overlapped_csn(last))),
            Self::ModifyTimestamp(last) => Some(Filter::at_least("modifyTimestamp", overlapped(last))),
        }
    }
}

/// Learns the newest change from the entries of a listing.
#[derive(Debug, Default)]
pub(super) struct Newest {
    csn: Option<String>,
    timestamp: Option<String>,
}

impl Newest {
    /// What a search must ask for besides.
    pub(super) const WANTED: [&str; 2] = ["entryCSN", "modifyTimestamp"];

    pub(super) fn see(&mut self, entry: &Entry) {
        // Both forms sort as texts do: they begin with the year and have fixed widths.
        let newest = |slot: &mut Option<String>, name| {
            let value = entry.text(name).filter(|value| parsed(value).is_some());
            if let Some(value) = value.filter(|value| slot.as_deref().is_none_or(|known| *value > known)) {
                *slot = Some(value.to_owned());
            }
        };
        newest(&mut self.csn, "entryCSN");
        newest(&mut self.timestamp, "modifyTimestamp");
    }

    pub(super) fn marker(self, wanted: Option<ChangeTracking>) -> Option<Marker> {
        match wanted {
            None => self.csn.map(Marker::EntryCsn).or(self.timestamp.map(Marker::ModifyTimestamp)),
            Some(ChangeTracking::EntryCsn) => self.csn.map(Marker::EntryCsn),
            Some(ChangeTracking::ModifyTimestamp) => self.timestamp.map(Marker::ModifyTimestamp),
            Some(_) => None,
        }
    }
}

/// The time at the beginning of a GeneralizedTime or a CSN, `YYYYmmddHHMMSS`.
fn parsed(text: &str) -> Option<jiff::civil::DateTime> {
    jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", text.get(..14)?).ok()
}

fn overlapped(text: &str) -> String {
    match parsed(text).and_then(|time| time.checked_sub(OVERLAP).ok()) {
        Some(time) => format!("{}Z", time.strftime("%Y%m%d%H%M%S")),
        None => text.to_owned(),
    }
}

fn overlapped_csn(text: &str) -> String {
    match parsed(text).and_then(|time| time.checked_sub(OVERLAP).ok()) {
        Some(time) => format!("{}.000000Z#000000#000#000000", time.strftime("%Y%m%d%H%M%S")),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_proto_ldap::Attribute;

    #[test]
    fn reading_begins_again_a_little_before_the_newest_change() {
        let mut newest = Newest::default();
        for (csn, time) in [
            ("20260301100000.000001Z#000000#000#000000", "20260301100000Z"),
            ("20260301100000.000002Z#000000#000#000000", "20260228000000Z"),
            ("nonsense", "99999999999999Z"),
        ] {
            let attributes =
                vec![Attribute::new("entryCSN", [csn]), Attribute::new("modifyTimestamp", [time])];
            newest.see(&Entry { dn: String::new(), attributes });
        }
        let marker = newest.marker(None).unwrap();
        assert_eq!(marker, Marker::EntryCsn("20260301100000.000002Z#000000#000#000000".to_owned()));
        assert_eq!(
            marker.filter().unwrap().to_string(),
            "(entryCSN>=20260301095900.000000Z#000000#000#000000)"
        );
        let marker = Marker::ModifyTimestamp("20260301000000Z".to_owned());
        assert_eq!(marker.filter().unwrap().to_string(), "(modifyTimestamp>=20260228235900Z)");
        let marker = Marker::UpdateSequence { service: String::new(), last: 41 };
        assert_eq!(marker.filter().unwrap().to_string(), "(uSNChanged>=42)");
    }
}
