//! What is shared by all requests of one service account: connections, the place in the server's queue, the state
//! of the password, the schema version the server takes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use secrecy::ExposeSecret;
use tieline_model::{Authentication, EndpointId, Refusal, TlsTrust};
use tieline_ports::{MailAccount, PortError};
use tieline_proto_ews::ExchangeVersion;
use tieline_transport::{
    Breaker, Client, ClientCredentials, Credentials, Endpoint, Fingerprint, Gate, Pin, Rejection, Throttle,
    TokenSource, TransportError, Trust,
};

use super::EwsOptions;
use super::affinity::BackEnds;
use super::bin::Bin;
use super::failure;

/// One service account at one endpoint.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) throttle: Throttle,
    breaker: Mutex<Breaker>,
    version: Mutex<ExchangeVersion>,
    /// What each mailbox has in its bin.
    bins: Mutex<HashMap<String, Bin>>,
    pub(super) back_ends: BackEnds,
    account: MailAccount,
}

impl Session {
    fn new(account: &MailAccount, throttle: Throttle, options: &EwsOptions) -> Result<Self, PortError> {
        let url = account.endpoint.url();
        let endpoint = Endpoint::parse(&url).map_err(|error| failure::transport(&error))?;
        let trust = trust(&account.endpoint.tls).map_err(|error| failure::transport(&error))?;
        let credentials =
            credentials(account, &endpoint, &trust, options).map_err(|error| failure::transport(&error))?;
        let client = Client::new(endpoint, credentials, &trust, options.client.clone())
            .map_err(|error| failure::transport(&error))?;
        Ok(Self {
            client,
            throttle,
            breaker: Mutex::new(Breaker::new(options.breaker.clone())),
            version: Mutex::new(ExchangeVersion::Exchange2010Sp2),
            bins: Mutex::new(HashMap::new()),
            back_ends: BackEnds::default(),
            account: account.clone(),
        })
    }

    /// Whether the account's settings are still those that this session was made of.
    fn serves(&self, account: &MailAccount) -> bool {
        self.account.endpoint.url() == account.endpoint.url()
            && self.account.endpoint.tls == account.endpoint.tls
            && self.account.endpoint.authentication == account.endpoint.authentication
            && self.account.password.expose_secret() == account.password.expose_secret()
    }

    pub(super) fn endpoint_id(&self) -> EndpointId {
        self.account.endpoint.id
    }

    /// How certificates are trusted.
    pub(super) fn tls(&self) -> &TlsTrust {
        &self.account.endpoint.tls
    }

    /// Host and port, for messages.
    pub(super) fn server(&self) -> String {
        self.client.endpoint().authority()
    }

    pub(super) fn url(&self) -> String {
        self.client.endpoint().to_string()
    }

    pub(super) fn user(&self) -> &str {
        self.account.user.as_str()
    }

    /// How the account signs in.
    pub(super) fn authentication(&self) -> &Authentication {
        &self.account.endpoint.authentication
    }

    /// The schema version to write requests in.
    pub(super) fn version(&self) -> ExchangeVersion {
        lock(&self.version).clone()
    }

    /// The server does not know the version that we write: use the oldest from now on. `false` if that is what
    /// was used already.
    pub(super) fn step_down(&self) -> bool {
        let mut version = lock(&self.version);
        let stepped = *version != ExchangeVersion::Exchange2007Sp1;
        *version = ExchangeVersion::Exchange2007Sp1;
        stepped
    }

    /// # Errors
    /// While the password is paused after refusals.
    pub(super) fn ask(&self, now: Instant) -> Result<Trial<'_>, PortError> {
        match lock(&self.breaker).ask(now) {
            Gate::Open => Ok(Trial { session: self }),
            Gate::Closed { wait } => Err(PortError::Failed {
                refusal: Refusal::operator(
                    "account-paused",
                    format!("{} refused {} several times, so Tieline stopped trying for now", self.server(), self.user()),
                    "correct the password of the service account, or unlock it; Tieline tries again by itself",
                )
                .at(self.url()),
                back_off: wait.map(failure::signed),
                applied: tieline_ports::Applied::No,
            }),
        }
    }

    pub(super) fn bin(&self, mailbox: &str) -> Option<Bin> {
        lock(&self.bins).get(mailbox).cloned()
    }

    pub(super) fn remember_bin(&self, mailbox: String, bin: Bin) {
        lock(&self.bins).insert(mailbox, bin);
    }

    pub(super) fn accepted(&self) {
        lock(&self.breaker).accepted();
    }

    pub(super) fn rejected(&self, now: Instant) -> Rejection {
        lock(&self.breaker).rejected(now)
    }
}

/// A request under way that may be the probe of a paused password: however it ends, also by being dropped, the
/// next one may be the probe again.
#[derive(Debug)]
pub(super) struct Trial<'a> {
    session: &'a Session,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        lock(&self.session.breaker).unanswered();
    }
}

/// The sessions of all accounts, and the queues of all servers.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By endpoint, account, and where a moved mailbox is.
    sessions: HashMap<(EndpointId, String, Option<String>), Arc<Session>>,
    /// By host and port: several accounts on one server share its patience.
    queues: HashMap<String, Throttle>,
}

impl Accounts {
    /// The session of `account`, made anew when its settings have changed. `route` is the address that took the place of
    /// the endpoint's own.
    pub(super) fn session(
        &self,
        account: &MailAccount,
        route: Option<String>,
        options: &EwsOptions,
    ) -> Result<Arc<Session>, PortError> {
        let key = (account.endpoint.id, account.user.key(), route);
        let mut known = lock(&self.known);
        if let Some(session) = known.sessions.get(&key)
            && session.serves(account)
        {
            return Ok(Arc::clone(session));
        }
        let server = format!("{}:{}", account.endpoint.address.authority_host(), account.endpoint.port);
        let throttle =
            known.queues.entry(server).or_insert_with(|| Throttle::new(options.limiter.clone())).clone();
        let session = Arc::new(Session::new(account, throttle, options)?);
        known.sessions.insert(key, Arc::clone(&session));
        Ok(session)
    }
}

/// What proves the account to its server. Tokens come from an issuer that has the server's own trust, unless that is
/// pinned to a certificate which only the server has.
fn credentials(
    account: &MailAccount,
    server: &Endpoint,
    trust: &Trust,
    options: &EwsOptions,
) -> Result<Credentials, TransportError> {
    let (user, password) = (account.user.to_string(), account.password.clone());
    Ok(match &account.endpoint.authentication {
        Authentication::Automatic => Credentials::Password { user, password },
        Authentication::Basic => Credentials::Basic { user, password },
        Authentication::Ntlm => Credentials::Ntlm { user, password },
        Authentication::OAuth2 { token_url, client_id, scope } => {
            let issuer = Endpoint::parse(token_url)?;
            let elsewhere = matches!(trust, Trust::Pinned(_)) && issuer.authority() != server.authority();
            let trust = if elsewhere { &Trust::Platform } else { trust };
            let grant = ClientCredentials {
                client_id: client_id.clone(),
                client_secret: password,
                scope: scope.clone(),
            };
            Credentials::Tokens(TokenSource::new(issuer, grant, trust, options.client.clone())?)
        }
    })
}

pub(super) fn trust(tls: &TlsTrust) -> Result<Trust, TransportError> {
    Ok(match tls {
        TlsTrust::System => Trust::Platform,
        TlsTrust::Ca { pem } => Trust::Authorities(pem.clone()),
        TlsTrust::Pinned { sha256 } => Trust::Pinned(vec![Pin::Certificate(sha256.parse::<Fingerprint>()?)]),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
