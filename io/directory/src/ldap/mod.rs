//! Connections to directory servers.

mod connection;
mod lookups;
mod servers;

pub(crate) use connection::Connection;
pub(crate) use lookups::Lookups;
pub(crate) use servers::Servers;
