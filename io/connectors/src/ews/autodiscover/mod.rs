//! From a mail address to the address of Exchange Web Services: Autodiscover, in SOAP and in plain XML.
//!
//! `search` decides; this asks. Each question has its own time and the whole search a budget, because one silent host
//! among the candidates must not hold up an administrator for minutes.

mod search;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use tieline_model::{Refusal, SmtpAddress, TlsTrust};
use tieline_ports::{Discovered, Discovery};
use tieline_proto_ews::Limits;
use tieline_proto_ews::autodiscover::{pox, soap};
use tieline_transport::{Client, Credentials, Endpoint, Response, TransportError};
use tokio::time::{Instant, timeout_at};

use self::search::{Reply, Search, Step, Verdict};
use super::account::{Session, trust};
use super::failure;
use super::{EwsOptions, Shared};

/// The measures of Autodiscover.
#[derive(Debug, Clone)]
pub struct AutodiscoverOptions {
    /// Addresses to ask, in order, with `{domain}` for the mail domain. With http they are asked for a redirection only.
    pub candidates: Vec<String>,
    /// For one question.
    pub patience: Duration,
    /// For the whole search.
    pub budget: Duration,
    /// How long it is believed that a mailbox has moved away from its endpoint.
    pub lifetime: Duration,
    /// Between two searches for a mailbox that its endpoint does not have.
    pub pause: Duration,
}

impl Default for AutodiscoverOptions {
    fn default() -> Self {
        Self {
            candidates: candidates(),
            patience: Duration::from_secs(10),
            budget: Duration::from_secs(40),
            lifetime: Duration::from_secs(24 * 3600),
            pause: Duration::from_secs(60),
        }
    }
}

/// Microsoft's order.
fn candidates() -> Vec<String> {
    let secure = ["{domain}", "autodiscover.{domain}"].into_iter().flat_map(|host| {
        ["svc", "xml"].map(|kind| format!("https://{host}/autodiscover/autodiscover.{kind}"))
    });
    secure.chain(["http://autodiscover.{domain}/autodiscover/autodiscover.xml".to_owned()]).collect()
}

/// An answer is about 5 kB.
const LIMIT: u64 = 1 << 20;
/// The settings that name EWS.
const SETTINGS: [&str; 2] = ["ExternalEwsUrl", "InternalEwsUrl"];

impl Shared {
    /// Searches for the server of an address that a person names.
    pub(super) async fn discover(&self, wanted: &Discovery) -> Result<Discovered, Refusal> {
        let candidates = self.options.autodiscover.candidates.clone();
        let search = Search::new(wanted.address.clone(), candidates, wanted.confirmed.clone());
        let credentials =
            Credentials::Password { user: wanted.user.to_string(), password: wanted.password.clone() };
        self.search(search, &Asker { credentials, tls: &wanted.tls }).await
    }

    /// Searches for the server that now has a mailbox, first at the one that had it.
    pub(super) async fn rediscover(
        &self,
        session: &Session,
        mailbox: &SmtpAddress,
    ) -> Result<Discovered, Refusal> {
        let place = session.client.endpoint();
        let mut candidates = ["svc", "xml"]
            .map(|kind| format!("https://{}/autodiscover/autodiscover.{kind}", place.authority()))
            .to_vec();
        let credentials = session.client.credentials().clone();
        // A token is for Exchange, not for whatever answers at the mail domain.
        if !matches!(credentials, Credentials::Tokens(_)) {
            candidates.extend(self.options.autodiscover.candidates.iter().cloned());
        }
        let search = Search::new(mailbox.clone(), candidates, Vec::new());
        let found = self.search(search, &Asker { credentials, tls: session.tls() }).await?;
        usable(&found)?;
        Ok(found)
    }

    /// Asks until something is found, nothing is left or the time is over.
    async fn search(&self, mut search: Search, asker: &Asker<'_>) -> Result<Discovered, Refusal> {
        let options = &self.options.autodiscover;
        let deadline = Instant::now() + options.budget;
        while let Some(step) = search.next() {
            let now = Instant::now();
            if now >= deadline {
                return Err(search.too_slow(options.budget.as_secs()));
            }
            let until = deadline.min(now + options.patience);
            let reply =
                match timeout_at(until, ask(asker, &self.options, search.address().as_str(), &step)).await {
                    Ok(Ok(reply)) => reply,
                    Ok(Err(error)) => Reply::Unusable(error.what()),
                    Err(_) => Reply::Unusable(format!("no answer within {} s", (until - now).as_secs())),
                };
            tracing::debug!(url = step.url(), ?reply, "ews.autodiscover");
            match search.told(&step, reply) {
                Verdict::GoOn => {}
                Verdict::Stop(refusal) => return Err(refusal),
                Verdict::Found(url) => {
                    return Ok(Discovered {
                        address: search.address().clone(),
                        url,
                        said_by: step.url().to_owned(),
                    });
                }
            }
        }
        Err(search.give_up())
    }
}

/// Who asks.
struct Asker<'a> {
    credentials: Credentials,
    tls: &'a TlsTrust,
}

