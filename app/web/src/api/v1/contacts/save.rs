use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tieline_model::{ContactAddress, DialPlan, Refusal};
use tieline_ports::{Directory, Found};
use utoipa::ToSchema;

use super::{ContactView, find, mailboxes};
use crate::extract::{Body, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

/// Who is saved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SaveBody {
    /// An address of the person, as sip:bob@corp.example or bob@corp.example.
    address: String,
}

/// Saves a person of the directory among a mailbox's contacts; saved contacts follow the directory. A second time gives the
/// contact that is there.
#[utoipa::path(post, path = "/mailboxes/{mailbox}/contacts/save", tag = "contacts", request_body = SaveBody,
    params(("mailbox" = String, Path, description = "Its number, address or id")),
    responses((status = 200, body = ContactView)))]
pub(super) async fn save(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
    Body(body): Body<SaveBody>,
) -> Result<Json<ContactView>, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let directory = directory(&web)?;
    let contact = ContactAddress::parse(&body.address, &DialPlan::default());
    let contact = contact.map_err(|error| bad_request(error.to_string()))?;
    let person = match directory.resolve(&contact).await.found {
        Found::One(person) => person,
        Found::Several(_) => {
            let next = "give an address that only one of them has";
            return Err(Refusal::permanent("shared-address", "several people have this address", next).into());
        }
        Found::Nobody { .. } => {
            let next = "check the address in the directory";
            return Err(Refusal::permanent(
                "unknown-person",
                "the directory knows nobody with this address",
                next,
            )
            .into());
        }
        Found::Unknown { reason, .. } => return Err(reason.into()),
    };
    let id = web.messaging.save_person(&mailbox, &person).await?;
    let stored = find(&web, &tieline_model::ContactId::from_uuid(id).to_string()).await?;
    Ok(Json(ContactView::new(&stored)))
}

/// The directory that is configured.
pub(super) fn directory(web: &Web) -> Result<&dyn Directory, Refused> {
    web.directory.as_deref().ok_or_else(|| {
        let next = "name its servers in the section [directory] of the configuration";
        Refusal::operator("no-directory", "no directory is configured", next).into()
    })
}
