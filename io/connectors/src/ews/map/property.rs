//! The MAPI properties that Tieline writes and reads on its items.

use tieline_model::DeliveryKey;
use tieline_ports::RecordStamp;
use tieline_proto_ews::{
    DistinguishedPropertySet, ExtendedFieldUri, ExtendedProperty, Item, MapiPropertyType,
};

/// PidTagClientSubmitTime: when the message was sent.
const CLIENT_SUBMIT_TIME: u16 = 0x0039;
/// PidTagMessageDeliveryTime: when it arrived; what mail clients sort by.
const MESSAGE_DELIVERY_TIME: u16 = 0x0e06;
/// PidTagMessageFlags: only at creation may a client say that an item is no draft.
const MESSAGE_FLAGS: u16 = 0x0e07;
/// The bit of [`MESSAGE_FLAGS`] for a message that was read.
const READ: u32 = 1;

/// The mark by which an item of ours is found again.
pub(crate) fn delivery_id() -> ExtendedFieldUri {
    ours("TielineDeliveryId")
}

/// The journey that brought it there.
fn trace_id() -> ExtendedFieldUri {
    ours("TielineTraceId")
}

/// Says that the item was born in Tieline, so that no job ever takes it for one of Exchange's.
fn origin() -> ExtendedFieldUri {
    ours("TielineOrigin")
}

fn ours(name: &str) -> ExtendedFieldUri {
    ExtendedFieldUri::name(DistinguishedPropertySet::PublicStrings, name, MapiPropertyType::String)
}

/// The properties that make an item ours.
pub(super) fn marks(key: DeliveryKey, trace: tieline_model::TraceId) -> [ExtendedProperty; 3] {
    [
        ExtendedProperty::new(delivery_id(), key.to_string()),
        ExtendedProperty::new(trace_id(), trace.to_string()),
        ExtendedProperty::new(origin(), "tieline"),
    ]
}

/// The link between a contact or event of Tieline's and its item.
pub(crate) fn link_id() -> ExtendedFieldUri {
    ours("TielineLinkId")
}

/// The last write of ours to the item.
pub(crate) fn write_id() -> ExtendedFieldUri {
    ours("TielineWriteId")
}

/// Which join data stand in a meeting.
pub(crate) fn join_mark() -> ExtendedFieldUri {
    ours("TielineJoin")
}

/// A property that other programs know by this name.
pub(crate) fn public_string(name: &str) -> ExtendedFieldUri {
    ours(name)
}

/// A contact's UID, for which Exchange has no place.
pub(crate) fn record_uid() -> ExtendedFieldUri {
    ours("TielineUid")
}

/// The UC location that somebody assigned to an event.
pub(crate) fn uc_location() -> ExtendedFieldUri {
    ours("TielineLocation")
}

/// PidLidAppointmentStateFlags ([MS-OXOCAL] section 2.2.1.10), from which Exchange derives `IsMeeting` and `IsCancelled`.
pub(crate) fn appointment_state() -> ExtendedFieldUri {
    ExtendedFieldUri::id(DistinguishedPropertySet::Appointment, 0x8217, MapiPropertyType::Integer)
}

/// Who a meeting comes from, where that is not the mailbox's owner: PidTagSentRepresentingName, AddressType and
/// EmailAddress.
pub(crate) fn organized_by(address: &str) -> [ExtendedProperty; 3] {
    [(0x0042, address), (0x0064, "SMTP"), (0x0065, address)]
        .map(|(tag, text)| ExtendedProperty::new(tag_of(tag, MapiPropertyType::String), text))
}

/// The changed and cancelled occurrences that a series is still to get: what a crash leaves undone is done by whoever
/// reads the item next.
pub(crate) fn series_pending() -> ExtendedFieldUri {
    ours("TielineSeriesPending")
}

/// The mark on a contact or event, if it has one that can be ours.
pub(crate) fn stamp_of(item: &Item) -> Option<RecordStamp> {
    let text = |uri: &ExtendedFieldUri| item.extended_property(uri)?.value.as_deref().map(str::trim);
    Some(RecordStamp { link: text(&link_id())?.parse().ok()?, write: text(&write_id())?.parse().ok()? })
}

/// A contact's UID, if we wrote one.
pub(crate) fn record_uid_of(item: &Item) -> Option<String> {
    item.extended_property(&record_uid())?.value.clone().filter(|uid| !uid.is_empty())
}

/// The mark on an item, if it has one that can be ours.
pub(crate) fn key_of(item: &Item) -> Option<DeliveryKey> {
    item.extended_property(&delivery_id())?.value.as_deref()?.trim().parse().ok()
}

