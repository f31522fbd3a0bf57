//! Faults that the lab shows on request: busy servers, lost responses, late effects, cut streams and the like.
//!
//! A fault waits for requests that match its user and operation and strikes `count` of them.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultKind {
    /// HTTP 503 as the web server's own queue answers when it is full.
    Http503 {
        /// Value of `Retry-After`, seconds.
        #[serde(default)]
        retry_after_s: Option<u32>,
    },
    /// An HTTP status without a body, as a gateway or a server that lacks the mailbox answers.
    HttpStatus {
        /// For example 404, 421 or 502.
        status: u16,
    },
    /// HTTP 500 with a SOAP fault `ErrorServerBusy` and `BackOffMilliseconds`.
    ServerBusy {
        /// How long the client is told to stay away.
        #[serde(default = "default_back_off")]
        back_off_ms: u64,
    },
    /// HTTP 200 whose response messages say `ErrorServerBusy`.
    MessageBusy {
        /// How long the client is told to stay away.
        #[serde(default = "default_back_off")]
        back_off_ms: u64,
    },
    /// HTTP 200 whose messages say `ErrorInternalServerError` with `InnerErrorResponseCode` = `ErrorServerBusy`.
    InnerBusy {
        /// How long the client is told to stay away.
        #[serde(default = "default_back_off")]
        back_off_ms: u64,
    },
    /// HTTP 500 with a SOAP fault `ErrorExceededConnectionCount`.
    ConnectionCount,
    /// HTTP 200 whose response messages all carry this response code; nothing happens to the mailbox.
    Error {
        /// For example `ErrorMailboxStoreUnavailable`.
        code: String,
    },
    /// HTTP 401 although the credentials are right.
    Unauthorized,
    /// HTTP 403, as where EWS is switched off for the account or blocked for the program.
    Forbidden,
    /// The connection is closed before anything happens.
    LostRequest,
    /// The operation happens, then the connection is closed without an answer.
    LostResponse,
    /// The connection is closed at once and the operation happens later.
    LateEffect {
        /// Time until the operation happens.
        delay_ms: u64,
    },
    /// The operation happens at once, the answer waits.
    Slow {
        /// Time until the answer is sent.
        delay_ms: u64,
    },
    /// A running `GetStreamingEvents` response is cut without a last envelope.
    DropStream,
    /// `ErrorInvalidSyncStateData` for any sync state that is sent.
    ExpiredSyncState,
    /// `ErrorSubscriptionNotFound` and the subscription is gone.
    LostSubscription,
    /// A listing (`FindItem`, `FindFolder`, `SyncFolderItems`) claims success with nothing in it.
    EmptyListing,
    /// A listing claims to be complete after its first entries.
    TruncatedListing {
        /// Entries that remain.
        keep: usize,
    },
    /// The body ends in the middle although the length is honest.
    TruncatedBody,
    /// The mailbox is moved to another server and says `ErrorMailboxMoveInProgress`; every id and sync state of before is
    /// void, and subscriptions are gone.
    MailboxMove,
    /// The mailbox goes back to what it was when the fault was armed, before it answers.
    RollBack {
        /// Sync states from after that time are taken as if nothing had happened, in place of
        /// `ErrorInvalidSyncStateData`.
        #[serde(default)]
        accept_states: bool,
    },
    /// The server restarts: every connection is closed, nothing of the request happens, all subscriptions are gone.
    Restart,
    /// Autodiscover or EWS answers with HTTP 302.
    HttpRedirect {
        /// `Location`.
        to: String,
    },
    /// Autodiscover's body says to ask there: `redirectUrl`, `RedirectUrl`.
    RedirectUrl {
        /// The other Autodiscover.
        to: String,
    },
    /// Autodiscover's body says to ask for another mailbox: `redirectAddr`, `RedirectAddress`.
    RedirectAddress {
        /// The other mail address.
        to: String,
    },
    /// A web page in place of an answer, as a site at the mail domain has it.
    WebPage,
    /// Subjects in the response contain the character reference `&#x1F;`, which XML 1.0 forbids.
    IllegalCharacters,
}

fn default_back_off() -> u64 {
    1000
}

impl FaultKind {
    /// The name that the JSON form uses.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Http503 { .. } => "http503",
            Self::HttpStatus { .. } => "http-status",
            Self::ServerBusy { .. } => "server-busy",
            Self::MessageBusy { .. } => "message-busy",
            Self::InnerBusy { .. } => "inner-busy",
            Self::ConnectionCount => "connection-count",
            Self::Error { .. } => "error",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::LostRequest => "lost-request",
            Self::LostResponse => "lost-response",
            Self::LateEffect { .. } => "late-effect",
            Self::Slow { .. } => "slow",
            Self::DropStream => "drop-stream",
            Self::ExpiredSyncState => "expired-sync-state",
            Self::LostSubscription => "lost-subscription",
            Self::EmptyListing => "empty-listing",
            Self::TruncatedListing { .. } => "truncated-listing",
            Self::TruncatedBody => "truncated-body",
            Self::MailboxMove => "mailbox-move",
            Self::RollBack { .. } => "roll-back",
            Self::Restart => "restart",
            Self::HttpRedirect { .. } => "http-redirect",
            Self::RedirectUrl { .. } => "redirect-url",
            Self::RedirectAddress { .. } => "redirect-address",
            Self::WebPage => "web-page",
            Self::IllegalCharacters => "illegal-characters",
        }
    }
}

