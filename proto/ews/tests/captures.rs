//! Requests captured from foreign clients: each must be understood whole.

use std::fs;
use std::path::{Path, PathBuf};

use roxmltree::Node;
use tieline_proto_ews::operations as ops;
use tieline_proto_ews::{Operation, Request, RequestHeader, encode_request};

fn captures(client: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(client);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Writes the request again; `None` if the operation is one we have no types for.
fn encode(header: &RequestHeader, request: &Request) -> Option<Vec<u8>> {
    fn of<O: Operation>(header: &RequestHeader, operation: &O) -> Option<Vec<u8>> {
        Some(encode_request(header, operation))
    }
    match request {
        Request::ConvertId(request) => of(header, request),
        Request::GetFolder(request) => of(header, request),
        Request::FindFolder(request) => of(header, request),
        Request::FindItem(request) => of(header, request),
        Request::CreateItem(request) => of(header, request),
        Request::ResolveNames(request) => of(header, request),
        Request::GetServerTimeZones(request) => of(header, request),
        Request::SetUserOofSettings(request) => of(header, request),
        Request::GetUserAvailability(request) => of(header, request),
        Request::GetDelegate(request) => of(header, request),
        Request::GetRoomLists(request) => of(header, request),
        Request::GetRooms(request) => of(header, request),
        Request::ExpandDL(request) => of(header, request),
        Request::UpdateInboxRules(request) => of(header, request),
        Request::GetMailTips(request) => of(header, request),
        Request::GetSearchableMailboxes(request) => of(header, request),
        _ => None,
    }
}

/// The document's elements, attributes and texts, prefixes and insignificant white space apart.
fn outline(document: &str) -> Vec<String> {
    fn visit(node: Node<'_, '_>, depth: usize, lines: &mut Vec<String>) {
        let name = node.tag_name();
        let ns = name.namespace().and_then(|ns| ns.rsplit('/').next()).unwrap_or("-");
        let mut attributes: Vec<_> = node
            .attributes()
            .map(|attribute| format!(" {}={:?}", attribute.name(), attribute.value()))
            .collect();
        attributes.sort();
        let text: String = node.children().filter(Node::is_text).filter_map(|text| text.text()).collect();
        // xs:boolean has two forms of each value; exchangelib writes digits.
        let text = match text.as_str() {
            "0" if is_boolean(name.name()) => "false".to_owned(),
            "1" if is_boolean(name.name()) => "true".to_owned(),
            _ => text,
        };
        let text = if node.children().any(|child| child.is_element()) { text.trim() } else { &text };
        lines.push(format!("{depth} {ns}:{}{} {text:?}", name.name(), attributes.concat()));
        for child in node.children().filter(Node::is_element) {
            visit(child, depth + 1, lines);
        }
    }
    let parsed = roxmltree::Document::parse(document).unwrap();
    let mut lines = Vec::new();
    for part in parsed.root_element().children().filter(Node::is_element) {
        // An empty header and none are the same.
        if part.tag_name().name() == "Body" || part.has_children() {
            for child in part.children().filter(Node::is_element) {
                visit(child, 0, &mut lines);
            }
        }
    }
    lines
}

fn is_boolean(name: &str) -> bool {
    ["Is", "Has", "Sent", "Delete", "Stop", "MarkAs", "Blob"].iter().any(|part| name.contains(part))
}

/// The operations of `disordered` came in another order than the schema's, or with something the schema does not have.
fn nothing_is_lost(client: &str, disordered: &[&str]) {
    let mut seen = 0;
    for (path, document) in captures(client) {
        let (header, request) =
            Request::parse(document.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let again = encode(&header, &request)
            .unwrap_or_else(|| panic!("{}: add {} to this test", path.display(), request.name()));
        let again = String::from_utf8(again).unwrap();
        let (mut again, mut original) = (outline(&again), outline(&document));
        if disordered.contains(&request.name()) {
            again.sort();
            original.sort();
        }
        // What the schema requires and the client left out.
        let required = ["messages:MailTipsRequested", "types:IsEnabled", "types:Priority"];
        again.retain(|line| original.contains(line) || !required.iter().any(|name| line.contains(name)));
        // exchangelib 5.6 forgets the element around this text.
        original.iter_mut().for_each(|line| *line = line.replace("GetMailTips \"All\"", "GetMailTips \"\""));
        assert_eq!(again, original, "{}", path.display());
        seen += 1;
    }
    assert!(seen > 15, "{client}: only {seen} captures read");
}

#[test]
fn davmail_requests_survive_a_round_trip() {
    nothing_is_lost("davmail", &[]);
}

#[test]
fn exchangelib_requests_survive_a_round_trip() {
    nothing_is_lost("exchangelib", &["UpdateInboxRules"]);
}

#[test]
fn the_first_request_of_exchangelib_is_a_probe() {
    let (_, document) = captures("exchangelib").swap_remove(0);
    let (header, request) = Request::parse(document.as_bytes()).unwrap();
    assert_eq!(header.version().map(ToString::to_string).as_deref(), Some("Exchange2016"));
    let Request::ConvertId(probe) = request else { panic!("{request:?}") };
    assert_eq!(probe.destination_format, ops::IdFormat::EntryId);
    assert_eq!(
        probe.source_ids,
        [ops::SourceId::Mailbox(ops::AlternateId {
            format: ops::IdFormat::EwsId,
            id: "DUMMY".into(),
            mailbox: "DUMMY".into(),
            is_archive: None,
        })]
    );
}
