//! How the store fails, and what that means for the caller.

use tieline_model::Refusal;

/// A failure of the store. Unless it says otherwise, nothing of what was to be written was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Somebody else holds the stream by now: stop working on it.
    #[error("the lease of {stream} was taken over by another worker")]
    Fenced {
        /// The stream.
        stream: String,
    },
    /// What was to be written contradicts what stands.
    #[error("{0}")]
    Conflict(Refusal),
    /// There is no space left.
    #[error("{where_} is full")]
    Full {
        /// The database.
        where_: String,
    },
    /// The database does not answer.
    #[error("{where_} does not answer: {cause}")]
    Unavailable {
        /// The database.
        where_: String,
        /// What it, or the operating system, said.
        cause: String,
        /// The answer to a commit was lost: it may have been written all the same. Messages, jobs' outcomes and
        /// settings may be written again without harm.
        uncertain: bool,
    },
    /// The database holds what it cannot hold.
    #[error("{where_} is damaged: {cause}")]
    Corrupt {
        /// The database or the row.
        where_: String,
        /// What is wrong.
        cause: String,
    },
    /// The key file is missing, wrong or open to others; or a secret cannot be read with it.
    #[error("{0}")]
    Key(Refusal),
    /// The schema is newer or older than this release's, or another process owns the file.
    #[error("{0}")]
    Schema(Refusal),
    /// The database refused a statement: a mistake of this release.
    #[error("{where_} refused a statement: {cause}")]
    Statement {
        /// The database.
        where_: String,
        /// What it said.
        cause: String,
    },
}

impl StoreError {
    pub(crate) fn conflict(code: &str, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Conflict(Refusal::permanent(code, what, next))
    }

    pub(crate) fn corrupt(where_: impl Into<String>, cause: impl ToString) -> Self {
        Self::Corrupt { where_: where_.into(), cause: cause.to_string() }
    }

    /// Whether the same call may succeed later without anybody acting.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Fenced { .. })
    }

    /// Names the database in errors that came from below.
    pub(crate) fn at(mut self, name: &str) -> Self {
        if let Self::Full { where_ }
        | Self::Unavailable { where_, .. }
        | Self::Corrupt { where_, .. }
        | Self::Statement { where_, .. } = &mut self
            && where_.is_empty()
        {
            name.clone_into(where_);
        }
        self
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let what = error.to_string();
        match error {
            StoreError::Conflict(refusal) | StoreError::Key(refusal) | StoreError::Schema(refusal) => refusal,
            StoreError::Fenced { .. } => {
                Self::transient("lease-lost", what, "nothing; the other worker goes on")
            }
            StoreError::Full { .. } => Self::operator(
                "store-full",
                format!("{what}; nothing that was accepted is lost, nothing new is accepted"),
                "free disk space or raise the store's size limit; work goes on by itself",
            ),
            StoreError::Unavailable { .. } => Self::transient(
                "store-unavailable",
                what,
                "start the database or mend the way to it; work goes on by itself",
            ),
            StoreError::Corrupt { .. } => {
                Self::operator("store-damaged", what, "stop Tieline and restore the last backup")
            }
            StoreError::Statement { .. } => {
                Self::operator("store-statement", what, "report this line together with tieline --version")
            }
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let cause = error.to_string();
        let where_ = String::new();
        let unavailable = |cause| Self::Unavailable { where_: String::new(), cause, uncertain: false };
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
                    from_postgres(&code, cause)
                } else {
                    from_sqlite(&code, cause)
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => unavailable(cause),
            sqlx::Error::RowNotFound
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::TypeNotFound { .. } => Self::Corrupt { where_, cause },
            _ => Self::Statement { where_, cause },
        }
    }
}

/// SQLite's result codes; the low byte is the primary one.
fn from_sqlite(code: &str, cause: String) -> StoreError {
    let where_ = String::new();
    match code.parse::<u32>().unwrap_or(1) & 0xff {
        13 => StoreError::Full { where_ },
        5 | 6 | 8 | 10 | 14 => StoreError::Unavailable { where_, cause, uncertain: false },
        11 | 26 => StoreError::Corrupt { where_, cause },
        19 => contradiction(&cause),
        _ => StoreError::Statement { where_, cause },
    }
}

/// PostgreSQL's SQLSTATE, appendix A of its manual.
fn from_postgres(code: &str, cause: String) -> StoreError {
    let where_ = String::new();
    match code {
        "53100" => StoreError::Full { where_ },
        "22021" | "22P05" => StoreError::conflict(
            "text-not-storable",
            "a text holds a character that cannot be stored",
            "send the text without NUL characters",
        ),
        _ => match code.get(..2).unwrap_or_default() {
            "08" | "25" | "40" | "53" | "55" | "57" | "58" => {
                StoreError::Unavailable { where_, cause, uncertain: false }
            }
            "23" => contradiction(&cause),
            "XX" => StoreError::Corrupt { where_, cause },
            _ => StoreError::Statement { where_, cause },
        },
    }
}

/// A constraint that the statements before should have turned into a better sentence.
fn contradiction(cause: &str) -> StoreError {
    StoreError::conflict(
        "contradiction",
        format!("what was to be written contradicts what stands: {cause}"),
        "read the present state and try again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such_by_both_databases() {
        let sqlite = from_sqlite("13", "database or disk is full".to_owned()).at("/var/lib/tieline.db");
        let postgres = from_postgres("53100", "could not extend file".to_owned()).at("/var/lib/tieline.db");
        assert_eq!(sqlite, postgres);
        let refusal = Refusal::from(sqlite);
        assert_eq!(refusal.code, "store-full");
        assert!(refusal.what.starts_with("/var/lib/tieline.db is full"), "{refusal}");
    }
}
