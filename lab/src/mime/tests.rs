use super::*;
use crate::{content::NewAttachment, extended::ExtendedValue};

fn message() -> Document {
    let mut document = Document { kind: "Message".to_owned(), ..Document::default() };
    let to = [(Some("Alice Adams".to_owned()), "alice@lab.example".to_owned())];
    document.parts.insert("ToRecipients".to_owned(), recipients_fragment("ToRecipients", &to));
    let from = [(Some("Bob".to_owned()), "bob@lab.example".to_owned())];
    document.parts.insert("From".to_owned(), recipients_fragment("From", &from));
    document
}

fn file(name: &str, content_type: &str, content: &[u8]) -> NewAttachment {
    let mut document = Document { kind: "FileAttachment".to_owned(), ..Document::default() };
    document.set_text("Name", name);
    document.set_text("ContentType", content_type);
    document.set_text("IsInline", "false");
    NewAttachment { document, content: content.to_vec() }
}

fn outgoing<'a>(document: &'a Document, attachments: &'a [NewAttachment]) -> Outgoing<'a> {
    Outgoing {
        document,
        class: "IPM.Note",
        subject: Some("Grüße"),
        sent_ms: 1_763_884_800_000,
        message_id: "<one@lab.example>",
        attachments,
        calendar: None,
    }
}

#[test]
fn built_messages_parse_back() {
    let mut document = message();
    document
        .parts
        .insert("Body".to_owned(), "<t:Body BodyType=\"HTML\">&lt;p&gt;hi&lt;/p&gt;</t:Body>".to_owned());
    document.extended.insert("0x6801:Integer".to_owned(), ExtendedValue::one("12"));
    document.set_text("Importance", "High");
    document.set_text("Sensitivity", "Confidential");
    document.set_text("IsReadReceiptRequested", "true");
    let audio = file("Grüße.wav", "audio/wav", b"RIFF\0\x01");
    let class = "IPM.Note.Microsoft.Voicemail.UM.CA";
    let attachments = [audio];
    let mime = build(&Outgoing { class, ..outgoing(&document, &attachments) });
    let parsed = parse(&mime).expect("message");
    assert_eq!(parsed.class.as_deref(), Some(class));
    assert_eq!(parsed.sent_ms, Some(1_763_884_800_000));
    assert_eq!(parsed.attachments, attachments);
    let text = |name: &str| parsed.document.text(name);
    assert_eq!(text("Subject").as_deref(), Some("Grüße"));
    assert_eq!(text("InternetMessageId").as_deref(), Some("<one@lab.example>"));
    assert_eq!(text("Importance").as_deref(), Some("High"));
    assert_eq!(text("Sensitivity").as_deref(), Some("Confidential"));
    assert_eq!(text("IsReadReceiptRequested").as_deref(), Some("true"));
    assert_eq!(listed(&parsed.document, "ToRecipients"), listed(&document, "ToRecipients"));
    assert_eq!(parsed.document.extended.get("0x6801:Integer"), Some(&ExtendedValue::one("12")));
    assert_eq!(parsed.document.attribute("Body", "BodyType").as_deref(), Some("HTML"));
    assert!(headers(&mime).iter().any(|(name, _)| name == "Subject"));
}

#[test]
fn pictures_shown_in_the_body_are_inline_both_ways() {
    let mut document = message();
    let body = "<t:Body BodyType=\"HTML\">&lt;img src=\"cid:logo@x\"&gt;</t:Body>";
    document.parts.insert("Body".to_owned(), body.to_owned());
    let mut picture = file("logo.png", "image/png", b"\x89PNG");
    picture.document.set_text("ContentId", "logo@x");
    picture.document.set_text("IsInline", "true");
    let mime = build(&outgoing(&document, std::slice::from_ref(&picture)));
    let text = String::from_utf8_lossy(&mime);
    assert!(text.contains("multipart/related"), "{text}");
    let parsed = parse(&mime).expect("message");
    let [found] = parsed.attachments.as_slice() else { panic!("{:?}", parsed.attachments) };
    assert!(found.is_inline());
    assert_eq!(found.document.text("ContentId").as_deref(), Some("logo@x"));
    assert_eq!(found.content, b"\x89PNG");
}

