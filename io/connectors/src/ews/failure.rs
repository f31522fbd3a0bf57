//! Failures in people's words: who must act, whether the effect may have happened, how long to wait.

use std::time::Duration;

use jiff::SignedDuration;
use tieline_model::Refusal;
use tieline_ports::{Applied, PortError};
use tieline_proto_ews::{Fault, Remedy, ResponseClass, ResponseCode, ResponseMessage};
use tieline_transport::{Outcome, Scope, TlsProblem, TransportError};

/// An error that the server stated, in a fault or in a response message.
#[derive(Debug, Clone)]
pub(super) struct Stated {
    pub(super) code: ResponseCode,
    pub(super) sentence: String,
    pub(super) back_off: Option<Duration>,
}

impl Stated {
    pub(super) fn fault(fault: &Fault) -> Self {
        let sentence = fault.message.clone().unwrap_or_else(|| fault.string.clone());
        Self { code: fault.code(), sentence, back_off: fault.xml.back_off() }
    }

    /// The error of a response message, if it is one. A batch that the server stopped is reported as a warning
    /// for the entries it did not reach, which for their sender is an error.
    pub(super) fn message<P>(message: &ResponseMessage<P>) -> Option<Self> {
        let code = message.effective_code();
        let failed =
            message.class == ResponseClass::Error || code == ResponseCode::ErrorBatchProcessingStopped;
        failed.then(|| Self {
            code,
            sentence: message.text.clone().unwrap_or_default(),
            back_off: message.xml.back_off(),
        })
    }

    /// What this says about load, for the limiter.
    pub(super) fn outcome(&self) -> Outcome {
        let scope = match self.code {
            ResponseCode::ErrorServerBusy
            | ResponseCode::ErrorTooManyObjectsOpened
            | ResponseCode::ErrorInsufficientResources => Scope::Charge,
            ResponseCode::ErrorExceededConnectionCount => Scope::Server,
            _ => return Outcome::Served,
        };
        Outcome::Throttled { scope, back_off: self.back_off }
    }

    /// The port's error. `at` is the mailbox and server concerned; `pause` what the limiter made of it.
    pub(super) fn into_error(self, at: &str, pause: Option<Duration>) -> PortError {
        let applied = self.applied();
        let back_off = self.back_off.filter(|wait| !wait.is_zero()).or(pause).map(signed);
        match self.code.remedy() {
            Remedy::Resync if self.code == ResponseCode::ErrorSyncFolderNotFound => PortError::NotFound,
            Remedy::Resync => PortError::CursorExpired,
            Remedy::DropItem if self.code == ResponseCode::ErrorItemNotFound => PortError::NotFound,
            _ if self.code == ResponseCode::ErrorFolderNotFound => PortError::NotFound,
            _ => PortError::Failed { refusal: self.refusal().at(at), back_off, applied },
        }
    }

    /// The server gave up in the middle: what it had begun may be done.
    fn applied(&self) -> Applied {
        match self.code {
            ResponseCode::ErrorTimeoutExpired
            | ResponseCode::ErrorInternalServerError
            | ResponseCode::ErrorInternalServerTransientError
            | ResponseCode::ErrorConnectionFailed
            | ResponseCode::ErrorMailboxFailover
            | ResponseCode::ErrorRequestAborted => Applied::Unknown,
            _ => Applied::No,
        }
    }

    fn refusal(&self) -> Refusal {
        let said = self.said();
        match self.code.remedy() {
            Remedy::Retry => Refusal::transient(
                "exchange-busy",
                format!("Exchange is busy: {said}"),
                "nothing; Tieline waits as long as Exchange asks and tries again",
            ),
            Remedy::Alert => self.alert(&said),
            Remedy::Rediscover if self.code == ResponseCode::ErrorMailboxMoveInProgress => {
                Refusal::transient(
                    "mailbox-moving",
                    format!("the mailbox is being moved to another database: {said}"),
                    "nothing; Tieline tries again until the move is complete",
                )
            }
            Remedy::Rediscover => Refusal::operator(
                "mailbox-elsewhere",
                format!("another Exchange server holds the mailbox: {said}"),
                "set the address of that server in the endpoint",
            ),
            Remedy::RefetchKey | Remedy::Resubscribe | Remedy::Resync => Refusal::transient(
                "changed-meanwhile",
                format!("the item or subscription changed meanwhile: {said}"),
                "nothing; Tieline reads it anew and tries again",
            ),
            _ => self.other(&said),
        }
    }

