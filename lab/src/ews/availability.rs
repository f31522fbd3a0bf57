//! GetUserAvailability: who is free when, and times to meet.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwavls/> section 3.1.4.1

use http::StatusCode;
use jiff::{SignedDuration, Timestamp, ToSpan, civil, tz::TimeZone};
use tieline_proto_ews::{
    DateTime, Fault, LegacyFreeBusyStatus, NoPayload, ResponseCode, ResponseMessage, encode_response,
    operations::{
        CalendarEvent, CalendarEventDetails, Duration, FreeBusyResponse, FreeBusyResponses, FreeBusyView,
        FreeBusyViewOptions, FreeBusyViewType, GetUserAvailability, GetUserAvailabilityResponse, MailboxData,
        MeetingAttendeeType, Suggestion, SuggestionDayResult, SuggestionsResponse, SuggestionsViewOptions,
        UserConfiguration, WorkingHours, WorkingPeriod,
    },
};

use super::{
    Answer as Reply,
    context::{Context, Failure, message, refuse},
    dispatch::error_for_all,
    response_header,
    services::configuration,
};
use crate::{
    attendant::busy::{self, Taken},
    calendar::{
        free_busy::{digit, merged},
        suggestions::{Attendee, Quality, Wish, of_day},
        work_hours::WorkHours,
        zone,
    },
    document::Document,
    id, kept,
    permission::{self, Level, Right},
    property::boolean,
    store::{folder, mailbox},
};

/// Longest window, in days.
const LONGEST: i64 = 42;
/// What failed: the whole request, or the store.
enum Trouble {
    Fault(Box<Fault>),
    Store(sqlx::Error),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

fn fault(code: ResponseCode, text: &str) -> Trouble {
    Trouble::Fault(Box::new(Fault::new(code, text)))
}

/// GetUserAvailability.
async fn answer(
    cx: &mut Context,
    request: GetUserAvailability,
) -> Result<GetUserAvailabilityResponse, Trouble> {
    let zone = request.time_zone.as_ref().and_then(zone::of_serializable).ok_or_else(|| {
        fault(ResponseCode::ErrorTimeZone, "There is a problem with the time zone specified in the request.")
    })?;
    if request.mailbox_data_array.is_empty() || request.mailbox_data_array.len() > 100 {
        return Err(fault(
            ResponseCode::ErrorIndividualMailboxLimitReached,
            "Between 1 and 100 mailboxes can be asked for at once.",
        ));
    }
    let mut response = GetUserAvailabilityResponse::default();
    if let Some(options) = &request.free_busy_view_options {
        let window = window(&options.time_window, &zone)?;
        let interval = options.merged_free_busy_interval_in_minutes.unwrap_or(30);
        if !(5..=1440).contains(&interval) {
            return Err(fault(
                ResponseCode::ErrorInvalidMergedFreeBusyInterval,
                "The interval of merged times must lie between 5 and 1440 minutes.",
            ));
        }
        let asked = Asked { zone: &zone, window, interval, options };
        let mut responses = Vec::new();
        for data in &request.mailbox_data_array {
            responses.push(one(cx, data, &asked).await?);
        }
        response.free_busy_response_array = Some(FreeBusyResponses { responses });
    }
    if let Some(options) = &request.suggestions_view_options {
        response.suggestions_response =
            Some(suggestions(cx, &request.mailbox_data_array, options, &zone).await?);
    }
    Ok(response)
}

/// Answers the request as a whole: its response is none of the usual kind.
pub(super) async fn respond(mut cx: Context, request: GetUserAvailability) -> Result<Reply, sqlx::Error> {
    if let Some((code, _)) = error_for_all(cx.fault.as_ref()) {
        return Ok(Reply::refused(
            code,
            "The server cannot service this request right now. Try again later.",
        ));
    }
    let outcome = answer(&mut cx, request).await;
    let Context { server, tx, .. } = cx;
    tx.rollback().await?;
    match outcome {
        Ok(response) => {
            let document = encode_response::<GetUserAvailability>(&response_header(&server), &response);
            Ok(Reply { status: StatusCode::OK, document: document.into(), code: Some("NoError".to_owned()) })
        }
        Err(Trouble::Fault(fault)) => Ok(Reply::fault(*fault)),
        Err(Trouble::Store(error)) => Err(error),
    }
}

/// What is asked about every mailbox.
struct Asked<'a> {
    zone: &'a TimeZone,
    window: (Timestamp, Timestamp),
    /// Minutes.
    interval: i32,
    options: &'a FreeBusyViewOptions,
}

