//! The secrets at rest: which there are, and the key that they are sealed with.

mod drop_old_keys;
mod list;
mod rotate;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(rotate::rotate))
        .routes(routes!(drop_old_keys::drop_old_keys))
}
