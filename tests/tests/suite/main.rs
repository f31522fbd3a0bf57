//! The black-box suites: one binary, one module a story.

mod judges;
