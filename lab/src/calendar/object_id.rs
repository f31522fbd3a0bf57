//! The identity of a meeting across mailboxes: `UID`, and the properties GlobalObjectId and CleanGlobalObjectId
//! ([MS-OXOCAL] section 2.2.1.27).

use jiff::Timestamp;
use uuid::Uuid;

const PREFIX: [u8; 16] = [4, 0, 0, 0, 0x82, 0, 0xe0, 0, 0x74, 0xc5, 0xb7, 0x10, 0x1a, 0x82, 0xe0, 8];

/// A new meeting's identity, as `UID` shows it.
pub(crate) fn new_uid(now: Timestamp, random: Uuid) -> String {
    // Windows counts in units of 100 ns from 1601.
    let ticks = (now.as_microsecond() + 11_644_473_600_000_000).saturating_mul(10);
    let mut bytes = PREFIX.to_vec();
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&ticks.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    bytes.extend_from_slice(random.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// GlobalObjectId of a meeting, or of its occurrence on `day` (20261123).
pub(crate) fn global_object_id(uid: &str, day: Option<i64>) -> Vec<u8> {
    let mut bytes = clean_global_object_id(uid);
    if let Some(day) = day {
        let year = u16::try_from(day / 10_000).unwrap_or(0).to_be_bytes();
        let part = |number: i64| u8::try_from(number % 100).unwrap_or(0);
        let date = [year[0], year[1], part(day / 100), part(day)];
        for (place, byte) in bytes.iter_mut().skip(16).zip(date) {
            *place = byte;
        }
    }
    bytes
}

/// CleanGlobalObjectId: the same for a series and all its occurrences.
pub(crate) fn clean_global_object_id(uid: &str) -> Vec<u8> {
    if let Some(mut bytes) = from_hex(uid).filter(|bytes| bytes.starts_with(&PREFIX) && bytes.len() >= 40) {
        bytes.iter_mut().skip(16).take(4).for_each(|byte| *byte = 0);
        return bytes;
    }
    // A foreign UID is wrapped up whole.
    let mut data = b"vCal-Uid\x01\0\0\0".to_vec();
    data.extend_from_slice(uid.as_bytes());
    data.push(0);
    let mut bytes = PREFIX.to_vec();
    bytes.extend_from_slice(&[0; 20]);
    bytes.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(&data);
    bytes
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() % 2 == 1 {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occurrences_id_names_its_day_and_the_clean_one_does_not() {
        let uid = new_uid(Timestamp::UNIX_EPOCH, Uuid::from_u128(7));
        assert_eq!(uid.len(), 112);
        let (series, one) = (global_object_id(&uid, None), global_object_id(&uid, Some(20_261_123)));
        assert_eq!(series, clean_global_object_id(&uid));
        assert_eq!(one.get(16..20), Some(&[7, 0xea, 11, 23][..]));
        assert_eq!((one.get(..16), one.get(20..)), (series.get(..16), series.get(20..)));
    }

    #[test]
    fn a_foreign_uid_is_kept_whole() {
        let id = global_object_id("a-uid@example.org", None);
        assert!(id.ends_with(b"vCal-Uid\x01\0\0\0a-uid@example.org\0"));
    }
}
