//! The rules that need no history: merging against a reference, the directory's fields, and where a user is.

mod directory;
mod reference;
mod whereabouts;
