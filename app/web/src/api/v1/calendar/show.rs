use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{EventView, find};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Shows an event, and who set which field.
#[utoipa::path(get, path = "/events/{event}", tag = "calendar",
    params(("event" = String, Path, description = "Its id, ev_…")),
    responses((status = 200, body = EventView)))]
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Segment(event): Segment,
) -> Result<Json<EventView>, Refused> {
    Ok(Json(EventView::new(&find(&web, &event).await?)))
}
