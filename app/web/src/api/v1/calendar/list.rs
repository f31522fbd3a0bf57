use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Deserialize;
use tieline_model::Event;
use tieline_store::RecordFilter;
use utoipa::IntoParams;

use super::{EventView, OccurrenceView, mailboxes, records};
use crate::api::v1::{List, page_size};
use crate::extract::{Asked, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// Only those that take place after this; with `to`, each shows when.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<String>,
    /// Only those that take place before this.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<String>,
    /// Only those whose subject holds this, in any case.
    #[param(max_length = 200)]
    search: Option<String>,
    /// At most so many, up to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// The longest span that is looked at, in days.
const LONGEST_DAYS: i64 = 366 * 2;

/// Lists a mailbox's events, by subject; a series is one.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/events", tag = "calendar",
    params(("mailbox" = String, Path, description = "Its number, address or id"), Asking),
    responses((status = 200, body = List<EventView>)))]
pub(super) async fn list(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
    Asked(asked): Asked<Asking>,
) -> Result<Json<List<EventView>>, Refused> {
    let between = match (&asked.from, &asked.to) {
        (Some(from), Some(to)) => Some(span(from, to)?),
        (None, None) => None,
        _ => return Err(bad_request("from and to belong together")),
    };
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let limit = page_size(asked.limit, 100)?;
    let filter = RecordFilter {
        search: records::search(asked.search)?,
        after: records::after(asked.after.as_deref())?,
        between,
        ..RecordFilter::default()
    };
    let page = web.store.records::<Event>(mailbox.id, &filter, limit).await?;
    let next = records::next(&page, limit);
    let view = |stored: &tieline_store::StoredRecord<Event>| {
        let mut view = EventView::new(stored);
        if let Some((from, to)) = between {
            let found = stored.record.schedule.expand(from, to).unwrap_or_default();
            // The store finds what may take place; what does not is left out.
            if found.is_empty() && stored.record.schedule.start.instant().is_ok() {
                return None;
            }
            let one = |one: &tieline_model::Occurrence| OccurrenceView {
                start: one.start.to_string(),
                end: one.end.to_string(),
            };
            view.occurrences = Some(found.iter().map(one).collect());
        }
        Some(view)
    };
    Ok(Json(List { items: page.iter().filter_map(view).collect(), next }))
}

fn span(from: &str, to: &str) -> Result<(Timestamp, Timestamp), Refused> {
    let at = |text: &str| {
        text.parse::<Timestamp>().map_err(|_| bad_request("from or to is not a time as 2026-03-02T09:00:00Z"))
    };
    let (from, to) = (at(from)?, at(to)?);
    if to <= from || to.duration_since(from).as_hours() > LONGEST_DAYS * 24 {
        return Err(bad_request(format!("to is not after from, or more than {LONGEST_DAYS} days later")));
    }
    Ok((from, to))
}
