use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use tieline_store::IfVersion;

use super::{ContactView, MEMBERS, find, records, schema};
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::Refused;
use crate::web::Web;

/// Changes fields of a contact: what is left out stays, null removes.
#[utoipa::path(patch, path = "/contacts/{contact}", tag = "contacts",
    params(("contact" = String, Path, description = "Its id, ct_…"),
           ("if-match" = Option<String>, Header, description = "The version that the change is for")),
    request_body = schema::ContactBody, responses((status = 200, body = ContactView)))]
pub(super) async fn change(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(contact): Segment,
    headers: HeaderMap,
    Body(body): Body<records::Members>,
) -> Result<Json<ContactView>, Refused> {
    let stored = find(&web, &contact).await?;
    let asked = records::if_match(&headers)?;
    // What was merged with is what must still be there.
    let expected = if asked == IfVersion::Any { IfVersion::Is(stored.version) } else { asked };
    let changed = records::merged(&stored.record, body.0, &MEMBERS)?;
    let by = records::origin(&web, &caller, "tieline");
    web.messaging.put_record(stored.mailbox, Some(stored.id), changed, expected, by).await?;
    Ok(Json(ContactView::new(&find(&web, &contact).await?)))
}
