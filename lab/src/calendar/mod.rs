//! Calendars: when things happen, how they recur, who is invited, and when people are free. Pure: no store, no clock.
//!
//! An appointment is read from an item's document ([`Appointment`]) and put in order there ([`complete`]). A series
//! is an appointment with a recurrence and its exceptions ([`Series`]); an exception keeps only what differs from the
//! series. An occurrence is known by the day on which the pattern puts it, which never changes, however far the
//! occurrence is moved. What becomes of a meeting when messages about it come and go is the `attendant`'s.

mod appointment;
pub(crate) mod attendees;
pub(crate) mod free_busy;
pub(crate) mod object_id;
mod processing;
mod recurrence;
mod series;
pub(crate) mod suggestions;
pub(crate) mod work_hours;
pub(crate) mod zone;

pub(crate) use appointment::{Appointment, Wrong, complete, fragment, typed};
pub use processing::{CalendarProcessing, Processing};
pub(crate) use recurrence::Invalid;
pub(crate) use series::{Deleted, Exception, Occurrence, Series, day_number_of, difference, merged};
