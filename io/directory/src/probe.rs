//! What `doctor` wants to know: whether each server can be reached, is trusted, takes the account and shows people.

use std::sync::Arc;

use tieline_model::Refusal;
use tieline_ports::ChangeTracking;
use tieline_proto_ldap::{Entry, Search, oid};

use crate::config::{DirectoryConfig, Security, ServerAddress};
use crate::error::DirectoryError;
use crate::ldap::{Connection, Servers};
use crate::pass::Root;

/// One server's examination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerProbe {
    /// `ldaps://dc1.example.com:636`.
    pub server: String,
    /// What it offers, or why it cannot be used.
    pub result: Result<ServerFacts, Refusal>,
}

/// What a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The connection is protected by TLS and the certificate is trusted.
    pub protected: bool,
    /// It is Active Directory.
    pub active_directory: bool,
    /// It sends listings in pages.
    pub paging: bool,
    /// It offers DirSync.
    pub dir_sync: bool,
    /// How changes would be followed, as far as the server tells before a listing.
    pub tracking: Option<ChangeTracking>,
    /// Bases below which the account sees nobody.
    pub empty_bases: Vec<String>,
}

/// Tries every server, also those that a look-up would pass over. Binds once to each.
///
/// # Errors
/// When the settings cannot be used at all.
pub async fn probe(config: &DirectoryConfig) -> Result<Vec<ServerProbe>, DirectoryError> {
    let servers = Servers::new(Arc::new(config.clone()))?;
    let mut probes = Vec::with_capacity(config.servers.len());
    for server in &config.servers {
        let result = examine(config, server, servers.tls()).await;
        let refused = result.as_ref().is_err_and(DirectoryError::is_wrong_account);
        probes.push(ServerProbe {
            server: server.to_string(),
            result: result.map_err(|error| error.refusal().at(server.to_string())),
        });
        // The others check the same account; each try counts towards its lock-out.
        if refused {
            break;
        }
    }
    Ok(probes)
}

async fn examine(
    config: &DirectoryConfig,
    server: &ServerAddress,
    tls: Arc<rustls::ClientConfig>,
) -> Result<ServerFacts, DirectoryError> {
    let mut connection = Connection::open(config, server, tls).await?;
    let root = Root::read(&mut connection).await?;
    let mut facts = ServerFacts {
        protected: server.security != Security::Plain,
        active_directory: root.is_active_directory(),
        paging: root.has_control(oid::PAGED_RESULTS),
        dir_sync: root.has_control(oid::DIR_SYNC),
        tracking: root.tracking(config.tracking),
        empty_bases: Vec::new(),
    };
    for base in &config.bases {
        if !sees_somebody(&mut connection, config, base).await? {
            facts.empty_bases.push(base.clone());
        }
    }
    connection.close().await;
    Ok(facts)
}

async fn sees_somebody(
    connection: &mut Connection,
    config: &DirectoryConfig,
    base: &str,
) -> Result<bool, DirectoryError> {
    let mut seen = false;
    let mut sink = |_: Entry| {
        seen = true;
        Ok(())
    };
    let search = Search {
        base: base.to_owned(),
        scope: tieline_proto_ldap::Scope::Subtree,
        size_limit: 1,
        time_limit: 0,
        types_only: false,
        filter: config.people.clone(),
        attributes: vec![config.attributes.id.clone()],
    };
    match connection.search(&search, Vec::new(), &mut sink).await {
        Ok(_) => Ok(seen),
        // One was asked for, and there are more.
        Err(DirectoryError::Search { outcome, .. })
            if outcome.code == tieline_proto_ldap::ResultCode::SIZE_LIMIT_EXCEEDED =>
        {
            Ok(true)
        }
        Err(error) => Err(error),
    }
}
