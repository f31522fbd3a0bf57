//! Somebody who may look after one of the jobs on its own pages, and what they send from there.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use tieline_model::Refusal;
use tieline_store::UserRole;

use super::notice::Notice;
use super::refuse;
use crate::sign_in::{SignedIn, check_form};
use crate::web::Web;

/// A job that administrators look after.
pub(super) trait Charge: Clone + Send + Sync {
    /// What others are told: only administrators …
    const ONLY: &'static str;
    /// Where others may go on, by words and address.
    const INSTEAD: (&'static str, &'static str);

    /// The job, when it is set up.
    fn of(web: &Web) -> Result<&Self, Refusal>;
}

/// An administrator, and the job.
pub(super) struct Admin<J> {
    pub(super) signed_in: SignedIn,
    pub(super) web: Arc<Web>,
    pub(super) job: J,
}

impl<J: Charge> FromRequestParts<Arc<Web>> for Admin<J> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Response> {
        let signed_in = SignedIn::from_request_parts(parts, web).await?;
        if signed_in.role != UserRole::Administrator {
            let what = format!("only administrators {}", J::ONLY);
            let refusal = Refusal::permanent("not-allowed", what, "ask one, or have your role changed");
            let (words, address) = J::INSTEAD;
            let notice = Notice::new(&refusal).seen_by(&signed_in).with_action(words, address);
            return Err(notice.into_response());
        }
        let job = J::of(web).map_err(refuse(&signed_in))?.clone();
        Ok(Self { signed_in, web: Arc::clone(web), job })
    }
}

/// What a form sends, with the token by which our own pages are known.
pub(super) trait Sent: DeserializeOwned + Default {
    fn form_token(&self) -> &str;
}

impl<J: Charge> Admin<J> {
    /// Who sent a form, and what it says; only from our own page.
    pub(super) async fn sent<T: Sent>(web: &Arc<Web>, request: Request) -> Result<(Self, T), Response> {
        let (mut parts, body) = request.into_parts();
        let admin = Self::from_request_parts(&mut parts, web).await?;
        let headers = parts.headers.clone();
        let read: Result<Form<T>, FormRejection> =
            Form::from_request(Request::from_parts(parts, body), web).await;
        let Ok(Form(typed)) = read else {
            let next = "open the page anew and send it again";
            let refusal = Refusal::permanent("bad-request", "the form cannot be read", next);
            return Err(refuse(&admin.signed_in)(refusal));
        };
        check_form(&web.sign_in.policy, &headers, &admin.signed_in.form_token, typed.form_token())
            .map_err(refuse(&admin.signed_in))?;
        Ok((admin, typed))
    }
}
