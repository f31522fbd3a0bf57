use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use tieline_model::Contact;
use tieline_store::IfVersion;

use super::{ContactView, MEMBERS, find, mailboxes, records, schema};
use crate::access::Caller;
use crate::extract::{Body, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

/// Adds a contact to a mailbox.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/contacts", tag = "contacts",
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    request_body = schema::ContactBody, responses((status = 201, body = ContactView)))]
pub(super) async fn create(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Segment(mailbox): Segment,
    Body(body): Body<records::Members>,
) -> Result<(StatusCode, Json<ContactView>), Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let contact = records::merged(&Contact::default(), body.0, &MEMBERS)?;
    if contact == (Contact { uid: contact.uid.clone(), ..Contact::default() }) {
        return Err(bad_request("the contact says nothing"));
    }
    let by = records::origin(&web, &caller, "tieline");
    let id = web.messaging.put_record(mailbox.id, None, contact, IfVersion::Absent, by).await?;
    let stored = find(&web, &tieline_model::ContactId::from_uuid(id).to_string()).await?;
    Ok((StatusCode::CREATED, Json(ContactView::new(&stored))))
}
