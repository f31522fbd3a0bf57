//! A meeting's entry in a calendar: an item, or one occurrence of a series.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use crate::{
    calendar::{Appointment, Exception, Occurrence, Series, difference, merged},
    content,
    document::Document,
    property::millisecond,
    store::{
        item::{self, Content, InSeries, Item},
        occurrence::{self, OWN_ATTACHMENTS},
    },
};

/// The row of a series shown as one of its occurrences.
pub(crate) fn shown_as(series: &Item, place: &Occurrence, exceptions: &[Exception]) -> Item {
    let exception = exceptions.iter().find(|exception| exception.day == place.day && !exception.deleted);
    let document = merged(&Document::from_bytes(&series.document), place, exception);
    let subject = exception.and_then(|exception| exception.subject.clone());
    let own_attachments = document.text(OWN_ATTACHMENTS).map(|shown| shown == "true");
    Item {
        has_attachments: own_attachments.unwrap_or(series.has_attachments),
        subject: subject.or_else(|| series.subject.clone()),
        document: document.to_bytes(),
        occurrence: Some(InSeries {
            day: place.day,
            original_start_ms: place.original_start.as_millisecond(),
            is_exception: exception.is_some(),
            own_attachments,
        }),
        ..series.clone()
    }
}

/// What a mailbox's calendars hold of a meeting: the whole of it, or with `recurrence_id` its one occurrence.
pub(crate) async fn find(
    tx: &mut SqliteConnection,
    mailbox: i64,
    uid: &str,
    recurrence_id: Option<i64>,
) -> Result<Option<Item>, sqlx::Error> {
    let rows = item::of_meeting(tx, mailbox, uid).await?;
    let alone = |row: &Item| {
        Document::from_bytes(&row.document).text("RecurrenceId").and_then(|text| millisecond(&text))
    };
    let Some(wanted) = recurrence_id else {
        return Ok(rows.into_iter().find(|row| alone(row).is_none()));
    };
    for row in rows {
        if alone(&row) == Some(wanted) {
            return Ok(Some(row));
        }
        let Some(appointment) = Appointment::of(&Document::from_bytes(&row.document)) else { continue };
        let exceptions = occurrence::of_series(tx, row.item).await?;
        let at = Timestamp::from_millisecond(wanted).unwrap_or_default();
        let series = Series::new(&appointment, &exceptions);
        let place = series.and_then(|series| {
            let plain = series.by_original_start(at)?;
            Some(series.on_day(plain.day).and_then(Result::ok).unwrap_or(plain))
        });
        if let Some(place) = place {
            return Ok(Some(shown_as(&row, &place, &exceptions)));
        }
    }
    Ok(None)
}

/// The content of a row with another document, to be written again.
pub(crate) fn content_with(row: &Item, document: &Document) -> Content {
    let mut content = Content {
        class: row.class.clone(),
        is_read: row.is_read,
        is_draft: row.is_draft,
        associated: row.associated,
        has_attachments: row.has_attachments,
        subject: row.subject.clone(),
        received_ms: row.received_ms,
        sent_ms: row.sent_ms,
        ..Content::default()
    };
    let before = i64::try_from(row.document.len()).unwrap_or(0);
    let attachment_bytes = usize::try_from(row.size - before - 512).unwrap_or(0);
    content::store(document, &mut content, attachment_bytes);
    content
}

/// Writes what became of an entry: the item itself, or what an occurrence has of its own.
pub(crate) async fn save(
    tx: &mut SqliteConnection,
    row: &Item,
    document: &Document,
    subject: Option<&str>,
    by: &str,
    now_ms: i64,
) -> Result<Item, sqlx::Error> {
    let Some(place) = row.occurrence else {
        let content = Content { subject: subject.map(str::to_owned), ..content_with(row, document) };
        return item::update(tx, row, &content, false, by, now_ms).await;
    };
    let found = item::by_number(tx, row.mailbox, row.item).await?;
    let series = found.ok_or(sqlx::Error::RowNotFound)?;
    let whole = Document::from_bytes(&series.document);
    let appointment = Appointment::of(&whole);
    let plain =
        appointment.as_ref().and_then(|appointment| Series::new(appointment, &[])?.by_pattern(place.day));
    let plain = plain.ok_or(sqlx::Error::RowNotFound)?;
    let exception = Exception {
        day: place.day,
        deleted: false,
        subject: subject.filter(|subject| series.subject.as_deref() != Some(subject)).map(str::to_owned),
        document: difference(&merged(&whole, &plain, None), document),
    };
    occurrence::put(tx, &series, &exception, now_ms).await?;
    let series = item::by_number(tx, row.mailbox, row.item).await?.ok_or(sqlx::Error::RowNotFound)?;
    let at = |name: &str| {
        let ms = document.text(name).and_then(|text| millisecond(&text))?;
        Timestamp::from_millisecond(ms).ok()
    };
    let (start, end) = (at("Start").unwrap_or(plain.start), at("End").unwrap_or(plain.end));
    let moved = Occurrence { start, end, is_exception: true, ..plain };
    Ok(shown_as(&series, &moved, &[exception]))
}

/// Takes an occurrence out of its series.
pub(crate) async fn delete_occurrence(
    tx: &mut SqliteConnection,
    row: &Item,
    day: i64,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    let exception = Exception { day, deleted: true, subject: None, document: Document::default() };
    occurrence::put(tx, row, &exception, now_ms).await
}