    fn other(&self, said: &str) -> Refusal {
        match self.code {
            ResponseCode::ErrorInternalServerError => Refusal::transient(
                "exchange-failed",
                format!("Exchange failed inside: {said}"),
                "nothing; if it stays, look into the event log of the Exchange server",
            ),
            ResponseCode::ErrorMessageSizeExceeded
            | ResponseCode::ErrorAttachmentSizeLimitExceeded
            | ResponseCode::ErrorDataSizeLimitExceeded => Refusal::permanent(
                "message-too-large",
                format!("the message is larger than Exchange allows: {said}"),
                "choose a Voice Format with shorter files, or raise the limit in Exchange",
            ),
            ResponseCode::ErrorExceededSubscriptionCount => Refusal::operator(
                "too-many-subscriptions",
                format!("the service account has too many subscriptions: {said}"),
                "raise EwsMaxSubscriptions in the throttling policy of the service account",
            ),
            _ => Refusal::permanent(
                "exchange-refused",
                format!("Exchange refused the request: {said}"),
                "see the trace with `tieline explain`; this needs another input or a newer Tieline",
            ),
        }
    }

    fn alert(&self, said: &str) -> Refusal {
        use ResponseCode as C;
        match self.code {
            C::ErrorImpersonateUserDenied
            | C::ErrorImpersonationDenied
            | C::ErrorImpersonationFailed
            | C::ErrorInvalidExchangeImpersonationHeaderData => Refusal::operator(
                "impersonation-denied",
                format!("the service account may not act for this mailbox: {said}"),
                "run New-ManagementRoleAssignment -Role ApplicationImpersonation -User ACCOUNT in the Exchange \
                 Management Shell; it may take some minutes to be effective",
            ),
            C::ErrorNonExistentMailbox => Refusal::operator(
                "unknown-mailbox",
                format!("Exchange knows no such mailbox: {said}"),
                "check the mailbox's User Name; it must be the primary address or an alias in Exchange",
            ),
            C::ErrorQuotaExceeded => Refusal::operator(
                "mailbox-full",
                format!("the mailbox is full: {said}"),
                "ask its user to make room, or raise its quota; Tieline then delivers what waits",
            ),
            C::ErrorPasswordExpired | C::ErrorPasswordChangeRequired => Refusal::operator(
                "password-expired",
                format!("the password of the service account has expired: {said}"),
                "set a new password in Active Directory and in the feature group",
            ),
            C::ErrorAccountDisabled => Refusal::operator(
                "account-disabled",
                format!("the account is disabled: {said}"),
                "enable it in Active Directory",
            ),
            _ => Refusal::operator(
                "access-denied",
                format!("the service account lacks a right: {said}"),
                "check the rights of the service account on this mailbox and folder",
            ),
        }
    }

    fn said(&self) -> String {
        let sentence: String = self.sentence.chars().take(300).collect();
        if sentence.is_empty() {
            self.code.to_string()
        } else {
            format!("{} ({})", sentence.trim_end_matches('.'), self.code)
        }
    }
}

/// The port's error for a failure below HTTP.
pub(super) fn transport(error: &TransportError) -> PortError {
    let code = match error {
        TransportError::Resolve { .. } => "host-unknown",
        TransportError::Connect { .. } => "server-unreachable",
        TransportError::Timeout { .. } => "server-silent",
        TransportError::NotSent { .. } | TransportError::Lost { .. } => "connection-lost",
        TransportError::TooLarge { .. } => "answer-too-large",
        TransportError::Tls { problem, .. } => tls_code(problem),
        TransportError::Guarded { .. } => "address-not-allowed",
        TransportError::BadTrust(_) => "bad-trust",
        TransportError::BadCredentials { .. } => "bad-credentials",
        TransportError::Token { .. } => "no-token",
        TransportError::SignIn { .. } => "sign-in-failed",
        TransportError::BadUrl { .. } | TransportError::BadRequest { .. } => "bad-address",
    };
    let refusal = if error.is_transient() {
        Refusal::transient(code, error.what(), error.next())
    } else {
        Refusal::operator(code, error.what(), error.next())
    };
    if error.may_have_happened() { PortError::uncertain(refusal) } else { PortError::refused(refusal) }
}

fn tls_code(problem: &TlsProblem) -> &'static str {
    match problem {
        TlsProblem::NameMismatch { .. } => "certificate-name-mismatch",
        TlsProblem::UnknownIssuer { .. } => "certificate-unknown-issuer",
        TlsProblem::Expired { .. } => "certificate-expired",
        TlsProblem::NotYetValid { .. } => "certificate-not-yet-valid",
        TlsProblem::PinMismatch { .. } => "certificate-pin-mismatch",
        TlsProblem::AuthorityAsServer { .. } | TlsProblem::BadCertificate { .. } => "certificate-unusable",
        TlsProblem::Outdated => "tls-outdated",
        TlsProblem::NotTls => "not-tls",
        TlsProblem::Broken(_) => "tls-broken",
    }
}

