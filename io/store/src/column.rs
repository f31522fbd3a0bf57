//! What lies in columns, and what it means: times in milliseconds, entries as JSON.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// A time read from a `_ms` column.
pub(crate) fn time(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(|error| StoreError::corrupt("a time", error))
}

/// `now + ttl`, in milliseconds; at most the end of time.
pub(crate) fn ms_after(now: Timestamp, ttl: SignedDuration) -> i64 {
    now.saturating_add(ttl).unwrap_or(Timestamp::MAX).as_millisecond()
}

/// An entry as it is stored.
pub(crate) fn json(entry: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(entry).map_err(|error| StoreError::corrupt("an entry", error))
}

/// A stored entry.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::corrupt("an entry", error))
}

/// A stored word of a fixed list.
pub(crate) fn word<T>(found: Option<T>, text: &str) -> Result<T, StoreError> {
    found.ok_or_else(|| StoreError::corrupt("a word", format!("{text:?} is not known")))
}

/// A count for a column of 64 signed bits.
pub(crate) fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A count from such a column.
pub(crate) fn natural(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A count that is kept in 32 bits.
pub(crate) fn small(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

/// Turns a foreign key's "contradiction" into a sentence about what is missing.
pub(crate) fn or_unknown(error: StoreError, noun: &str, id: impl std::fmt::Display) -> StoreError {
    match error {
        StoreError::Conflict(refusal) if refusal.code == "contradiction" => unknown(noun, id),
        other => other,
    }
}

/// There is no such entry.
pub(crate) fn unknown(noun: &str, id: impl std::fmt::Display) -> StoreError {
    StoreError::conflict(
        &format!("unknown-{}", noun.replace(' ', "-")),
        format!("there is no {noun} {id}"),
        format!("check the id; tieline {} list shows them all", noun.replace(' ', "-")),
    )
}