fn window(given: &Duration, zone: &TimeZone) -> Result<(Timestamp, Timestamp), Trouble> {
    let instant = |time: &Option<DateTime>| {
        let time = time.as_ref()?;
        // Times of availability are on the wall of the request's zone, whatever offset stands there.
        Some(time.timestamp().unwrap_or_else(|| zone::instant(zone, time.civil)))
    };
    let bad = || fault(ResponseCode::ErrorInvalidTimeInterval, "The time interval is not valid.");
    let (from, to) = instant(&given.start_time).zip(instant(&given.end_time)).ok_or_else(bad)?;
    if to <= from {
        return Err(bad());
    }
    if to.duration_since(from) > SignedDuration::from_hours(24 * LONGEST) {
        return Err(fault(
            ResponseCode::ErrorTimeIntervalTooBig,
            "The requested time interval is longer than 42 days.",
        ));
    }
    Ok((from, to))
}

async fn one(
    cx: &mut Context,
    data: &MailboxData,
    asked: &Asked<'_>,
) -> Result<FreeBusyResponse, sqlx::Error> {
    let view = view(cx, data, asked).await;
    let (view, outcome) = match view {
        Ok(view) => (view, Ok(NoPayload)),
        Err(failure) => {
            // Exchange sends an empty view beside an error.
            let none =
                FreeBusyView { free_busy_view_type: FreeBusyViewType::None, ..FreeBusyView::default() };
            (none, Err(failure))
        }
    };
    Ok(FreeBusyResponse { response_message: Some(message(outcome)?), free_busy_view: Some(view) })
}

fn not_found() -> Failure {
    refuse(
        ResponseCode::ErrorMailRecipientNotFound,
        "Unable to resolve e-mail address to an Active Directory object.",
    )
}

async fn view(cx: &mut Context, data: &MailboxData, asked: &Asked<'_>) -> Result<FreeBusyView, Failure> {
    let account = cx.server.directory.by_address(&data.email.address).cloned().ok_or_else(not_found)?;
    let owner = mailbox::by_address(&mut cx.tx, &account.address).await?.ok_or_else(not_found)?;
    let calendar =
        folder::by_distinguished(&mut cx.tx, owner.mailbox, "calendar").await?.ok_or_else(not_found)?;
    let detailed = owner.address == cx.account.address
        || permission::allows(&mut cx.tx, &calendar, &cx.account.address, Right::Read).await?
        || permission::level_of(&mut cx.tx, &calendar, &cx.account.address).await?
            == Level::FreeBusyTimeAndSubjectAndLocation;
    let wanted = asked.options.requested_view.clone().unwrap_or(FreeBusyViewType::FreeBusyMerged);
    let shown = match (&wanted, detailed) {
        (FreeBusyViewType::Detailed, false) => FreeBusyViewType::FreeBusy,
        (FreeBusyViewType::DetailedMerged, false) => FreeBusyViewType::FreeBusyMerged,
        (FreeBusyViewType::None | FreeBusyViewType::Other(_), _) => {
            return Err(refuse(
                ResponseCode::ErrorInvalidFreeBusyViewType,
                "The requested view is none that can be asked for.",
            ));
        }
        _ => wanted,
    };
    let (from, to) = asked.window;
    let hours = work_hours(cx, owner.mailbox).await?;
    let taken = busy::taken(&mut cx.tx, owner.mailbox, from, to).await?;
    let merging = matches!(
        shown,
        FreeBusyViewType::MergedOnly | FreeBusyViewType::FreeBusyMerged | FreeBusyViewType::DetailedMerged
    );
    let interval = SignedDuration::from_mins(i64::from(asked.interval));
    let digits: Vec<_> = taken.iter().map(|one| (one.start, one.end, digit(&one.status))).collect();
    let listed = shown != FreeBusyViewType::MergedOnly;
    let details = matches!(shown, FreeBusyViewType::Detailed | FreeBusyViewType::DetailedMerged);
    let event = |one: &Taken| event(one, asked.zone, details.then_some(owner.guid));
    Ok(FreeBusyView {
        merged_free_busy: merging.then(|| merged(from, to, interval, &digits)),
        calendar_event_array: taken.iter().filter(|_| listed).map(event).collect(),
        working_hours: Some(working_hours(&hours, from)),
        free_busy_view_type: shown,
    })
}

fn event(taken: &Taken, zone: &TimeZone, details: Option<uuid::Uuid>) -> CalendarEvent {
    let wall = |at: Timestamp| Some(DateTime::local(zone::local(zone, at)));
    CalendarEvent {
        start_time: wall(taken.start),
        end_time: wall(taken.end),
        busy_type: Some(LegacyFreeBusyStatus::from(taken.status.as_str())),
        calendar_event_details: details.map(|mailbox| event_details(taken, mailbox)),
    }
}

