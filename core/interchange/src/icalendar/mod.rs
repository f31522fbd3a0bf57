//! An event, or a series with its exceptions, as iCalendar.

mod read;
#[cfg(test)]
mod tests;
mod write;

use calcard::icalendar::{
    ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarProperty, ICalendarValue,
};

pub use read::read;
pub use write::write;

/// What Outlook calls the free/busy status.
const BUSY_STATUS: &str = "X-MICROSOFT-CDO-BUSYSTATUS";
/// The UC location that somebody assigned.
const UC_LOCATION: &str = "X-TIELINE-UC-LOCATION";

pub(crate) fn component(kind: ICalendarComponentType) -> ICalendarComponent {
    ICalendarComponent { component_type: kind, entries: Vec::new(), component_ids: Vec::new() }
}

pub(crate) fn entry(name: ICalendarProperty, text: impl Into<String>) -> ICalendarEntry {
    ICalendarEntry { name, params: Vec::new(), values: vec![ICalendarValue::Text(text.into())] }
}
