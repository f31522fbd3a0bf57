//! The MIME form of items: what a message was made from or what its properties say, iCalendar for calendar items,
//! vCard for contacts; and what an iCalendar source says of a series' exceptions.

use jiff::Timestamp;

use super::context::Context;
use crate::{
    attendant::entry,
    calendar::{Appointment, Series, merged},
    content::NewAttachment,
    document::Document,
    icalendar::{self, Calendar, Event},
    mime::{self, Outgoing},
    property::date_time,
    store::{
        attachment,
        item::{self, Item},
        occurrence,
    },
    vcard,
    view::View,
};

/// The MIME form of an item.
pub(crate) async fn source_of(cx: &mut Context, row: &Item) -> Result<Vec<u8>, sqlx::Error> {
    let document = View::new(&cx.mailbox, row, &[]).document().clone();
    match document.kind.as_str() {
        "CalendarItem" => {
            let calendar = calendar_of(cx, row, document).await?;
            Ok(icalendar::write(&calendar, row.changed_ms).into_bytes())
        }
        "Contact" => {
            let attachments = attachments_of(cx, row).await?;
            let photo =
                attachments.iter().find(|new| new.document.text("IsContactPhoto").as_deref() == Some("true"));
            let photo = photo.map(|new| new.content.as_slice());
            Ok(vcard::write(&document, row.subject.as_deref(), photo).into_bytes())
        }
        _ => message_of(cx, row, &document).await,
    }
}

async fn attachments_of(cx: &mut Context, row: &Item) -> Result<Vec<NewAttachment>, sqlx::Error> {
    let mut attachments = Vec::new();
    for found in attachment::of_row(&mut cx.tx, row).await? {
        if let Some((_, content)) = attachment::with_content(&mut cx.tx, row.item, found.attachment).await? {
            attachments.push(NewAttachment { document: Document::from_bytes(&found.document), content });
        }
    }
    Ok(attachments)
}

async fn message_of(cx: &mut Context, row: &Item, document: &Document) -> Result<Vec<u8>, sqlx::Error> {
    if let Some(source) = item::mime(&mut cx.tx, row.item).await? {
        return Ok(source);
    }
    let attachments = attachments_of(cx, row).await?;
    let id = document.text("InternetMessageId").unwrap_or_else(|| format!("<{}@lab.example>", row.item));
    let calendar =
        icalendar::of_meeting_message(document, &row.class, row.subject.as_deref(), row.changed_ms);
    Ok(mime::build(&Outgoing {
        document,
        class: &row.class,
        subject: row.subject.as_deref(),
        sent_ms: row.sent_ms.unwrap_or(row.received_ms),
        message_id: &id,
        attachments: &attachments,
        calendar: calendar.as_ref().map(|(method, text)| (method.as_str(), text.as_str())),
    }))
}

fn with_subject(mut document: Document, subject: Option<&str>) -> Event {
    if let Some(subject) = subject {
        document.set_text("Subject", subject);
    }
    Event { document }
}

/// A calendar item with its exceptions; an occurrence stands alone, under its own `RECURRENCE-ID`.
async fn calendar_of(cx: &mut Context, row: &Item, mut document: Document) -> Result<Calendar, sqlx::Error> {
    if let Some(place) = row.occurrence {
        document.parts.remove("Recurrence");
        document.set_text("RecurrenceId", &date_time(place.original_start_ms));
        return Ok(Calendar { event: with_subject(document, row.subject.as_deref()), ..Calendar::default() });
    }
    let exceptions = occurrence::of_series(&mut cx.tx, row.item).await?;
    let mut calendar =
        Calendar { event: with_subject(document.clone(), row.subject.as_deref()), ..Calendar::default() };
    let Some(appointment) = Appointment::of(&document) else { return Ok(calendar) };
    let (Some(pattern), Some(series)) =
        (Series::new(&appointment, &[]), Series::new(&appointment, &exceptions))
    else {
        return Ok(calendar);
    };
    for exception in &exceptions {
        let Some(plain) = pattern.by_pattern(exception.day) else { continue };
        if exception.deleted {
            calendar.deleted.push(plain.original_start);
        } else if let Some(Ok(place)) = series.on_day(exception.day) {
            let mut different = merged(&document, &place, Some(exception));
            different.parts.remove("Recurrence");
            let subject = exception.subject.as_deref().or(row.subject.as_deref());
            calendar.exceptions.push((plain.original_start, with_subject(different, subject)));
        }
    }
    Ok(calendar)
}

/// Gives a series whose iCalendar source was replaced the exceptions of the new one, and no others.
pub(crate) async fn replace_exceptions(
    cx: &mut Context,
    row: Item,
    source: &[u8],
) -> Result<Item, sqlx::Error> {
    if row.occurrence.is_some() {
        return Ok(row);
    }
    occurrence::clear(&mut cx.tx, row.item).await?;
    add_exceptions(cx, row.item, source).await?;
    Ok(item::by_number(&mut cx.tx, row.mailbox, row.item).await?.unwrap_or(row))
}

/// Gives a series that was made from iCalendar its exceptions.
pub(crate) async fn add_exceptions(cx: &mut Context, number: i64, source: &[u8]) -> Result<(), sqlx::Error> {
    let Some(calendar) = icalendar::of_content(source) else { return Ok(()) };
    if calendar.exceptions.is_empty() && calendar.deleted.is_empty() {
        return Ok(());
    }
    let by = cx.account.display_name.clone();
    let Some(row) = item::by_number(&mut cx.tx, cx.mailbox.mailbox, number).await? else { return Ok(()) };
    let whole = Document::from_bytes(&row.document);
    let Some(appointment) = Appointment::of(&whole) else { return Ok(()) };
    let Some(series) = Series::new(&appointment, &[]) else { return Ok(()) };
    let place_of = |original: &Timestamp| series.by_original_start(*original);
    for (original, event) in &calendar.exceptions {
        let Some(place) = place_of(original) else { continue };
        let mut document = merged(&whole, &place, None);
        let own = ["UID", "RecurrenceId", "Recurrence", "StartTimeZone", "EndTimeZone", "Subject"];
        for (name, part) in event.document.parts.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
            document.parts.insert(name.clone(), part.clone());
        }
        let subject = event.document.text("Subject");
        let shown = entry::shown_as(&row, &place, &[]);
        entry::save(&mut cx.tx, &shown, &document, subject.as_deref(), &by, cx.now_ms).await?;
    }
    for day in calendar.deleted.iter().filter_map(|original| Some(place_of(original)?.day)) {
        entry::delete_occurrence(&mut cx.tx, &row, day, cx.now_ms).await?;
    }
    Ok(())
}
