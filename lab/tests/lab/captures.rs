//! Requests captured from foreign clients, sent as they were: none is answered with a failure of the server.

use std::path::Path;

use reqwest::StatusCode;
use tieline_proto_ews::{Request, ResponseCode, operations::GetItem};

use crate::client::{Bench, reply_of};

async fn replay(client: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/ews/tests/data").join(client);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("captures").map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() > 5, "captures of {client}");
    let bench = Bench::start().await;
    for file in files {
        let text = std::fs::read_to_string(&file).expect("UTF-8").replace("@lab.test", "@lab.example");
        let (_, request) = Request::parse(text.as_bytes()).expect("a readable request");
        let response = bench.post("alice", text.into_bytes()).send().await.expect("an answer");
        let status = response.status();
        let document = response.bytes().await.expect("a body");
        let name = file.display();
        if status != StatusCode::OK {
            let fault = reply_of::<GetItem>(&document).body.expect_err("a fault");
            assert_eq!(fault.code(), ResponseCode::ErrorInvalidRequest, "{name}: {fault}");
            assert!(fault.string.contains(request.name()), "{name}: {fault}");
        }
    }
}

#[tokio::test]
async fn exchangelib() {
    replay("exchangelib").await;
}

#[tokio::test]
async fn davmail() {
    replay("davmail").await;
}
