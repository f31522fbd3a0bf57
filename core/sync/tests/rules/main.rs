//! The rules that need no history: merging against a reference, what nobody can tell, the directory's fields, and where a user is.

mod directory;
mod later;
mod reference;
mod told;
mod whereabouts;
