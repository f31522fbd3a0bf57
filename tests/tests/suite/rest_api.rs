//! The REST API as programs meet it: the OpenAPI document kept, refusals in one shape, deposits that may be repeated, parts of
//! recordings, and the stream of events.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use tieline_tests::judge::Judge;
use tieline_tests::process::eventually;
use tieline_tests::recording::spoken;
use tieline_tests::rest::{Answer, Rest};
use tieline_tests::seed::count;
use tieline_tests::site::{Options, Site};

fn token(site: &Site, role: &str) -> String {
    let made = site.server.cli(&["token", "add", role, "--role", role]);
    made["token"].as_str().expect("a token").to_owned()
}

/// Sends with headers of the test's own.
fn get(site: &Site, token: &str, path: &str, headers: &[(&'static str, &str)]) -> Response {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().expect("a client");
    let mut request = client.get(site.server.anonymous().url(path)).bearer_auth(token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().expect("an answer")
}

/// RFC 9457, in the words that every other surface uses.
fn is_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.content_type, "application/problem+json", "{answer:?}");
    assert_eq!(answer.body["status"], status, "{answer:?}");
    assert_eq!(answer.body["code"], code, "{answer:?}");
    assert_eq!(answer.body["type"], format!("urn:tieline:{code}"), "{answer:?}");
    for field in ["title", "detail", "next", "class"] {
        assert!(answer.body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {answer:?}");
    }
}

/// schemathesis asks every operation what its document allows and forbids, and finds every answer as promised; quick call,
/// its directory and the accounts of people among them.
///
/// Covers: EV-19
#[test]
fn the_openapi_document_is_kept() {
    let site = Site::with(&Options {
        more: "[limits]\nrequests_per_minute = 1000000\n\n[conferencing]\nmailbox = \"conference@lab.example\"\nfeature_group = \"Staff\"\n".into(),
        directory: true,
        ..Options::default()
    });
    let message = site.deposit(&spoken(site.folder(), "short", "Call me."), "1001", "111");
    site.wait_delivered(message["id"].as_str().expect("an id"));
    let form = format!(
        "{}/sso_samlindexlync.php?do_quickcall=1&url_requestor=",
        site.lab.ready()["itsm"].as_str().unwrap()
    );
    site.server.cli(&["quick-call", "target", "add", "easyvista", "--method1", &form]);
    let called = eventually("a quick call leads to the form", || {
        let body = json!({"contact": "Contacts=<sip:bob@lab.example>"});
        let answer = site.server.rest("admin").post("/api/v1/quick-call/test", &body).ok();
        (answer["outcome"] == "form").then_some(answer)
    });
    assert!(called["url"].as_str().unwrap().ends_with("url_requestor=bob%40lab.example"), "{called}");
    // The long lane's number counts inputs of a codec; each of these is a request and a database.
    let examples = (count("TIELINE_FUZZ_ITERATIONS", 20_000) / 5_000).clamp(1, 20);
    let told =
        json!({"url": site.server.anonymous().base(), "token": token(&site, "admin"), "examples": examples});
    Judge::new("rest_api.py").arg(told.to_string()).run();
    assert!(!site.server.log().contains("panicked"), "{}", site.server.log());
}

#[test]
fn refusals_have_one_shape() {
    let site = Site::start();
    let admin = site.server.rest("admin");
    is_problem(&site.server.anonymous().get("/api/v1/mailboxes"), 401, "no-token");
    is_problem(&site.server.anonymous().with_token("guessed").get("/api/v1/mailboxes"), 401, "bad-token");
    is_problem(&admin.get("/api/v1/mailboxes/9999"), 404, "unknown-mailbox");
    is_problem(&admin.get("/api/v1/nothing"), 404, "not-found");
    is_problem(&admin.put("/api/v1/mailboxes", &json!({})), 405, "method-not-allowed");
    is_problem(&admin.post("/api/v1/mailboxes", &json!({"numbre": "1"})), 400, "bad-request");
    is_problem(&admin.post("/api/v1/endpoints", &json!([null, null])), 400, "bad-request");
    is_problem(&admin.patch("/api/v1/mailboxes/1001", &json!({"settings": [null]})), 400, "bad-request");
    is_problem(&admin.get("/api/v1/messages?limit=0"), 400, "bad-request");
    is_problem(&admin.upload("/api/v1/mailboxes", "text/plain", "number: 1002"), 415, "bad-content-type");
    is_problem(&admin.delete("/api/v1/endpoints/lab"), 409, "in-use");
    is_problem(&admin.post("/api/v1/tokens", &json!({"name": "t", "role": "king"})), 422, "bad-role");
    let mailbox = json!({"number": "1001", "address": "bob@lab.example", "feature_group": "Staff"});
    assert_eq!(admin.post("/api/v1/mailboxes", &mailbox).status, 409);
}

/// A switch may leave messages and ask what became of its own, and nothing else.
#[test]
fn depositors_reach_their_messages_only() {
    let site = Site::start();
    let switch = site.server.rest("deposit");
    let left =
        switch.post("/api/v1/messages", &json!({"mailbox": "1001", "kind": "text", "text": "Call me."}));
    assert_eq!(left.status, 201, "{left:?}");
    let message = format!("/api/v1/messages/{}", left.body["id"].as_str().expect("an id"));
    assert_eq!(switch.get(&message).ok()["mailbox_number"], "1001");
    is_problem(&switch.get("/api/v1/messages"), 403, "not-allowed");
    is_problem(&switch.delete(&message), 403, "not-allowed");
    is_problem(&switch.get("/api/v1/mailboxes"), 403, "not-allowed");
    is_problem(&site.server.rest("read").get("/api/v1/tokens"), 403, "not-allowed");
}

/// The answer to a deposit may be lost: the same one once more is no second message.
#[test]
fn a_deposit_that_is_repeated_is_one_message() {
    let site = Site::start();
    let switch = site.server.rest("deposit");
    let body = json!({"mailbox": "1001", "kind": "text", "text": "Call me.", "caller": {"number": "111"}});
    let deposit = |key: &str| {
        let send = |client: &Client| {
            client.post(switch.url("/api/v1/messages")).header("idempotency-key", key).json(&body)
        };
        switch.try_send(send).expect("an answer")
    };
    let (first, again, other) = (deposit("call-17"), deposit("call-17"), deposit("call-18"));
    assert_eq!((first.status, again.status, other.status), (201, 200, 201));
    assert_eq!(first.body["id"], again.body["id"]);
    assert_ne!(first.body["id"], other.body["id"]);
    assert_eq!(first.body["source_id"], "call-17");
    assert_eq!(site.messages("1001").len(), 2);
}

#[test]
fn what_is_too_large_or_too_much_is_refused() {
    let limits = "[limits]\nrequest_bytes = 2048\nrecording_bytes = 65536\nrequests_per_minute = 60\n";
    let site = Site::with(&Options { more: limits.into(), ..Options::default() });
    let admin = site.server.rest("admin");
    is_problem(
        &admin.post("/api/v1/tokens", &json!({"name": "n".repeat(4096), "role": "read"})),
        413,
        "too-large",
    );
    let message = json!({"mailbox": "1001", "kind": "voice"});
    let large = admin.try_deposit(&message, "long.wav", &vec![0; 100_000]).expect("an answer");
    is_problem(&large, 413, "recording-too-large");

    let slowed = (0..200).map(|_| admin.get("/api/v1/status")).find(|answer| answer.status != 200);
    is_problem(&slowed.expect("more than 60 a minute are refused"), 429, "slow-down");
    assert_eq!(site.server.anonymous().get("/healthz").status, 200, "who watches is not slowed down");
    site.server.cli(&["status"]);
}

#[test]
fn recordings_are_served_whole_and_in_parts() {
    let site = Site::start();
    let message = site.deposit(&spoken(site.folder(), "short", "Call me."), "1001", "111");
    let path = format!("/api/v1/messages/{}/content", message["id"].as_str().expect("an id"));
    let read = token(&site, "read");
    let whole = get(&site, &read, &path, &[]);
    assert_eq!(
        (whole.status().as_u16(), &whole.headers()["accept-ranges"]),
        (200, &"bytes".parse().expect("a value"))
    );
    let whole = whole.bytes().expect("bytes");
    assert_eq!(&whole[..4], b"RIFF");

    let part = get(&site, &read, &path, &[("range", "bytes=4-11")]);
    assert_eq!(part.status().as_u16(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 4-11/{}", whole.len()).as_str());
    assert_eq!(part.bytes().expect("bytes"), whole[4..12]);
    let tail = get(&site, &read, &path, &[("range", "bytes=-10")]);
    assert_eq!(tail.bytes().expect("bytes"), whole[whole.len() - 10..]);
    assert_eq!(get(&site, &read, &path, &[("range", "bytes=99999999-")]).status().as_u16(), 416);
}

/// Who comes back with the id of the last event that it saw gets everything since, in order, and then what happens next.
#[test]
fn events_are_replayed_from_the_last_one_seen() {
    let mut site = Site::start();
    let read = token(&site, "read");
    for number in ["111", "222"] {
        let text = ["voicemail", "deposit", "--text", "Call me.", "--mailbox", "1001", "--from", number];
        let message = site.server.cli(&text);
        site.wait_delivered(message["id"].as_str().expect("an id"));
    }
    let events = |after: &str, wanted: usize| -> Vec<(i64, Value)> {
        let stream = get(&site, &read, "/api/v1/events", &[("last-event-id", after)]);
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        let mut lines = BufReader::new(stream).lines().map(|line| line.expect("the stream goes on"));
        let mut field = |name: &str| {
            lines
                .find_map(|line| line.strip_prefix(name).map(|value| value.trim().to_owned()))
                .expect("an event")
        };
        (0..wanted)
            .map(|_| {
                let id = field("id:").parse().expect("a number");
                (id, serde_json::from_str(&field("data:")).expect("JSON"))
            })
            .collect()
    };
    let all = events("0", 4);
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "{all:?}");
    assert!(all.iter().all(|(_, event)| event["at"].is_string() && event["subject"].is_string()), "{all:?}");
    let (second, _) = all[1];
    assert_eq!(events(&second.to_string(), 2), all[2..], "exactly what came after the one that was seen");
    assert_eq!(get(&site, &read, "/api/v1/events", &[("last-event-id", "x")]).status().as_u16(), 400);

    // A reader that stays does not keep the server from stopping.
    let open = get(&site, &read, "/api/v1/events", &[]);
    let begun = std::time::Instant::now();
    site.server.stop();
    assert!(begun.elapsed() < Duration::from_secs(8), "stop_within_s is 10, and nothing was in hand");
    drop(open);
}

#[test]
fn the_server_says_how_it_is_without_a_token() {
    let site = Site::start();
    let anybody: Rest = site.server.anonymous();
    assert_eq!(anybody.get("/healthz").ok(), json!("ok\n"));
    assert_eq!(anybody.get("/readyz").ok(), json!("ready\n"));
    let figures = eventually("figures of answered requests", || {
        let metrics = anybody.get("/metrics");
        assert!(metrics.content_type.starts_with("text/plain; version=0.0.4"), "{metrics:?}");
        let text = metrics.body.as_str()?.to_owned();
        text.contains("tieline_http_request_seconds").then_some(text)
    });
    assert!(figures.contains("route=\"/readyz\""), "{figures}");
}
