//! What follows from an appointment or a message about one: the properties that Exchange calculates.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tieline_proto_ews::{
    DateTime, DeletedOccurrence, ItemId, OccurrenceInfo, ResponseObjectKind, time_zone::TimeZoneDefinition,
};

use super::context::{Asked, Context};
use crate::{
    attendant::{entry, is_organizer, sequence},
    calendar::{Appointment, Exception, Occurrence, Series, attendees, fragment, object_id, typed, zone},
    document::{Document, element},
    id,
    property::{boolean, date_time, millisecond},
    store::{item::Item, mailbox::Mailbox, occurrence},
    view::Facts,
};

/// The facts about each row; empty ones for rows that are not about calendars.
pub(crate) async fn of_rows(cx: &mut Context, rows: &[Item]) -> Result<Vec<Facts>, sqlx::Error> {
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        all.push(of_row(cx, row).await?);
    }
    Ok(all)
}

/// The facts about a row.
pub(crate) async fn of_row(cx: &mut Context, row: &Item) -> Result<Facts, sqlx::Error> {
    if row.document.is_empty() {
        return Ok(Facts::default());
    }
    let class = row.class.as_str();
    if class.starts_with("IPM.Appointment") {
        let exceptions = match row.occurrence {
            None => occurrence::of_series(&mut cx.tx, row.item).await?,
            Some(_) => Vec::new(),
        };
        return Ok(of_appointment(&cx.mailbox, &cx.asked, row, &exceptions));
    }
    if !class.starts_with("IPM.Schedule.Meeting") {
        return Ok(Facts::default());
    }
    let document = Document::from_bytes(&row.document);
    let uid = document.text("UID").unwrap_or_default();
    let recurrence_id = document.text("RecurrenceId").and_then(|text| millisecond(&text));
    let entry = match uid.is_empty() {
        true => None,
        false => entry::find(&mut cx.tx, cx.mailbox.mailbox, &uid, recurrence_id).await?,
    };
    Ok(of_message(&cx.mailbox, &cx.asked, row, &document, entry.as_ref()))
}

/// The facts about an appointment, a series with these exceptions, or an occurrence.
pub(crate) fn of_appointment(
    mailbox: &Mailbox,
    asked: &Asked,
    row: &Item,
    exceptions: &[Exception],
) -> Facts {
    let document = Document::from_bytes(&row.document);
    let Some(appointment) = Appointment::of(&document) else { return Facts::default() };
    let mut facts = Maker::new(&document);
    let series = Series::new(&appointment, exceptions);
    let kind = match row.occurrence {
        Some(place) if place.is_exception => "Exception",
        Some(_) => "Occurrence",
        None if series.is_some() => "RecurringMaster",
        None => "Single",
    };
    let invited = attendees::any(&document);
    let state = document.text("AppointmentState").and_then(|text| text.parse().ok()).unwrap_or(0);
    let is_meeting = invited || state & 1 != 0;
    let state = state | i32::from(is_meeting);
    let organizes = is_organizer(&document, &mailbox.address);
    facts.text("CalendarItemType", kind);
    facts.text("IsRecurring", if kind == "Single" { "false" } else { "true" });
    facts.text("IsMeeting", if is_meeting { "true" } else { "false" });
    facts.text("AppointmentState", &state.to_string());
    facts.text("IsOrganizer", if organizes { "true" } else { "false" });
    if let Some(place) = row.occurrence {
        facts.text("OriginalStart", &date_time(place.original_start_ms));
        facts.text("RecurrenceId", &date_time(place.original_start_ms));
    }
    facts.usual("MyResponseType", if is_meeting && organizes { "Organizer" } else { "Unknown" });
    facts.common(asked, &appointment);
    facts.reminder(&appointment);
    facts.part("ResponseObjects", response_objects(&document, is_meeting, organizes));
    if let Some(series) = series {
        facts.series(mailbox, row, &series);
    }
    facts.object_ids(row.occurrence.map(|place| place.day));
    facts.mapi(kind, &appointment, state);
    facts.facts
}

fn of_message(
    mailbox: &Mailbox,
    asked: &Asked,
    row: &Item,
    document: &Document,
    entry: Option<&Item>,
) -> Facts {
    let mut facts = Maker::new(document);
    if let Some(entry) = entry {
        let id = id::of_row(mailbox.guid, entry);
        let key = id::change_key(9, mailbox.guid, entry.version);
        facts.part(
            "AssociatedCalendarItemId",
            format!("<t:AssociatedCalendarItemId Id=\"{id}\" ChangeKey=\"{key}\"/>"),
        );
        if sequence(document) < sequence(&Document::from_bytes(&entry.document)) {
            facts.text("IsOutOfDate", "true");
        }
    }
    facts.usual("CalendarItemType", "Single");
    let request = row.class.starts_with("IPM.Schedule.Meeting.Request");
    let appointment = Appointment::of(document);
    if let Some(appointment) = appointment.as_ref().filter(|_| request) {
        facts.common(asked, appointment);
        let kinds = [
            ResponseObjectKind::AcceptItem,
            ResponseObjectKind::TentativelyAcceptItem,
            ResponseObjectKind::DeclineItem,
            ResponseObjectKind::ProposeNewTime,
            ResponseObjectKind::ReplyToItem,
            ResponseObjectKind::ReplyAllToItem,
            ResponseObjectKind::ForwardItem,
        ];
        facts.part("ResponseObjects", objects(&kinds));
    } else if row.class.starts_with("IPM.Schedule.Meeting.Canceled") {
        facts.part("ResponseObjects", objects(&[ResponseObjectKind::RemoveItem]));
    }
    let day = document.text("RecurrenceId").and_then(|text| millisecond(&text)).and_then(|at| {
        let zone = appointment.as_ref().map_or(TimeZone::UTC, |appointment| appointment.zone.clone());
        let at = Timestamp::from_millisecond(at).ok()?;
        Some(crate::calendar::day_number_of(zone::local(&zone, at).date()))
    });
    facts.object_ids(day);
    facts.facts
}

