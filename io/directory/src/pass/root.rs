//! What a server says about itself (the root DSE, RFC 4512 section 5.1).

use tieline_ports::ChangeTracking;
use tieline_proto_ldap::{Entry, Filter, Scope, Search, oid};

use crate::error::DirectoryError;
use crate::ldap::Connection;

/// A server's root entry.
#[derive(Debug, Default)]
pub(crate) struct Root {
    entry: Entry,
}

impl Root {
    pub(crate) async fn read(connection: &mut Connection) -> Result<Self, DirectoryError> {
        let search = Search {
            base: String::new(),
            scope: Scope::Base,
            size_limit: 1,
            time_limit: 0,
            types_only: false,
            filter: Filter::Present("objectClass".to_owned()),
            attributes: [
                "highestCommittedUSN",
                "dsServiceName",
                "defaultNamingContext",
                "supportedControl",
                "supportedCapabilities",
            ]
            .map(str::to_owned)
            .to_vec(),
        };
        let mut root = Self::default();
        let mut sink = |entry| {
            root.entry = entry;
            Ok(())
        };
        connection.search(&search, Vec::new(), &mut sink).await?;
        Ok(root)
    }

    /// The number of the last change that this domain controller knows.
    pub(crate) fn update_sequence(&self) -> Option<u64> {
        self.entry.text("highestCommittedUSN")?.trim().parse().ok()
    }

    /// Which domain controller this is: update sequence numbers are its own.
    pub(crate) fn service(&self) -> Option<&str> {
        self.entry.text("dsServiceName")
    }

    pub(crate) fn naming_context(&self) -> Option<&str> {
        self.entry.text("defaultNamingContext")
    }

    pub(crate) fn is_active_directory(&self) -> bool {
        self.entry.texts("supportedCapabilities").any(|capability| capability == oid::ACTIVE_DIRECTORY)
    }

    pub(crate) fn has_control(&self, oid: &str) -> bool {
        self.entry.texts("supportedControl").any(|control| control == oid)
    }

    /// How changes will be followed, as far as the root entry tells.
    pub(crate) fn tracking(&self, wanted: Option<ChangeTracking>) -> Option<ChangeTracking> {
        wanted.or_else(|| self.update_sequence().map(|_| ChangeTracking::UpdateSequence))
    }
}
