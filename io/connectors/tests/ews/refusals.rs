//! Servers that are no Exchange, or an Exchange that says no: each has its own words.

use std::time::Duration;

use jiff::SignedDuration;
use tieline_connectors::ews::EwsOptions;
use tieline_model::{Authentication, Class};
use tieline_ports::{Applied, FolderRef, MailSystem, PortError};
use tieline_proto_ews::operations::{FolderInfo, GetFolder};
use tieline_proto_ews::{
    Fault, Folder, FolderId, MessageXml, ResponseCode, ResponseHeader, ResponseMessage, ResponseMessages,
    ServerVersionInfo, encode_fault, encode_response,
};
use tokio::net::TcpListener;

use crate::scripted::{Answer, Scripted, status, xml};
use crate::world::{account, brisk, exchange, soon, target, voice_message};

fn version() -> ResponseHeader {
    ResponseHeader {
        server_version_info: Some(ServerVersionInfo {
            major_version: Some(15),
            minor_version: Some(1),
            major_build_number: Some(2507),
            minor_build_number: Some(6),
            version: None,
        }),
    }
}

fn inbox() -> Answer {
    let folder =
        Folder { folder_id: Some(FolderId::new("in")), child_folder_count: Some(0), ..Folder::default() };
    let response = ResponseMessages::one(ResponseMessage::success(FolderInfo::from(folder)));
    xml(200, encode_response::<GetFolder>(&version(), &response))
}

fn details(error: &PortError) -> (String, Class, Applied, Option<SignedDuration>) {
    let back_off = match error {
        PortError::Failed { back_off, .. } => *back_off,
        _ => None,
    };
    (error.refusal().code, error.class(), error.applied(), back_off)
}

#[tokio::test]
async fn what_is_no_exchange_is_told_apart_from_an_exchange_that_refuses() {
    use Class::{Operator, Permanent, Transient};
    let html = ("content-type", "text/html");
    let table = [
        (200, vec![html], "<h1>It works!</h1>", "not-ews", Operator, Applied::No, "text/html"),
        (404, vec![html], "", "not-ews", Operator, Applied::No, "HTTP 404"),
        (405, vec![], "", "not-ews", Operator, Applied::No, "HTTP 405"),
        (
            302,
            vec![("location", "https://owa.example/")],
            "",
            "not-ews",
            Operator,
            Applied::No,
            "https://owa.example/",
        ),
        (403, vec![], "", "ews-forbidden", Operator, Applied::No, "403"),
        (400, vec![], "", "exchange-refused", Permanent, Applied::No, "400"),
        (413, vec![], "", "message-too-large", Permanent, Applied::No, "413"),
        (429, vec![], "", "exchange-busy", Transient, Applied::No, "429"),
        (502, vec![html], "", "gateway-failed", Transient, Applied::Unknown, "502"),
        (504, vec![html], "", "gateway-failed", Transient, Applied::Unknown, "504"),
        (501, vec![html], "", "exchange-failed", Transient, Applied::Unknown, "501"),
        (500, vec![html], "<h1>Runtime Error</h1>", "answer-unreadable", Transient, Applied::Unknown, "500"),
        (
            200,
            vec![("content-type", "text/xml")],
            "<s:Envelope",
            "answer-unreadable",
            Transient,
            Applied::Unknown,
            "",
        ),
    ];
    for (code, headers, body, name, class, applied, word) in table {
        let headers = headers.clone();
        // The first request looks into the bin, the second creates.
        let server = Scripted::start(move |number| match number {
            0 => inbox(),
            _ => status(code, &headers, body),
        })
        .await;
        let account = account(server.address, "x");
        let (exchange, alice) = (exchange(brisk()), target(&account, "alice"));
        let folder = FolderRef("target".to_owned());
        let error = exchange.create(&alice, &folder, &voice_message(), soon()).await.unwrap_err();
        let (found, found_class, found_applied, _) = details(&error);
        assert_eq!(
            (found.as_str(), found_class, found_applied),
            (name, class, applied),
            "HTTP {code}: {error}"
        );
        assert!(error.refusal().what.contains(word), "HTTP {code}: {error}");
        assert!(
            !error.refusal().next.is_empty() && !error.refusal().where_.is_empty(),
            "HTTP {code}: {error}"
        );
    }
}

#[tokio::test]
async fn what_fails_before_the_item_is_sent_has_certainly_not_made_it() {
    let server = Scripted::start(|_| status(502, &[], "")).await;
    let account = account(server.address, "x");
    let (exchange, alice) = (exchange(brisk()), target(&account, "alice"));
    let folder = FolderRef("target".to_owned());
    let error = exchange.create(&alice, &folder, &voice_message(), soon()).await.unwrap_err();
    assert_eq!((error.refusal().code.as_str(), error.applied()), ("gateway-failed", Applied::No));
}

