use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tieline_model::Contact;
use tieline_store::RecordFilter;
use utoipa::IntoParams;

use super::{ContactView, mailboxes, records};
use crate::api::v1::{List, page_size};
use crate::extract::{Asked, Segment};
use crate::problem::Refused;
use crate::web::Web;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// Only those whose name, company or number holds this, in any case.
    #[param(max_length = 200)]
    search: Option<String>,
    /// At most so many, up to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists a mailbox's contacts, by name.
#[utoipa::path(get, path = "/mailboxes/{mailbox}/contacts", tag = "contacts",
    params(("mailbox" = String, Path, description = "Its number, address or id"), Asking),
    responses((status = 200, body = List<ContactView>)))]
pub(super) async fn list(
    State(web): State<Arc<Web>>,
    Segment(mailbox): Segment,
    Asked(asked): Asked<Asking>,
) -> Result<Json<List<ContactView>>, Refused> {
    let mailbox = mailboxes::find(&web, &mailbox).await?;
    let limit = page_size(asked.limit, 100)?;
    let filter = RecordFilter {
        search: records::search(asked.search)?,
        after: records::after(asked.after.as_deref())?,
        ..RecordFilter::default()
    };
    let page = web.store.records::<Contact>(mailbox.id, &filter, limit).await?;
    let next = records::next(&page, limit);
    Ok(Json(List { items: page.iter().map(ContactView::new).collect(), next }))
}
