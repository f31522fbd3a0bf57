//! The people in memory: compact records, found by id, address and number.

mod book;
mod index;
mod interner;
mod likeness;
mod record;
mod walk;

pub(crate) use book::{Book, Change};
pub(crate) use walk::{each, named, nearest, page};
