//! What an administrator does to accounts while the lab runs: the reach of a role, the end of a password, what the directory
//! says of somebody.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was said of accounts. Also `GET` and `POST /lab/accounts`; what a POST does not name stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSettings {
    /// Addresses that the service account may act for, in place of the setting that the lab was started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonation_scope: Option<Vec<String>>,
    /// When passwords end, by the account's address.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub password_ends: BTreeMap<String, Timestamp>,
    /// Attributes in the directory, by alias; no values takes one away.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// The settings of a running lab.
#[derive(Debug, Default)]
pub struct AccountPolicy(Mutex<AccountSettings>);

impl AccountPolicy {
    /// As they stand.
    pub fn settings(&self) -> AccountSettings {
        self.lock().clone()
    }

    /// Takes up what is said.
    pub fn change(&self, said: AccountSettings) {
        let mut settings = self.lock();
        if said.impersonation_scope.is_some() {
            settings.impersonation_scope = said.impersonation_scope;
        }
        let ends = said.password_ends.into_iter().map(|(who, end)| (who.to_ascii_lowercase(), end));
        settings.password_ends.extend(ends);
        settings.attributes.extend(said.attributes);
    }

    fn lock(&self) -> MutexGuard<'_, AccountSettings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
