use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use super::{find, records};
use crate::access::Caller;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Removes a event; for 14 days it can be restored.
#[utoipa::path(delete, path = "/events/{event}", tag = "calendar",
    params(("event" = String, Path, description = "Its id, ev_…"),
           ("if-match" = Option<String>, Header, description = "The version that is to be removed")),
    responses((status = 200, body = records::Removed)))]
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(event): Segment,
    headers: HeaderMap,
) -> Result<Json<records::Removed>, Refused> {
    let stored = find(&web, &event).await?;
    let expected = records::if_match(&headers)?;
    let by = records::origin(&web, &caller, "tieline");
    let deletion = web.messaging.delete_record(&stored, expected, by).await?;
    Ok(Json(records::Removed::new(deletion)))
}
