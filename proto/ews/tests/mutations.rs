//! Damaged documents: whatever happens to the bytes, the decoders return, quickly, and what they accepted they
//! can write again. A small fuzzer that runs on stable Rust; `fuzz/` has the large one.
//!
//! `TIELINE_FUZZ_ITERATIONS` sets the number of mutations, `TIELINE_FUZZ_SEED` repeats a run.

use std::env;
use std::fs;
use std::path::Path;

use tieline_proto_ews::autodiscover::{pox, soap};
use tieline_proto_ews::operations as ops;
use tieline_proto_ews::*;

/// SplitMix64: small, seeded, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound.max(1) as u64) as usize
    }
}

const FRAGMENTS: &[&[u8]] = &[
    b"<",
    b">",
    b"/>",
    b"</",
    b"&",
    b"&#x0;",
    b"&#xD800;",
    b"&amp;",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"-->",
    b"<?x?>",
    b"<!DOCTYPE x>",
    b"\"",
    b"'",
    b"=",
    b" xmlns=\"\"",
    b" xmlns:t=\"urn:x\"",
    b"t:",
    b"m:",
    b"\0",
    b"\xFF",
    b"\xC3",
    b"<t:Message>",
    b"</t:Message>",
    b"<t:And>",
    b"<t:Items/>",
    b"0000000000000000000000",
    b"-1",
    b"99999999999999",
];

fn mutate(document: &[u8], others: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = document.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        let to = at + dice.below((bytes.len() - at).min(64));
        match dice.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let piece = bytes[at..to].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let fragment = FRAGMENTS[dice.below(FRAGMENTS.len())];
                bytes.splice(at..at, fragment.iter().copied());
            }
            4 if at < bytes.len() => bytes[at] = dice.roll() as u8,
            5 => {
                let other = &others[dice.below(others.len())];
                let from = dice.below(other.len());
                let until = from + dice.below((other.len() - from).min(400));
                bytes.splice(at..to, other[from..until].iter().copied());
            }
            _ => {
                let piece = bytes[at..to].repeat(1 + dice.below(20));
                bytes.splice(at..to, piece);
            }
        }
    }
    bytes
}

fn requests() -> Vec<Vec<u8>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut documents: Vec<_> = ["davmail", "exchangelib"]
        .iter()
        .flat_map(|client| fs::read_dir(data.join(client)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    documents.sort();
    documents.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Answers with a bit of everything, made of the captured requests' items.
fn responses(requests: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let header = ResponseHeader { server_version_info: Some(ServerVersionInfo::default()) };
    let mut documents = Vec::new();
    for document in requests {
        let Ok((_, Request::CreateItem(create))) = Request::parse(document) else { continue };
        let info = ops::ItemInfo { items: create.items.clone() };
        documents.push(encode_response::<ops::GetItem>(
            &header,
            &ResponseMessages::one(ResponseMessage::success(info)),
        ));
        let changes = create
            .items
            .into_iter()
            .map(|item| ops::SyncFolderItemsChange::Update(ops::SyncItem { item: Some(item) }))
            .collect();
        let sync = ops::SyncFolderItemsMessage {
            sync_state: Some("state".into()),
            includes_last_item_in_range: Some(true),
            changes,
        };
        documents.push(encode_response::<ops::SyncFolderItems>(
            &header,
            &ResponseMessages::one(ResponseMessage::success(sync)),
        ));
    }
    let mut fault = Fault::new(ResponseCode::ErrorServerBusy, "later");
    fault.xml = MessageXml::with_back_off(std::time::Duration::from_secs(1));
    documents.push(encode_fault(&fault));
    let notification = ops::Notification {
        subscription_id: "s".into(),
        events: vec![ops::Event::Status(ops::StatusEvent::default())],
        ..ops::Notification::default()
    };
    let streamed = encode_response::<ops::GetStreamingEvents>(
        &header,
        &ResponseMessages::one(ResponseMessage::success(ops::GetStreamingEventsMessage {
            notifications: vec![notification],
            ..ops::GetStreamingEventsMessage::default()
        })),
    );
    documents.push(streamed.repeat(3));
    documents.push(pox::Request::new("alice@lab.example").encode());
    documents.push(pox::Response::default().encode());
    documents.push(soap::encode_response(
        soap::ServerVersionInfo::default(),
        &soap::GetUserSettingsResponse {
            user_responses: vec![soap::UserResponse::default()],
            ..soap::GetUserSettingsResponse::default()
        },
    ));
    documents
}

/// Decodes the bytes as everything they could be.
fn decode_everything(bytes: &[u8], limits: &Limits, chunk: usize) {
    if let Ok((header, Request::CreateItem(create))) = Request::parse_within(bytes, limits) {
        let document = encode_request(&header, &create);
        let again = Request::parse(&document).map(|(_, request)| request);
        assert_eq!(again, Ok(Request::CreateItem(create)), "{}", String::from_utf8_lossy(&document));
    }
    let _ = decode_response::<ops::GetItem>(bytes, limits);
    let _ = decode_response::<ops::SyncFolderItems>(bytes, limits);
    let _ = decode_response::<ops::GetStreamingEvents>(bytes, limits);
    let _ = pox::Request::parse(bytes, limits);
    let _ = pox::Response::parse(bytes, limits);
    let _ = soap::Request::parse(bytes, limits);
    let _ = soap::decode_response(bytes, limits);
    let mut splitter = EnvelopeSplitter::new(limits.bytes);
    for piece in bytes.chunks(chunk) {
        if splitter.push(piece).is_err() {
            return;
        }
        while let Ok(Some(envelope)) = splitter.next() {
            assert!(!envelope.is_empty());
        }
    }
}

#[test]
fn damaged_documents_do_no_harm() {
    let number = |name: &str| env::var(name).ok().and_then(|value| value.parse().ok());
    let iterations = number("TIELINE_FUZZ_ITERATIONS").unwrap_or(3000);
    let seed = number("TIELINE_FUZZ_SEED").unwrap_or(2026);
    println!("seed {seed}, {iterations} iterations");
    let limits = Limits { bytes: 1 << 20, memory: 16 << 20, ..Limits::DEFAULT };
    let requests = requests();
    let mut corpus = responses(&requests);
    corpus.extend(requests);
    for iteration in 0..iterations {
        let mut dice = Dice(seed ^ (iteration << 20));
        let document = &corpus[dice.below(corpus.len())];
        let damaged = mutate(document, &corpus, &mut dice);
        let chunk = 1 + dice.below(500);
        let outcome = std::panic::catch_unwind(|| decode_everything(&damaged, &limits, chunk));
        assert!(outcome.is_ok(), "seed {seed}, iteration {iteration}: {}", String::from_utf8_lossy(&damaged));
    }
}
