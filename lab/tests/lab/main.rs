//! The lab asked over HTTP, as any client would.

mod calamities;
mod captures;
mod client;
mod ews_crate;
mod faults;
mod items;
mod ldap;
mod meetings;
mod occurrences;
mod readers;
mod services;
mod sign_in;
mod streams;
mod surface;
mod table;
mod versions;
