//! Exchange over Exchange Web Services (EWS): 2007 SP1 to Subscription Edition, on premises.
//!
//! * [`Exchange`] is the [`MailSystem`]; every method is one attempt, on behalf of one mailbox by impersonation.
//! * `account` keeps what requests of one service account share: connections, the place in the server's queue,
//!   the state of the password. `call` is one request with its answer; `status` and `failure` say what an error means.
//! * `autodiscover` finds the server of a mail address, and `route` remembers which mailboxes have moved; `affinity`
//!   keeps to the server behind a load balancer.
//! * `preflight` looks at what must be right before a server is relied on.
//! * `folder`, `bin`, `item`, `locate`, `changes`, `probe` are the operations; `watch` turns notifications into hints.
//! * `map` says how a message looks as an Exchange item, one file per noun.
//!
//! An item of ours carries the property `TielineDeliveryId` with its [`DeliveryKey`]. It is how a retry
//! recognises what a lost request did after all, and how an item is known again after a rule or a person
//! moved it, since a move gives it a new id. Bodies and attachments are never read back.

mod account;
mod affinity;
mod autodiscover;
mod bin;
mod call;
mod changes;
mod conference;
mod failure;
mod folder;
mod item;
mod locate;
mod map;
mod mapped;
mod organizer;
mod picture;
mod preflight;
mod probe;
mod records;
mod route;
mod series;
mod status;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tieline_model::{Clock, DeliveryKey, Endpoint, FolderPath, Ids, Refusal, SmtpAddress};
use tieline_ports::{
    Applied, ChangePage, Discovered, Discovery, FolderRef, HintStream, ItemRef, Located, MailAccount,
    MailSystem, MailTarget, OutgoingMessage, PortError, PortFuture, RemoteItem, ServerInfo,
};
use tieline_proto_ews::operations::Disposal;
use tieline_transport::{BreakerPolicy, ClientOptions, LimiterPolicy};

use self::account::{Accounts, Session};
pub use self::autodiscover::AutodiscoverOptions;
use self::call::Call;
use self::route::Routes;
pub use self::watch::{PushPolicy, WatchOptions};

/// The measures of the connector.
#[derive(Debug, Clone)]
pub struct EwsOptions {
    /// For one request with its answer.
    pub request_timeout: Duration,
    /// How long a request may wait for its turn before the caller is told to come back.
    pub patience: Duration,
    /// The largest answer that is read, in bytes.
    pub response_limit: u64,
    /// Where Exchange Web Services usually answer: tried when an endpoint has the port of IMAP, and proposed.
    pub usual_port: u16,
    /// How long an answer about which folders are in the bin is remembered.
    pub bin_memory: Duration,
    /// Changes per page of `SyncFolderItems`, 1 to 512.
    pub page: i32,
    /// Connections.
    pub client: ClientOptions,
    /// Requests in flight, per server and per mailbox.
    pub limiter: LimiterPolicy,
    /// Refused passwords.
    pub breaker: BreakerPolicy,
    /// Finding a server by a mail address.
    pub autodiscover: AutodiscoverOptions,
    /// Notifications.
    pub watch: WatchOptions,
}

impl Default for EwsOptions {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(60),
            patience: Duration::from_secs(10),
            response_limit: 32 << 20,
            usual_port: Endpoint::DEFAULT_PORT,
            bin_memory: Duration::from_secs(300),
            page: 512,
            client: ClientOptions::default(),
            limiter: LimiterPolicy::default(),
            breaker: BreakerPolicy::default(),
            autodiscover: AutodiscoverOptions::default(),
            watch: WatchOptions::default(),
        }
    }
}

/// Exchange as a [`MailSystem`]. Cheap to clone; clones share connections and queues.
#[derive(Clone)]
pub struct Exchange {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    options: EwsOptions,
    accounts: Accounts,
    /// Where push notifications come in.
    inbox: Arc<watch::Inbox>,
    /// Mailboxes that are not where their endpoint says.
    routes: Routes,
}

impl Exchange {
    pub fn new(clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, options: EwsOptions) -> Self {
        let (accounts, inbox, routes) = (Accounts::default(), Arc::default(), Routes::default());
        Self { shared: Arc::new(Shared { clock, ids, options, accounts, inbox, routes }) }
    }
}

impl Shared {
    fn session(&self, account: &MailAccount) -> Result<Arc<Session>, PortError> {
        self.accounts.session(account, None, &self.options)
    }

    /// Where the target's mailbox is, if not where its endpoint says.
    fn route(&self, target: &MailTarget) -> Option<String> {
        self.routes.of(target.account.endpoint.id, &target.address.key(), Instant::now())
    }

    /// The session with the server that has the target's mailbox.
    fn session_of(&self, target: &MailTarget) -> Result<Arc<Session>, PortError> {
        let account = &target.account;
        let route = self.route(target);
        match route.as_deref().and_then(|url| route::at(&account.endpoint, url)) {
            Some(endpoint) => {
                let there = MailAccount { endpoint, ..(**account).clone() };
                self.accounts.session(&there, route, &self.options)
            }
            None => self.session(account),
        }
    }