/// The properties that make a saved item look received: its dates, and that it is no draft.
pub(super) fn received(at: jiff::Timestamp, read: bool) -> [ExtendedProperty; 3] {
    let time = |tag| ExtendedProperty::new(tag_of(tag, MapiPropertyType::SystemTime), seconds(at));
    let flags = if read { READ } else { 0 };
    [
        time(CLIENT_SUBMIT_TIME),
        time(MESSAGE_DELIVERY_TIME),
        ExtendedProperty::new(tag_of(MESSAGE_FLAGS, MapiPropertyType::Integer), flags.to_string()),
    ]
}

/// `xs:dateTime` in UTC, to the second: what every version of Exchange reads.
fn seconds(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The voice properties of [MS-OXOUM] section 2.2.5, which Outlook and voice mail players read, and the same as
/// named Internet headers, which survive where tags do not (forwarding, IMAP).
#[derive(Debug, Default)]
pub(super) struct Voice<'a> {
    pub(super) duration_s: Option<u32>,
    pub(super) number: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) pages: Option<u32>,
    /// Names of the audio attachments, newest first.
    pub(super) attachments: Option<&'a str>,
    pub(super) call_id: Option<&'a str>,
}

impl Voice<'_> {
    pub(super) fn properties(&self) -> Vec<ExtendedProperty> {
        use MapiPropertyType::{Integer, Short, String};
        let duration = self.duration_s.map(|seconds| seconds.to_string());
        // The twin is a 16-bit number: a recording of more than nine hours says nine hours there.
        let duration_short = self.duration_s.map(|seconds| seconds.min(i16::MAX as u32).to_string());
        let pages = self.pages.map(|pages| pages.to_string());
        let pages_short = self.pages.map(|pages| pages.min(i16::MAX as u32).to_string());
        [
            (tag_of(0x6801, Integer), duration.as_deref()),
            (tag_of(0x6802, String), self.number),
            (tag_of(0x6803, String), self.name),
            (tag_of(0x6804, Integer), pages.as_deref()),
            (tag_of(0x6805, String), self.attachments),
            (tag_of(0x6806, String), self.call_id),
            (header("X-VoiceMessageDuration", Short), duration_short.as_deref()),
            (header("X-CallingTelephoneNumber", String), self.number),
            (header("X-VoiceMessageSenderName", String), self.name),
            (header("X-FaxNumberOfPages", Short), pages_short.as_deref()),
            (header("X-AttachmentOrder", String), self.attachments),
            (header("X-CallID", String), self.call_id),
        ]
        .into_iter()
        .filter_map(|(uri, value)| value.map(|value| ExtendedProperty::new(uri, value)))
        .collect()
    }
}

fn tag_of(tag: u16, property_type: MapiPropertyType) -> ExtendedFieldUri {
    ExtendedFieldUri::tag(tag, property_type)
}

fn header(name: &str, property_type: MapiPropertyType) -> ExtendedFieldUri {
    ExtendedFieldUri::name(DistinguishedPropertySet::InternetHeaders, name, property_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(extended_properties: Vec<ExtendedProperty>) -> Item {
        Item { extended_properties, ..Item::default() }
    }

    #[test]
    fn the_mark_is_found_however_the_server_addresses_it() {
        let key = DeliveryKey::from_uuid(uuid::Uuid::from_u128(7));
        let mut property = ExtendedProperty::new(delivery_id(), key.to_string());
        assert_eq!(key_of(&item(vec![property.clone()])), Some(key));
        property.extended_field_uri.distinguished_property_set_id = None;
        property.extended_field_uri.property_set_id = Some("00020329-0000-0000-C000-000000000046".to_owned());
        assert_eq!(key_of(&item(vec![property])), Some(key));
    }

    #[test]
    fn what_is_no_mark_of_ours_is_none() {
        let forged = ExtendedProperty::new(delivery_id(), "dk_not-a-key");
        let other =
            ExtendedProperty::new(ours("Other"), DeliveryKey::from_uuid(uuid::Uuid::nil()).to_string());
        assert_eq!(key_of(&item(vec![forged])), None);
        assert_eq!(key_of(&item(vec![other])), None);
        assert_eq!(key_of(&item(Vec::new())), None);
    }

    #[test]
    fn times_have_no_fraction() {
        let at: jiff::Timestamp = "2026-11-23T08:15:30.123456Z".parse().unwrap();
        assert_eq!(seconds(at), "2026-11-23T08:15:30Z");
    }
}
