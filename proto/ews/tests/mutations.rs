//! Damaged documents: whatever happens to the bytes, the decoders return, quickly, and what they accepted they
//! can write again. A fuzzer that runs on stable Rust, over captured requests and one answer of each operation.
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

type Decoder = fn(&[u8], &Limits);

macro_rules! decoders {
    ($($operation:ident),+ $(,)?) => {
        /// The readers of answers, by the names of their elements.
        const DECODERS: &[(&str, Decoder)] =
            &[ $( (<ops::$operation as Operation>::RESPONSE, decode::<ops::$operation>) ),+ ];
    };
}

decoders! {
    ConvertId, GetFolder, FindFolder, FindItem, GetItem, CreateItem, UpdateItem, DeleteItem, MoveItem,
    CopyItem, SendItem, CreateAttachment, GetAttachment, DeleteAttachment, SyncFolderItems,
    SyncFolderHierarchy, Subscribe, GetEvents, GetStreamingEvents, Unsubscribe, SendNotification,
    CreateFolder, UpdateFolder, DeleteFolder, EmptyFolder, MoveFolder, CopyFolder, ResolveNames,
    GetServerTimeZones, MarkAllItemsAsRead, GetUserOofSettings, SetUserOofSettings, GetUserAvailability,
    GetUserConfiguration, GetDelegate, GetRoomLists, GetRooms, ExpandDL, CreateUserConfiguration,
    UpdateUserConfiguration, DeleteUserConfiguration, AddDelegate, UpdateDelegate, RemoveDelegate,
    GetInboxRules, UpdateInboxRules, GetMailTips, FindPeople, GetPersona, ExportItems, UploadItems,
    MarkAsJunk, ArchiveItem, CreateManagedFolder, GetPasswordExpirationDate, FindConversation,
    GetConversationItems, ApplyConversationAction, GetServiceConfiguration, GetUserPhoto, PlayOnPhone,
    GetPhoneCallInformation, DisconnectPhoneCall, GetSearchableMailboxes, GetImItemList, GetImItems,
    AddImGroup, SetImGroup, RemoveImGroup, AddNewImContactToGroup, AddNewTelUriContactToGroup,
    AddImContactToGroup, RemoveImContactFromGroup, RemoveContactFromImList,
    AddDistributionGroupToImList, RemoveDistributionGroupFromImList,
}

fn decode<O>(bytes: &[u8], limits: &Limits)
where
    O: Operation,
    O::Response: PartialEq + std::fmt::Debug,
{
    let Ok(Reply { body: Ok(response), .. }) = decode_response::<O>(bytes, limits) else { return };
    let document = encode_response::<O>(&ResponseHeader::default(), &response);
    let again = decode_response::<O>(&document, &Limits::DEFAULT).map(|reply| reply.body);
    assert_eq!(again, Ok(Ok(response)), "{}", String::from_utf8_lossy(&document));
}

/// What is left of a document without its contents, and the contents, one after the other.
fn contents(bytes: &[u8], limits: &Limits, chunk: usize) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let mut splitter = ContentSplitter::new(limits);
    let mut contents = Vec::new();
    for piece in bytes.chunks(chunk) {
        splitter.push(piece, &mut |part| {
            if let ContentPart::Bytes(bytes) = part {
                contents.extend_from_slice(bytes);
            }
        })?;
    }
    Ok((splitter.finish()?, contents))
}

#[test]
fn every_operation_is_tried() {
    assert_eq!(DECODERS.len(), Request::OPERATIONS.len());
    let data = answers();
    for (name, _) in DECODERS {
        let known = data.iter().any(|answer| String::from_utf8_lossy(answer).contains(name));
        assert!(known, "tests/data/lab has no {name}");
    }
}

/// An answer of each operation, as the lab gave it to its tests.
fn answers() -> Vec<Vec<u8>> {
    captured(&["lab"])
}

fn requests() -> Vec<Vec<u8>> {
    captured(&["davmail", "exchangelib"])
}

fn captured(folders: &[&str]) -> Vec<Vec<u8>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut documents: Vec<_> = folders
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
    let text = String::from_utf8_lossy(bytes);
    for (_, decode) in DECODERS.iter().filter(|(name, _)| text.contains(name)) {
        decode(bytes, limits);
    }
    assert_eq!(contents(bytes, limits, chunk).ok(), contents(bytes, limits, bytes.len().max(1)).ok());
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
    // Every reader tries each document, in the tests' build: the short lane does a tenth.
    let wanted = number("TIELINE_FUZZ_ITERATIONS").unwrap_or(10_000);
    let iterations = if wanted < 1_000_000 { wanted / 10 } else { wanted };
    let seed = number("TIELINE_FUZZ_SEED").unwrap_or(2026);
    println!("seed {seed}, {iterations} iterations");
    let limits = Limits { bytes: 1 << 20, memory: 16 << 20, ..Limits::DEFAULT };
    let requests = requests();
    let mut corpus = responses(&requests);
    corpus.extend(requests);
    corpus.extend(answers());
    for iteration in 0..iterations {
        let mut dice = Dice(seed ^ (iteration << 20));
        let document = &corpus[dice.below(corpus.len())];
        let damaged = mutate(document, &corpus, &mut dice);
        let chunk = 1 + dice.below(500);
        let outcome = std::panic::catch_unwind(|| decode_everything(&damaged, &limits, chunk));
        assert!(outcome.is_ok(), "seed {seed}, iteration {iteration}: {}", String::from_utf8_lossy(&damaged));
    }
}
