//! Who may ask for what: tokens over TCP, file permissions over the admin socket, and how often.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tieline_model::Refusal;
use tieline_store::Role;

use crate::connection::Peer;
use crate::problem::Refused;
use crate::web::Web;

/// How a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Over the admin socket, which only the server's own user can open.
    Socket,
    /// Over TCP.
    Tcp,
}

/// Who asks; handlers put it into the change history.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) name: String,
    role: Role,
}

impl Caller {
    /// Whether a role may use a method on a path. Depositors add messages and see what became of them.
    fn may(&self, method: &Method, path: &str) -> bool {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        match self.role {
            Role::Admin => true,
            Role::Read => {
                let kept = ["/api/v1/tokens", "/api/v1/users", "/api/v1/secrets"];
                reads && !kept.iter().any(|kept| path.starts_with(kept))
            }
            Role::Deposit => {
                let message = path.strip_prefix("/api/v1/messages");
                message.is_some_and(|rest| {
                    (rest.is_empty() && *method == Method::POST) || (rest.len() > 1 && reads)
                })
            }
        }
    }
}

/// Lets a request under `/api` pass, or says why not.
pub(crate) async fn authorize(
    State((web, way)): State<(Arc<Web>, Way)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let caller = match way {
        Way::Socket => Caller { name: "admin socket".to_owned(), role: Role::Admin },
        Way::Tcp => {
            slow_down(&web, &request)?;
            let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
            let shown = shown.map(str::to_owned);
            identify(&web, shown.as_deref()).await?
        }
    };
    if !caller.may(request.method(), request.uri().path()) {
        let what = format!("the token {} may not do this", caller.name);
        return Err(Refusal::permanent(
            "not-allowed",
            what,
            "make a token with another role: tieline token add",
        )
        .into());
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Whose token the header `Authorization` shows.
async fn identify(web: &Web, header: Option<&str>) -> Result<Caller, Refused> {
    let next = "send Authorization: Bearer TOKEN; tieline token add makes one";
    let Some(header) = header else {
        return Err(Refusal::permanent("no-token", "the request carries no token", next).into());
    };
    let token =
        header.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer ")).and_then(|_| header.get(7..));
    let known = match token {
        Some(token) => web.store.api_token(&token.trim().to_owned().into(), web.clock.now()).await?,
        None => None,
    };
    let known = known.ok_or_else(|| Refusal::permanent("bad-token", "the token is not valid", next))?;
    Ok(Caller { name: known.name, role: known.role })
}

/// Asks an address that sends too much to slow down, before its token is looked at.
fn slow_down(web: &Web, request: &Request) -> Result<(), Refused> {
    let peer = Peer::of(request.extensions());
    if web.pace.allows(peer.unwrap_or(IpAddr::from([127, 0, 0, 1]))) {
        return Ok(());
    }
    let next = "send fewer requests; [limits] requests_per_minute says how many";
    Err(Refusal::transient("slow-down", "too many requests from this address", next).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_reach_no_further_than_they_say() {
        let caller = |role| Caller { name: "t".to_owned(), role };
        let may = |role, method: Method, path: &str| caller(role).may(&method, path);
        assert!(may(Role::Deposit, Method::POST, "/api/v1/messages"));
        assert!(may(Role::Deposit, Method::GET, "/api/v1/messages/vm_1"));
        assert!(
            !may(Role::Deposit, Method::GET, "/api/v1/messages"),
            "a depositor does not list others' messages"
        );
        assert!(!may(Role::Deposit, Method::DELETE, "/api/v1/messages/vm_1"));
        assert!(!may(Role::Deposit, Method::GET, "/api/v1/mailboxes"));
        assert!(may(Role::Read, Method::GET, "/api/v1/mailboxes"));
        assert!(["tokens", "users", "secrets"].iter().all(|kept| !may(
            Role::Read,
            Method::GET,
            &format!("/api/v1/{kept}")
        )));
        assert!(!may(Role::Read, Method::POST, "/api/v1/mailboxes"));
        assert!(may(Role::Admin, Method::DELETE, "/api/v1/tokens/1"));
    }
}
