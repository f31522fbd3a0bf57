//! CalendarView in FindItem, ranges of a series in GetItem, and an appointment's neighbours.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use tieline_proto_ews::{
    DateTime, ItemShape, RecurringMasterItemIdRanges, ResponseCode,
    operations::{CalendarView, FindItem, FindItemMessage, FindItemParent, FoundItems, ItemInfo},
};

use super::{
    calendar_facts,
    context::{Context, Failure, refuse},
    item_get::shown,
};
use crate::{
    attendant::{
        busy::{self, expanded},
        entry::shown_as,
    },
    calendar::{Appointment, Occurrence, Series, zone},
    document::Document,
    fault::FaultKind,
    shape::Shape,
    store::{folder::Folder, item, item::Item, occurrence},
    view::{Facts, View},
};

/// Longest window of a calendar view, in days.
const LONGEST: i64 = 2 * 366;

fn too_big() -> Failure {
    refuse(
        ResponseCode::ErrorCalendarViewRangeTooBig,
        "The specified view range exceeds the maximum range of two years.",
    )
}

fn bounds(cx: &Context, window: &CalendarView) -> Result<(Timestamp, Timestamp), Failure> {
    let context = zone::of_definition(&cx.asked.zone).unwrap_or(TimeZone::UTC);
    let bound = |time: &Option<DateTime>| time.as_ref().and_then(|time| time.timestamp_in(&context));
    let (Some(from), Some(to)) = (bound(&window.start_date), bound(&window.end_date)) else {
        return Err(refuse(
            ResponseCode::ErrorInvalidRequest,
            "A calendar view needs its StartDate and its EndDate.",
        ));
    };
    if to < from {
        return Err(refuse(
            ResponseCode::ErrorCalendarEndDateIsEarlierThanStartDate,
            "EndDate is earlier than StartDate.",
        ));
    }
    if to.duration_since(from).as_hours() > LONGEST * 24 {
        return Err(too_big());
    }
    Ok((from, to))
}

/// FindItem with a calendar view: what overlaps the window, series expanded, by start.
pub(crate) async fn find(
    cx: &mut Context,
    folder: &Folder,
    request: &FindItem,
    window: &CalendarView,
) -> Result<FindItemMessage, Failure> {
    if request.restriction.is_some() || !request.sort_order.is_empty() || request.grouping.is_some() {
        return Err(refuse(
            ResponseCode::ErrorInvalidRequest,
            "Restrictions and sort order may not be specified for a CalendarView.",
        ));
    }
    let (from, to) = bounds(cx, window)?;
    let rows = item::of_folder(&mut cx.tx, folder, false, true).await?;
    let exceptions = occurrence::of_folder(&mut cx.tx, folder.folder).await?;
    let own = |row: &Item| exceptions.get(&row.item).map(Vec::as_slice).unwrap_or_default();
    let mut found: Vec<_> = rows.iter().flat_map(|row| expanded(row, own(row), from, to)).collect();
    found.sort_by_key(|(row, start, _)| (*start, row.item));
    match cx.fault {
        Some(FaultKind::EmptyListing) => found.clear(),
        Some(FaultKind::TruncatedListing { keep }) => found.truncate(keep),
        _ => {}
    }
    let total = found.len();
    let limit = cx.server.settings.find_limit;
    let most = match window.max_entries_returned {
        Some(most) => usize::try_from(most).unwrap_or(0).min(limit),
        None if total > limit => {
            return Err(refuse(
                ResponseCode::ErrorExceededFindCountLimit,
                "You have exceeded the maximum number of objects that can be returned for the find operation. \
                 Use paging to reduce the result size and try your request again.",
            ));
        }
        None => limit,
    };
    found.truncate(most);
    let shape = Shape::summary(&request.item_shape);
    let element = |(row, ..): &(Item, Timestamp, Timestamp)| {
        let facts = calendar_facts::of_appointment(&cx.mailbox, &cx.asked, row, &[]);
        shape.element(&View::new(&cx.mailbox, row, &[]).with_facts(facts), None)
    };
    Ok(FindItemMessage {
        root_folder: Some(FindItemParent {
            includes_last_item_in_range: Some(total <= most),
            total_items_in_view: i32::try_from(found.len()).ok(),
            found: Some(FoundItems::Items(found.iter().map(element).collect())),
            ..FindItemParent::default()
        }),
    })
}

