//! The directory and the quick-call job, from the configuration.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tieline_directory::{Account, DirectoryConfig, DirectoryError, LdapDirectory, Schedule};
use tieline_itsm::TicketSystems;
use tieline_model::{Clock, DialPlan, Ids, Refusal};
use tieline_quick_call::{QuickCall, QuickCallParts};
use tieline_store::Store;
use tieline_transport::{Trust, TrustStore};

use super::read_file;
use super::trust_files::TrustFiles;
use crate::config::{self, DirectoryKind};

/// The directory; `None` when none is configured.
pub(super) fn directory(
    config: &config::Directory,
    trust_files: &TrustFiles,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<LdapDirectory>>, Refusal> {
    let Some(mut wanted) = directory_config(config)? else { return Ok(None) };
    // The file's authorities are in the store, where they are read again.
    wanted.trust_store = trust_files.store(config.ca_file.as_deref())?;
    wanted.trust = Trust::Platform;
    let directory = LdapDirectory::new(wanted, Arc::clone(clock)).map_err(|error| error.refusal())?;
    Ok(Some(Arc::new(directory)))
}

/// The directory's settings; `None` when none is configured.
pub(crate) fn directory_config(config: &config::Directory) -> Result<Option<DirectoryConfig>, Refusal> {
    if config.servers.is_empty() {
        return Ok(None);
    }
    let servers = config.servers.iter().map(|server| server.parse()).collect::<Result<_, _>>();
    let servers = servers.map_err(|error: DirectoryError| error.refusal())?;
    let bases = config.bases.clone();
    let mut wanted = match config.kind {
        DirectoryKind::ActiveDirectory => DirectoryConfig::active_directory(servers, bases),
        DirectoryKind::Openldap => DirectoryConfig::openldap(servers, bases),
    };
    if let (Some(name), Some(file)) = (&config.account, &config.password_file) {
        wanted.account = Some(Account { name: name.clone(), password: first_line(file)? });
    }
    if let Some(file) = &config.ca_file {
        wanted.trust = Trust::Authorities(String::from_utf8_lossy(&read_file(file)?).into_owned());
    }
    wanted.allow_plaintext = config.allow_plaintext;
    wanted.dial_plan = DialPlan { country_code: config.country_code.clone(), ..DialPlan::default() };
    wanted.schedule = Schedule {
        changes: Duration::from_secs(config.changes_every_s),
        full: Duration::from_secs(config.list_every_s),
        ..Schedule::default()
    };
    Ok(Some(wanted))
}

/// The job.
pub(super) fn quick_call(
    config: &config::Directory,
    directory: &Arc<LdapDirectory>,
    trust_store: &TrustStore,
    store: &Store,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
) -> QuickCall {
    QuickCall::new(QuickCallParts {
        store: store.clone(),
        directory: Arc::clone(directory) as Arc<dyn tieline_ports::Directory>,
        itsm: Arc::new(TicketSystems::new(trust_store.clone())),
        clock: Arc::clone(clock),
        ids: Arc::clone(ids),
        dial_plan: DialPlan { country_code: config.country_code.clone(), ..DialPlan::default() },
    })
}

fn first_line(file: &Path) -> Result<SecretString, Refusal> {
    let text = String::from_utf8_lossy(&read_file(file)?).into_owned();
    Ok(SecretString::from(text.lines().next().unwrap_or_default()))
}
