//! Signing in, impersonation, versions, the control surface, and what the lab refuses.

use base64::Engine as _;
use reqwest::StatusCode;
use serde_json::json;
use tieline_lab::{Lab, LabConfig, LabError};
use tieline_proto_ews::{
    DistinguishedFolderName, ExchangeVersion, RequestHeader, ResponseCode, encode_request,
    operations::{FindItem, GetFolder},
};

use crate::client::{Bench, acting_as, client, find, message, reply_of};

fn get_inbox() -> GetFolder {
    GetFolder { folder_ids: vec![DistinguishedFolderName::Inbox.into()], ..GetFolder::default() }
}

#[tokio::test]
async fn strangers_are_told_the_scheme() {
    let bench = Bench::start().await;
    for request in [bench.http.get(bench.lab.ews_url()), bench.http.post(bench.lab.ews_url()).body("x")] {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let offers = response.headers().get_all("www-authenticate").iter();
        let offers: Vec<_> = offers.filter_map(|offer| offer.to_str().ok()?.split(' ').next()).collect();
        assert_eq!(offers, ["NTLM", "Basic", "Bearer"]);
    }
    let lower = bench.lab.ews_url().replace("/EWS/Exchange.asmx", "/ews/exchange.asmx");
    let signed_in = bench.http.get(lower).basic_auth("LAB\\alice", Some("lab-password")).send().await;
    assert_eq!(signed_in.expect("an answer").status(), StatusCode::OK);
    let wrong = bench.http.get(bench.lab.ews_url()).basic_auth("alice", Some("wrong")).send().await;
    assert_eq!(wrong.expect("an answer").status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_the_service_account_impersonates() {
    let bench = Bench::start().await;
    let as_alice = encode_request(&acting_as("alice@lab.example"), &message("as alice"));
    let denied = bench.post("bob", as_alice.clone()).send().await.expect("an answer");
    assert_eq!(denied.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let reply = reply_of::<FindItem>(&denied.bytes().await.expect("a body"));
    assert_eq!(reply.body.expect_err("a fault").code(), ResponseCode::ErrorImpersonateUserDenied);

    let allowed = bench.post("svc-tieline", as_alice).send().await.expect("an answer");
    assert_eq!(allowed.status(), StatusCode::OK);
    assert_eq!(bench.count(None).await, 1, "alice sees it");

    let nobody = encode_request(&acting_as("nobody@lab.example"), &find(None));
    let answer = bench.post("svc-tieline", nobody).send().await.expect("an answer");
    let reply = reply_of::<FindItem>(&answer.bytes().await.expect("a body"));
    assert_eq!(reply.body.expect_err("a fault").code(), ResponseCode::ErrorNonExistentMailbox);

    let records = bench.lab.journal().records();
    let acted =
        records.iter().find(|record| record.response_code.as_deref() == Some("NoError")).expect("a record");
    assert_eq!(acted.user.as_deref(), Some("svc-tieline@lab.example"));
    assert_eq!(acted.impersonated.as_deref(), Some("alice@lab.example"));
}

#[tokio::test]
async fn newer_schemas_unknown_operations_and_noise_are_refused() {
    let bench = Bench::start().await;
    let newer = encode_request(&RequestHeader::new(ExchangeVersion::V2017_07_11), &get_inbox());
    let answer = bench.post("alice", newer).send().await.expect("an answer");
    let reply = reply_of::<GetFolder>(&answer.bytes().await.expect("a body"));
    assert_eq!(reply.body.expect_err("a fault").code(), ResponseCode::ErrorInvalidServerVersion);

    let text = String::from_utf8(encode_request(&RequestHeader::default(), &get_inbox())).expect("UTF-8");
    let unknown = text.replace("GetFolder", "GetClientAccessToken").into_bytes();
    let answer = bench.post("alice", unknown).send().await.expect("an answer");
    let reply = reply_of::<GetFolder>(&answer.bytes().await.expect("a body"));
    assert_eq!(reply.body.expect_err("a fault").code(), ResponseCode::ErrorInvalidRequest);

    let noise = bench.post("alice", b"<html>".to_vec()).send().await.expect("an answer");
    assert_eq!(noise.status(), StatusCode::BAD_REQUEST);
    let elsewhere = bench.http.get(bench.control("requests").replace("/lab/requests", "/")).send().await;
    assert_eq!(elsewhere.expect("an answer").status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_answer_names_the_server_and_echoes_the_request_id() {
    let bench = Bench::start().await;
    let document = encode_request(&RequestHeader::default(), &get_inbox());
    let request = bench.post("alice", document).header("client-request-id", "7a1b");
    let response = request.header("return-client-request-id", "true").send().await.expect("an answer");
    assert_eq!(response.headers()["client-request-id"], "7a1b");
    let info = reply_of::<GetFolder>(&response.bytes().await.expect("a body")).header.server_version_info;
    let info = info.expect("a version");
    assert_eq!((info.major_version, info.major_build_number), (Some(15), Some(2507)));
    assert_eq!(info.version.as_deref(), Some("Exchange2016"));
    let records = bench.json("requests").await;
    assert_eq!(records[0]["client_request_id"], "7a1b");
    assert_eq!(records[0]["operation"], "GetFolder");
    assert!(records[0]["service_us"].as_u64().expect("a number") > 0);
}

#[tokio::test]
async fn faults_are_armed_listed_and_removed_over_http() {
    let bench = Bench::start().await;
    let url = bench.control("faults");
    let fault = json!({"fault": "late-effect", "delay_ms": 5, "operation": "CreateItem", "count": 2});
    let ids: Vec<u64> =
        bench.http.post(&url).json(&json!([fault])).send().await.expect("sent").json().await.expect("ids");
    let listed = bench.json("faults").await;
    assert_eq!(listed[0]["id"], ids[0]);
    assert_eq!((&listed[0]["fault"], &listed[0]["count"]), (&json!("late-effect"), &json!(2)));
    let removed = bench.http.delete(format!("{url}/{}", ids[0])).send().await.expect("sent");
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    let again = bench.http.delete(format!("{url}/{}", ids[0])).send().await.expect("sent");
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    let bad = bench.http.post(&url).body("{\"fault\":\"flood\"}").send().await.expect("sent");
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert!(bad.text().await.expect("text").contains("Example"));
    bench.http.delete(bench.control("requests")).send().await.expect("sent");
    assert_eq!(bench.json("requests").await, json!([]));
}

#[tokio::test]
async fn other_machines_and_taken_ports_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut config = LabConfig::new(dir.path());
    config.http = Some("192.0.2.1:0".parse().expect("an address"));
    let refused = Lab::start(config.clone()).await.expect_err("not loopback");
    assert!(matches!(refused, LabError::NotLoopback { .. }), "{refused}");
    config.http = None;
    assert!(matches!(Lab::start(config.clone()).await, Err(LabError::NoListener)));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    config.http = taken.local_addr().ok();
    let refused = Lab::start(config).await.expect_err("taken");
    assert!(refused.to_string().contains("Choose another port"), "{refused}");
}

#[tokio::test]
async fn the_ready_file_tells_everything_and_phones_are_listed() {
    let dir = tempfile::tempdir().expect("a directory");
    let ready_file = dir.path().join("ready.json");
    let mut config = LabConfig::new(dir.path().join("state"));
    config.https = Some("127.0.0.1:0".parse().expect("an address"));
    config.ready_file = Some(ready_file.clone());
    config.users = 5;
    config.phones = vec![("alice".to_owned(), "127.0.0.1:0".parse().expect("an address"))];
    let lab = Lab::start(config).await.expect("a lab");
    let ready: serde_json::Value =
        serde_json::from_slice(&std::fs::read(ready_file).expect("a file")).expect("JSON");
    assert_eq!(ready["ews_http"], lab.ews_url());
    assert!(ready["ews_https"].as_str().expect("text").starts_with("https://127.0.0.1:"));
    assert!(std::path::Path::new(ready["certificate"].as_str().expect("text")).exists());
    let addresses: Vec<_> = ready["accounts"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|account| account["address"].as_str())
        .collect();
    assert_eq!(
        addresses,
        ["alice", "bob", "carol", "user4", "user5", "svc-tieline", "conference"]
            .map(|user| format!("{user}@lab.example"))
    );
    let phone = lab.phone("alice").expect("a phone");
    assert_eq!(ready["phones"][0]["uri"], phone.uri());
    assert_eq!(phone.lamp(), None);
    let phones = client().get(format!("{}/phones", lab.ready().control)).send().await.expect("an answer");
    assert_eq!(phones.json::<serde_json::Value>().await.expect("JSON")[0]["user"], "alice");
    lab.shutdown().await;
}

#[tokio::test]
async fn autodiscover_answers_pox_and_soap() {
    let bench = Bench::start().await;
    let pox = "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">\
        <Request><EMailAddress>ALICE@lab.example</EMailAddress><AcceptableResponseSchema>\
        http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>\
        </Request></Autodiscover>";
    let ask = |url: &str, body: String| {
        bench.http.post(url).basic_auth("alice", Some("lab-password")).body(body).send()
    };
    let ready = bench.lab.ready();
    let text = ask(&ready.autodiscover_pox, pox.to_owned()).await.expect("sent").text().await.expect("text");
    assert!(text.contains(&format!("<EwsUrl>{}</EwsUrl>", bench.lab.ews_url())), "{text}");
    let other = pox.replace("alice", "x").replace("ALICE", "nobody");
    let text = ask(&ready.autodiscover_pox, other).await.expect("sent").text().await.expect("text");
    assert!(text.contains("<ErrorCode>500</ErrorCode>"), "{text}");
    let soap = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
        xmlns:a=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\"><s:Body><a:GetUserSettingsRequestMessage>\
        <a:Request><a:Users><a:User><a:Mailbox>alice@lab.example</a:Mailbox></a:User></a:Users><a:RequestedSettings>\
        <a:Setting>ExternalEwsUrl</a:Setting><a:Setting>MobileMailboxPolicy</a:Setting></a:RequestedSettings>\
        </a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>";
    let text =
        ask(&ready.autodiscover_soap, soap.to_owned()).await.expect("sent").text().await.expect("text");
    assert!(text.contains(&format!("<a:Value>{}</a:Value>", bench.lab.ews_url())), "{text}");
    assert!(text.contains("SettingIsNotAvailable"), "{text}");
    let encoded = base64::engine::general_purpose::STANDARD.encode("alice:wrong");
    let wrong = bench.http.post(&ready.autodiscover_soap).header("Authorization", format!("Basic {encoded}"));
    assert_eq!(wrong.send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
}