/// For the port, whose durations are signed.
pub(super) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_model::Class;

    fn error_of(code: ResponseCode) -> PortError {
        Stated { code, sentence: "why".to_owned(), back_off: None }.into_error("alice", None)
    }

    #[test]
    fn the_retry_table_says_who_must_act_and_whether_it_may_have_happened() {
        use Class::{Operator, Permanent, Transient};
        let table = [
            ("ErrorServerBusy", Transient, Applied::No, "exchange-busy"),
            ("ErrorTimeoutExpired", Transient, Applied::Unknown, "exchange-busy"),
            ("ErrorInternalServerTransientError", Transient, Applied::Unknown, "exchange-busy"),
            ("ErrorInternalServerError", Transient, Applied::Unknown, "exchange-failed"),
            ("ErrorMailboxStoreUnavailable", Transient, Applied::No, "exchange-busy"),
            ("ErrorConnectionFailed", Transient, Applied::Unknown, "exchange-busy"),
            ("ErrorADUnavailable", Transient, Applied::No, "exchange-busy"),
            ("ErrorInsufficientResources", Transient, Applied::No, "exchange-busy"),
            ("ErrorExceededConnectionCount", Transient, Applied::No, "exchange-busy"),
            ("ErrorTooManyObjectsOpened", Transient, Applied::No, "exchange-busy"),
            ("ErrorBatchProcessingStopped", Transient, Applied::No, "exchange-busy"),
            ("ErrorMailboxFailover", Transient, Applied::Unknown, "exchange-busy"),
            ("ErrorMailboxMoveInProgress", Transient, Applied::No, "mailbox-moving"),
            ("ErrorWrongServerVersion", Operator, Applied::No, "mailbox-elsewhere"),
            ("ErrorIrresolvableConflict", Transient, Applied::No, "changed-meanwhile"),
            ("ErrorSubscriptionNotFound", Transient, Applied::No, "changed-meanwhile"),
            ("ErrorMessageSizeExceeded", Permanent, Applied::No, "message-too-large"),
            ("ErrorAccessDenied", Operator, Applied::No, "access-denied"),
            ("ErrorQuotaExceeded", Operator, Applied::No, "mailbox-full"),
            ("ErrorPasswordExpired", Operator, Applied::No, "password-expired"),
            ("ErrorImpersonateUserDenied", Operator, Applied::No, "impersonation-denied"),
            ("ErrorNonExistentMailbox", Operator, Applied::No, "unknown-mailbox"),
            ("ErrorSchemaValidation", Permanent, Applied::No, "exchange-refused"),
            ("ErrorFromTheFuture", Permanent, Applied::No, "exchange-refused"),
        ];
        for (code, class, applied, name) in table {
            let error = error_of(ResponseCode::from(code));
            assert_eq!((error.class(), error.applied()), (class, applied), "{code}");
            assert_eq!(error.refusal().code, name, "{code}");
            assert!(error.refusal().what.contains("why"), "{code}");
        }
    }

    #[test]
    fn what_the_caller_handles_has_a_shape_of_its_own() {
        assert_eq!(error_of(ResponseCode::ErrorItemNotFound), PortError::NotFound);
        assert_eq!(error_of(ResponseCode::ErrorFolderNotFound), PortError::NotFound);
        assert_eq!(error_of(ResponseCode::ErrorSyncFolderNotFound), PortError::NotFound);
        assert_eq!(error_of(ResponseCode::ErrorInvalidSyncStateData), PortError::CursorExpired);
    }

    #[test]
    fn a_named_back_off_counts_and_zero_does_not() {
        let busy = |named, pause| {
            let stated =
                Stated { code: ResponseCode::ErrorServerBusy, sentence: String::new(), back_off: named };
            match stated.into_error("alice", pause) {
                PortError::Failed { back_off, .. } => back_off,
                other => panic!("{other:?}"),
            }
        };
        let ms = |ms| Some(Duration::from_millis(ms));
        assert_eq!(busy(ms(5000), ms(5000)), Some(SignedDuration::from_millis(5000)));
        assert_eq!(busy(ms(0), ms(1000)), Some(SignedDuration::from_millis(1000)));
        assert_eq!(busy(None, None), None);
    }
}
