//! What takes a mailbox's time: its default calendar, series expanded.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::entry::shown_as;
use crate::{
    calendar::{Appointment, Occurrence, Series},
    document::Document,
    store::{folder, item, item::Item, occurrence},
};

/// One entry of a calendar within a window.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// The item, or the series.
    pub(crate) item: i64,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    /// `LegacyFreeBusyStatus`.
    pub(crate) status: String,
    pub(crate) row: Item,
}

/// The entries that overlap a window, by their start.
pub(crate) async fn taken(
    tx: &mut SqliteConnection,
    mailbox: i64,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Taken>, sqlx::Error> {
    let Some(calendar) = folder::by_distinguished(tx, mailbox, "calendar").await? else {
        return Ok(Vec::new());
    };
    let rows = item::of_folder(tx, &calendar, false, true).await?;
    let exceptions = occurrence::of_folder(tx, calendar.folder).await?;
    let mut found = Vec::new();
    for row in rows {
        let own = exceptions.get(&row.item).map(Vec::as_slice).unwrap_or_default();
        found.extend(expanded(&row, own, from, to).into_iter().map(|(row, start, end)| {
            let status = Document::from_bytes(&row.document).text("LegacyFreeBusyStatus");
            Taken { item: row.item, start, end, status: status.unwrap_or_else(|| "Busy".to_owned()), row }
        }));
    }
    found.sort_by_key(|taken| taken.start);
    Ok(found)
}

/// A row as it lies in a window: itself, its occurrences, or nothing.
pub(crate) fn expanded(
    row: &Item,
    exceptions: &[crate::calendar::Exception],
    from: Timestamp,
    to: Timestamp,
) -> Vec<(Item, Timestamp, Timestamp)> {
    let Some(appointment) = Appointment::of(&Document::from_bytes(&row.document)) else { return Vec::new() };
    let Some(series) = Series::new(&appointment, exceptions) else {
        let (start, end) = (appointment.start, appointment.end);
        let alone = Occurrence { day: 0, original_start: start, start, end, is_exception: false };
        return if alone.overlaps(from, to) { vec![(row.clone(), start, end)] } else { Vec::new() };
    };
    let within = series.within(from, to);
    within.iter().map(|place| (shown_as(row, place, exceptions), place.start, place.end)).collect()
}
