//! Calendar items in CreateItem, UpdateItem and DeleteItem, and the messages to attendees that go with them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tieline_proto_ews::{
    FieldUri, PropertyPath, ResponseCode,
    operations::{CalendarItemCreateOrDelete, CalendarItemUpdate, Disposal, ItemInfo, TargetFolderId},
};

use super::{
    context::{Context, Failure, refuse, refuse_property},
    item_create::{id_element, saved_folder},
    item_delete::dispose,
};
use crate::{
    attendant::{Attendant, entry, is_organizer, notice::Notice, sequence},
    calendar::{Invalid, Wrong, attendees, complete, object_id},
    content::{self, Incoming},
    delivery,
    document::Document,
    id::random_uuid,
    mapi_property::take_over_meeting,
    mime::recipients_fragment,
    property::{boolean, date_time},
    store::{
        item::{Content, Item},
        occurrence,
    },
};

/// What the server calculates and no client sets.
const CALCULATED: [&str; 28] = [
    "IsMeeting",
    "IsCancelled",
    "IsRecurring",
    "MeetingRequestWasSent",
    "CalendarItemType",
    "MyResponseType",
    "Organizer",
    "ConflictingMeetingCount",
    "AdjacentMeetingCount",
    "ConflictingMeetings",
    "AdjacentMeetings",
    "Duration",
    "TimeZone",
    "AppointmentReplyTime",
    "AppointmentSequenceNumber",
    "AppointmentState",
    "FirstOccurrence",
    "LastOccurrence",
    "ModifiedOccurrences",
    "DeletedOccurrences",
    "OriginalStart",
    "RecurrenceId",
    "DateTimeStamp",
    "IsOrganizer",
    "StartWallClock",
    "EndWallClock",
    "StartTimeZoneId",
    "EndTimeZoneId",
];

/// Refuses to set what the server calculates, and on an occurrence what belongs to the series.
pub(crate) fn check_writable(path: &PropertyPath, name: &str, row: &Item) -> Result<(), Failure> {
    let of_series = row.occurrence.is_some() && ["Recurrence", "UID"].contains(&name);
    if CALCULATED.contains(&name) || of_series {
        return Err(refuse_property(
            ResponseCode::ErrorInvalidPropertySet,
            "Set action is invalid for property.",
            path,
        ));
    }
    Ok(())
}

fn refused(wrong: Wrong) -> Failure {
    let (code, text) = match wrong {
        Wrong::EndsEarly => {
            (ResponseCode::ErrorCalendarEndDateIsEarlierThanStartDate, "EndDate is earlier than StartDate.")
        }
        Wrong::TooLong => {
            (ResponseCode::ErrorCalendarDurationIsTooLong, "The duration of the calendar item is too long.")
        }
        Wrong::OutOfRange => {
            (ResponseCode::ErrorCalendarOutOfRange, "The time lies beyond the years that calendars know.")
        }
        Wrong::Zone => (ResponseCode::ErrorCalendarInvalidTimeZone, "The time zone is not valid."),
        Wrong::Recurrence(Invalid::WeeklyDay) => (
            ResponseCode::ErrorCalendarInvalidDayForWeeklyRecurrence,
            "Day, Weekday and WeekendDay are not valid for a weekly recurrence.",
        ),
        Wrong::Recurrence(Invalid::Unsupported) => {
            (ResponseCode::ErrorUnsupportedRecurrence, "The recurrence pattern is not supported here.")
        }
        Wrong::Recurrence(Invalid::EndsLate) => {
            (ResponseCode::ErrorRecurrenceEndDateTooBig, "The specified recurrence end date is too big.")
        }
        Wrong::Recurrence(Invalid::Empty) => {
            (ResponseCode::ErrorRecurrenceHasNoOccurrence, "The specified recurrence has no occurrence.")
        }
        Wrong::Recurrence(Invalid::Value) => {
            (ResponseCode::ErrorCalendarInvalidRecurrence, "The specified recurrence is not valid.")
        }
    };
    refuse(code, text)
}

