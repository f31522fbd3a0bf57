//! Mailboxes that are not where they were, servers behind a load balancer, and items that break an answer.

use tieline_connectors::ews::{AutodiscoverOptions, EwsOptions};
use tieline_lab::{Fault, FaultKind};
use tieline_model::{Class, TlsTrust};
use tieline_ports::{Applied, ItemRef, MailSystem, MailTarget, PortError, ReadRecord, RecordSystem};
use tieline_proto_ews::operations::{FolderInfo, GetFolder, GetItem, ItemInfo};
use tieline_proto_ews::{
    BaseItemId, Folder, FolderId, Item, ItemId, ItemKind, Request, ResponseHeader, ResponseMessage,
    ResponseMessages, encode_response,
};

use crate::lab::Lab;
use crate::scripted::{Answer, Scripted, status, xml};
use crate::world::{account, brisk, exchange, target};

/// Alice's mailbox at `here`, where both labs' certificates are trusted.
fn alice_at(here: &Lab, there: &Lab) -> MailTarget {
    let mut account = here.account_by_tls();
    account.endpoint.tls = TlsTrust::Ca { pem: format!("{}{}", here.certificate(), there.certificate()) };
    target(&account, "alice")
}

fn settings_asked(lab: &Lab) -> usize {
    let asked = |operation: Option<&str>| operation.is_some_and(|name| name.contains("Autodiscover"));
    lab.requests().iter().filter(|record| asked(record.operation.as_deref())).count()
}

/// Searches nowhere but at the server that had the mailbox.
fn options() -> EwsOptions {
    let autodiscover = AutodiscoverOptions { candidates: Vec::new(), ..AutodiscoverOptions::default() };
    EwsOptions { autodiscover, ..brisk() }
}

#[tokio::test]
async fn a_mailbox_that_is_elsewhere_is_found_by_autodiscover_and_reached_there() {
    let kinds = [404, 421, 451, 301, 302].map(|status| FaultKind::HttpStatus { status }).into_iter().chain(
        ["ErrorWrongServerVersion", "ErrorProxyServiceDiscoveryFailed", "ErrorMailboxMoveInProgress"]
            .map(|code| FaultKind::Error { code: code.to_owned() }),
    );
    let (here, there) = (Lab::start().await, Lab::start().await);
    let alice = alice_at(&here, &there);
    for (round, kind) in kinds.enumerate() {
        let exchange = exchange(options());
        here.fault(Fault::once(kind.clone(), "GetFolder"));
        let to = format!("https://{}/autodiscover/autodiscover.svc", there.https);
        here.fault(Fault::once(FaultKind::RedirectUrl { to }, "Autodiscover"));
        let error = exchange.check(&alice).await.unwrap_err();
        assert_eq!(
            (error.refusal().code.as_str(), error.class(), error.applied()),
            ("mailbox-moved", Class::Transient, Applied::No),
            "{kind:?}: {error}"
        );
        exchange.check(&alice).await.unwrap();
        exchange.check(&alice).await.unwrap();
        assert_eq!(there.arrivals("GetFolder").len(), 2 * (round + 1), "{kind:?}");
        assert_eq!(settings_asked(&there), round + 1, "the answer is remembered");
    }
}

#[tokio::test]
async fn a_search_that_finds_nothing_new_is_not_repeated_and_changes_no_error() {
    let lab = Lab::start().await;
    let alice = alice_at(&lab, &lab);
    let exchange = exchange(options());
    let kind = FaultKind::Error { code: "ErrorMailboxMoveInProgress".to_owned() };
    lab.fault(Fault { count: Some(3), ..Fault::once(kind, "GetFolder") });
    for _ in 0..3 {
        let error = exchange.check(&alice).await.unwrap_err();
        assert_eq!(error.refusal().code, "mailbox-moving", "{error}");
    }
    exchange.check(&alice).await.unwrap();
    assert_eq!(settings_asked(&lab), 1);
}

#[tokio::test]
async fn what_is_said_without_tls_sends_nobody_anywhere() {
    let lab = Lab::start().await;
    let (exchange, alice) = (exchange(options()), lab.target("alice"));
    lab.fault(Fault::once(FaultKind::HttpStatus { status: 421 }, "GetFolder"));
    let error = exchange.check(&alice).await.unwrap_err();
    assert_eq!(error.refusal().code, "not-ews", "{error}");
    assert_eq!(settings_asked(&lab), 0);
}

fn inbox() -> Answer {
    let folder = Folder { folder_id: Some(FolderId::new("inbox")), ..Folder::default() };
    let message = ResponseMessage::success(FolderInfo::from(folder));
    xml(200, encode_response::<GetFolder>(&ResponseHeader::default(), &ResponseMessages::one(message)))
}

