//! Who asks for a page. Whoever has not signed in is sent there first, and back again afterwards.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::SignedDuration;
use tieline_model::Refusal;
use tieline_store::{Batch, TokenHash, UserRole, Write};

use super::{Cookie, Visit, proxy};
use crate::connection::Peer;
use crate::pages::Notice;
use crate::web::Web;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// The account's name, the provider's or the proxy's.
    pub(crate) name: String,
    /// What people see.
    pub(crate) display_name: String,
    /// What they may do.
    pub(crate) role: UserRole,
    /// What forms must carry.
    pub(crate) form_token: String,
    /// The session; a proxy's word has none.
    pub(crate) session: Option<TokenHash>,
}

/// A session's last sight is moved forward at most so often.
const TOUCH_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// The longest path and query that is kept over a sign-in, in bytes.
const LONGEST_TARGET: usize = 8192;

impl SignedIn {
    /// Who asks; `None` when nobody has signed in.
    pub(crate) async fn find(web: &Web, parts: &Parts) -> Result<Option<Self>, Refusal> {
        let peer = Peer::of(&parts.extensions);
        let visit = parts.extensions.get::<Visit>();
        if let (Some(policy), Some(peer), Some(visit)) = (&web.sign_in.policy.proxy, peer, visit)
            && let Some((name, display_name, role)) = proxy::person(policy, peer, &parts.headers)
        {
            let form_token = visit.token.derive("form");
            return Ok(Some(Self { name, display_name, role, form_token, session: None }));
        }
        let Some(token) = web.sign_in.cookies().read(&parts.headers, Cookie::Session) else {
            return Ok(None);
        };
        let now = web.clock.now();
        let sessions = &web.sign_in.sessions;
        let Some(session) = sessions.session(&web.store, &token, now).await? else { return Ok(None) };
        if now.duration_since(session.seen) > TOUCH_EVERY {
            Box::pin(web.store.commit(Batch::new(now).with(Write::SessionSeen(session.hash)))).await?;
            sessions.seen(&session.hash, now);
        }
        Ok(Some(Self {
            name: session.name,
            display_name: session.display_name,
            role: session.role,
            form_token: token.derive("form"),
            session: Some(session.hash),
        }))
    }
}

impl FromRequestParts<Arc<Web>> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Response> {
        match Self::find(web, parts).await {
            Ok(Some(signed_in)) => Ok(signed_in),
            Ok(None) => Err(Box::pin(begin(web, parts)).await),
            Err(refusal) => Err(Notice::new(&refusal).into_response()),
        }
    }
}

/// Sends somebody to sign in, and keeps what they asked for.
async fn begin(web: &Web, parts: &Parts) -> Response {
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let asked = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let Some(visit) = parts.extensions.get::<Visit>().filter(|_| reads && asked.len() <= LONGEST_TARGET)
    else {
        let what = "nobody is signed in any more";
        let refusal = Refusal::permanent("signed-out", what, "sign in, then open the page again");
        return Notice::new(&refusal).with_status(StatusCode::UNAUTHORIZED).into_response();
    };
    let now = web.clock.now();
    let begun = web.sign_in.pending(&visit.token, Some(asked.to_owned()), now);
    let kept = match begun {
        Ok((state, pending)) => {
            let kept = web.store.commit(Batch::new(now).with(Write::PendingSignIn(pending))).await;
            kept.map(|_| state).map_err(Refusal::from)
        }
        Err(refusal) => Err(refusal),
    };
    match kept {
        Ok(state) => {
            let page = if web.sign_in.only_openid() { "/sign-in/openid" } else { "/sign-in" };
            Redirect::to(&format!("{page}?pending={}", state.expose())).into_response()
        }
        Err(refusal) => Notice::new(&refusal).into_response(),
    }
}
