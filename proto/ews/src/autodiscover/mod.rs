//! Autodiscover bodies: [`pox`], plain XML since Exchange 2007, and [`soap`], since Exchange 2010.
//!
//! Which addresses to ask, in which order, and what not to trust on the way is the client's business, not this crate's.

pub mod pox;
pub mod soap;
