//! The routes.

mod v1;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use tieline_model::Refusal;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::access::{Way, authorize};
use crate::observe;
use crate::problem::Refused;
use crate::web::Web;

#[derive(OpenApi)]
#[openapi(
    info(title = "Tieline", description = "Voice messages, mailboxes, lights, and why things happened."),
    components(schemas(crate::problem::Problem)),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
        document.security = Some(vec![SecurityRequirement::new::<_, [String; 0], String>("token", [])]);
    }
}

/// `recording_bytes`: the largest recording; every other body is bounded by the limit of the whole router.
fn documented(recording_bytes: usize) -> OpenApiRouter<Arc<Web>> {
    let routes = v1::routes().merge(v1::messages::upload(recording_bytes));
    OpenApiRouter::with_openapi(Document::openapi()).nest("/api/v1", routes)
}

/// The OpenAPI document of the REST API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    documented(0).into_openapi()
}

/// Every route, for requests that come in this way.
pub fn router(web: Arc<Web>, way: Way) -> Router {
    let (api, document) = documented(web.limits.recording_bytes).split_for_parts();
    let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, web.limits.request_within);
    let api = api
        .layer(DefaultBodyLimit::max(web.limits.request_bytes))
        .layer(timeout)
        .merge(v1::events::route())
        .route_layer(middleware::from_fn_with_state((Arc::clone(&web), way), authorize));
    let document = Arc::new(document);
    Router::new()
        .route("/healthz", get(observe::healthz))
        .route("/readyz", get(observe::readyz))
        .route("/metrics", get(observe::metrics))
        .route("/api/v1/openapi.json", get(move || async move { axum::Json((*document).clone()) }))
        .merge(api)
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_this_way)
        .layer(middleware::from_fn(observe::request))
        .with_state(web)
}

async fn nothing_here() -> Response {
    let next = "see /api/v1/openapi.json for what there is";
    Refused(Refusal::permanent("not-found", "there is nothing at this address", next)).into_response()
}

async fn not_this_way() -> Response {
    let next = "see /api/v1/openapi.json for the methods there are";
    Refused(Refusal::permanent("method-not-allowed", "this address does not take this method", next))
        .into_response()
}
