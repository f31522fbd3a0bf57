//! What a large attachment costs on its way through the codec, by the peak of the process's resident memory. A test binary
//! of its own, so that nothing else allocates meanwhile.

use bytes::Bytes;
use tieline_proto_ews::operations::{AttachmentInfo, GetAttachment};
use tieline_proto_ews::{
    Attachment, ContentPart, ContentSplitter, ExchangeVersion, FileAttachment, ItemBody, Limits, Request,
    RequestHeader, ResponseHeader, ResponseMessage, ResponseMessages, decode_response,
    encode_request_in_chunks, encode_response_in_chunks,
};

const SIZE: usize = 50 << 20;
/// In KiB: the pieces, the allocator's own, and what the kernel counts late.
const MOST: u64 = 3 * 1024;

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

/// What is left of a document when its content, which must be this one, has come apart from it.
fn received(chunks: impl Iterator<Item = Bytes>, content: &[u8]) -> Vec<u8> {
    let mut splitter = ContentSplitter::new(&Limits::DEFAULT);
    let mut length = 0;
    for chunk in chunks {
        splitter
            .push(&chunk, &mut |part| {
                if let ContentPart::Bytes(bytes) = part {
                    assert!(content[length..].starts_with(bytes), "at {length}");
                    length += bytes.len();
                }
            })
            .expect("a document");
    }
    assert_eq!(length, content.len());
    splitter.finish().expect("a whole document")
}

#[test]
fn an_attachment_of_50_megabytes_passes_through_in_little_memory() {
    let mut content = Vec::with_capacity(SIZE);
    let block: Vec<u8> = (0..65_521_usize).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    while content.len() < SIZE {
        content.extend_from_slice(&block[..block.len().min(SIZE - content.len())]);
    }
    let content = Bytes::from(content);
    let file = |content: &Bytes| FileAttachment::new("sound.wav", "audio/wav", Bytes::clone(content));

    let before = peak();
    let info = AttachmentInfo::from(Attachment::File(file(&content)));
    let answer = encode_response_in_chunks::<GetAttachment>(
        &ResponseHeader::default(),
        &ResponseMessages::one(ResponseMessage::success(info)),
    );
    assert!(answer.len() > SIZE / 3 * 4);
    let document = received(answer.chunks(), &content);
    let reply = decode_response::<GetAttachment>(&document, &Limits::DEFAULT).expect("an answer");
    let messages = reply.body.expect("no fault").messages;
    let found = messages[0].payload.attachments.first().expect("an attachment");
    assert_eq!(found.fields().name.as_deref(), Some("sound.wav"));
    let taken = peak() - before;
    assert!(taken < MOST, "reading what was answered took {taken} KiB");

    // The same way back; less of it shows as much.
    let part = content.slice(..8 << 20);
    let mut request = tieline_proto_ews::operations::CreateItem::default();
    let mut item = tieline_proto_ews::Item::from_message(tieline_proto_ews::Message::default());
    item.body = Some(ItemBody::text("listen"));
    item.attachments.push(Attachment::File(file(&part)));
    request.items.push(item);
    let header = RequestHeader::new(ExchangeVersion::Exchange2016);
    let document = received(encode_request_in_chunks(&header, &request).chunks(), &part);
    assert!(matches!(Request::parse(&document), Ok((_, Request::CreateItem(_)))));
    let taken = peak() - before;
    assert!(taken < MOST, "sending it took {taken} KiB");
}
