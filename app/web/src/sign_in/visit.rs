//! What every page has around it: a pace, the visit's cookie, and headers that keep the browser on its guard.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tieline_model::Refusal;
use tieline_store::BrowserToken;

use super::{Cookie, proxy};
use crate::connection::Peer;
use crate::pages::Notice;
use crate::web::Web;

/// The browser that looks at pages, before and after signing in.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    /// In its cookie.
    pub(crate) token: BrowserToken,
    /// The browser did not show it with this request.
    pub(crate) fresh: bool,
}

/// Where a request comes from, seen through our own proxies.
pub(crate) fn client_address(web: &Web, peer: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
    let peer = peer.unwrap_or(IpAddr::from([127, 0, 0, 1]));
    match &web.sign_in.policy.proxy {
        Some(policy) => proxy::client(policy, peer, headers),
        None => peer,
    }
}

/// No script, nothing from elsewhere, in nobody's frame.
const CONTENT_SECURITY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                                frame-ancestors 'none'; base-uri 'none'";

/// Around every page.
pub(crate) async fn page(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let peer = Peer::of(request.extensions());
    let client = client_address(&web, peer, request.headers());
    if !web.pace.allows(client) {
        let what = "too many requests from this address";
        return Notice::new(&Refusal::transient("slow-down", what, "wait a little, then reload"))
            .into_response();
    }
    let cookies = web.sign_in.cookies();
    let shown = cookies.read(request.headers(), Cookie::Visit);
    let visit =
        match shown.map_or_else(|| BrowserToken::draw().map(|token| (token, true)), |t| Ok((t, false))) {
            Ok((token, fresh)) => Visit { token, fresh },
            Err(error) => return Notice::new(&error.into()).into_response(),
        };
    request.extensions_mut().insert(visit.clone());
    let mut response = next.run(request).await;
    guard(response.headers_mut());
    if visit.fresh {
        response.headers_mut().append(header::SET_COOKIE, cookies.set(Cookie::Visit, &visit.token));
    }
    response
}

/// Keeps the browser on its guard: no script, in nobody's frame, in no cache. What a page said of itself stays.
pub(crate) fn guard(headers: &mut HeaderMap) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
