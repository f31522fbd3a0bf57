//! Requests that peers send: who they are, what they may, and the answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tieline_proto_sip::digest::{Credentials, Verdict};
use tieline_proto_sip::{
    Arrival, MESSAGE_SUMMARY_EVENT, MESSAGE_SUMMARY_TYPE, Method, Name, Rejection, Request, Response,
    TransactionKey, Uri,
};
use tokio::time::timeout;

use crate::lock;
use crate::ports::Access;
use crate::stack::Core;
use crate::wire::{Flow, Inbox};

/// The methods answered with something else than 405.
const ALLOW: &str = "SUBSCRIBE, NOTIFY, OPTIONS, CANCEL";
/// The same where calls are taken.
const ALLOW_CALLS: &str = "INVITE, ACK, CANCEL, SUBSCRIBE, NOTIFY, OPTIONS";
/// How long the product may take to look up a user or mailbox.
const LOOKUP: Duration = Duration::from_secs(10);

impl Inbox for Core {
    fn response(&self, response: Response) {
        self.client.deliver(response);
    }

    fn request(self: Arc<Self>, request: Request, flow: Flow) -> BoxFuture<'static, ()> {
        async move { self.receive(request, flow).await }.boxed()
    }
}

/// Forgets a transaction that ended without an answer.
struct Unanswered<'a> {
    core: &'a Core,
    key: Option<TransactionKey>,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            lock(&self.core.transactions).abandoned(&key);
        }
    }
}

impl Core {
    async fn receive(&self, request: Request, flow: Flow) {
        if request.method == Method::Ack {
            return self.call_acknowledged(&request);
        }
        let key = match request.check().and_then(|()| request.transaction_key()) {
            Ok(key) => key,
            Err(error) => {
                tracing::debug!(peer = %flow.peer, %error, "a SIP request is malformed");
                self.answer(&request, &flow, request.respond(400, &self.token())).await;
                return;
            }
        };
        if request.method == Method::Invite {
            return self.invited(key, request, flow).await;
        }
        match lock(&self.transactions).arrive(&key, self.uptime()) {
            Arrival::New => {}
            Arrival::Repeat(None) => return,
            Arrival::Repeat(Some(answer)) => {
                self.wire.tasks().spawn(async move { flow.send(answer).await });
                return;
            }
            Arrival::Full => {
                metrics::counter!("tieline_sip_refused_requests_total").increment(1);
                return;
            }
        }
        let mut unanswered = Unanswered { core: self, key: Some(key) };
        let (response, then) = self.handle(&request, &flow).await;
        let keep = (200..300).contains(&response.code) && !flow.transport.is_reliable();
        let bytes = self.answer(&request, &flow, response).await;
        if let Some(key) = unanswered.key.take() {
            lock(&self.transactions).answered(key, bytes, keep, self.uptime());
        }
        if let Some(then) = then {
            then.await;
        }
    }

    pub(crate) async fn answer(&self, request: &Request, flow: &Flow, mut response: Response) -> Arc<[u8]> {
        response.headers.push(Name::SERVER, &self.config.user_agent);
        let bytes: Arc<[u8]> = Arc::from(response.to_bytes());
        self.answer_bytes(request, flow, bytes.clone()).await;
        bytes
    }

    pub(crate) async fn answer_bytes(&self, request: &Request, flow: &Flow, bytes: Arc<[u8]>) {
        // A datagram goes to where it came from: by rport to the source port, else to the port in Via.
        let flow = match request.top_via() {
            Ok(via) if !via.params.has("rport") => {
                let mut peer = flow.peer;
                peer.set_port(via.port().unwrap_or(flow.transport.default_port()));
                flow.clone().towards(peer)
            }
            _ => flow.clone(),
        };
        if let Err(error) = flow.send(bytes).await {
            tracing::debug!(peer = %flow.peer, %error, "an answer could not be sent");
        }
    }