#[tokio::test]
async fn a_mailbox_keeps_to_its_server_until_that_fails() {
    let server = Scripted::reading(|number, asked| {
        if number == 3 {
            return status(502, &[], "");
        }
        let mailbox = if asked.body.contains("alice@") { "alice" } else { "bob" };
        let mut answer = inbox();
        let cookie =
            format!("X-BackEndCookie={mailbox}~u56=; expires=Tue, 24-Nov-2026 10:00:00 GMT; path=/EWS");
        answer.headers_mut().insert("set-cookie", cookie.parse().unwrap());
        answer
    })
    .await;
    let (exchange, account) = (exchange(brisk()), account(server.address, "x"));
    let (alice, bob) = (target(&account, "alice"), target(&account, "bob"));
    exchange.check(&alice).await.unwrap();
    exchange.check(&bob).await.unwrap();
    exchange.check(&alice).await.unwrap();
    exchange.check(&alice).await.unwrap_err();
    exchange.check(&alice).await.unwrap();
    exchange.check(&bob).await.unwrap();
    let cookies: Vec<Option<String>> = server
        .asked()
        .iter()
        .map(|asked| Some(asked.headers.get("cookie")?.to_str().unwrap().to_owned()))
        .collect();
    let kept = |mailbox: &str| Some(format!("X-BackEndCookie={mailbox}~u56="));
    assert_eq!(cookies, [None, None, kept("alice"), kept("alice"), None, kept("bob")]);
}

/// A server that breaks every answer with more of this item in it than its id.
fn with_a_bad_item(asked: &str, bad: &str) -> Answer {
    let (_, Request::GetItem(request)) = Request::parse(asked.as_bytes()).unwrap() else { panic!("{asked}") };
    let ids: Vec<String> = request
        .item_ids
        .into_iter()
        .map(|id| match id {
            BaseItemId::ItemId(id) => id.id,
            other => panic!("{other:?}"),
        })
        .collect();
    let whole = !request.item_shape.additional_properties.is_empty();
    let messages = ids.iter().map(|id| {
        let item_id = Some(ItemId::with_key(id, "key"));
        let contact = ItemKind::Contact(Box::default());
        let item = Item { item_id, ..Item::new(contact) };
        ResponseMessage::success(ItemInfo { items: vec![item] })
    });
    let messages = ResponseMessages { messages: messages.collect() };
    let mut document = encode_response::<GetItem>(&ResponseHeader::default(), &messages);
    if whole && ids.iter().any(|id| id == bad) {
        document.truncate(document.len() / 2);
    }
    xml(200, document)
}

async fn read(
    server: &Scripted,
    items: &[ItemRef],
) -> Result<Vec<ReadRecord<tieline_model::Contact>>, PortError> {
    let exchange = exchange(brisk());
    let contacts: &dyn RecordSystem<tieline_model::Contact> = &exchange;
    contacts.read(&target(&account(server.address, "x"), "alice"), items).await
}

#[tokio::test]
async fn an_item_that_breaks_the_answer_takes_no_other_with_it() {
    let items: Vec<ItemRef> = (0..60).map(|number| ItemRef(format!("item-{number}"))).collect();
    for bad in ["item-0", "item-37", "item-59"] {
        let server = Scripted::reading(move |_, asked| with_a_bad_item(&asked.body, bad)).await;
        let read = read(&server, &items).await.unwrap();
        assert_eq!(read.len(), 60);
        for (item, read) in items.iter().zip(&read) {
            match read {
                ReadRecord::Found(record) => assert_eq!(&record.item, item, "in their order"),
                ReadRecord::Unreadable(error) => {
                    assert_eq!(item.0, bad);
                    assert_eq!(error.class(), Class::Permanent, "{error}");
                }
                ReadRecord::NotFound => panic!("{item:?} is there"),
            }
        }
        assert!(server.asked().len() < 20, "{} requests", server.asked().len());
    }
}

#[tokio::test]
async fn a_server_that_breaks_every_answer_makes_no_item_bad() {
    let server = Scripted::start(|_| xml(200, b"<s:Envelope".to_vec())).await;
    for count in [1, 60] {
        let items: Vec<ItemRef> = (0..count).map(|number| ItemRef(format!("item-{number}"))).collect();
        let error = read(&server, &items).await.unwrap_err();
        assert_eq!((error.refusal().code.as_str(), error.class()), ("answer-unreadable", Class::Transient));
    }
}
