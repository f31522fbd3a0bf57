//! How people and programs reach Tieline over HTTP: the REST API with its OpenAPI document, health and metrics.
//!
//! A handler is a short story: read the request into words of `core/model`, ask the store or a service, answer. What
//! it refuses to be: a place for rules. Every refusal is a [`tieline_model::Refusal`] and leaves as RFC 9457 problem
//! details with the same words as on the command line.
//!
//! Types to know: [`Web`] (what handlers share), [`Way`] (how a request came in, and so what it may do), [`serve`].

mod access;
mod api;
mod extract;
mod observe;
mod pace;
mod problem;
mod server;
mod web;

pub use access::Way;
pub use api::{openapi, router};
pub use observe::Metrics;
pub use problem::Problem;
pub use server::{Listeners, serve};
pub use web::{Limits, Parts, Readiness, Web};
