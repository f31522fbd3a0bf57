//! How asking the directory fails, in words an administrator can act on.

use std::time::Duration;

use tieline_model::Refusal;
use tieline_proto_ldap::{BerError, Outcome, ResultCode};
use tieline_transport::TlsProblem;

/// A failed connection, search or pass.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// A setting cannot be used.
    #[error("the directory's setting `{setting}` cannot be used: {reason}")]
    BadSetting {
        /// Its name.
        setting: &'static str,
        /// Why.
        reason: String,
    },
    /// No TCP connection.
    #[error("{server} does not accept a connection ({source})")]
    Connect {
        /// Which.
        server: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// No TLS session, or none with a server that is trusted.
    #[error("TLS with {server} failed: {}", .problem.what())]
    Tls {
        /// Which.
        server: String,
        /// By name.
        problem: TlsProblem,
    },
    /// It will not begin TLS.
    #[error("{server} refuses StartTLS: {outcome}")]
    StartTls {
        /// Which.
        server: String,
        /// Its words.
        outcome: Outcome,
    },
    /// It does not take the account.
    #[error("{server} refuses the account {account}: {outcome}")]
    Bind {
        /// Which.
        server: String,
        /// Its name.
        account: String,
        /// The server's words.
        outcome: Outcome,
    },
    /// The account was refused a short while ago; trying on would lock it.
    #[error("the account was refused; the next try is in {} s, so that the directory does not lock it", .wait.as_secs())]
    Held {
        /// How long.
        wait: Duration,
    },
    /// A search ended badly.
    #[error("{server} refuses the search below {base:?}: {outcome}")]
    Search {
        /// Which.
        server: String,
        /// Where.
        base: String,
        /// The server's words.
        outcome: Outcome,
    },
    /// No answer in time.
    #[error("{server} did not answer within {} s", .after.as_secs())]
    Timeout {
        /// Which.
        server: String,
        /// How long was waited.
        after: Duration,
    },
    /// The connection broke.
    #[error("the connection to {server} was lost ({reason})")]
    Lost {
        /// Which.
        server: String,
        /// How.
        reason: String,
    },
    /// What it sends is not LDAP as it should be.
    #[error("{server} sends what cannot be read: {error}")]
    Malformed {
        /// Which.
        server: String,
        /// Where it goes wrong.
        error: BerError,
    },
    /// More people than the limit.
    #[error("the directory lists more than {limit} people")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// A complete listing without anybody.
    #[error("the directory lists nobody below {bases}")]
    Empty {
        /// Where.
        bases: String,
    },
    /// The listing was not entered, because this process is ending.
    #[error("the listing was not entered, because this process is ending")]
    Interrupted,
    /// No server could be asked; the reason is the last one's.
    #[error("none of {count} directory servers answers; the last one: {last}")]
    AllDown {
        /// How many were tried.
        count: usize,
        /// Its reason.
        last: std::sync::Arc<DirectoryError>,
    },
}

impl DirectoryError {
    /// Whether another server may do better. A refused account is refused by all: each try counts towards its lock-out.
    pub(crate) fn try_next_server(&self) -> bool {
        !matches!(
            self,
            Self::BadSetting { .. } | Self::Bind { .. } | Self::Held { .. } | Self::TooMany { .. }
        )
    }

    /// Whether the account itself was refused.
    pub(crate) fn is_wrong_account(&self) -> bool {
        let codes = [ResultCode::INVALID_CREDENTIALS, ResultCode::INAPPROPRIATE_AUTHENTICATION];
        matches!(self, Self::Bind { outcome, .. } if codes.contains(&outcome.code))
    }

    /// Whether the connection is of no more use.
    pub(crate) fn breaks_connection(&self) -> bool {
        !matches!(self, Self::Search { .. })
    }

    /// A stable name for programs.
    fn code(&self) -> &'static str {
        match self {
            Self::BadSetting { .. } => "directory-setting",
            Self::Tls { .. } | Self::StartTls { .. } => "directory-tls",
            Self::Bind { .. } | Self::Held { .. } => "directory-account",
            Self::Search { .. } | Self::TooMany { .. } => "directory-search",
            Self::Empty { .. } => "directory-empty",
            Self::Malformed { .. } => "directory-malformed",
            Self::Interrupted => "directory-interrupted",
            Self::Connect { .. } | Self::Timeout { .. } | Self::Lost { .. } => "directory-unreachable",
            Self::AllDown { last, .. } => last.code(),
        }
    }

    /// One step that helps.
    fn next(&self) -> String {
        match self {
            Self::BadSetting { .. } => "correct it; `tieline config check` shows the line".to_owned(),
            Self::Connect { .. } | Self::Timeout { .. } => {
                "check host, port and firewall, and whether the server runs; `tieline doctor` tries each server".to_owned()
            }
            // The named step is about web servers here.
            Self::Tls { problem: TlsProblem::NotTls, .. } => {
                "check the port: ldaps:// is usually 636, ldap:// with StartTLS 389".to_owned()
            }
            Self::Tls { server, problem } => problem.next_at(server),
            Self::StartTls { .. } => "give the server a certificate, or use ldaps://".to_owned(),
            Self::Bind { outcome, .. } if outcome.code == ResultCode::STRONGER_AUTH_REQUIRED => {
                "use ldaps:// or ldap:// with StartTLS: this server wants the connection protected".to_owned()
            }
            Self::Bind { .. } | Self::Held { .. } => {
                "correct [directory] account, and the password in the file that [directory] password_file names; then restart"
                    .to_owned()
            }
            Self::Search { outcome, .. } => match outcome.code {
                ResultCode::NO_SUCH_OBJECT | ResultCode::INVALID_DN_SYNTAX => {
                    "correct the base, as dc=example,dc=com".to_owned()
                }
                ResultCode::INSUFFICIENT_ACCESS_RIGHTS => "let the service account read people there".to_owned(),
                ResultCode::SIZE_LIMIT_EXCEEDED | ResultCode::ADMIN_LIMIT_EXCEEDED => {
                    "raise the server's limit for the service account, or lower the page size".to_owned()
                }
                _ => "nothing; it is tried again".to_owned(),
            },
            Self::TooMany { .. } => "narrow bases or filter, or raise the limit max_people".to_owned(),
            Self::Empty { .. } => "check base, filter and the rights of the service account".to_owned(),
            Self::Lost { .. } | Self::Interrupted => "nothing; it is tried again".to_owned(),
            Self::Malformed { .. } => "check that the port is the directory's".to_owned(),
            Self::AllDown { last, .. } => last.next(),
        }
    }

    /// What to tell a person.
    pub fn refusal(&self) -> Refusal {
        let transient = match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::Lost { .. } | Self::Interrupted => true,
            Self::Search { outcome, .. } => [
                ResultCode::BUSY,
                ResultCode::UNAVAILABLE,
                ResultCode::OPERATIONS_ERROR,
                ResultCode::TIME_LIMIT_EXCEEDED,
            ]
            .contains(&outcome.code),
            Self::AllDown { last, .. } => return Refusal { what: self.to_string(), ..last.refusal() },
            _ => false,
        };
        if transient {
            Refusal::transient(self.code(), self.to_string(), self.next())
        } else {
            Refusal::operator(self.code(), self.to_string(), self.next())
        }
    }
}
