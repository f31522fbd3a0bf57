use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tieline_store::MailboxFilter;
use utoipa::IntoParams;

use super::{MailboxView, feature_groups};
use crate::api::v1::{List, page_size};
use crate::extract::Asked;
use crate::problem::Refused;
use crate::web::Web;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// Only of this feature group, by name or id.
    group: Option<String>,
    /// At most so many, up to 500.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists the mailboxes, by number.
#[utoipa::path(get, path = "/mailboxes", tag = "mailboxes", params(Asking),
    responses((status = 200, body = List<MailboxView>)))]
pub(super) async fn list(
    State(web): State<Arc<Web>>,
    Asked(asked): Asked<Asking>,
) -> Result<Json<List<MailboxView>>, Refused> {
    let feature_group = match asked.group {
        Some(group) => Some(feature_groups::find(&web, &group).await?.id),
        None => None,
    };
    let limit = page_size(asked.limit, 100)?;
    let mailboxes = web.store.mailboxes(&MailboxFilter { feature_group, after: asked.after }, limit).await?;
    let full = mailboxes.len() == limit as usize;
    let next = mailboxes.last().filter(|_| full).map(|mailbox| mailbox.number.clone());
    let mut items = Vec::with_capacity(mailboxes.len());
    for mailbox in mailboxes {
        items.push(MailboxView::new(&web, mailbox, Vec::new()).await?);
    }
    Ok(Json(List { items, next }))
}
