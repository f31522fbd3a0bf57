//! Stories of messaging: a real store and a real worker, with a mail system and lamps that live in memory and fail on
//! demand. The clock stands still until a story moves it.

mod convergence;
mod delivery;
mod following;
mod lamps;
mod light;
mod limits;
mod mail;
mod settings;
mod spool;
mod world;
