//! Local accounts: people who sign in with a name and a password of Tieline's own.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::store::read;
use crate::{Store, StoreError};

/// What somebody who signed in may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    /// Makes quick calls and sees how things are.
    Technician,
    /// Changes things, too.
    Administrator,
}

impl UserRole {
    /// Every role, the least first.
    pub const ALL: [Self; 2] = [Self::Technician, Self::Administrator];

    /// As stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Technician => "technician",
            Self::Administrator => "administrator",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// An account to be added. Its password is a hash in PHC form already; printing shows neither.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// What is typed to sign in, lower case.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// What its holder may do.
    pub role: UserRole,
    /// The Argon2id hash, `$argon2id$…`.
    pub password: SecretString,
}

/// An account as it stands, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What is typed to sign in, lower case.
    pub name: String,
    /// What people see.
    pub display_name: String,
    /// What its holder may do.
    pub role: UserRole,
    /// When it was made.
    pub created: Timestamp,
    /// When its password was set last.
    pub changed: Timestamp,
}

impl Store {
    /// The account with this name and its password's hash.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn user(&self, name: &str) -> Result<Option<(User, SecretString)>, StoreError> {
        read!(self, conn => user::one(conn, name))
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        read!(self, conn => user::list(conn))
    }
}
