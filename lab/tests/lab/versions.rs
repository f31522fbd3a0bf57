//! Versions of Exchange, and how far the role of the service account reaches.

use reqwest::StatusCode;
use tieline_lab::{OPERATIONS, Release, ServerVersion};
use tieline_proto_ews::{
    BaseShape, DistinguishedFolderName, ExchangeVersion, FieldUri, ItemShape, Operation, PropertyPath, Reply,
    RequestHeader, ResponseCode, encode_request,
    operations::{
        CreateManagedFolder, FindItem, FindPeople, GetFolder, GetItem, GetRoomLists, GetStreamingEvents,
    },
};

use crate::client::{Bench, acting_as, find, message, reply_of};

async fn asked<O: Operation>(bench: &Bench, version: ExchangeVersion, operation: &O) -> Reply<O::Response> {
    let document = encode_request(&RequestHeader::new(version), operation);
    let response = bench.post("alice", document).send().await.expect("an answer");
    reply_of::<O>(&response.bytes().await.expect("a body"))
}

async fn code_of<O: Operation>(
    bench: &Bench,
    version: ExchangeVersion,
    operation: &O,
) -> Option<ResponseCode> {
    asked(bench, version, operation).await.body.err().map(|fault| fault.code())
}

async fn server(release: Release) -> Bench {
    Bench::with(|settings| settings.version = ServerVersion::of(release)).await
}

#[tokio::test]
async fn each_version_says_who_it_is_and_takes_its_own_schema() {
    for release in Release::ALL {
        let bench = server(release).await;
        let version = ExchangeVersion::from(release.schema());
        let request =
            GetFolder { folder_ids: vec![DistinguishedFolderName::Inbox.into()], ..GetFolder::default() };
        let reply = asked(&bench, version, &request).await;
        let info = reply.header.server_version_info.expect("a version");
        assert_eq!(info.version.as_deref(), Some(release.schema()));
        let major = match release {
            Release::Exchange2007 | Release::Exchange2007Sp1 => 8,
            Release::Exchange2010 | Release::Exchange2010Sp1 | Release::Exchange2010Sp2 => 14,
            _ => 15,
        };
        assert_eq!(info.major_version, Some(major), "{release:?}");
        assert!(reply.body.expect("no fault").first().expect("a message").ok().is_ok(), "{release:?}");
    }
}

#[tokio::test]
async fn an_old_server_lacks_what_came_later() {
    let bench = server(Release::Exchange2007Sp1).await;
    let old = || ExchangeVersion::Exchange2007Sp1;
    assert_eq!(
        code_of(&bench, old(), &GetRoomLists::default()).await,
        Some(ResponseCode::ErrorInvalidRequest)
    );
    assert_eq!(
        code_of(&bench, old(), &GetStreamingEvents::default()).await,
        Some(ResponseCode::ErrorInvalidRequest)
    );
    let newer = code_of(&bench, ExchangeVersion::Exchange2010, &find(None)).await;
    assert_eq!(newer, Some(ResponseCode::ErrorInvalidServerVersion));
    let managed = CreateManagedFolder { folder_names: vec!["Kept".to_owned()], mailbox: None };
    let answer = asked(&bench, old(), &managed).await.body.expect("2007 has managed folders");
    assert_eq!(answer.first().expect("a message").code, ResponseCode::ErrorManagedFolderNotFound);
    let bench = server(Release::ExchangeSe).await;
    let gone = code_of(&bench, ExchangeVersion::Exchange2016, &managed).await;
    assert_eq!(gone, Some(ResponseCode::ErrorInvalidRequest), "managed folders went with 2013");
}

#[tokio::test]
async fn a_request_is_held_to_the_version_it_names() {
    let bench = Bench::start().await;
    let old = || ExchangeVersion::Exchange2010Sp2;
    assert_eq!(
        code_of(&bench, old(), &FindPeople::default()).await,
        Some(ResponseCode::ErrorInvalidServerVersion),
        "an operation of 2013"
    );
    let mut preview = find(None);
    preview.item_shape.additional_properties = vec![PropertyPath::from(FieldUri::new("item:Preview"))];
    let fault = asked(&bench, old(), &preview).await.body.expect_err("a property of 2013");
    assert_eq!(fault.code(), ResponseCode::ErrorSchemaValidation);
    let detail =
        |name: &str| fault.xml.elements.iter().find(|(known, _)| known == name).map(|(_, text)| text);
    assert!(detail("Violation").is_some_and(|text| text.contains("item:Preview")), "{fault:?}");
    assert!(detail("LineNumber").is_some() && detail("LinePosition").is_some());
    let folder = GetFolder {
        folder_ids: vec![DistinguishedFolderName::ConversationHistory.into()],
        ..GetFolder::default()
    };
    assert_eq!(code_of(&bench, old(), &folder).await, Some(ResponseCode::ErrorSchemaValidation));
    assert_eq!(code_of(&bench, ExchangeVersion::Exchange2013, &folder).await, None);
    let made_up = code_of(&bench, ExchangeVersion::from("Exchange3000"), &find(None)).await;
    assert_eq!(made_up, Some(ResponseCode::ErrorInvalidServerVersion));
}

#[tokio::test]
async fn an_answer_holds_nothing_newer_than_asked_for() {
    let bench = Bench::start().await;
    let id = crate::client::first_id(&bench.ok(&message("old and new")).await);
    let shape = ItemShape { base_shape: BaseShape::AllProperties, ..ItemShape::default() };
    let request = GetItem { item_shape: shape, item_ids: vec![id.into()] };
    let item = async |version| {
        let answer = asked(&bench, version, &request).await.body.expect("no fault");
        answer.first().expect("a message").ok().expect("success").items.first().expect("an item").clone()
    };
    let new = item(ExchangeVersion::Exchange2016).await;
    let old = item(ExchangeVersion::Exchange2007Sp1).await;
    assert_eq!((old.subject.clone(), old.size), (new.subject.clone(), new.size));
    assert!(new.flag.is_some() && new.conversation_id.is_some());
    assert!(old.flag.is_none() && old.conversation_id.is_none());
}

#[test]
fn operations_come_before_they_go() {
    for (name, since, until) in OPERATIONS {
        assert!(until.is_none_or(|until| *since < until), "{name}");
    }
}

#[tokio::test]
async fn a_scoped_role_does_not_reach_an_existing_mailbox_outside_it() {
    let scope = vec!["alice@lab.example".to_owned()];
    let bench = Bench::with(|settings| settings.impersonation_scope = Some(scope)).await;
    let acting = async |address: &str| {
        let document = encode_request(&acting_as(address), &find(None));
        let response = bench.post("svc-tieline", document).send().await.expect("an answer");
        let status = response.status();
        (status, reply_of::<FindItem>(&response.bytes().await.expect("a body")).body)
    };
    let (status, body) = acting("alice@lab.example").await;
    assert!(status == StatusCode::OK && body.is_ok(), "inside the scope");
    let (_, body) = acting("bob@lab.example").await;
    assert_eq!(body.expect_err("outside").code(), ResponseCode::ErrorImpersonateUserDenied);
    let (_, body) = acting("nobody@lab.example").await;
    assert_eq!(body.expect_err("nobody").code(), ResponseCode::ErrorNonExistentMailbox);
}