/// A fault with the requests it is meant for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Address of the caller or of the impersonated mailbox; everybody when absent.
    #[serde(default)]
    pub user: Option<String>,
    /// Operation, for example `CreateItem`; all when absent.
    #[serde(default)]
    pub operation: Option<String>,
    /// Requests left to strike; without end when absent.
    #[serde(default)]
    pub count: Option<u32>,
    /// Matching requests to let pass first.
    #[serde(default)]
    pub after: u32,
}

impl Fault {
    /// A fault that strikes the next request of `operation`, whoever sends it.
    pub fn once(kind: FaultKind, operation: &str) -> Self {
        Self { kind, user: None, operation: Some(operation.to_owned()), count: Some(1), after: 0 }
    }

    fn matches(&self, users: [Option<&str>; 2], operation: &str) -> bool {
        let user = |wanted: &String| users.iter().flatten().any(|user| user.eq_ignore_ascii_case(wanted));
        self.user.as_ref().is_none_or(user)
            && self.operation.as_deref().is_none_or(|wanted| wanted == operation)
    }
}

/// A fault with its number, as `GET /lab/faults` lists it.
#[derive(Clone, Debug, Serialize)]
pub struct ArmedFault {
    /// Number for `DELETE /lab/faults/{id}`.
    pub id: u64,
    /// The fault as it stands, with the requests left to strike.
    #[serde(flatten)]
    pub fault: Fault,
}

/// The faults that wait for their requests.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Mutex<Vec<ArmedFault>>,
    last: AtomicU64,
    added: Notify,
}

impl Faults {
    /// Arms a fault and returns its number.
    pub fn add(&self, fault: Fault) -> u64 {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.lock().push(ArmedFault { id, fault });
        self.added.notify_waiters();
        id
    }

    /// Lists the armed faults.
    pub fn list(&self) -> Vec<ArmedFault> {
        self.lock().clone()
    }

    /// Removes one fault; false when it is not there (any more).
    pub fn remove(&self, id: u64) -> bool {
        let mut armed = self.lock();
        let before = armed.len();
        armed.retain(|fault| fault.id != id);
        armed.len() != before
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The first fault that strikes this request, counted down. `DropStream` waits for running streams instead.
    pub(crate) fn strike(
        &self,
        caller: Option<&str>,
        mailbox: Option<&str>,
        operation: &str,
    ) -> Option<FaultKind> {
        self.take(|fault| fault.kind != FaultKind::DropStream && fault.matches([caller, mailbox], operation))
    }

    /// Whether a running stream of this caller is to be cut now.
    pub(crate) fn cuts_stream(&self, caller: &str, mailbox: &str) -> bool {
        let hit = |fault: &Fault| {
            fault.kind == FaultKind::DropStream
                && fault.matches([Some(caller), Some(mailbox)], "GetStreamingEvents")
        };
        self.take(hit).is_some()
    }

    /// Resolves when a fault is armed after the call.
    pub(crate) fn armed(&self) -> tokio::sync::futures::Notified<'_> {
        self.added.notified()
    }

    fn take(&self, hit: impl Fn(&Fault) -> bool) -> Option<FaultKind> {
        let mut armed = self.lock();
        let at = armed.iter_mut().position(|waiting| {
            let matches = hit(&waiting.fault);
            if matches && waiting.fault.after > 0 {
                waiting.fault.after -= 1;
                return false;
            }
            matches
        })?;
        let fault = &mut armed.get_mut(at)?.fault;
        let kind = fault.kind.clone();
        match &mut fault.count {
            Some(0 | 1) => {
                armed.remove(at);
            }
            Some(left) => *left -= 1,
            None => {}
        }
        Some(kind)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<ArmedFault>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_its_count_after_its_pause_and_only_its_requests() {
        let faults = Faults::default();
        let json = r#"{"fault":"server-busy","back_off_ms":250,"user":"alice@lab.example","operation":"GetItem",
                      "count":2,"after":1}"#;
        faults.add(serde_json::from_str(json).expect("fault"));
        let strike = |user, operation| faults.strike(Some("svc-tieline@lab.example"), Some(user), operation);
        assert_eq!(strike("bob@lab.example", "GetItem"), None);
        assert_eq!(strike("alice@lab.example", "FindItem"), None);
        assert_eq!(strike("alice@lab.example", "GetItem"), None, "let pass");
        for _ in 0..2 {
            assert_eq!(
                strike("Alice@lab.example", "GetItem"),
                Some(FaultKind::ServerBusy { back_off_ms: 250 })
            );
        }
        assert_eq!(strike("alice@lab.example", "GetItem"), None, "used up");
        assert!(faults.list().is_empty());
    }

    #[test]
    fn stream_faults_wait_for_streams() {
        let faults = Faults::default();
        let id = faults.add(Fault {
            kind: FaultKind::DropStream,
            user: None,
            operation: None,
            count: None,
            after: 0,
        });
        assert_eq!(faults.strike(None, None, "GetItem"), None);
        assert!(faults.cuts_stream("alice@lab.example", "alice@lab.example"));
        assert!(faults.remove(id));
        assert!(!faults.cuts_stream("alice@lab.example", "alice@lab.example"));
    }

    #[test]
    fn names_agree_with_the_json_form() {
        let kinds = [
            FaultKind::Http503 { retry_after_s: None },
            FaultKind::LateEffect { delay_ms: 1 },
            FaultKind::IllegalCharacters,
            FaultKind::ExpiredSyncState,
        ];
        for kind in kinds {
            let json = serde_json::to_value(&kind).expect("json");
            assert_eq!(json["fault"], kind.name());
        }
    }
}
