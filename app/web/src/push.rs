//! `/ews/push/{token}`: notifications that mail servers post. The token in the address is all that proves the sender,
//! so an unknown one is told to end its subscription and learns nothing else.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use tieline_ports::Pushed;

use crate::extract::Segment;
use crate::web::Web;

/// A notification tells of a few events of one mailbox; no server sends more than this.
const BODY_BYTES: usize = 256 * 1024;

/// The route.
pub(crate) fn route() -> MethodRouter<Arc<Web>> {
    post(take).layer(DefaultBodyLimit::max(BODY_BYTES))
}

async fn take(State(web): State<Arc<Web>>, Segment(token): Segment, body: Bytes) -> Response {
    match web.push.pushed(&token, &body) {
        Pushed::Answer(body) => ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response(),
        Pushed::Unreadable => StatusCode::BAD_REQUEST.into_response(),
    }
}
