//! Where a database is: a file, or a PostgreSQL server.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use tieline_model::Refusal;

use crate::StoreError;

pub(crate) enum Place {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Place {
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // The URL holds a password: it is not repeated.
            let options = PgConnectOptions::from_str(url).map_err(|_| {
                StoreError::Schema(Refusal::operator(
                    "store-url",
                    "the store's PostgreSQL URL cannot be read",
                    "write it as postgres://user@host/database",
                ))
            })?;
            return Ok(Self::Postgres(Box::new(options.application_name("tieline"))));
        }
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url);
        if path.is_empty() || path.contains("://") {
            return Err(StoreError::Schema(Refusal::operator(
                "store-url",
                "the store's address is neither a file nor a PostgreSQL URL",
                "write a file's path, or postgres://user@host/database",
            )));
        }
        Ok(Self::Sqlite(path.into()))
    }

    /// For people, without passwords.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(options) => {
                let database = options.get_database().unwrap_or(options.get_username());
                format!("PostgreSQL {}/{database}", options.get_host())
            }
        }
    }
}

/// Possession of an SQLite file: only one process works on it. The operating system takes it back when the process
/// ends, however it ends.
#[derive(Debug)]
pub(crate) struct Possession(#[expect(dead_code, reason = "held, not read")] File);

impl Possession {
    pub(crate) fn take(database: &Path) -> Result<Self, StoreError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|error| {
            StoreError::Schema(
                Refusal::operator(
                    "store-folder",
                    format!("could not open the database's lock file: {error}"),
                    "check that the folder exists and that Tieline's user may write in it",
                )
                .at(path.display().to_string()),
            )
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Schema(
                Refusal::operator(
                    "store-in-use",
                    "another Tieline process works with this database",
                    "stop it first, or ask it through its API",
                )
                .at(database.display().to_string()),
            )),
            Err(TryLockError::Error(error)) => Err(StoreError::Schema(
                Refusal::operator(
                    "store-lock",
                    format!("the database's lock file cannot be locked: {error}"),
                    "keep the database on a local disk",
                )
                .at(path.display().to_string()),
            )),
        }
    }
}
