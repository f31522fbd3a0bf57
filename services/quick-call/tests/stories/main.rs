//! Stories: a contact comes in, and what the technician sees, and what is written down.

mod calls;
mod fuzz;
mod targets;
mod world;
