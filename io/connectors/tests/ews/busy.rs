//! Every way in which an Exchange says "not now", and what follows from each answer of the retry table.

use std::time::Duration;

use jiff::SignedDuration;
use tieline_connectors::ews::EwsOptions;
use tieline_lab::{Fault, FaultKind};
use tieline_model::Class;
use tieline_ports::{Applied, MailSystem, PortError};

use crate::lab::Lab;
use crate::world::{brisk, exchange, soon, voice_message};

fn back_off(error: &PortError) -> Option<SignedDuration> {
    match error {
        PortError::Failed { back_off, .. } => *back_off,
        _ => None,
    }
}

/// Covers: AV-89
#[tokio::test]
async fn each_shape_of_busy_is_understood_and_obeyed() {
    let shapes = [
        (FaultKind::Http503 { retry_after_s: Some(1) }, 1000),
        (FaultKind::ServerBusy { back_off_ms: 700 }, 700),
        (FaultKind::MessageBusy { back_off_ms: 700 }, 700),
        (FaultKind::InnerBusy { back_off_ms: 700 }, 700),
        // These name no time, so Tieline takes its own first pause.
        (FaultKind::Http503 { retry_after_s: None }, 400),
        (FaultKind::ServerBusy { back_off_ms: 0 }, 400),
        (FaultKind::ConnectionCount, 400),
    ];
    for (kind, expected_ms) in shapes {
        let lab = Lab::start().await;
        let mut options = EwsOptions { patience: Duration::from_secs(5), ..brisk() };
        options.limiter.first_back_off = Duration::from_millis(400);
        let (exchange, alice) = (exchange(options), lab.target("alice"));
        exchange.check(&alice).await.unwrap();
        lab.fault(Fault::once(kind.clone(), "GetFolder"));
        let error = exchange.check(&alice).await.unwrap_err();
        assert_eq!((error.class(), error.applied()), (Class::Transient, Applied::No), "{kind:?}: {error}");
        let wait = back_off(&error).unwrap_or_else(|| panic!("{kind:?}: {error}"));
        assert!(wait > SignedDuration::from_millis(expected_ms - 200), "{kind:?}: {wait:?}");
        assert!(wait <= SignedDuration::from_millis(expected_ms), "{kind:?}: {wait:?}");
        exchange.check(&alice).await.unwrap();
        let times = lab.arrivals("GetFolder");
        let gap = times[2] - times[1];
        // The server's clock begins with its answer, ours when it is read; both count in whole milliseconds.
        assert!(gap + 2 >= expected_ms, "{kind:?}: came back after {gap} ms");
    }
}

/// Covers: AV-89
#[tokio::test]
async fn one_busy_mailbox_does_not_hold_up_another() {
    let lab = Lab::start().await;
    let (exchange, alice, bob) = (exchange(brisk()), lab.target("alice"), lab.target("bob"));
    lab.fault(Fault::once(FaultKind::ServerBusy { back_off_ms: 60_000 }, "GetFolder"));
    exchange.check(&alice).await.unwrap_err();
    exchange.check(&bob).await.unwrap();
    let error = exchange.check(&alice).await.unwrap_err();
    assert!(back_off(&error).is_some_and(|wait| wait > SignedDuration::from_secs(50)), "{error}");
}

#[tokio::test]
async fn a_burst_of_401_to_a_good_account_is_survived() {
    let lab = Lab::start().await;
    let mut options = EwsOptions { patience: Duration::from_secs(5), ..brisk() };
    options.breaker.first_pause = Duration::from_secs(1);
    let (exchange, alice) = (exchange(options), lab.target("alice"));
    exchange.check(&alice).await.unwrap();
    lab.fault(Fault { count: Some(2), ..Fault::once(FaultKind::Unauthorized, "GetFolder") });
    for _ in 0..2 {
        let error = exchange.check(&alice).await.unwrap_err();
        assert_eq!(
            (error.refusal().code.as_str(), error.class()),
            ("account-doubted", Class::Transient),
            "{error}"
        );
    }
    exchange.check(&alice).await.unwrap();
}

#[tokio::test]
async fn each_row_of_the_retry_table_reaches_the_caller_as_it_says() {
    use Class::{Operator, Permanent, Transient};
    let table = [
        ("ErrorServerBusy", Transient, Applied::No),
        ("ErrorTimeoutExpired", Transient, Applied::Unknown),
        ("ErrorInternalServerTransientError", Transient, Applied::Unknown),
        ("ErrorInternalServerError", Transient, Applied::Unknown),
        ("ErrorMailboxStoreUnavailable", Transient, Applied::No),
        ("ErrorConnectionFailed", Transient, Applied::Unknown),
        ("ErrorADUnavailable", Transient, Applied::No),
        ("ErrorInsufficientResources", Transient, Applied::No),
        ("ErrorExceededConnectionCount", Transient, Applied::No),
        ("ErrorTooManyObjectsOpened", Transient, Applied::No),
        ("ErrorBatchProcessingStopped", Transient, Applied::No),
        ("ErrorMailboxFailover", Transient, Applied::Unknown),
        ("ErrorMailboxMoveInProgress", Transient, Applied::No),
        ("ErrorWrongServerVersion", Operator, Applied::No),
        ("ErrorProxyServiceDiscoveryFailed", Operator, Applied::No),
        ("ErrorIrresolvableConflict", Transient, Applied::No),
        ("ErrorMessageSizeExceeded", Permanent, Applied::No),
        ("ErrorAccessDenied", Operator, Applied::No),
        ("ErrorQuotaExceeded", Operator, Applied::No),
        ("ErrorPasswordExpired", Operator, Applied::No),
        ("ErrorImpersonateUserDenied", Operator, Applied::No),
        ("ErrorNonExistentMailbox", Operator, Applied::No),
        ("ErrorSchemaValidation", Permanent, Applied::No),
    ];
    let lab = Lab::start().await;
    let alice = lab.target("alice");
    let folder = exchange(brisk()).ensure_folder(&alice, &"inbox".parse().unwrap()).await.unwrap();
    for (code, class, applied) in table {
        let exchange = exchange(brisk());
        lab.fault(Fault::once(FaultKind::Error { code: code.to_owned() }, "CreateItem"));
        let error = exchange.create(&alice, &folder, &voice_message(), soon()).await.unwrap_err();
        assert_eq!((error.class(), error.applied()), (class, applied), "{code}: {error}");
        assert!(error.refusal().what.contains(code), "{code}: {error}");
        assert!(error.refusal().where_.contains("alice@lab.example"), "{code}: {error}");
    }
    for code in ["ErrorItemNotFound", "ErrorFolderNotFound"] {
        lab.fault(Fault::once(FaultKind::Error { code: code.to_owned() }, "CreateItem"));
        let error = exchange(brisk()).create(&alice, &folder, &voice_message(), soon()).await.unwrap_err();
        assert_eq!(error, PortError::NotFound, "{code}");
    }
}
