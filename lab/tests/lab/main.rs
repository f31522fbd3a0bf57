//! The lab asked over HTTP, as any client would.

mod captures;
mod client;
mod faults;
mod items;
mod ldap;
mod meetings;
mod services;
mod sign_in;
mod streams;
mod surface;
mod table;
mod versions;
