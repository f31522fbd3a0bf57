//! A page that says no: what happened, where, and one step that helps.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use tieline_model::{Class, Refusal};

use super::shell::Shell;
use crate::problem::status;
use crate::sign_in::SignedIn;

/// A refusal as a page.
pub(crate) struct Notice {
    title: String,
    refusal: Refusal,
    status: StatusCode,
    seen_by: Option<SignedIn>,
    action: Option<(String, String)>,
}

impl Notice {
    pub(crate) fn new(refusal: &Refusal) -> Self {
        let title = match refusal.class {
            Class::Transient => "Not at this moment",
            Class::Permanent => "This cannot be done",
            Class::Operator => "Something must be set right first",
        };
        Self {
            title: title.to_owned(),
            status: status(refusal),
            refusal: refusal.clone(),
            seen_by: None,
            action: None,
        }
    }

    pub(crate) fn titled(mut self, title: &str) -> Self {
        title.clone_into(&mut self.title);
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Shown inside the shell of somebody who is signed in.
    pub(crate) fn seen_by(mut self, signed_in: &SignedIn) -> Self {
        self.seen_by = Some(signed_in.clone());
        self
    }

    /// A link that goes on.
    pub(crate) fn with_action(mut self, label: &str, address: &str) -> Self {
        self.action = Some((label.to_owned(), address.to_owned()));
        self
    }
}

/// What happened, where, and next, as a block in a page.
pub(crate) fn block(refusal: &Refusal) -> Markup {
    html! {
        div.notice role="alert" {
            p.what { (sentence(&refusal.what)) }
            @if !refusal.where_.is_empty() { p.where { "Where: " span.id { (refusal.where_) } } }
            p.next { b { "Next: " } (sentence(&refusal.next)) }
        }
    }
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut sentence: String =
        chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default();
    if !sentence.ends_with(['.', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

impl IntoResponse for Notice {
    fn into_response(self) -> Response {
        let content = html! {
            (block(&self.refusal))
            @if let Some((label, address)) = &self.action { p.actions { a.button href=(address) { (label) } } }
        };
        let shell = match &self.seen_by {
            Some(signed_in) => Shell::of(signed_in, &self.title),
            None => Shell::bare(&self.title),
        };
        let mut response = (self.status, shell.around(&content)).into_response();
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
