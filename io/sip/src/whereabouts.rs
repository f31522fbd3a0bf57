//! Where a person is, in the words of presence documents.

use jiff::Timestamp;
use tieline_model::UcLocation;
use tieline_proto_sip::{Activity, PlaceType, Presence};

/// Where a person is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// Where.
    pub location: UcLocation,
    /// Since when.
    pub since: Timestamp,
    /// Rises with every change; an older one never follows a newer one.
    pub revision: u64,
    /// Names the change that led here, for `explain`.
    pub trace: Option<String>,
}

impl Whereabouts {
    pub(crate) fn presence(&self, entity: &str) -> Presence {
        let (activity, place) = match self.location {
            UcLocation::Office => (None, Some(PlaceType::Office)),
            UcLocation::Meeting => (Some(Activity::Meeting), None),
            UcLocation::Home => (None, Some(PlaceType::Residence)),
            // No name of a place says so; the note does.
            UcLocation::Mobile => (None, None),
            UcLocation::Travel => (Some(Activity::Travel), None),
            UcLocation::OutOfOffice => (Some(Activity::Away), None),
            UcLocation::Vacation => (Some(Activity::Vacation), None),
        };
        Presence {
            entity: entity.to_owned(),
            activity,
            place,
            note: self.location.label().to_owned(),
            since: self.since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AV-80 (presence)
    #[test]
    fn every_location_says_what_it_is() {
        for location in UcLocation::ALL {
            let now =
                Whereabouts { location: *location, since: Timestamp::UNIX_EPOCH, revision: 1, trace: None };
            let text = now.presence("sip:1001@x.example").to_string();
            assert!(text.contains(&format!("<dm:note>{}</dm:note>", location.label())), "{text}");
        }
        let meeting = Whereabouts {
            location: UcLocation::Meeting,
            since: Timestamp::UNIX_EPOCH,
            revision: 1,
            trace: None,
        };
        assert!(meeting.presence("sip:1001@x.example").to_string().contains("<rpid:meeting/>"));
    }
}
