//! The black-box suites: one binary, one module a story.

mod bad_input;
mod calendar;
mod conferencing;
mod contacts;
mod demo;
mod foreign_clients;
mod in_step;
mod journey;
mod judges;
mod kills;
mod lab_judges;
mod lights;
mod meeting_rooms;
mod operation;
mod phone_book;
mod preflight;
mod process;
mod quick_call;
mod rest_api;
mod saved_contacts;
mod secrets;
mod settings;
mod sign_in;
mod spool;
mod trust;