fn now(cx: &Context) -> Timestamp {
    Timestamp::from_millisecond(cx.now_ms).unwrap_or_default()
}

/// A calendar item of CreateItem.
pub(crate) async fn create(
    cx: &mut Context,
    incoming: Incoming,
    how: Option<&CalendarItemCreateOrDelete>,
    saved_to: Option<&TargetFolderId>,
) -> Result<ItemInfo, Failure> {
    let Incoming { mut content, mut document, attachments } = incoming;
    let folder = saved_folder(cx, saved_to, "calendar").await?;
    if !folder.class.as_deref().unwrap_or_default().starts_with("IPF.Appointment") {
        return Err(refuse(
            ResponseCode::ErrorCannotCreateCalendarItemInNonCalendarFolder,
            "Cannot create a calendar item in a folder that is not a calendar.",
        ));
    }
    if cx.asked.by_2007 && document.parts.contains_key("StartTimeZone") {
        return Err(refuse_property(
            ResponseCode::ErrorInvalidPropertySet,
            "The property does not exist in this version of the schema.",
            &FieldUri::new("calendar:StartTimeZone").into(),
        ));
    }
    // An iCalendar source may be of somebody else's meeting; what a client sets itself may not.
    if content.mime.is_none() {
        CALCULATED.iter().for_each(|name| drop(document.parts.remove(*name)));
        take_over_meeting(&mut document);
    }
    complete(&mut document, &cx.asked.zone, now(cx)).map_err(refused)?;
    if document.text("UID").is_none_or(|uid| uid.is_empty()) {
        document.set_text("UID", &object_id::new_uid(now(cx), random_uuid()));
    }
    if !document.parts.contains_key("Organizer") {
        let owner = [(Some(cx.mailbox.display_name.clone()), cx.mailbox.address.clone())];
        document.parts.insert("Organizer".to_owned(), recipients_fragment("Organizer", &owner));
    }
    attendees::resolve(&mut document, &cx.server.directory);
    for (name, text) in [
        ("DateTimeStamp", date_time(cx.now_ms).as_str()),
        ("AppointmentSequenceNumber", "0"),
        ("ReminderIsSet", "true"),
        ("ReminderMinutesBeforeStart", "15"),
    ] {
        if !document.parts.contains_key(name) {
            document.set_text(name, text);
        }
    }
    let copy = how == Some(&CalendarItemCreateOrDelete::SendToAllAndSaveCopy);
    let sends =
        (copy || how == Some(&CalendarItemCreateOrDelete::SendOnlyToAll)) && attendees::any(&document);
    if sends {
        document.set_text("MeetingRequestWasSent", "true");
    }
    content.is_read = true;
    content.is_draft = false;
    content::finish(&mut document, &mut content, &attachments);
    let made = Incoming { content, document, attachments };
    let by = cx.account.display_name.clone();
    let row = delivery::save(&mut cx.tx, &folder, &made, &by, cx.now_ms, false).await?;
    if sends {
        let to = attendees::addresses(&made.document);
        Attendant { server: &cx.server, owner: &cx.mailbox, now_ms: cx.now_ms }
            .notify(&mut cx.tx, &row, Notice::New, &to, None, copy)
            .await?;
    }
    cx.saved.push(row.item);
    Ok(id_element(cx, &row).into())
}

/// Who is told of a change: everybody or only those who came and went, and whether a copy is kept.
fn audience(how: Option<&CalendarItemUpdate>) -> Option<(bool, bool)> {
    match how? {
        CalendarItemUpdate::SendOnlyToAll => Some((true, false)),
        CalendarItemUpdate::SendToAllAndSaveCopy => Some((true, true)),
        CalendarItemUpdate::SendOnlyToChanged => Some((false, false)),
        CalendarItemUpdate::SendToChangedAndSaveCopy => Some((false, true)),
        _ => None,
    }
}

