//! Passes over the directory: everybody, or what has changed.
//!
//! A listing that broke off, or that the server cut short, is an error and changes nothing. A complete one in which
//! nobody is left, or from which too many are missing at once, enters who is there and forgets nobody.

mod changes;
mod dir_sync;
mod listing;
mod marker;
mod root;

pub(crate) use changes::changes;
pub(crate) use listing::{Merged, list_everybody, merge};
pub(crate) use marker::Marker;
pub(crate) use root::Root;

use std::sync::Arc;

use tieline_model::{DirectoryId, Person};

use crate::config::DirectoryConfig;

/// What a pass over changes found.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) people: Vec<Person>,
    /// Reported as deleted, by name.
    pub(crate) gone: Vec<DirectoryId>,
    pub(crate) unusable: usize,
    pub(crate) marker: Option<Marker>,
}

type Config = Arc<DirectoryConfig>;
