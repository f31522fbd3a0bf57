//! The statements, a file per noun. Compiled once for each database; what differs comes from the parent module.

pub(crate) mod change_set;
pub(crate) mod conference;
pub(crate) mod config;
pub(crate) mod content;
pub(crate) mod deletion;
pub(crate) mod event;
pub(crate) mod feed;
pub(crate) mod group;
pub(crate) mod job;
pub(crate) mod lease;
pub(crate) mod location;
pub(crate) mod mailbox;
pub(crate) mod message;
pub(crate) mod op;
pub(crate) mod picture;
pub(crate) mod quick_call;
pub(crate) mod record;
pub(crate) mod remote;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod secret;
pub(crate) mod session;
pub(crate) mod snapshot;
pub(crate) mod spool;
pub(crate) mod sweep;
pub(crate) mod sync;
pub(crate) mod trust;
pub(crate) mod user;

use super::{Conn, Db, Link, announce, begin, control, place};