fn response_objects(document: &Document, is_meeting: bool, organizes: bool) -> String {
    let cancelled = document.text("IsCancelled").and_then(|text| boolean(&text)) == Some(true);
    match (is_meeting, organizes, cancelled) {
        (true, true, false) => {
            objects(&[ResponseObjectKind::CancelCalendarItem, ResponseObjectKind::ForwardItem])
        }
        (true, false, true) => objects(&[ResponseObjectKind::RemoveItem]),
        (true, false, false) => objects(&[
            ResponseObjectKind::AcceptItem,
            ResponseObjectKind::TentativelyAcceptItem,
            ResponseObjectKind::DeclineItem,
            ResponseObjectKind::ReplyToItem,
            ResponseObjectKind::ReplyAllToItem,
            ResponseObjectKind::ForwardItem,
        ]),
        _ => objects(&[ResponseObjectKind::ForwardItem]),
    }
}

fn objects(kinds: &[ResponseObjectKind]) -> String {
    let list: String = kinds.iter().map(|kind| format!("<t:{}/>", kind.as_str())).collect();
    format!("<t:ResponseObjects>{list}</t:ResponseObjects>")
}

/// Gathers facts beside a document, whose own properties count where both have them.
struct Maker<'a> {
    document: &'a Document,
    facts: Facts,
}

impl<'a> Maker<'a> {
    fn new(document: &'a Document) -> Self {
        Self { document, facts: Facts::default() }
    }

    fn part(&mut self, name: &str, part: String) {
        self.facts.parts.insert(name.to_owned(), part);
    }

    fn text(&mut self, name: &str, text: &str) {
        self.part(name, element(name, text));
    }

    /// What holds where the document says nothing else.
    fn usual(&mut self, name: &str, text: &str) {
        if !self.document.parts.contains_key(name) {
            self.text(name, text);
        }
    }

    fn mapi_value(&mut self, name: &str, value: String) {
        self.facts.extended.insert(name.to_owned(), value);
    }

    fn common(&mut self, asked: &Asked, appointment: &Appointment) {
        for (name, text) in [
            ("IsAllDayEvent", "false"),
            ("LegacyFreeBusyStatus", "Busy"),
            ("IsCancelled", "false"),
            ("MeetingRequestWasSent", "false"),
            ("IsResponseRequested", "true"),
            ("AppointmentSequenceNumber", "0"),
            ("ConferenceType", "0"),
            ("AllowNewTimeProposal", "true"),
            ("IsOnlineMeeting", "false"),
        ] {
            self.usual(name, text);
        }
        self.text("Duration", &duration(appointment.end.duration_since(appointment.start)));
        self.zones(asked, appointment);
        let wall = |at: Timestamp| DateTime {
            civil: zone::local(&appointment.zone, at),
            offset: Some(appointment.zone.to_offset(at)),
        };
        self.text("StartWallClock", &wall(appointment.start).to_string());
        self.text("EndWallClock", &wall(appointment.end).to_string());
    }

