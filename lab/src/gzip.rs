//! Compressed answers (RFC 1952), for clients that ask for them.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::BodyExt;
use hyper::body::Body as _;

use crate::http::{Body, Cut, full};

/// As the web server: what is smaller is sent as it is, in bytes.
const SMALLEST: u64 = 1024;

pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("gzip"))
}

/// Compresses an answer that is all there. A stream goes out as it is: it must not wait in a buffer.
pub(crate) async fn compress(response: Response<Body>) -> Result<Response<Body>, Cut> {
    if response.body().size_hint().exact().is_none_or(|size| size < SMALLEST) {
        return Ok(response);
    }
    let (mut parts, body) = response.into_parts();
    let plain = body.collect().await?.to_bytes();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let compressed = encoder.write_all(&plain).and_then(|()| encoder.finish()).map_err(|_| Cut)?;
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    parts.headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    Ok(Response::from_parts(parts, full(compressed)))
}
