use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tieline_interchange::vcard::{self, Version};
use tieline_model::Contact;
use utoipa::IntoParams;

use super::mailboxes;
use crate::extract::{Asked, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// 3 or 4; 4 unless said otherwise.
    #[param(minimum = 3, maximum = 4)]
    version: Option<u8>,
}

/// A mailbox's contacts as a vCard file.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/contacts/export", tag = "contacts",
    params(("mailbox" = String, Path, description = "Its number, address or id"), Asking),
    responses((status = 200, body = String, content_type = "text/vcard")))]
pub(super) async fn export(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
    Asked(asked): Asked<Asking>,
) -> Result<Response, Refused> {
    let version = match asked.version {
        None | Some(4) => Version::V4,
        Some(3) => Version::V3,
        Some(_) => return Err(bad_request("version is neither 3 nor 4")),
    };
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let all = web.messaging.all_records::<Contact>(mailbox.id).await?;
    // Without a UID of its own, its id here makes a second import change it instead of doubling it.
    let contacts: Vec<Contact> = all
        .into_iter()
        .map(|stored| {
            let id = tieline_model::ContactId::from_uuid(stored.id).to_string();
            Contact { uid: Some(stored.record.uid.clone().unwrap_or(id)), ..stored.record }
        })
        .collect();
    let text = vcard::write(&contacts, version);
    Ok(([(header::CONTENT_TYPE, "text/vcard; charset=utf-8")], text).into_response())
}
