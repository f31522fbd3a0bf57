//! The routes.

mod v1;

pub(crate) use v1::{check_name, meeting_rooms, meetings, schema};

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use tieline_model::Refusal;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::access::{Way, authorize};
use crate::observe;
use crate::pages;
use crate::problem::Refused;
use crate::push;
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
    let routes = v1::routes()
        .merge(v1::messages::upload(recording_bytes))
        .merge(v1::contacts::upload())
        .merge(v1::calendar::upload());
    OpenApiRouter::with_openapi(Document::openapi()).nest("/api/v1", routes)
}

/// The same with the stream of events, which no request timeout may end.
fn streams() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new().nest("/api/v1", v1::events::routes())
}

/// Says once for every operation how it refuses.
fn described(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    use utoipa::openapi::{Ref, RefOr, content::ContentBuilder, response::ResponseBuilder};
    let problem = |what: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        RefOr::T(
            ResponseBuilder::new().description(what).content("application/problem+json", content).build(),
        )
    };
    for path in document.paths.paths.values_mut() {
        let methods = [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete];
        for operation in methods.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            responses.insert("4XX".to_owned(), problem("Refused: whoever asks must change something"));
            responses.insert("5XX".to_owned(), problem("Not possible at present"));
        }
    }
    document
}

/// The OpenAPI document of the REST API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = documented(0).into_openapi();
    document.merge(streams().into_openapi());
    described(document)
}

/// Every route, for requests that come in this way.
pub fn router(web: Arc<Web>, way: Way) -> Router {
    let (api, _) = documented(web.limits.recording_bytes).split_for_parts();
    let (streams, _) = streams().split_for_parts();
    let timeout = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, web.limits.request_within);
    let api = api
        .layer(DefaultBodyLimit::max(web.limits.request_bytes))
        .layer(timeout)
        .merge(streams)
        .route_layer(middleware::from_fn_with_state((Arc::clone(&web), way), authorize));
    let document = Arc::new(openapi());
    // The command line needs no pages.
    let pages = match way {
        Way::Tcp => pages::router(&web),
        Way::Socket => Router::new(),
    };
    Router::new()
        .route("/healthz", get(observe::healthz))
        .route("/readyz", get(observe::readyz))
        .route("/metrics", get(observe::metrics))
        .route("/feeds/{file}", get(v1::calendar::serve_feed))
        .route("/ews/push/{token}", push::route())
        .route("/api/v1/openapi.json", get(move || async move { axum::Json((*document).clone()) }))
        .merge(api)
        .merge(pages)
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_this_way)
        .layer(middleware::from_fn(observe::request))
        .with_state(web)
}

async fn nothing_here(uri: Uri, headers: HeaderMap) -> Response {
    if pages::wanted(&uri, &headers) {
        let next = "begin at the start page; check the address if you typed it";
        return pages::lost(&Refusal::permanent("not-found", "there is no page at this address", next));
    }
    let next = "see /api/v1/openapi.json for what there is";
    Refused(Refusal::permanent("not-found", "there is nothing at this address", next)).into_response()
}

async fn not_this_way(uri: Uri, headers: HeaderMap) -> Response {
    if pages::wanted(&uri, &headers) {
        let next = "open the page anew and use its own buttons";
        let what = "this page does not take what the browser sent";
        return pages::lost(&Refusal::permanent("method-not-allowed", what, next));
    }
    let next = "see /api/v1/openapi.json for the methods there are";
    Refused(Refusal::permanent("method-not-allowed", "this address does not take this method", next))
        .into_response()
}
