//! The lab: an Exchange server to try things against, with accounts, faults on request, and desk phones.
//!
//! It speaks EWS (and Autodiscover) as Exchange 2016 does, keeps its mailboxes in a SQLite file, commits before it
//! answers, and listens on loopback only, because its passwords are public. It serves the demo, the tests, and
//! authors of clients who have no Exchange to test against.
//!
//! What it refuses to be: a mail server for people, or a mirror of Tieline. It uses the protocol crates and nothing
//! else of Tieline, so that a wrong mapping there cannot cancel itself out here. What a client needs that Exchange
//! does not do is not done.
//!
//! The types to know:
//!
//! * [`Lab`], started from a [`LabConfig`]: addresses, phones, faults, the journal of requests.
//! * [`Settings`]: what the lab pretends to be ([`ServerVersion`]) and how long its heart-beats take.
//! * [`Faults`] with [`Fault`] and [`FaultKind`]: what goes wrong, for whom, how often. Also `POST /lab/faults`.
//! * [`Journal`] of [`RequestRecord`]s: who asked what and how long it took. Also `GET /lab/requests`.
//! * [`LabDirectory`]: the same people over LDAP, as Active Directory shows them.
//! * [`CalendarProcessing`]: what mailboxes do by themselves about meetings ([`Processing`]). Also `POST /lab/calendars`.
//! * [`AccountPolicy`]: what an administrator does to accounts ([`AccountSettings`]). Also `POST /lab/accounts`.
//! * [`Phone`]: a desk phone whose lamp follows message-waiting NOTIFYs. Also `GET /lab/phones`.
//!
//! Inside, a request passes `http` (the connection), `server` (who is it), `ews` (what is asked, an operation each
//! file), `store` (SQLite, a file per noun). An item is a bag of properties (`document`), shown through a `view` in
//! a `shape`. `calendar` says when things happen, `attendant` what a mailbox does by itself about meetings.

mod account;
mod account_policy;
mod aqs;
mod attendant;
mod autodiscover;
mod bigbluebutton;
mod body;
mod bridge;
mod calendar;
mod call;
mod clock;
mod content;
mod control;
mod delivery;
mod directory;
mod document;
mod ews;
mod extended;
mod fault;
mod filter;
mod folder_view;
mod gzip;
mod http;
mod icalendar;
mod id;
mod inbox_rule;
mod itsm;
mod journal;
mod kept;
mod mapi_property;
mod mime;
mod permission;
mod phone;
mod property;
mod push;
pub mod readers;
mod ready;
mod recorder;
mod server;
mod settings;
mod shape;
mod sign_in;
mod smtp;
mod store;
mod tls;
mod vcard;
mod version;
mod view;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use account::{Account, CONFERENCE, DOMAIN, Directory, DistributionGroup, PASSWORD, SERVICE_ACCOUNT};
pub use account_policy::{AccountPolicy, AccountSettings};
pub use bigbluebutton::BIGBLUEBUTTON_SECRET;
pub use bridge::{Bridge, BridgeCall};
pub use calendar::{CalendarProcessing, Processing};
pub use call::{Call, CallRefused};
pub use clock::Clock;
pub use directory::LabDirectory;
pub use ews::NotArmed;
pub use fault::{ArmedFault, Fault, FaultKind, Faults};
pub use itsm::{GLPI_TOKEN, LINK_FIELDS, ZAMMAD_TOKEN};
pub use journal::{Journal, RequestRecord};
pub use phone::{Lamp, Phone, PhoneStatus};
pub use ready::{Ready, ReadyAccount, ReadyOAuth2, ReadyPhone};
pub use settings::{FolderLimits, ServerVersion, Settings};
pub use sign_in::{CLIENT_ID, CLIENT_SECRET, RESOURCE, Scheme, TENANT};
pub use tieline_proto_ntlm::ExtendedProtection;
pub use tls::CERTIFICATE_FILE;
pub use version::{Availability, ELEMENTS, FOLDERS, OPERATIONS, Release};

use recorder::Recorder;
use server::Server;
use sign_in::SigningKey;
use store::Store;

/// Why a lab did not start.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The address belongs to other machines too.
    #[error(
        "the lab listens on loopback only, not on {address} ({what}); its passwords are public. Use 127.0.0.1"
    )]
    NotLoopback {
        /// Which listener.
        what: &'static str,
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address is taken or not ours.
    #[error(
        "the lab cannot listen on {address} ({what}): {error}. Choose another port, or 0 for any free one"
    )]
    Listen {
        /// Which listener.
        what: &'static str,
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// Neither HTTP nor HTTPS was asked for.
    #[error("the lab has nothing to listen on; give it an address for HTTP or for HTTPS")]
    NoListener,
    /// A file or directory could not be made.
    #[error("the lab cannot write {}: {error}. Choose a state directory that may be written", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The certificate could not be made or read.
    #[error("the lab cannot use the certificate {}: {error}. Delete it, and a new one is made", path.display())]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// The state could not be opened.
    #[error("the lab cannot open its state {}: {error}. Move the file away to begin anew", path.display())]
    Store {
        /// The SQLite file.
        path: PathBuf,
        /// What SQLite says.
        error: sqlx::Error,
    },
}