    fn zones(&mut self, asked: &Asked, appointment: &Appointment) {
        let fields = typed(self.document, &["StartTimeZone", "EndTimeZone"]);
        let of = |definition: &Option<TimeZoneDefinition>| {
            definition.clone().unwrap_or_else(|| TimeZoneDefinition::by_id("UTC"))
        };
        let (start, end) = (of(&fields.start_time_zone), of(&fields.end_time_zone));
        let id = |zone: &TimeZoneDefinition| zone.id.clone().unwrap_or_else(|| "UTC".to_owned());
        let shown = start.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| id(&start));
        self.text("TimeZone", &shown);
        if asked.by_2007 {
            let year = zone::local(&appointment.zone, appointment.start).year();
            let old = zone::meeting_zone(&appointment.zone, &id(&start), year);
            self.part("MeetingTimeZone", fragment("MeetingTimeZone", &old));
            for name in ["StartTimeZone", "EndTimeZone", "StartTimeZoneId", "EndTimeZoneId"] {
                self.part(name, String::new());
            }
            return;
        }
        self.text("StartTimeZoneId", &id(&start));
        self.text("EndTimeZoneId", &id(&end));
        self.part("MeetingTimeZone", String::new());
    }

    fn reminder(&mut self, appointment: &Appointment) {
        self.text("ReminderDueBy", &date_time(appointment.start.as_millisecond()));
        let minutes = self.document.text("ReminderMinutesBeforeStart");
        let minutes: i64 = minutes.and_then(|text| text.trim().parse().ok()).unwrap_or(15);
        let next = appointment.start.as_millisecond().saturating_sub(minutes.saturating_mul(60_000));
        self.text("ReminderNextTime", &date_time(next));
    }

    fn series(&mut self, mailbox: &Mailbox, row: &Item, series: &Series<'_>) {
        let key = id::change_key(9, mailbox.guid, row.version);
        let info = |place: &Occurrence| OccurrenceInfo {
            item_id: ItemId::with_key(id::occurrence_id(mailbox.guid, row.item, place.day), key.clone()),
            start: Some(place.start.into()),
            end: Some(place.end.into()),
            original_start: Some(place.original_start.into()),
        };
        if let Some(first) = series.occurrences().next() {
            self.part("FirstOccurrence", fragment("FirstOccurrence", &info(&first)));
        }
        if let Some(last) = series.last() {
            self.part("LastOccurrence", fragment("LastOccurrence", &info(&last)));
        }
        let (mut modified, mut deleted) = (String::new(), String::new());
        for exception in series.exceptions {
            let Some(plain) = series.by_pattern(exception.day) else { continue };
            match series.on_day(exception.day) {
                Some(Ok(place)) => modified.push_str(&fragment("Occurrence", &info(&place))),
                _ => {
                    let start = Some(DateTime::from(plain.original_start));
                    deleted.push_str(&fragment("DeletedOccurrence", &DeletedOccurrence { start }));
                }
            }
        }
        for (name, list) in [("ModifiedOccurrences", modified), ("DeletedOccurrences", deleted)] {
            if !list.is_empty() {
                self.part(name, format!("<t:{name}>{list}</t:{name}>"));
            }
        }
    }

    /// GlobalObjectId and CleanGlobalObjectId.
    fn object_ids(&mut self, day: Option<i64>) {
        let Some(uid) = self.document.text("UID") else { return };
        let of_meeting = |id: u8| format!("6ed8da90-450b-101b-98da-00aa003f1305#{id}:Binary");
        self.mapi_value(&of_meeting(0x03), STANDARD.encode(object_id::global_object_id(&uid, day)));
        self.mapi_value(&of_meeting(0x23), STANDARD.encode(object_id::clean_global_object_id(&uid)));
    }

    /// The named MAPI properties that clients ask a calendar for.
    fn mapi(&mut self, kind: &str, appointment: &Appointment, state: i32) {
        let set = "00062002-0000-0000-c000-000000000046";
        let start = date_time(appointment.start.as_millisecond());
        let end = date_time(appointment.end.as_millisecond());
        let whole_day = self.document.text("IsAllDayEvent").unwrap_or_else(|| "false".to_owned());
        let busy = match self.document.text("LegacyFreeBusyStatus").as_deref() {
            Some("Free") => 0,
            Some("Tentative") => 1,
            Some("OOF") => 3,
            Some("WorkingElsewhere") => 4,
            _ => 2,
        };
        let series = kind == "RecurringMaster";
        for (id, value_type, value) in [
            (0x8205, "Integer", busy.to_string()),
            (0x8208, "String", self.document.text("Location").unwrap_or_default()),
            (0x820d, "SystemTime", start.clone()),
            (0x820e, "SystemTime", end.clone()),
            (0x8215, "Boolean", whole_day),
            (0x8217, "Integer", state.to_string()),
            (0x8223, "Boolean", series.to_string()),
        ] {
            self.mapi_value(&format!("{set}#{id}:{value_type}"), value);
        }
        self.mapi_value("0x0060:SystemTime", start);
        self.mapi_value("0x0061:SystemTime", end);
        let instance = match kind {
            "RecurringMaster" => 1,
            "Occurrence" => 2,
            "Exception" => 3,
            _ => 0,
        };
        let public = "00020329-0000-0000-c000-000000000046";
        self.mapi_value(&format!("{public}/urn:schemas:calendar:instancetype:Integer"), instance.to_string());
    }
}

/// `xs:duration` of days, hours and minutes, as Exchange writes it.
fn duration(span: SignedDuration) -> String {
    let minutes = span.as_mins();
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let mut text = String::from("P");
    if days > 0 {
        text.push_str(&format!("{days}D"));
    }
    if hours > 0 || minutes > 0 || days == 0 {
        text.push('T');
    }
    if hours > 0 {
        text.push_str(&format!("{hours}H"));
    }
    if minutes > 0 {
        text.push_str(&format!("{minutes}M"));
    } else if days == 0 && hours == 0 {
        text.push_str("0S");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_exchange_writes_them() {
        let of = |minutes: i64| duration(SignedDuration::from_mins(minutes));
        assert_eq!(
            [of(0), of(30), of(60), of(90), of(1440), of(1500)],
            ["PT0S", "PT30M", "PT1H", "PT1H30M", "P1D", "P1DT1H"]
        );
    }
}
