//! How people and programs reach Tieline over HTTP: the pages with their sign-in, the REST API with its OpenAPI
//! document, health and metrics.
//!
//! A handler is a short story: read the request into words of `core/model`, ask the store or a service, answer. What
//! it refuses to be: a place for rules. Every refusal is a [`tieline_model::Refusal`] and leaves as RFC 9457 problem
//! details with the same words as on the command line.
//!
//! Pages are whole without script; they are described in `pages`, and who may see them in `sign_in`.
//!
//! Types to know: [`Web`] (what handlers share), [`Way`] (how a request came in, and so what it may do), [`SignIn`] (how people prove who they
//! are), [`serve`].

mod access;
mod api;
mod certificates;
mod connection;
mod extract;
mod observe;
mod pace;
mod pages;
mod per_core;
mod problem;
mod push;
mod request_line;
mod server;
mod sign_in;
mod target_body;
mod url;
mod web;

pub use access::Way;
pub use api::{openapi, router};
pub use certificates::Certificates;
pub use observe::Metrics;
pub use problem::Problem;
pub use server::{Listeners, serve};
pub use sign_in::{OpenIdPolicy, ProxyPolicy, PublicUrl, SignIn, SignInPolicy};
pub use web::{Limits, Parts, Readiness, ReloadAsked, ReloadReport, Web};