/// Where a lab keeps its state, where it listens, and who lives there.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// Directory for the SQLite file and the certificate; made if missing.
    pub state_dir: PathBuf,
    /// Where to listen for HTTP; port 0 takes a free one.
    pub http: Option<SocketAddr>,
    /// Where to listen for HTTPS, with a self-signed certificate.
    pub https: Option<SocketAddr>,
    /// Where to listen for LDAP.
    pub ldap: Option<SocketAddr>,
    /// Where to listen for SMTP.
    pub smtp: Option<SocketAddr>,
    /// How many people, at least three.
    pub users: usize,
    /// Where to write the ready file.
    pub ready_file: Option<PathBuf>,
    /// Desk phones: owner's alias and where the phone listens.
    pub phones: Vec<(String, SocketAddr)>,
    /// Where the conference bridge takes calls.
    pub bridge: Option<SocketAddr>,
    /// Directory for every EWS request and response, for schema validation; made if missing.
    pub record_dir: Option<PathBuf>,
    /// What the lab pretends to be.
    pub settings: Settings,
    /// The lab's time.
    pub clock: Clock,
}

impl LabConfig {
    /// A lab with three people on a free port of 127.0.0.1.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            state_dir: state_dir.into(),
            http: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            https: None,
            ldap: None,
            smtp: None,
            users: 3,
            ready_file: None,
            phones: Vec::new(),
            bridge: None,
            record_dir: None,
            settings: Settings::default(),
            clock: Clock::system(),
        }
    }
}

/// A running lab. Dropping it stops the listeners; [`Lab::shutdown`] also waits for requests at work.
#[derive(Debug)]
pub struct Lab {
    server: Arc<Server>,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    smtp: Option<SocketAddr>,
    certificate: Option<PathBuf>,
    ldap: Option<LabDirectory>,
    bridge: Option<Bridge>,
    ready: Ready,
}

impl Lab {
    /// Starts a lab; when this returns, everything listens and the ready file is there.
    pub async fn start(config: LabConfig) -> Result<Self, LabError> {
        if config.http.is_none() && config.https.is_none() {
            return Err(LabError::NoListener);
        }
        if let Some(address) = config.settings.smart_host.filter(|address| !address.ip().is_loopback()) {
            return Err(LabError::NotLoopback { what: "smart host", address });
        }
        for dir in [Some(&config.state_dir), config.record_dir.as_ref()].into_iter().flatten() {
            std::fs::create_dir_all(dir).map_err(|error| LabError::File { path: dir.clone(), error })?;
        }
        let directory = Directory::new(config.users);
        let path = config.state_dir.join("lab.sqlite");
        let store = Store::open(&path, &directory, &config.clock).await;
        let store = store.map_err(|error| LabError::Store { path, error })?;
        let stop = CancellationToken::new();
        let mut phones = Vec::new();
        for (user, address) in &config.phones {
            phones.push(Phone::start(user, *address, config.clock.clone(), stop.clone()).await?);
        }
        let bridge = match config.bridge {
            Some(bind) => Some(Bridge::start(bind, stop.clone()).await?),
            None => None,
        };
        let ldap = match config.ldap {
            Some(bind) => Some(LabDirectory::start(bind, &directory, stop.clone()).await?),
            None => None,
        };
        let server = Arc::new(Server {
            settings: config.settings,
            directory,
            store,
            faults: Arc::default(),
            journal: Arc::default(),
            recorder: Recorder::new(config.record_dir.as_deref()),
            signing_key: SigningKey::generate(),
            streams: Default::default(),
            backends: Default::default(),
            hung_up: Default::default(),
            subscribed: Default::default(),
            phones,
            conferences: Default::default(),
            calendars: Arc::default(),
            accounts: Arc::default(),
            ldap: ldap.clone(),
            clock: config.clock,
            stop,
            tasks: TaskTracker::new(),
        });
        let (http, _) = listen(&server, "http", config.http, None).await?;
        let acceptor = match config.https {
            Some(_) => Some(tls::load(&config.state_dir)?),
            None => None,
        };
        let (https, tls) = listen(&server, "https", config.https, acceptor).await?;
        server.tasks.spawn(push::watch(Arc::clone(&server)));
        server.tasks.spawn(smtp::watch(Arc::clone(&server)));
        let smtp = listen_for_mail(&server, config.smtp).await?;
        let certificate = tls.then(|| config.state_dir.join(CERTIFICATE_FILE));
        let mut ready = describe(&server, http, https, certificate.as_deref(), config.record_dir.as_deref());
        ready.smtp = smtp.map(|address| format!("smtp://{address}"));
        ready.bridge = bridge.as_ref().map(Bridge::uri);
        ready.ldap = ldap.as_ref().map(LabDirectory::url);
        if let Some(path) = &config.ready_file {
            ready::write(path, &ready)?;
        }
        Ok(Self { server, http, https, smtp, certificate, ldap, bridge, ready })
    }

    /// Where HTTP is listened for.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where HTTPS is listened for.
    pub fn https_addr(&self) -> Option<SocketAddr> {
        self.https
    }

