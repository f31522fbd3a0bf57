use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{ContactView, find};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// Shows a contact, and who set which field.
#[utoipa::path(get, path = "/contacts/{contact}", tag = "contacts",
    params(("contact" = String, Path, description = "Its id, ct_…")),
    responses((status = 200, body = ContactView)))]
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Segment(contact): Segment,
) -> Result<Json<ContactView>, Refused> {
    Ok(Json(ContactView::new(&find(&web, &contact).await?)))
}
