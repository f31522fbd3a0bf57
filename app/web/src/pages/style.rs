//! The style sheet and the icon: part of the binary, named by their content, kept by browsers for a year.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

const SHEET: &str = include_str!("style.css");
const ICON: &str = include_str!("icon.svg");

/// Changes with every change of the sheet, so that no browser shows new pages in an old style.
pub(super) const PATH: &str = concat!("/style-", env!("CARGO_PKG_VERSION"), ".css");

/// The sheet's address in pages.
pub(super) fn address() -> String {
    format!("{PATH}?{:08x}", fingerprint(SHEET))
}

const YEAR: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

pub(super) async fn sheet(headers: HeaderMap) -> Response {
    file(&headers, SHEET, "text/css; charset=utf-8")
}

pub(super) async fn icon(headers: HeaderMap) -> Response {
    file(&headers, ICON, "image/svg+xml")
}

fn file(headers: &HeaderMap, text: &'static str, kind: &'static str) -> Response {
    let tag = format!("\"{:08x}\"", fingerprint(text));
    let kept = headers.get(header::IF_NONE_MATCH).is_some_and(|have| have.as_bytes() == tag.as_bytes());
    let mut response = if kept { StatusCode::NOT_MODIFIED.into_response() } else { text.into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, YEAR);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// FNV-1a: names a content; nothing secret depends on it.
const fn fingerprint(text: &str) -> u32 {
    let (bytes, mut hash, mut at) = (text.as_bytes(), 0x811c_9dc5_u32, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_asks_for_nothing_from_elsewhere_and_is_small() {
        assert!(!SHEET.contains("http") && !SHEET.contains("@import") && SHEET.len() < 40_000);
    }
}
