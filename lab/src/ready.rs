//! The ready file: JSON with every endpoint and account, there only once everything listens.

use std::{fs::File, io::Write, path::Path};

use serde::Serialize;

use crate::{
    LabError,
    account::{Account, PASSWORD},
    sign_in::{CLIENT_ID, CLIENT_SECRET, RESOURCE, TENANT},
};

/// What a client author needs to reach the lab.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// Process id of the lab.
    pub pid: u32,
    /// EWS over plain HTTP.
    pub ews_http: Option<String>,
    /// EWS over HTTPS with the lab's self-signed certificate.
    pub ews_https: Option<String>,
    /// Autodiscover (POX), on the first of the two listeners.
    pub autodiscover_pox: String,
    /// Autodiscover (SOAP), on the first of the two listeners.
    pub autodiscover_soap: String,
    /// Base of `/lab/faults`, `/lab/requests` and `/lab/phones`.
    pub control: String,
    /// Base of the ticket system: form pages, `/glpi` and `/zammad`.
    pub itsm: String,
    /// A conference server's REST API.
    pub bigbluebutton: String,
    /// The conference bridge over SIP, without a room's number.
    pub bridge: Option<String>,
    /// PEM file of the self-signed certificate.
    pub certificate: Option<String>,
    /// The directory over plain LDAP, with its scheme.
    pub ldap: Option<String>,
    /// Mail over SMTP, with its scheme.
    pub smtp: Option<String>,
    /// Directory to which requests and responses are recorded.
    pub recordings: Option<String>,
    /// How an application gets a token.
    pub oauth2: ReadyOAuth2,
    /// All accounts.
    pub accounts: Vec<ReadyAccount>,
    /// Desk phones.
    pub phones: Vec<ReadyPhone>,
}

/// The lab's token issuer in the ready file.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyOAuth2 {
    /// Where the client-credentials flow is answered.
    pub token_url: String,
    /// Tenant in that address.
    pub tenant: &'static str,
    /// The application that may act as any mailbox.
    pub client_id: &'static str,
    /// Its secret.
    pub client_secret: &'static str,
    /// What to ask for.
    pub scope: String,
}

impl ReadyOAuth2 {
    /// `base` is the address of a listener.
    pub(crate) fn at(base: &str) -> Self {
        Self {
            token_url: format!("{base}/{TENANT}/oauth2/v2.0/token"),
            tenant: TENANT,
            client_id: CLIENT_ID,
            client_secret: CLIENT_SECRET,
            scope: format!("{RESOURCE}/.default"),
        }
    }
}

/// One account in the ready file.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyAccount {
    /// Primary SMTP address.
    pub address: String,
    /// Logon name with its domain.
    pub user: String,
    /// Password for Basic authentication.
    pub password: &'static str,
    /// Name shown to people.
    pub display_name: String,
    /// `ApplicationImpersonation` for the service account.
    pub roles: Vec<&'static str>,
}

/// One desk phone in the ready file.
#[derive(Clone, Debug, Serialize)]
pub struct ReadyPhone {
    /// Owner's alias.
    pub user: String,
    /// SIP URI to which NOTIFY goes.
    pub uri: String,
}

impl From<&Account> for ReadyAccount {
    fn from(account: &Account) -> Self {
        Self {
            address: account.address.clone(),
            user: format!("LAB\\{}", account.alias),
            password: PASSWORD,
            display_name: account.display_name.clone(),
            roles: if account.may_impersonate { vec!["ApplicationImpersonation"] } else { Vec::new() },
        }
    }
}

/// Writes the file beside its place, syncs it and renames it, so that a reader sees all of it or nothing.
pub(crate) fn write(path: &Path, ready: &Ready) -> Result<(), LabError> {
    let file_error = |error| LabError::File { path: path.to_owned(), error };
    let json = serde_json::to_vec_pretty(ready).map_err(|e| file_error(e.into()))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = File::create(&part).map_err(file_error)?;
    file.write_all(&json).and_then(|()| file.sync_all()).map_err(file_error)?;
    std::fs::rename(&part, path).map_err(file_error)?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|dir| dir.sync_all()).map_err(file_error)
}
