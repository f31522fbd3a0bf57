use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tieline_model::Refusal;

use super::find;
use crate::extract::Segment;
use crate::problem::Refused;
use crate::web::Web;

/// The recording or fax, whole or the range that was asked for.
#[utoipa::path(get, path = "/messages/{message}/content", tag = "messages",
    params(("message" = String, Path, description = "Its id, vm_…")),
    responses((status = 200, body = Vec<u8>, content_type = "*/*"),
              (status = 206, body = Vec<u8>, content_type = "*/*")))]
pub(super) async fn content(
    State(web): State<Arc<Web>>,
    Segment(message): Segment,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let stored = find(&web, &message).await?;
    let bytes = web.store.content(stored.message.id).await?.ok_or_else(|| {
        let what = if stored.purged.is_some() {
            "the recording was removed when its time was over"
        } else {
            "the message has no recording"
        };
        Refusal::permanent("unknown-content", what, "open the item in the mailbox").at(message)
    })?;
    let length = bytes.len() as u64;
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let kind =
        [(header::CONTENT_TYPE, stored.message.media_type), (header::ACCEPT_RANGES, "bytes".to_owned())];
    let Some(asked) = asked else { return Ok((kind, Body::from(bytes)).into_response()) };
    let range = range(asked, length).ok_or_else(|| {
        Refusal::permanent("bad-range", format!("the content has {length} bytes"), "ask for bytes=0-")
    })?;
    let content_range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
    let part = bytes.slice(range.start as usize..range.end as usize);
    let headers = [(header::CONTENT_RANGE, content_range)];
    Ok((StatusCode::PARTIAL_CONTENT, kind, headers, Body::from(part)).into_response())
}

/// One range of RFC 9110 section 14.1.2; several at once are not served.
fn range(asked: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = asked.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.is_empty(), last.is_empty()) {
        (true, _) => length.checked_sub(last.parse::<u64>().ok()?.min(length))?..length,
        (false, true) => first.parse().ok()?..length,
        (false, false) => first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?.min(length),
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        assert_eq!(range("bytes=0-", 10), Some(0..10));
        assert_eq!(range("bytes=2-3", 10), Some(2..4));
        assert_eq!(range("bytes=2-30", 10), Some(2..10));
        assert_eq!(range("bytes=-3", 10), Some(7..10));
        for bad in ["bytes=10-", "bytes=3-2", "bytes=-0", "items=0-1", "bytes=a-b", "bytes=0-1,2-3"] {
            assert_eq!(range(bad, 10), None, "{bad}");
        }
        assert_eq!(range("bytes=0-18446744073709551615", 10), None);
        assert_eq!(range("bytes=0-", 0), None);
    }
}