fn event_details(taken: &Taken, mailbox: uuid::Uuid) -> CalendarEventDetails {
    let row = &taken.row;
    let document = Document::from_bytes(&row.document);
    let yes = |name: &str| document.text(name).and_then(|text| boolean(&text)) == Some(true);
    CalendarEventDetails {
        id: Some(id::of_row(mailbox, row)),
        subject: row.subject.clone(),
        location: document.text("Location"),
        is_meeting: crate::calendar::attendees::any(&document),
        is_recurring: row.occurrence.is_some(),
        is_exception: row.occurrence.is_some_and(|place| place.is_exception),
        is_reminder_set: yes("ReminderIsSet"),
        is_private: document.text("Sensitivity").as_deref() == Some("Private"),
    }
}

/// When the owner of a mailbox works.
async fn work_hours(cx: &mut Context, mailbox: i64) -> Result<WorkHours, sqlx::Error> {
    let Some(calendar) = folder::by_distinguished(&mut cx.tx, mailbox, "calendar").await? else {
        return Ok(WorkHours::default());
    };
    let key = configuration::key(&calendar, "WorkHours");
    let found: Option<UserConfiguration> = kept::load(&mut cx.tx, mailbox, &key).await?;
    let xml = found.and_then(|found| found.xml_data);
    let hours = xml.and_then(|xml| WorkHours::parse(&String::from_utf8_lossy(xml.as_ref())));
    Ok(hours.unwrap_or_default())
}

fn working_hours(hours: &WorkHours, at: Timestamp) -> WorkingHours {
    WorkingHours {
        time_zone: zone::serializable(&hours.zone, zone::local(&hours.zone, at).year()),
        working_period_array: vec![WorkingPeriod {
            day_of_week: hours.day_names(),
            start_time_in_minutes: hours.from,
            end_time_in_minutes: hours.to,
        }],
    }
}

async fn suggestions(
    cx: &mut Context,
    mailboxes: &[MailboxData],
    options: &SuggestionsViewOptions,
    zone: &TimeZone,
) -> Result<SuggestionsResponse, Trouble> {
    let (from, to) = window(&options.detailed_suggestions_window, zone)?;
    let number =
        |given: Option<i32>, usual: usize| given.map_or(usual, |given| usize::try_from(given).unwrap_or(0));
    let lasts = options.meeting_duration_in_minutes.unwrap_or(30).clamp(30, 1440);
    let wish = Wish {
        lasts: SignedDuration::from_mins(i64::from(lasts)),
        good_threshold: number(options.good_threshold, 25),
        least: options.minimum_suggestion_quality.as_deref().map_or(Quality::Fair, Quality::parse),
        most_by_day: number(options.maximum_results_by_day, 10),
        most_outside_work: number(options.maximum_non_work_hour_results_by_day, 0),
    };
    let hours = work_hours(cx, cx.own.mailbox).await?;
    let mut attendees = Vec::new();
    for data in mailboxes {
        let Some(account) = cx.server.directory.by_address(&data.email.address).cloned() else { continue };
        let Some(owner) = mailbox::by_address(&mut cx.tx, &account.address).await? else { continue };
        let taken =
            busy::taken(&mut cx.tx, owner.mailbox, from, to.saturating_add(wish.lasts).unwrap_or(to)).await?;
        attendees.push(Attendee {
            busy: taken.iter().filter(|one| one.status != "Free").map(|one| (one.start, one.end)).collect(),
            is_room: data.attendee_type == MeetingAttendeeType::Room,
        });
    }
    let (mut day, last) = (zone::local(zone, from).date(), zone::local(zone, to).date());
    let mut days = Vec::new();
    while day < last || (day == last && zone::local(zone, to).time() > civil::Time::midnight()) {
        days.push(day_result(day, zone, &wish, &attendees, &hours));
        let Ok(next) = day.checked_add(1.day()) else { break };
        day = next;
    }
    Ok(SuggestionsResponse {
        response_message: Some(ResponseMessage::success(NoPayload)),
        suggestion_day_result_array: days,
    })
}

fn day_result(
    day: civil::Date,
    zone: &TimeZone,
    wish: &Wish,
    attendees: &[Attendee],
    hours: &WorkHours,
) -> SuggestionDayResult {
    let starts = (0..48).map(|half: i64| {
        let at = day.at(0, 0, 0, 0).saturating_add(SignedDuration::from_mins(half * 30));
        let at = zone::instant(zone, at);
        (at, hours.hold(at, wish.lasts))
    });
    let found = of_day(starts, wish, attendees);
    let best = found.iter().map(|one| one.quality).min().unwrap_or(Quality::Poor);
    let suggestion = |one: &crate::calendar::suggestions::Suggestion| Suggestion {
        meeting_time: Some(DateTime::local(zone::local(zone, one.start))),
        is_work_time: one.is_work_time,
        suggestion_quality: one.quality.as_str().to_owned(),
    };
    SuggestionDayResult {
        date: Some(DateTime::local(day.at(0, 0, 0, 0))),
        day_quality: best.as_str().to_owned(),
        suggestion_array: found.iter().map(suggestion).collect(),
    }
}
