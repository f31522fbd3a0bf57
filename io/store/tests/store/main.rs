//! What the store promises, told once and held against both databases.

mod conference;
mod configuration;
mod events;
mod jobs;
mod messages;
mod quick_call;
mod records;
mod secrets;
mod sign_in;
mod site;
mod trouble;
