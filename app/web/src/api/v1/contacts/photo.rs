use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::{find, unknown};
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// A contact's picture, as the mail system has it.
#[utoipa::path(get, path = "/contacts/{contact}/photo", tag = "contacts",
    params(("contact" = String, Path, description = "Its id, ct_…")),
    responses((status = 200, body = Vec<u8>, content_type = "image/*")))]
pub(super) async fn photo(
    State(web): State<Arc<Web>>,
    Segment(contact): Segment,
) -> Result<Response, Refused> {
    let stored = find(&web, &contact).await?;
    let hash = stored.record.photo.ok_or_else(|| unknown("picture of contact", &contact))?;
    let content = web.store.picture(stored.mailbox, &hash).await?;
    let content = content.ok_or_else(|| unknown("picture of contact", &contact))?;
    // Somebody else's bytes: they are shown as a picture or not at all.
    let headers = [(header::CONTENT_TYPE, kind(&content)), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, content).into_response())
}

/// By the file's first bytes; Outlook writes JPEG.
fn kind(content: &[u8]) -> &'static str {
    match content {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [0xff, 0xd8, ..] => "image/jpeg",
        _ => "application/octet-stream",
    }
}