/// Asks one question. Credentials go with it, except where there is no TLS.
async fn ask(
    asker: &Asker<'_>,
    options: &EwsOptions,
    address: &str,
    step: &Step,
) -> Result<Reply, TransportError> {
    let endpoint = Endpoint::parse(step.url())?;
    let (method, body, credentials) = match step {
        Step::Probe(_) => (Method::GET, Vec::new(), Credentials::Anonymous),
        Step::Pox(_) => (Method::POST, pox::Request::new(address).encode(), asker.credentials.clone()),
        Step::Soap(url) => (Method::POST, settings_of(url, address), asker.credentials.clone()),
    };
    let path = endpoint.path().to_owned();
    let authority = endpoint.authority();
    let client = Client::new(endpoint, credentials, &trust(asker.tls)?, options.client.clone())?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
        .header(header::ACCEPT, "text/xml")
        .header(header::USER_AGENT, concat!("Tieline/", env!("CARGO_PKG_VERSION")))
        .body(Bytes::from(body))
        .map_err(|error| TransportError::BadRequest { endpoint: authority, reason: error.to_string() })?;
    let patience = options.autodiscover.patience;
    let response = client.send(request, patience).await?;
    if let Some(reply) = said_by_status(&response) {
        return Ok(reply);
    }
    let body = response.collect(LIMIT, patience).await?;
    let limits = Limits { bytes: body.len(), ..Limits::DEFAULT };
    Ok(match step {
        Step::Probe(_) => Reply::Unusable("it answers without TLS, which is not believed".to_owned()),
        Step::Pox(_) => match pox::Response::parse(&body, &limits) {
            Ok(answer) => said_by_pox(&answer),
            Err(error) => Reply::Unusable(format!("no Autodiscover answer ({error})")),
        },
        Step::Soap(_) => match soap::decode_response(&body, &limits) {
            Ok((_, Ok(answer))) => said_by_soap(&answer),
            Ok((_, Err(fault))) => Reply::Unusable(format!("fault {}", fault.string)),
            Err(error) => Reply::Unusable(format!("no Autodiscover answer ({error})")),
        },
    })
}

fn settings_of(url: &str, address: &str) -> Vec<u8> {
    let request = soap::GetUserSettings {
        users: vec![soap::User { mailbox: address.to_owned() }],
        requested_settings: SETTINGS.map(str::to_owned).to_vec(),
        requested_version: None,
    };
    soap::encode_request(url, "Exchange2010", &request)
}

/// What a status says by itself; a 200, and a 500 that may hold a fault, are read.
fn said_by_status(response: &Response) -> Option<Reply> {
    match response.status.as_u16() {
        200 => None,
        500 => Some(Reply::Unusable("HTTP 500".to_owned())),
        401 => Some(Reply::Unauthorized),
        301 | 302 | 303 | 307 | 308 => {
            let location = response.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
            Some(match location {
                Some(location) => Reply::RedirectUrl(location.to_owned()),
                None => Reply::Unusable("a redirection to nowhere".to_owned()),
            })
        }
        status => Some(Reply::Unusable(format!("HTTP {status}"))),
    }
}

fn said_by_pox(answer: &pox::Response) -> Reply {
    if let Some(error) = &answer.error {
        return match error.error_code {
            500 | 501 => Reply::UnknownMailbox,
            code => Reply::Unusable(format!("error {code}")),
        };
    }
    let account = answer.account.as_ref();
    let action = account.and_then(|account| account.action.as_deref()).unwrap_or_default();
    let redirection = |target: Option<&String>, reply: fn(String) -> Reply| match target {
        Some(target) => reply(target.clone()),
        None => Reply::Unusable("a redirection to nowhere".to_owned()),
    };
    match action.to_ascii_lowercase().as_str() {
        "redirectaddr" => {
            redirection(account.and_then(|account| account.redirect_addr.as_ref()), Reply::RedirectAddress)
        }
        "redirecturl" => {
            redirection(account.and_then(|account| account.redirect_url.as_ref()), Reply::RedirectUrl)
        }
        _ => match answer.ews_url() {
            Some(url) => Reply::Found(url.to_owned()),
            None => Reply::Unusable("it names no EWS".to_owned()),
        },
    }
}

fn said_by_soap(answer: &soap::GetUserSettingsResponse) -> Reply {
    use soap::ErrorCode;
    let Some(user) = answer.user_responses.first() else {
        return Reply::Unusable(format!("error {}", answer.error_code));
    };
    let target = || user.redirect_target.clone().unwrap_or_default();
    match &user.error_code {
        ErrorCode::NoError => match SETTINGS.into_iter().find_map(|name| user.setting(name)) {
            Some(url) => Reply::Found(url.to_owned()),
            None => Reply::Unusable("it names no EWS".to_owned()),
        },
        ErrorCode::RedirectAddress => Reply::RedirectAddress(target()),
        ErrorCode::RedirectUrl => Reply::RedirectUrl(target()),
        ErrorCode::InvalidUser | ErrorCode::InvalidDomain => Reply::UnknownMailbox,
        code => Reply::Unusable(format!("error {code}")),
    }
}

/// A found address that cannot be used is the server's mistake, said as such.
pub(super) fn usable(found: &Discovered) -> Result<(), Refusal> {
    Endpoint::parse(&found.url).map(|_| ()).map_err(|error| failure::transport(&error).refusal())
}