#[test]
fn a_message_within_a_message_is_an_attached_item_that_goes_out_as_it_came() {
    let inner = "From: carol@lab.example\r\nSubject: Inner\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\ninside\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\
        Content-Disposition: attachment; filename=a.pdf\r\n\r\nPDF\r\n--b--\r\n";
    let outer = format!(
        "From: bob@lab.example\r\nSubject: Outer\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n\
         --o\r\nContent-Type: text/plain\r\n\r\nsee below\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--o--\r\n"
    );
    let parsed = parse(outer.as_bytes()).expect("message");
    let [nested] = parsed.attachments.as_slice() else { panic!("{:?}", parsed.attachments) };
    assert_eq!(nested.document.kind, "ItemAttachment");
    assert_eq!(nested.document.text("Name").as_deref(), Some("Inner"));
    let xml = String::from_utf8(nested.content.clone()).expect("text");
    let item: tieline_proto_ews::Item = crate::document::decode(&xml).expect("item");
    assert_eq!(item.subject.as_deref(), Some("Inner"));
    assert_eq!(item.body.map(|body| body.text).as_deref(), Some("inside"));
    assert_eq!(item.attachments.len(), 1);
    let again = build(&outgoing(&parsed.document, &parsed.attachments));
    let again = parse(&again).expect("message");
    assert_eq!(again.attachments.first().map(|found| &found.document), Some(&nested.document));
}

#[test]
fn words_in_every_character_set_are_read() {
    let mime = b"From: =?iso-8859-1?Q?J=F6rg?= <joerg@x.example>\r\nSubject: =?utf-8?B?w6TDtsO8?=\r\n\
        Content-Type: text/plain; charset=iso-8859-15\r\nContent-Transfer-Encoding: quoted-printable\r\n\
        X-Custom: a\r\n b\r\n\r\n10 =A4\r\n";
    let parsed = parse(mime).expect("message");
    assert_eq!(parsed.document.text("Subject").as_deref(), Some("äöü"));
    assert_eq!(parsed.document.text_below("From", &["Name"]).as_deref(), Some("Jörg"));
    assert_eq!(parsed.document.text("Body").as_deref().map(str::trim), Some("10 €"));
    let custom = parsed.document.extended.iter().find(|(name, _)| name.contains("/X-Custom:"));
    assert_eq!(custom.map(|(_, value)| value.clone()), Some(ExtendedValue::one("a b")));
}

#[test]
fn an_invitation_is_told_by_its_calendar_part() {
    let mime = b"From: bob@x.example\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\
        Content-Type: text/plain\r\n\r\nCome\r\n--b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n\
        BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--b--\r\n";
    let parsed = parse(mime).expect("message");
    assert!(parsed.calendar.expect("calendar").starts_with("BEGIN:VCALENDAR"));
    assert_eq!(parsed.attachments, []);
    assert_eq!(parsed.document.text("Body").as_deref().map(str::trim), Some("Come"));
}

#[test]
fn messages_nested_without_end_are_refused() {
    let level = b"Content-Type: message/rfc822\r\n\r\n";
    assert!(parse(&level.repeat(200)).is_some());
    assert!(parse(&level.repeat(100_000)).is_none());
    let other = b"cOnTent-tYpe: message/rfc822\n\n";
    assert!(parse(&other.repeat(100_000)).is_none());
}

#[test]
fn what_a_client_sets_cannot_make_header_fields() {
    let mut document = message();
    let body = "<t:Body BodyType=\"Text\">x</t:Body>";
    document.parts.insert("Body".to_owned(), body.to_owned());
    document.set_text("Importance", "High\r\nX-Evil: 1");
    document.set_text("ConversationTopic", "t\r\nX-Evil: 2");
    let evil = file("a\r\nX-Evil: 3.txt", "text/plain\r\nX-Evil: 4", b"x");
    let item = Outgoing {
        subject: Some("s\r\nX-Evil: 5"),
        message_id: "<a\r\nX-Evil: 6@b>",
        ..outgoing(&document, std::slice::from_ref(&evil))
    };
    let mime = String::from_utf8(build(&item)).expect("text");
    assert!(!mime.lines().any(|line| line.starts_with("X-Evil")), "{mime}");
}
