//! Replies and forwards: response objects in CreateItem.

use std::collections::BTreeSet;

use tieline_proto_ews::{EmailAddress, ResponseCode, ResponseObject, ResponseObjectKind};

use super::{
    context::{Context, Failure, refuse},
    item_create::{making, outgoing},
};
use crate::{
    attendant::notice::{self, Notice},
    body,
    calendar::attendees,
    content::{self, Incoming, NewAttachment},
    document::{Document, escape},
    mime::{listed, recipients_fragment},
    store::item::Item,
    view::View,
};

type Recipients = Vec<(Option<String>, String)>;

/// The message that answers or passes on another one.
pub(crate) async fn compose(
    cx: &mut Context,
    kind: &ResponseObjectKind,
    fields: &ResponseObject,
) -> Result<Incoming, Failure> {
    if !matches!(
        kind,
        ResponseObjectKind::ReplyToItem
            | ResponseObjectKind::ReplyAllToItem
            | ResponseObjectKind::ForwardItem
    ) {
        let text = format!("The lab does not answer items with {}.", kind.as_str());
        return Err(refuse(ResponseCode::ErrorInvalidRequest, &text));
    }
    let Some(reference) = &fields.reference_item_id else {
        return Err(refuse(ResponseCode::ErrorInvalidIdEmpty, "The item to answer is missing."));
    };
    let row = cx.item_or_occurrence(&reference.clone().into()).await?;
    let original = outgoing(cx, &row).await?;
    let forward = *kind == ResponseObjectKind::ForwardItem;
    let mut document = Document { kind: "Message".to_owned(), ..Document::default() };
    let prefix = if forward { "FW: " } else { "RE: " };
    let topic = View::new(&cx.mailbox, &row, &[]).topic();
    document.set_text("Subject", fields.subject.as_deref().unwrap_or(&format!("{prefix}{topic}")));
    set_recipients(&mut document, &original.document, cx, kind, fields);
    set_threading(&mut document, &original.document);
    set_body(&mut document, &original.document, fields);
    let attachments = if forward { original.attachments } else { Vec::new() };
    if forward && is_invitation(&original.document) {
        return Ok(invitation(cx, &row, &original.document, document, attachments));
    }
    Ok(content::composed(document, attachments, making(cx)))
}

/// Whether an item invites to a meeting, so that its forward does too.
fn is_invitation(original: &Document) -> bool {
    original.kind == "MeetingRequest" || (original.kind == "CalendarItem" && attendees::any(original))
}

/// The forward of an invitation: a request like the organizer's, to whom the answers go, with what `message` says.
fn invitation(
    cx: &Context,
    row: &Item,
    original: &Document,
    message: Document,
    attachments: Vec<NewAttachment>,
) -> Incoming {
    let mut document = match original.kind.as_str() {
        "CalendarItem" => notice::message(row, original, Notice::New),
        _ => original.clone(),
    };
    for name in ["From", "Sender", "ToRecipients", "CcRecipients", "BccRecipients", "ReplyTo", "ReceivedBy"] {
        document.parts.remove(name);
    }
    for name in ["ReceivedRepresenting", "InternetMessageId"] {
        document.parts.remove(name);
    }
    document.parts.extend(message.parts);
    for (name, text) in [
        ("MeetingRequestType", "NewMeetingRequest"),
        ("HasBeenProcessed", "false"),
        ("IsOutOfDate", "false"),
        ("MyResponseType", "NoResponseReceived"),
    ] {
        document.set_text(name, text);
    }
    let mut incoming = content::composed(document, attachments, making(cx));
    incoming.content.class = "IPM.Schedule.Meeting.Request".to_owned();
    incoming
}

fn set_recipients(
    document: &mut Document,
    original: &Document,
    cx: &Context,
    kind: &ResponseObjectKind,
    fields: &ResponseObject,
) {
    let given = |list: &[EmailAddress]| -> Recipients {
        list.iter().filter_map(|one| Some((one.name.clone(), one.email_address.clone()?))).collect()
    };
    let mut to = given(&fields.to_recipients);
    let mut cc = given(&fields.cc_recipients);
    if to.is_empty() && *kind != ResponseObjectKind::ForwardItem {
        let reply_to = listed(original, "ReplyTo");
        to = if reply_to.is_empty() { listed(original, "From") } else { reply_to };
    }
    if *kind == ResponseObjectKind::ReplyAllToItem && fields.to_recipients.is_empty() {
        to.extend(listed(original, "ToRecipients"));
        cc.extend(listed(original, "CcRecipients"));
    }
    let mut seen = BTreeSet::from([cx.account.address.to_lowercase()]);
    let own_only = to.iter().all(|(_, address)| address.eq_ignore_ascii_case(&cx.account.address));
    for (name, mut list) in
        [("ToRecipients", to), ("CcRecipients", cc), ("BccRecipients", given(&fields.bcc_recipients))]
    {
        // A reply to one's own message goes to oneself; otherwise one is not one's own recipient.
        if !own_only && *kind == ResponseObjectKind::ReplyAllToItem {
            list.retain(|(_, address)| seen.insert(address.to_lowercase()));
        }
        if !list.is_empty() {
            document.parts.insert(name.to_owned(), recipients_fragment(name, &list));
        }
    }
}

fn set_threading(document: &mut Document, original: &Document) {
    let Some(id) = original.text("InternetMessageId") else { return };
    let earlier = original.text("References").map(|earlier| format!("{earlier} ")).unwrap_or_default();
    document.set_text("InReplyTo", &id);
    document.set_text("References", &format!("{earlier}{id}"));
}

fn set_body(document: &mut Document, original: &Document, fields: &ResponseObject) {
    let new = fields.new_body_content.as_ref().or(fields.body.as_ref());
    let (text, html) = new.map_or(("", false), |new| (new.text.as_str(), new.body_type.as_str() == "HTML"));
    let quoted = original.text("Body").unwrap_or_default();
    let quoted_html = original.attribute("Body", "BodyType").as_deref() == Some("HTML");
    let (kind, whole) = match html || quoted_html {
        false => ("Text", format!("{text}\r\n\r\n-----Original Message-----\r\n{quoted}")),
        true => {
            let text = if html { text.to_owned() } else { body::html_of_text(text) };
            let quoted = if quoted_html { quoted } else { body::html_of_text(&quoted) };
            ("HTML", format!("{text}<hr>{quoted}"))
        }
    };
    let fragment = format!("<t:Body BodyType=\"{kind}\">{}</t:Body>", escape(&whole));
    document.parts.insert("Body".to_owned(), fragment);
}
