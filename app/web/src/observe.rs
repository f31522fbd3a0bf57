//! What the server says about itself: `/healthz`, `/readyz`, `/metrics`, and a log line for each request.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::PrometheusHandle;
use tracing::Instrument as _;

use crate::web::{Readiness, Web};

/// Renders the process's metrics.
#[derive(Clone)]
pub struct Metrics(pub PrometheusHandle);

/// The process runs.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The process works: it has started, is not stopping, and its store answers.
pub(crate) async fn readyz(State(web): State<Arc<Web>>) -> Response {
    let readiness = *web.readiness.borrow();
    let (status, text) = match readiness {
        Readiness::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned()),
        Readiness::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned()),
        Readiness::Ready => match web.store.last_event().await {
            Ok(_) => (StatusCode::OK, "ready\n".to_owned()),
            Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        },
    };
    (status, text).into_response()
}

/// Prometheus text.
pub(crate) async fn metrics(State(web): State<Arc<Web>>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], web.metrics.0.render())
}

/// Counts and logs each request under its route, never under its whole path: paths hold names and addresses.
pub(crate) async fn request(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("handler", %method, route);
    let begun = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let took = begun.elapsed();
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(status, took_us = took.as_micros() as u64, "request answered"));
    let labels = [("route", route), ("method", method.to_string()), ("status", status.to_string())];
    metrics::histogram!("tieline_http_request_seconds", &labels).record(took.as_secs_f64());
    response
}
