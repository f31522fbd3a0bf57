//! Opaque ids: items, folders, attachments, change keys, sync states, watermarks and subscriptions.
//!
//! Laid out like real ones (base64 over a mailbox GUID and a counter), so that they are case-sensitive, long and
//! differ in a single letter's case between neighbours. Clients must not look inside.

use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::{Builder, Uuid};

use crate::store::item::Item;

const PREFIX: [u8; 3] = [0, 3, 36];
const GUID_TEXT: usize = 36;

/// How long ids are, in bytes before base64, as Exchange's are: some clients tell ids from file names by length.
fn length_of(kind: u8) -> usize {
    match kind {
        1 => 89,
        21 => 143,
        _ => 113,
    }
}

/// What an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Folder(i64),
    Item(i64),
    /// The occurrence of a series that the pattern puts on a day (20261123).
    Occurrence {
        series: i64,
        day: i64,
    },
    Attachment {
        item: i64,
        attachment: i64,
    },
}

/// An id taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) mailbox: Uuid,
    pub(crate) named: Named,
}

impl Id {
    /// The base64 form.
    pub(crate) fn encode(&self) -> String {
        let mut bytes = PREFIX.to_vec();
        bytes.extend_from_slice(self.mailbox.hyphenated().to_string().as_bytes());
        let (kind, numbers) = match self.named {
            Named::Folder(folder) => (1, vec![folder]),
            Named::Item(item) => (9, vec![item]),
            Named::Occurrence { series, day } => (15, vec![series, day]),
            Named::Attachment { item, attachment } => (21, vec![item, attachment]),
        };
        bytes.push(kind);
        for number in numbers {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.resize(length_of(kind), 0);
        STANDARD.encode(bytes)
    }

    /// Reads the base64 form; `None` for anything this lab cannot have made.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let rest = bytes.strip_prefix(&PREFIX)?;
        let (guid, rest) = rest.split_at_checked(GUID_TEXT)?;
        let mailbox = Uuid::try_parse_ascii(guid).ok()?;
        let (kind, numbers) = rest.split_first()?;
        let number = |at: usize| -> Option<i64> {
            Some(i64::from_be_bytes(numbers.get(at..at + 8)?.try_into().ok()?))
        };
        let (named, used) = match kind {
            1 => (Named::Folder(number(0)?), 8),
            9 => (Named::Item(number(0)?), 8),
            15 => (Named::Occurrence { series: number(0)?, day: number(8)? }, 16),
            21 => (Named::Attachment { item: number(0)?, attachment: number(8)? }, 16),
            _ => return None,
        };
        if bytes.len() != length_of(*kind) || numbers.iter().skip(used).any(|byte| *byte != 0) {
            return None;
        }
        Some(Self { mailbox, named })
    }
}

/// The id of an item.
pub(crate) fn item_id(mailbox: Uuid, item: i64) -> String {
    Id { mailbox, named: Named::Item(item) }.encode()
}

/// The id of what a row shows: an item, or an occurrence of a series.
pub(crate) fn of_row(mailbox: Uuid, row: &Item) -> String {
    match row.occurrence {
        Some(place) => occurrence_id(mailbox, row.item, place.day),
        None => item_id(mailbox, row.item),
    }
}

/// The id of an occurrence: the series and the day on which the pattern puts it.
pub(crate) fn occurrence_id(mailbox: Uuid, series: i64, day: i64) -> String {
    Id { mailbox, named: Named::Occurrence { series, day } }.encode()
}

/// The id of a folder.
pub(crate) fn folder_id(mailbox: Uuid, folder: i64) -> String {
    Id { mailbox, named: Named::Folder(folder) }.encode()
}

/// The id of an attachment; it names its item too, so it changes when the item moves.
pub(crate) fn attachment_id(mailbox: Uuid, item: i64, attachment: i64) -> String {
    Id { mailbox, named: Named::Attachment { item, attachment } }.encode()
}

/// A change key for a version of an item (`kind` 9) or folder (`kind` 1).
pub(crate) fn change_key(kind: u32, mailbox: Uuid, version: i64) -> String {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend_from_slice(&22_u32.to_le_bytes());
    bytes.extend_from_slice(mailbox.as_bytes());
    bytes.extend(version.to_be_bytes().iter().skip(2));
    STANDARD.encode(bytes)
}

/// The version inside a change key; `None` when it is malformed.
pub(crate) fn version_of(change_key: &str) -> Option<i64> {
    let bytes = STANDARD.decode(change_key).ok()?;
    let counter: [u8; 6] = bytes.get(24..)?.try_into().ok()?;
    Some(counter.iter().fold(0, |number, byte| number << 8 | i64::from(*byte)))
}

