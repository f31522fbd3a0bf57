//! A refusal on the wire: RFC 9457 problem details with the same words that every other surface uses.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tieline_model::{Class, Refusal};
use utoipa::ToSchema;

/// `application/problem+json`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:tieline:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What happened.
    title: String,
    /// The HTTP status once more.
    status: u16,
    /// What, where and next in one line.
    detail: String,
    /// Where it happened.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    instance: String,
    /// One step that helps.
    next: String,
    /// A stable name for programs.
    code: String,
    /// Who must act: transient, permanent or operator.
    class: String,
}

impl Problem {
    /// With the status that belongs to the refusal.
    #[must_use]
    pub(crate) fn new(refusal: &Refusal) -> Self {
        let class = match refusal.class {
            Class::Transient => "transient",
            Class::Permanent => "permanent",
            Class::Operator => "operator",
        };
        Self {
            kind: format!("urn:tieline:{}", refusal.code),
            title: refusal.what.clone(),
            status: status(refusal).as_u16(),
            detail: refusal.to_string(),
            instance: refusal.where_.clone(),
            next: refusal.next.clone(),
            code: refusal.code.clone(),
            class: class.to_owned(),
        }
    }
}

/// The status for a refusal, by its code; otherwise by who must act.
pub(crate) fn status(refusal: &Refusal) -> StatusCode {
    match refusal.code.as_str() {
        "bad-request" => StatusCode::BAD_REQUEST,
        "no-token" | "bad-token" => StatusCode::UNAUTHORIZED,
        "not-allowed" | "form-refused" | "sign-in-refused" => StatusCode::FORBIDDEN,
        "slow-down" => StatusCode::TOO_MANY_REQUESTS,
        "method-not-allowed" => StatusCode::METHOD_NOT_ALLOWED,
        "bad-content-type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "bad-range" => StatusCode::RANGE_NOT_SATISFIABLE,
        "store-full" => StatusCode::INSUFFICIENT_STORAGE,
        code if code.starts_with("unknown-") || matches!(code, "not-found" | "nothing-known") => {
            StatusCode::NOT_FOUND
        }
        code if code.contains("too-large") || code.contains("too-long") => StatusCode::PAYLOAD_TOO_LARGE,
        "in-use"
        | "conflict"
        | "changed-meanwhile"
        | "mailbox-holds-messages"
        | "mailbox-holds-records"
        | "not-paused"
        | "number-taken"
        | "number-reserved"
        | "room-taken"
        | "no-room-held"
        | "own-room"
        | "not-quarantined"
        | "not-restorable" => StatusCode::CONFLICT,
        code if code.starts_with("duplicate-") || code.ends_with("-in-use") => StatusCode::CONFLICT,
        _ => match refusal.class {
            Class::Transient => StatusCode::SERVICE_UNAVAILABLE,
            Class::Permanent | Class::Operator => StatusCode::UNPROCESSABLE_ENTITY,
        },
    }
}

/// What a handler returns when it says no.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Refusal);

impl<R: Into<Refusal>> From<R> for Refused {
    fn from(refusal: R) -> Self {
        Self(refusal.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = Problem::new(&self.0);
        let status = status(&self.0);
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// The request cannot be understood.
pub(crate) fn bad_request(what: impl Into<String>) -> Refused {
    let next = "correct the request; /api/v1/openapi.json describes every operation";
    Refused(Refusal::permanent("bad-request", what, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_follows_the_code_and_then_the_class() {
        let with = |code| status(&Refusal::permanent(code, "what", "next")).as_u16();
        assert_eq!(
            ["unknown-mailbox", "duplicate-name", "in-use", "recording-too-large", "broken-audio"].map(with),
            [404, 409, 409, 413, 422]
        );
        assert_eq!(status(&Refusal::transient("server-busy", "busy", "wait")).as_u16(), 503);
    }
}