    /// Where mail is listened for.
    pub fn smtp_addr(&self) -> Option<SocketAddr> {
        self.smtp
    }

    /// The directory, when the lab offers LDAP.
    pub fn ldap(&self) -> Option<&LabDirectory> {
        self.ldap.as_ref()
    }

    /// PEM file of the self-signed certificate, when the lab offers HTTPS.
    pub fn certificate(&self) -> Option<&Path> {
        self.certificate.as_deref()
    }

    /// The EWS address: over HTTP where offered, otherwise over HTTPS.
    pub fn ews_url(&self) -> &str {
        let ready = &self.ready;
        ready.ews_http.as_deref().or(ready.ews_https.as_deref()).unwrap_or_default()
    }

    /// What the ready file says.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// All accounts.
    pub fn accounts(&self) -> &[Account] {
        self.server.directory.accounts()
    }

    /// Arms a fault, also one that needs to know the mailbox as it is at this moment (`RollBack`).
    ///
    /// # Errors
    /// When a roll-back names no mailbox, or the mailbox cannot be kept.
    pub async fn arm(&self, fault: Fault) -> Result<u64, NotArmed> {
        ews::calamity::arm(&self.server, fault).await
    }

    /// The faults, to be switched on and off.
    pub fn faults(&self) -> &Faults {
        &self.server.faults
    }

    /// What clients asked.
    pub fn journal(&self) -> &Journal {
        &self.server.journal
    }

    /// What an administrator does to accounts while the lab runs.
    pub fn account_policy(&self) -> &AccountPolicy {
        &self.server.accounts
    }

    /// What mailboxes do by themselves about meetings.
    pub fn calendars(&self) -> &CalendarProcessing {
        &self.server.calendars
    }

    /// The conference bridge, when the lab offers one.
    pub fn bridge(&self) -> Option<&Bridge> {
        self.bridge.as_ref()
    }

    /// The desk phones.
    pub fn phones(&self) -> &[Phone] {
        &self.server.phones
    }

    /// The desk phone of a user, by alias.
    pub fn phone(&self, user: &str) -> Option<&Phone> {
        self.server.phones.iter().find(|phone| phone.user() == user)
    }

    /// Stops listening, lets requests at work finish (streams say goodbye), and closes the state.
    pub async fn shutdown(self) {
        self.server.stop.cancel();
        self.server.tasks.close();
        // Idle connections end at once; a late effect may still be waiting for its time.
        if tokio::time::timeout(Duration::from_secs(10), self.server.tasks.wait()).await.is_err() {
            tracing::warn!("lab: some requests did not finish in 10 s");
        }
        self.server.store.close().await;
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.server.stop.cancel();
    }
}

async fn listen(
    server: &Arc<Server>,
    what: &'static str,
    address: Option<SocketAddr>,
    tls: Option<tls::Tls>,
) -> Result<(Option<SocketAddr>, bool), LabError> {
    let Some(address) = address else { return Ok((None, false)) };
    let listener = http::bind(what, address).await?;
    let local = listener.local_addr().map_err(|error| LabError::Listen { what, address, error })?;
    let secure = tls.is_some();
    server.tasks.spawn(http::accept(Arc::clone(server), listener, tls));
    Ok((Some(local), secure))
}

async fn listen_for_mail(
    server: &Arc<Server>,
    address: Option<SocketAddr>,
) -> Result<Option<SocketAddr>, LabError> {
    let Some(address) = address else { return Ok(None) };
    let what = "smtp";
    let listener = http::bind(what, address).await?;
    let local = listener.local_addr().map_err(|error| LabError::Listen { what, address, error })?;
    server.tasks.spawn(smtp::accept(Arc::clone(server), listener));
    Ok(Some(local))
}

fn describe(
    server: &Server,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    certificate: Option<&Path>,
    recordings: Option<&Path>,
) -> Ready {
    let base = match (http, https) {
        (Some(address), _) => format!("http://{address}"),
        (None, Some(address)) => format!("https://{address}"),
        (None, None) => String::new(),
    };
    // Readers of the ready file may stand in another directory.
    let text =
        |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    Ready {
        pid: std::process::id(),
        ews_http: http.map(|address| format!("http://{address}/EWS/Exchange.asmx")),
        ews_https: https.map(|address| format!("https://{address}/EWS/Exchange.asmx")),
        autodiscover_pox: format!("{base}/autodiscover/autodiscover.xml"),
        autodiscover_soap: format!("{base}/autodiscover/autodiscover.svc"),
        control: format!("{base}/lab"),
        itsm: format!("{base}/itsm"),
        bigbluebutton: format!("{base}/bigbluebutton/api"),
        bridge: None,
        oauth2: ReadyOAuth2::at(&base),
        certificate: certificate.map(text),
        ldap: None,
        smtp: None,
        recordings: recordings.map(text),
        accounts: server.directory.accounts().iter().map(ReadyAccount::from).collect(),
        phones: server
            .phones
            .iter()
            .map(|phone| ReadyPhone { user: phone.user().to_owned(), uri: phone.uri() })
            .collect(),
    }
}