    pub(crate) fn allow(&self) -> &'static str {
        if self.desk().is_some() { ALLOW_CALLS } else { ALLOW }
    }

    /// The answer, and what is to be done once it is on its way.
    async fn handle(&self, request: &Request, flow: &Flow) -> (Response, Option<BoxFuture<'_, ()>>) {
        let tag = self.token();
        let plain = |code| (request.respond(code, &tag), None);
        if let Some(required) = request.headers.first(Name::REQUIRE) {
            let mut response = request.respond(420, &tag);
            response.headers.push(Name::UNSUPPORTED, required);
            return (response, None);
        }
        match request.method {
            Method::Subscribe => match self.subscribe(request, flow, &tag).await {
                Ok((response, then)) => (response, Some(then)),
                Err(response) => (*response, None),
            },
            Method::Options => {
                let mut response = request.respond(200, &tag);
                response.headers.push(Name::ALLOW, self.allow());
                response.headers.push(Name::ALLOW_EVENTS, MESSAGE_SUMMARY_EVENT);
                response.headers.push(Name::ACCEPT, MESSAGE_SUMMARY_TYPE);
                (response, None)
            }
            Method::Cancel if self.call_cancelled(request) => plain(200),
            Method::Notify | Method::Cancel => plain(481),
            _ => {
                let mut response = request.respond(405, &tag);
                response.headers.push(Name::ALLOW, self.allow());
                (response, None)
            }
        }
    }

    async fn subscribe(
        &self,
        request: &Request,
        flow: &Flow,
        tag: &str,
    ) -> Result<(Response, BoxFuture<'_, ()>), Box<Response>> {
        let reject = |rejection: Rejection| {
            let mut response = request.respond(rejection.code, tag);
            if let Some((name, value)) = rejection.header {
                response.headers.push(name, value);
            }
            Box::new(response)
        };
        let username = self.authenticate(request, tag).await?;
        if request.to().is_ok_and(|to| to.tag().is_some()) {
            return self.refresh_watch(request, flow, &username).await.map_err(reject);
        }
        let address = self.mailbox_address(request).ok_or_else(|| reject(Rejection::new(404)))?;
        let access = timeout(LOOKUP, self.accounts.access(&address, &username)).await;
        let account = match access {
            Ok(Access::Granted(account)) => account,
            Ok(Access::Forbidden) => return Err(reject(Rejection::new(403))),
            Ok(Access::Unknown) => return Err(reject(Rejection::new(404))),
            Err(_) => return Err(reject(Rejection::with(503, Name::RETRY_AFTER, "30".to_owned()))),
        };
        self.open_watch(request, flow, (&address, &account), tag).await.map_err(reject)
    }

    /// Who asks, proven by digest; or the response that challenges or refuses.
    async fn authenticate(&self, request: &Request, tag: &str) -> Result<String, Box<Response>> {
        if !self.config.authenticate {
            return Ok(String::new());
        }
        let claimed = request
            .headers
            .all(Name::AUTHORIZATION)
            .filter_map(|value| Credentials::parse(value).ok())
            .find(|credentials| credentials.realm == self.config.domain);
        let mut stale = false;
        if let Some(credentials) = claimed {
            let lookup = timeout(LOOKUP, self.accounts.secret(&credentials.username)).await;
            let Ok(secret) = lookup else {
                let mut response = request.respond(503, tag);
                response.headers.push(Name::RETRY_AFTER, "30");
                return Err(Box::new(response));
            };
            let now = self.now();
            let method = request.method.as_str();
            match lock(&self.verifier).verify(&credentials, method, secret.as_ref(), now) {
                Verdict::Accepted => return Ok(credentials.username),
                Verdict::Refused => {
                    metrics::counter!("tieline_sip_refused_logins_total").increment(1);
                    return Err(Box::new(request.respond(403, tag)));
                }
                Verdict::Challenge { stale: is } => stale = is,
            }
        }
        let mut response = request.respond(401, tag);
        for challenge in lock(&self.verifier).challenges(stale, self.now(), self.random()) {
            response.headers.push(Name::WWW_AUTHENTICATE, challenge);
        }
        Err(Box::new(response))
    }

    /// The mailbox that a SUBSCRIBE is about. Watchers write our domain, or any address of ours.
    fn mailbox_address(&self, request: &Request) -> Option<String> {
        let uri: Uri = request.uri.parse().ok()?;
        let user = uri.user().filter(|user| !user.is_empty())?;
        let advertised = self.config.advertised_host.as_deref();
        let ours = uri.host().parse::<std::net::IpAddr>().is_ok()
            || advertised.is_some_and(|host| host.eq_ignore_ascii_case(uri.host()));
        Some(if ours { format!("sip:{user}@{}", self.config.domain) } else { uri.address_of_record() })
    }
}