/// How far a client's synchronisation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyncState {
    pub(crate) mailbox: Uuid,
    pub(crate) folder: i64,
    /// 1 for items, 2 for items with associated ones, 3 for folders.
    pub(crate) scope: u8,
    /// Changes up to this one are known to the client.
    pub(crate) seq: i64,
    /// During the first listing: items below this number are still to come.
    pub(crate) below: Option<i64>,
}

impl SyncState {
    /// The base64 form.
    pub(crate) fn encode(&self) -> String {
        let mut bytes = vec![b'H', b'4', b's', self.scope];
        bytes.extend_from_slice(self.mailbox.as_bytes());
        bytes.extend_from_slice(&self.folder.to_be_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.below.unwrap_or(0).to_be_bytes());
        STANDARD.encode(bytes)
    }

    /// Reads the base64 form.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim()).ok()?;
        let rest = bytes.strip_prefix(b"H4s")?;
        let (scope, rest) = rest.split_first()?;
        let (guid, rest) = rest.split_at_checked(16)?;
        let number =
            |at: usize| -> Option<i64> { Some(i64::from_be_bytes(rest.get(at..at + 8)?.try_into().ok()?)) };
        let below = number(16)?;
        (rest.len() == 24).then_some(Self {
            mailbox: Uuid::from_slice(guid).ok()?,
            folder: number(0)?,
            scope: *scope,
            seq: number(8)?,
            below: (below != 0).then_some(below),
        })
    }
}

/// A watermark: a place in a mailbox's change log.
pub(crate) fn watermark(mailbox: Uuid, seq: i64) -> String {
    let mut bytes = vec![1, 0, 0, 0];
    bytes.extend_from_slice(mailbox.as_bytes());
    bytes.extend_from_slice(&seq.to_be_bytes());
    STANDARD.encode(bytes)
}

/// The place inside a watermark of this mailbox; `None` for others.
pub(crate) fn place_of(watermark: &str, mailbox: Uuid) -> Option<i64> {
    let bytes = STANDARD.decode(watermark.trim()).ok()?;
    let rest = bytes.strip_prefix(&[1, 0, 0, 0])?.strip_prefix(mailbox.as_bytes())?;
    Some(i64::from_be_bytes(rest.try_into().ok()?))
}

/// A new subscription id.
pub(crate) fn subscription_id(mailbox: Uuid) -> String {
    let server = b"mail.lab.example";
    let mut bytes = (server.len() as u16).to_le_bytes().to_vec();
    bytes.extend_from_slice(server);
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    bytes.extend_from_slice(random_uuid().as_bytes());
    bytes.extend_from_slice(mailbox.as_bytes());
    STANDARD.encode(bytes)
}

/// 16 random bytes as a version 4 UUID.
pub(crate) fn random_uuid() -> Uuid {
    let mut bytes = [0; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Without entropy ids could repeat; the system's own source does not fail after boot.
        tracing::error!(%error, "lab found no entropy");
    }
    Builder::from_random_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAILBOX: Uuid = Uuid::from_u128(0x0123_4567_89ab_4def_8123_4567_89ab_cdef);

    #[test]
    fn ids_round_trip_and_neighbours_differ_in_case_only() {
        for named in [
            Named::Folder(7),
            Named::Item(26),
            Named::Occurrence { series: 3, day: 20_261_123 },
            Named::Attachment { item: 3, attachment: 9 },
        ] {
            let id = Id { mailbox: MAILBOX, named };
            assert_eq!(Id::decode(&id.encode()), Some(id));
        }
        let (upper, lower) = (item_id(MAILBOX, 64), item_id(MAILBOX, 64 + 26));
        assert_ne!(upper, lower);
        assert!(upper.eq_ignore_ascii_case(&lower), "{upper} {lower}");
        assert_eq!(Id::decode("DUMMY"), None);
        assert_eq!(Id::decode(&upper.to_lowercase()), None);
        assert!(upper.len() <= 512);
    }

    #[test]
    fn keys_states_and_watermarks_round_trip() {
        assert_eq!(version_of(&change_key(9, MAILBOX, 0x0001_0203_0405)), Some(0x0001_0203_0405));
        assert_eq!(version_of("AAAA"), None);
        let state = SyncState { mailbox: MAILBOX, folder: 4, scope: 1, seq: 99, below: Some(12) };
        assert_eq!(SyncState::decode(&state.encode()), Some(state));
        assert_eq!(SyncState::decode("SDRz"), None);
        assert_eq!(place_of(&watermark(MAILBOX, 17), MAILBOX), Some(17));
        assert_eq!(place_of(&watermark(MAILBOX, 17), Uuid::nil()), None);
    }
}
