//! The EWS connector from outside: against servers that are no Exchange, and against the lab's Exchange.

mod autodiscover;
mod busy;
mod deposit;
mod lab;
mod moved;
mod notifications;
mod person;
mod push;
mod reading;
mod records;
mod recurrence;
mod refusals;
mod retries;
mod scripted;
mod sign_in;
mod world;