#[tokio::test]
async fn a_wrong_password_is_named_and_not_tried_for_ever() {
    let server = Scripted::start(|_| status(401, &[("www-authenticate", "Basic realm=\"x\"")], "")).await;
    let (exchange, account) = (exchange(brisk()), account(server.address, "hunter2"));
    for _ in 0..3 {
        let error = exchange.probe(&account).await.unwrap_err();
        assert_eq!(error.refusal().code, "wrong-password", "{error}");
        assert!(error.refusal().what.contains("svc-tieline@lab.example"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
    let error = exchange.probe(&account).await.unwrap_err();
    let (code, class, _, back_off) = details(&error);
    assert_eq!((code.as_str(), class), ("account-paused", Class::Operator), "{error}");
    assert!(back_off.is_some_and(|wait| wait > SignedDuration::from_secs(20)), "{back_off:?}");
    assert_eq!(server.asked().len(), 3, "a directory locks accounts after a few more");
}

#[tokio::test]
async fn a_new_password_is_tried_at_once() {
    let server = Scripted::start(|number| match number {
        0..3 => status(401, &[], ""),
        _ => inbox(),
    })
    .await;
    let exchange = exchange(brisk());
    for _ in 0..3 {
        exchange.probe(&account(server.address, "old")).await.unwrap_err();
    }
    let info = exchange.probe(&account(server.address, "new")).await.unwrap();
    assert_eq!(info.build, "15.1.2507.6");
}

#[tokio::test]
async fn a_401_to_an_accepted_account_counts_as_load_at_first() {
    let server = Scripted::start(|number| if number == 0 { inbox() } else { status(401, &[], "") }).await;
    let options = EwsOptions { patience: Duration::from_secs(30), ..brisk() };
    let (exchange, account) = (exchange(options), account(server.address, "x"));
    exchange.probe(&account).await.unwrap();
    let error = exchange.probe(&account).await.unwrap_err();
    let (code, class, _, back_off) = details(&error);
    assert_eq!((code.as_str(), class), ("account-doubted", Class::Transient), "{error}");
    assert_eq!(back_off, Some(SignedDuration::from_secs(3)));
}

#[tokio::test]
async fn a_server_without_basic_authentication_says_what_it_offers() {
    let offers = [("www-authenticate", "Negotiate"), ("www-authenticate", "NTLM")];
    let server = Scripted::start(move |_| status(401, &offers, "")).await;
    let mut account = account(server.address, "x");
    account.endpoint.authentication = Authentication::Basic;
    let error = exchange(brisk()).probe(&account).await.unwrap_err();
    assert_eq!(error.refusal().code, "no-basic-authentication");
    assert!(error.refusal().what.contains("Negotiate, NTLM"), "{error}");
}

/// Covers: AV-89
#[tokio::test]
async fn retry_after_and_back_off_hold_the_next_request_back() {
    let fault = || {
        let mut fault =
            Fault::new(ResponseCode::ErrorServerBusy, "The server cannot service this request right now.");
        fault.xml = MessageXml::with_back_off(Duration::from_millis(7500));
        xml(500, encode_fault(&fault))
    };
    for (answer, expected) in [
        (Box::new(|| status(503, &[("retry-after", "7")], "")) as Box<dyn Fn() -> _ + Send + Sync>, 7000),
        (Box::new(fault), 7500),
    ] {
        let server = Scripted::start(move |_| answer()).await;
        let (exchange, account) = (exchange(brisk()), account(server.address, "x"));
        let alice = target(&account, "alice");
        let error = exchange.check(&alice).await.unwrap_err();
        let (code, class, applied, back_off) = details(&error);
        assert_eq!(
            (code.as_str(), class, applied),
            ("exchange-busy", Class::Transient, Applied::No),
            "{error}"
        );
        assert_eq!(back_off, Some(SignedDuration::from_millis(expected)));
        let error = exchange.check(&alice).await.unwrap_err();
        let (code, class, _, back_off) = details(&error);
        assert_eq!((code.as_str(), class), ("exchange-busy", Class::Transient), "{error}");
        assert!(
            back_off.is_some_and(|left| left > SignedDuration::from_millis(expected - 2000)),
            "{back_off:?}"
        );
        assert_eq!(server.asked().len(), 1, "nothing is sent before the server's time");
    }
}

#[tokio::test]
async fn an_old_server_is_spoken_to_in_its_own_version() {
    let server = Scripted::start(|number| match number {
        0 => xml(500, encode_fault(&Fault::new(ResponseCode::ErrorInvalidServerVersion, "too new"))),
        _ => inbox(),
    })
    .await;
    let (exchange, account) = (exchange(brisk()), account(server.address, "x"));
    exchange.probe(&account).await.unwrap();
    exchange.probe(&account).await.unwrap();
    let versions: Vec<bool> =
        server.asked().iter().map(|asked| asked.body.contains("Version=\"Exchange2007_SP1\"")).collect();
    assert_eq!(versions, [false, true, true]);
}

/// Covers: AV-30, AV-46
#[tokio::test]
async fn every_request_names_account_mailbox_and_request() {
    let server = Scripted::start(|_| inbox()).await;
    let account = account(server.address, "secret");
    exchange(brisk()).check(&target(&account, "alice")).await.unwrap();
    let asked = server.asked().remove(0);
    let header = |name: &str| asked.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("x-anchormailbox").as_deref(), Some("alice@lab.example"));
    assert_eq!(header("return-client-request-id").as_deref(), Some("true"));
    assert_eq!(header("client-request-id").map(|id| id.len()), Some(36));
    assert!(header("authorization").is_some_and(|value| value.starts_with("Basic ")));
    assert!(asked.body.contains("ExchangeImpersonation"), "{}", asked.body);
    assert!(asked.body.contains("<t:SmtpAddress>alice@lab.example</t:SmtpAddress>"), "{}", asked.body);
}

#[tokio::test]
async fn faults_about_the_mailbox_name_it() {
    for (code, name) in [
        (ResponseCode::ErrorImpersonateUserDenied, "impersonation-denied"),
        (ResponseCode::ErrorNonExistentMailbox, "unknown-mailbox"),
        (ResponseCode::ErrorAccountDisabled, "account-disabled"),
        (ResponseCode::ErrorPasswordExpired, "password-expired"),
    ] {
        let server = Scripted::start(move |_| xml(500, encode_fault(&Fault::new(code.clone(), "no")))).await;
        let account = account(server.address, "x");
        let error = exchange(brisk()).check(&target(&account, "alice")).await.unwrap_err();
        assert_eq!((error.refusal().code.as_str(), error.class()), (name, Class::Operator));
        assert!(error.refusal().where_.starts_with("alice@lab.example at 127.0.0.1:"), "{error}");
    }
}

#[tokio::test]
async fn an_account_without_a_mailbox_is_not_taken_for_a_foreign_server() {
    let fault = || xml(500, encode_fault(&Fault::new(ResponseCode::ErrorNonExistentMailbox, "no mailbox")));
    let server = Scripted::start(move |_| fault()).await;
    let error = exchange(brisk()).probe(&account(server.address, "x")).await.unwrap_err();
    assert_eq!(error.refusal().code, "account-without-mailbox", "{error}");
}

#[tokio::test]
async fn a_closed_port_is_unreachable_and_may_come_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = exchange(brisk()).probe(&account(address, "x")).await.unwrap_err();
    let (code, class, applied, _) = details(&error);
    assert_eq!(
        (code.as_str(), class, applied),
        ("server-unreachable", Class::Transient, Applied::No),
        "{error}"
    );
}

/// Covers: AV-37, X-02
#[tokio::test]
async fn the_imported_port_is_probed_and_the_right_one_proposed() {
    let server = Scripted::start(|_| inbox()).await;
    let mut account = account(server.address, "x");
    account.endpoint.port = tieline_model::Endpoint::IMPORTED_PORT;
    let options = EwsOptions { usual_port: server.address.port(), ..brisk() };
    let error = exchange(options).probe(&account).await.unwrap_err();
    let (code, class, ..) = details(&error);
    assert_eq!((code.as_str(), class), ("imported-port", Class::Operator), "{error}");
    let next = error.refusal().next;
    assert_eq!(next, format!("set the port of endpoint lab to {}", server.address.port()));
    let elsewhere = EwsOptions { usual_port: 1, ..brisk() };
    let error = exchange(elsewhere).probe(&account).await.unwrap_err();
    assert_ne!(error.refusal().code, "imported-port", "nothing is proposed that does not answer");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let server = Scripted::start(|_| xml(200, vec![b' '; 100_000])).await;
    let account = account(server.address, "x");
    let options = EwsOptions { response_limit: 50_000, ..brisk() };
    let error = exchange(options).check(&target(&account, "alice")).await.unwrap_err();
    assert_eq!((error.refusal().code.as_str(), error.applied()), ("answer-too-large", Applied::Unknown));
}

#[tokio::test]
async fn an_attempt_whose_time_is_over_does_not_begin() {
    let server = Scripted::start(|_| inbox()).await;
    let account = account(server.address, "x");
    let folder = FolderRef("in".to_owned());
    let past = soon() - Duration::from_secs(60);
    let alice = target(&account, "alice");
    let error = exchange(brisk()).create(&alice, &folder, &voice_message(), past).await.unwrap_err();
    assert_eq!((error.refusal().code.as_str(), error.applied()), ("deadline-passed", Applied::No));
    assert!(server.asked().is_empty());
}