/// GetItem by RecurringMasterItemIdRanges: the series, then those of its occurrences that a range takes in.
pub(crate) async fn ranges(
    cx: &mut Context,
    id: &RecurringMasterItemIdRanges,
    shape: &ItemShape,
) -> Result<ItemInfo, Failure> {
    let row = cx.item_by_id(&id.id).await?;
    let appointment = Appointment::of(&Document::from_bytes(&row.document));
    let exceptions = occurrence::of_series(&mut cx.tx, row.item).await?;
    let series = appointment.as_ref().and_then(|appointment| Series::new(appointment, &exceptions));
    let Some(series) = series else {
        return Err(refuse(
            ResponseCode::ErrorCalendarCannotUseIdForRecurringMasterId,
            "The id is not that of a recurring item.",
        ));
    };
    let limit = cx.server.settings.find_limit;
    let mut days = BTreeMap::new();
    for range in &id.ranges {
        let instant = |time: &Option<DateTime>| time.as_ref().and_then(|time| time.timestamp());
        let (from, to) = (instant(&range.start), instant(&range.end));
        let by_pattern = range.compare_original_start_time == Some(true);
        let start = |place: &Occurrence| if by_pattern { place.original_start } else { place.start };
        let most = range.count.map_or(limit, |count| usize::try_from(count).unwrap_or(0)).min(limit);
        let places = series.occurrences().take_while(|place| to.is_none_or(|to| place.original_start <= to));
        let places = places.filter(|place| from.is_none_or(|from| start(place) >= from));
        let places = places.filter(|place| to.is_none_or(|to| start(place) <= to));
        days.extend(places.take(most).map(|place| (place.day, place)));
    }
    let mut items = vec![shown(cx, &row, shape).await?];
    for place in days.values().take(limit) {
        items.push(shown(cx, &shown_as(&row, place, &exceptions), shape).await?);
    }
    Ok(ItemInfo { items })
}

/// The conflicting and the adjacent meetings of an appointment, where they are asked for.
pub(crate) async fn with_neighbours(
    cx: &mut Context,
    row: &Item,
    shape: &Shape<'_>,
    mut facts: Facts,
) -> Result<Facts, sqlx::Error> {
    let kinds = [
        ("ConflictingMeetingCount", "ConflictingMeetings", true),
        ("AdjacentMeetingCount", "AdjacentMeetings", false),
    ];
    if !kinds.iter().any(|(count, list, _)| shape.wants(count) || shape.wants(list)) {
        return Ok(facts);
    }
    let Some(appointment) = Appointment::of(&Document::from_bytes(&row.document)) else { return Ok(facts) };
    let (from, to) = (appointment.start, appointment.end);
    // Neighbours that end or begin at the same moment are just outside the window.
    let second = jiff::SignedDuration::from_secs(1);
    let (before, after) =
        (from.saturating_sub(second).unwrap_or(from), to.saturating_add(second).unwrap_or(to));
    let around = busy::taken(&mut cx.tx, cx.mailbox.mailbox, before, after).await?;
    let uid = Document::from_bytes(&row.document).text("UID");
    let other = |taken: &&busy::Taken| {
        let same = taken.item == row.item || Document::from_bytes(&taken.row.document).text("UID") == uid;
        !same && taken.status != "Free"
    };
    let others: Vec<_> = around.iter().filter(other).collect();
    for (count, list, conflicting) in kinds {
        let near = others.iter().filter(|taken| {
            let overlaps = taken.start < to && taken.end > from;
            if conflicting { overlaps } else { !overlaps && (taken.start == to || taken.end == from) }
        });
        let items: Vec<String> = near.map(|taken| brief(cx, &taken.row)).collect();
        facts.parts.insert(count.to_owned(), format!("<t:{count}>{}</t:{count}>", items.len()));
        if !items.is_empty() {
            facts.parts.insert(list.to_owned(), format!("<t:{list}>{}</t:{list}>", items.concat()));
        }
    }
    Ok(facts)
}

/// A neighbour: its id and when it is.
fn brief(cx: &Context, row: &Item) -> String {
    let view = View::new(&cx.mailbox, row, &[]);
    let part = |name: &str| view.part(name).unwrap_or_default();
    format!(
        "<t:CalendarItem>{}{}{}{}{}{}</t:CalendarItem>",
        part("ItemId"),
        part("Subject"),
        part("Start"),
        part("End"),
        part("LegacyFreeBusyStatus"),
        part("Location"),
    )
}
