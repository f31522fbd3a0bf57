//! Bodies, queries and paths, with refusals in the house's words when they cannot be read.

use std::error::Error as _;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use serde_json::{Map, Value};
use tieline_model::Refusal;

use crate::problem::{Refused, bad_request};

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        // Read as an object first: a list of values in the order of a type's fields would pass for it otherwise.
        match Json::<Map<String, Value>>::from_request(request, state).await {
            Ok(Json(body)) => {
                let body = T::deserialize(Value::Object(body));
                body.map(Self).map_err(|error| bad_request(format!("the body is not understood: {error}")))
            }
            Err(JsonRejection::MissingJsonContentType(_)) => {
                let next = "send the header Content-Type: application/json";
                Err(Refusal::permanent("bad-content-type", "the body is not marked as JSON", next).into())
            }
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let next = "send less, or raise [limits] request_bytes";
                Err(Refusal::permanent("too-large", "the body is larger than this server takes", next).into())
            }
            Err(rejection) => {
                let cause = rejection.source().map_or_else(|| rejection.body_text(), ToString::to_string);
                Err(bad_request(format!("the body is no JSON object: {cause}")))
            }
        }
    }
}

/// A member of a body that is an object, and holds no lists.
///
/// # Errors
/// When it is something else.
pub(crate) fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let Some(members) = Option::<Map<String, Value>>::deserialize(from)? else { return Ok(None) };
    if members.values().any(Value::is_array) {
        return Err(D::Error::custom("a list where none is expected"));
    }
    T::deserialize(Value::Object(members)).map(Some).map_err(D::Error::custom)
}

/// A query string.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(asked)| Self(asked))
            .map_err(|rejection: QueryRejection| bad_request(rejection.body_text()))
    }
}

/// One path segment.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text))
            .map_err(|rejection: PathRejection| bad_request(rejection.body_text()))
    }
}
