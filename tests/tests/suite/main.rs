//! The black-box suites: one binary, one module a story.

mod bad_input;
mod journey;
mod judges;
mod kills;
mod lab_judges;
mod lights;
mod settings;
mod spool;
