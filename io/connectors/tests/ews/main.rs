//! The EWS connector from outside: against servers that are no Exchange, and against the lab's Exchange.

mod autodiscover;
mod busy;
mod deposit;
mod lab;
mod notifications;
mod person;
mod reading;
mod records;
mod refusals;
mod scripted;
mod sign_in;
mod world;
