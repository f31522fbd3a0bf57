//! What the lab pretends to be.

use std::{net::SocketAddr, time::Duration};

use crate::version::Release;

use tieline_proto_ntlm::ExtendedProtection;

use crate::sign_in::Scheme;

/// Build and schema version that `ServerVersionInfo` carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerVersion {
    /// For example 15.
    pub major: u32,
    /// For example 1.
    pub minor: u32,
    /// For example 2507.
    pub major_build: u32,
    /// For example 39.
    pub minor_build: u32,
    /// The newest schema version the server takes in requests, for example `Exchange2016`.
    pub schema: String,
}

impl ServerVersion {
    /// A server of this version.
    pub fn of(release: Release) -> Self {
        let [major, minor, major_build, minor_build] = release.build();
        Self { major, minor, major_build, minor_build, schema: release.schema().to_owned() }
    }

    /// Exchange 2010 SP2: calendars by the 2010 rules, no `ErrorFolderNotFound` for unknown distinguished ids.
    pub fn exchange_2010_sp2() -> Self {
        Self::of(Release::Exchange2010Sp2)
    }

    /// Exchange 2013 SP1.
    pub fn exchange_2013_sp1() -> Self {
        Self::of(Release::Exchange2013Sp1)
    }
}

impl Default for ServerVersion {
    /// Exchange 2016.
    fn default() -> Self {
        Self::of(Release::Exchange2016)
    }
}

/// Limits of folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderLimits {
    /// Folders in a folder.
    pub children: usize,
    /// Folders above a folder.
    pub depth: usize,
    /// Items in a folder; `None` is as many as there is room for.
    pub items: Option<usize>,
}

impl Default for FolderLimits {
    fn default() -> Self {
        Self { children: 10_000, depth: 300, items: None }
    }
}

/// Settings of a lab that are not about where it listens.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What `ServerVersionInfo` says.
    pub version: ServerVersion,
    /// Time between heart-beats on a silent stream of notifications. Exchange takes about 45 seconds.
    pub heartbeat: Duration,
    /// How long `ConnectionTimeout="1"` lasts; a test shortens it.
    pub stream_minute: Duration,
    /// How long a streaming subscription outlives its last connection.
    pub stream_linger: Duration,
    /// Pause before a push notification that was not taken is sent again; it doubles from try to try. Exchange
    /// begins with 30 seconds, the lab with 2, so that tests need not wait.
    pub push_retry: Duration,
    /// The most entries a listing returns at once.
    pub find_limit: usize,
    /// How many folders a folder holds, how deep they go, and how many items a folder holds, as Exchange's mailbox
    /// quotas say.
    pub folder_limits: FolderLimits,
    /// Addresses of the mailboxes that the service account may act for; `None` is all of them.
    pub impersonation_scope: Option<Vec<String>>,
    /// The most subscriptions one caller may hold.
    pub max_subscriptions: usize,
    /// How clients may sign in, as a 401 lists it.
    pub authentication: Vec<Scheme>,
    /// Whether NTLM must be bound to the TLS connection.
    pub extended_protection: ExtendedProtection,
    /// How long a token lives.
    pub token_lifetime: Duration,
    /// Answers are compressed for clients that ask for it.
    pub gzip: bool,
    /// The server touches each item this long after it was made, which changes its change key, as Exchange does.
    pub touch_after_create: Option<Duration>,
    /// Where mail for addresses outside the lab goes, over SMTP on loopback. Without it such mail is dropped.
    pub smart_host: Option<SocketAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: ServerVersion::default(),
            heartbeat: Duration::from_secs(30),
            stream_minute: Duration::from_secs(60),
            stream_linger: Duration::from_secs(300),
            push_retry: Duration::from_secs(2),
            find_limit: 1000,
            folder_limits: FolderLimits::default(),
            impersonation_scope: None,
            max_subscriptions: 5000,
            authentication: vec![Scheme::Ntlm, Scheme::Basic, Scheme::Bearer],
            extended_protection: ExtendedProtection::Allow,
            token_lifetime: Duration::from_secs(3599),
            gzip: true,
            touch_after_create: None,
            smart_host: None,
        }
    }
}