    fn call<'a>(&'a self, session: &'a Session, mailbox: Option<&'a SmtpAddress>) -> Call<'a> {
        Call {
            shared: self,
            session,
            options: &self.options,
            mailbox,
            request_id: self.ids.uuid(),
            within: self.options.request_timeout,
            affinity: None,
        }
    }

    /// The time left until `deadline`.
    fn left(&self, deadline: Timestamp) -> Result<Duration, PortError> {
        let left = deadline.duration_since(self.clock.now());
        match Duration::try_from(left) {
            Ok(left) if !left.is_zero() => Ok(left),
            _ => Err(PortError::refused(Refusal::transient(
                "deadline-passed",
                "the time for this attempt was over before it began",
                "nothing; Tieline tries again",
            ))),
        }
    }
}

/// A failure before the request that counts: that one has certainly not happened.
fn before(error: PortError) -> PortError {
    match error {
        PortError::Failed { refusal, back_off, .. } => {
            PortError::Failed { refusal, back_off, applied: Applied::No }
        }
        other => other,
    }
}

/// The port that the administrator's old form proposed leads to IMAP: if EWS answers at its own port, say so.
async fn propose_port(shared: &Shared, account: &MailAccount, error: PortError) -> PortError {
    let refused = matches!(&error, PortError::Failed { refusal, .. } if refusal.code == "wrong-password");
    if account.endpoint.port != Endpoint::IMPORTED_PORT || refused {
        return error;
    }
    let mut elsewhere = account.clone();
    let usual = shared.options.usual_port;
    elsewhere.endpoint.port = usual;
    let proposal = shared.session(&elsewhere);
    let answers = match &proposal {
        Ok(session) => shared.call(session, None).probe().await.is_ok(),
        Err(_) => false,
    };
    if !answers {
        return error;
    }
    PortError::refused(
        Refusal::operator(
            "imported-port",
            format!(
                "port {} is that of IMAP; Exchange Web Services answer at port {usual}",
                Endpoint::IMPORTED_PORT,
            ),
            format!("set the port of endpoint {} to {usual}", account.endpoint.name),
        )
        .at(account.endpoint.url()),
    )
}

impl MailSystem for Exchange {
    fn probe<'a>(&'a self, account: &'a MailAccount) -> PortFuture<'a, ServerInfo> {
        Box::pin(async move {
            let session = self.shared.session(account)?;
            match self.shared.call(&session, None).probe().await {
                Ok(info) => Ok(info),
                Err(error) => Err(propose_port(&self.shared, account, error).await),
            }
        })
    }

    fn discover<'a>(&'a self, wanted: &'a Discovery) -> PortFuture<'a, Discovered> {
        Box::pin(async move {
            let found = self.shared.discover(wanted).await.map_err(PortError::refused)?;
            autodiscover::usable(&found).map_err(PortError::refused)?;
            Ok(found)
        })
    }

    fn check<'a>(&'a self, target: &'a MailTarget) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).check().await
        })
    }

    fn ensure_folder<'a>(
        &'a self,
        target: &'a MailTarget,
        path: &'a FolderPath,
    ) -> PortFuture<'a, FolderRef> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).ensure_folder(path).await
        })
    }

    fn create<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        message: &'a OutgoingMessage,
        deadline: Timestamp,
    ) -> PortFuture<'a, RemoteItem> {
        Box::pin(async move {
            let within = self.shared.left(deadline)?;
            let session = self.shared.session_of(target)?;
            // The server's logs then name the message's journey.
            let request_id = message.trace.uuid();
            let call = Call { within, request_id, ..self.shared.call(&session, Some(&target.address)) };
            call.refuse_bin(folder).await.map_err(before)?;
            let call = Call { within: self.shared.left(deadline)?, ..call };
            call.create(folder, message).await
        })
    }

    fn locate<'a>(&'a self, target: &'a MailTarget, keys: &'a [DeliveryKey]) -> PortFuture<'a, Vec<Located>> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).locate(keys).await
        })
    }

    fn changes<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        cursor: Option<&'a str>,
    ) -> PortFuture<'a, ChangePage> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            let call = self.shared.call(&session, Some(&target.address));
            let deleted = call.is_in_bin(folder).await?;
            call.changes(folder, cursor, deleted).await
        })
    }

    fn set_read<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef, read: bool) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).set_read(item, read).await
        })
    }

    fn delete<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            let call = self.shared.call(&session, Some(&target.address));
            call.dispose(item, Disposal::MoveToDeletedItems).await
        })
    }

    fn remove_duplicate<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).dispose(item, Disposal::HardDelete).await
        })
    }

    fn count<'a>(&'a self, target: &'a MailTarget, folder: &'a FolderRef) -> PortFuture<'a, u32> {
        Box::pin(async move {
            let session = self.shared.session_of(target)?;
            self.shared.call(&session, Some(&target.address)).count(folder).await
        })
    }

    fn watch(&self, targets: Vec<MailTarget>) -> HintStream {
        watch::watch(Arc::clone(&self.shared), targets)
    }
}
