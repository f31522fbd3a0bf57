//! Pages for people: made on the server, whole without any script, and nothing in them comes from elsewhere.
//!
//! A page is a [`Shell`] around its own content. Whatever goes wrong is shown as a [`Notice`] with what happened, where,
//! and what to do next.

mod addin;
mod admin;
mod conferencing;
mod join;
mod notice;
mod quick_call;
mod shell;
mod sign_in;
mod status;
mod style;
mod targets;
mod when;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use tieline_model::Refusal;
use tower_http::timeout::TimeoutLayer;

pub(crate) use notice::Notice;
pub(crate) use shell::{Place, Shell};

use crate::sign_in::SignedIn;
use crate::web::Web;

/// The largest form, in bytes.
const LARGEST_FORM: usize = 64 << 10;

/// Every page.
pub(crate) fn router(web: &Arc<Web>) -> Router<Arc<Web>> {
    let timeout =
        TimeoutLayer::with_status_code(axum::http::StatusCode::GATEWAY_TIMEOUT, web.limits.request_within);
    let page = middleware::from_fn_with_state(Arc::clone(web), sign_in::page);
    // As one layer: each one costs every request a box of its own.
    let around = (page, timeout, DefaultBodyLimit::max(LARGEST_FORM));
    Router::new()
        .route("/", get(status::show))
        .route("/quick-call", get(quick_call::show))
        .route(targets::LIST, get(targets::list))
        .route("/quick-call/targets/new", get(targets::ask_new).post(targets::create))
        .route("/quick-call/targets/{id}", get(targets::edit).post(targets::change))
        .route("/quick-call/targets/{id}/remove", axum::routing::post(targets::remove))
        .route(conferencing::HOME, get(conferencing::home))
        .route(conferencing::POLICY, get(conferencing::policy).post(conferencing::replay))
        .route(conferencing::ROOMS, get(conferencing::rooms))
        .route("/conferencing/rooms/new", get(conferencing::ask_new).post(conferencing::create))
        .route("/conferencing/rooms/{room}", get(conferencing::edit).post(conferencing::change))
        .route("/conferencing/rooms/{room}/remove", axum::routing::post(conferencing::remove))
        .route("/conferencing/meetings/{id}", get(conferencing::meeting))
        .route("/conferencing/meetings/{id}/release", axum::routing::post(conferencing::release))
        .route("/conferencing/meetings/{id}/keep", axum::routing::post(conferencing::keep))
        .route("/join/{token}", get(join::show).post(join::enter))
        .route("/sign-in", get(sign_in::show).post(sign_in::local))
        .route("/sign-in/openid", get(sign_in::openid))
        .route(crate::sign_in::openid::CALLBACK, get(sign_in::callback))
        .route("/sign-out", get(sign_in::ask_sign_out).post(sign_in::sign_out))
        .route_layer(around)
        .merge(addin::routes())
        .route(style::PATH, get(style::sheet))
        .route("/favicon.svg", get(style::icon))
}

/// Whether a browser asked, and not for the REST API: then it gets a page, whatever happens.
pub(crate) fn wanted(uri: &Uri, headers: &HeaderMap) -> bool {
    let api = uri.path() == "/api" || uri.path().starts_with("/api/");
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    !api && accepted.flat_map(|line| line.split(',')).any(|kind| kind.trim().starts_with("text/html"))
}

/// The page for an address that leads nowhere. It says nothing of who is signed in.
pub(crate) fn lost(refusal: &Refusal) -> Response {
    let mut response = Notice::new(refusal).with_action("To the start page", "/").into_response();
    crate::sign_in::guard(response.headers_mut());
    response
}

/// What a page answers: itself, or a notice.
pub(crate) type Page = Result<Response, Response>;

/// Shows a refusal to somebody who is signed in.
pub(crate) fn refuse<R: Into<Refusal>>(signed_in: &SignedIn) -> impl Fn(R) -> Response + '_ {
    move |refusal| Notice::new(&refusal.into()).seen_by(signed_in).into_response()
}
