//! The lab asked over HTTP, as any client would.

mod captures;
mod client;
mod faults;
mod items;
mod streams;
mod surface;
