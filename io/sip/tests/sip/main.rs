//! SIP from the outside: watchers, targets, the wire, and the judges sipp and Kamailio.

mod calls;
mod judges;
mod support;
mod targets;
mod watching;
mod wire;