/// What UpdateItem made of a calendar item: put in order, saved, and told to the attendees.
pub(crate) async fn updated(
    cx: &mut Context,
    old: &Item,
    mut document: Document,
    content: Content,
    how: Option<&CalendarItemUpdate>,
) -> Result<Item, Failure> {
    let before = Document::from_bytes(&old.document);
    complete(&mut document, &cx.asked.zone, now(cx)).map_err(refused)?;
    attendees::resolve(&mut document, &cx.server.directory);
    let differs = |name: &&str| before.parts.get(*name) != document.parts.get(*name);
    let significant = ["Start", "End", "Recurrence"].iter().any(differs);
    let organizes = is_organizer(&document, &cx.mailbox.address);
    let told = organizes.then(|| audience(how)).flatten();
    let was_sent = document.text("MeetingRequestWasSent").and_then(|text| boolean(&text)) == Some(true);
    let (invited, now_invited) = (attendees::addresses(&before), attendees::addresses(&document));
    if significant && was_sent && organizes {
        document.set_text("AppointmentSequenceNumber", &(sequence(&document) + 1).to_string());
        attendees::forget_answers(&mut document);
    }
    if told.is_some() && !now_invited.is_empty() {
        document.set_text("MeetingRequestWasSent", "true");
    }
    document.set_text("DateTimeStamp", &date_time(cx.now_ms));
    if significant && old.occurrence.is_none() {
        // The exceptions were to a pattern that is no more.
        occurrence::clear(&mut cx.tx, old.item).await?;
    }
    let by = cx.account.display_name.clone();
    let subject = content.subject.as_deref();
    let row = entry::save(&mut cx.tx, old, &document, subject, &by, cx.now_ms).await?;
    let Some((everybody, copy)) = told else { return Ok(row) };
    let came: BTreeSet<String> = now_invited.difference(&invited).cloned().collect();
    let left: BTreeSet<String> = invited.difference(&now_invited).cloned().collect();
    let stayed: BTreeSet<String> = match (everybody, was_sent) {
        (true, true) => now_invited.intersection(&invited).cloned().collect(),
        _ => BTreeSet::new(),
    };
    let came = if was_sent { came } else { now_invited };
    let update = if significant { Notice::Full } else { Notice::Informational };
    for (notice, to) in [(Notice::New, came), (update, stayed), (Notice::Cancellation, left)] {
        Attendant { server: &cx.server, owner: &cx.mailbox, now_ms: cx.now_ms }
            .notify(&mut cx.tx, &row, notice, &to, None, copy)
            .await?;
    }
    Ok(row)
}

/// A calendar item of DeleteItem: the attendees of a meeting are told, then the item goes, or the occurrence.
pub(crate) async fn delete(
    cx: &mut Context,
    row: &Item,
    disposal: Option<&Disposal>,
    how: Option<&CalendarItemCreateOrDelete>,
) -> Result<(), Failure> {
    let copy = how == Some(&CalendarItemCreateOrDelete::SendToAllAndSaveCopy);
    if copy || how == Some(&CalendarItemCreateOrDelete::SendOnlyToAll) {
        cancel(cx, row, None, copy).await?;
    }
    match row.occurrence {
        Some(place) => entry::delete_occurrence(&mut cx.tx, row, place.day, cx.now_ms).await?,
        None => drop(dispose(cx, row, disposal).await?),
    }
    Ok(())
}

/// Sends the cancellation of a meeting that the owner organized and sent.
pub(crate) async fn cancel(
    cx: &mut Context,
    row: &Item,
    body: Option<&str>,
    copy: bool,
) -> Result<(), Failure> {
    let document = Document::from_bytes(&row.document);
    if !is_organizer(&document, &cx.mailbox.address) {
        return Ok(());
    }
    let to = attendees::addresses(&document);
    Attendant { server: &cx.server, owner: &cx.mailbox, now_ms: cx.now_ms }
        .notify(&mut cx.tx, row, Notice::Cancellation, &to, body, copy)
        .await?;
    Ok(())
}
