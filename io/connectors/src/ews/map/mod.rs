//! How Tieline's nouns look in Exchange, a file per noun.

pub(super) mod contact;
#[cfg(test)]
mod damaged;
pub(super) mod event;
pub(super) mod invitation;
pub(super) mod message;
pub(super) mod property;
mod recurrence;
mod zone;

pub(super) use zone::Schema;
