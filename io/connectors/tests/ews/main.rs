//! The EWS connector from outside: against servers that are no Exchange, and against the lab's Exchange.

mod notifications;
mod refusals;
mod scripted;
mod world;
