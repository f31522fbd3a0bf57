//! UpdateItem.

use tieline_proto_ews::{
    Item as ItemElement, ItemKind, PropertyPath, ResponseCode, ResponseMessages,
    operations::{
        CalendarItemUpdate, ConflictResolution, ConflictResults, ItemChange, ItemChangeDescription,
        UpdateItem, UpdateItemMessage,
    },
};

use super::{
    appointment,
    context::{Context, Failure, change_key_of, message, refuse, refuse_property},
    item_create::{content_of, id_element},
    item_source,
};
use crate::{
    content::{self, take_columns},
    document::Document,
    extended,
    id::version_of,
    mapi_property,
    mime::{self, listed},
    permission::Right,
    property::{element_of, indexed_list},
    store::item::{self, Content, Item},
    view::View,
};

/// Properties that the server keeps and no client sets.
const READ_ONLY: [&str; 22] = [
    "ItemId",
    "ParentFolderId",
    "Size",
    "DateTimeReceived",
    "DateTimeSent",
    "DateTimeCreated",
    "LastModifiedTime",
    "LastModifiedName",
    "HasAttachments",
    "Attachments",
    "DisplayTo",
    "DisplayCc",
    "DisplayBcc",
    "IsDraft",
    "IsSubmitted",
    "IsFromMe",
    "IsResend",
    "IsUnmodified",
    "EffectiveRights",
    "ConversationId",
    "InternetMessageHeaders",
    "ResponseObjects",
];

/// Properties that are fixed once a message is sent.
const FIXED_WHEN_SENT: [&str; 10] = [
    "From",
    "Sender",
    "ToRecipients",
    "CcRecipients",
    "BccRecipients",
    "ReplyTo",
    "IsReadReceiptRequested",
    "IsDeliveryReceiptRequested",
    "IsResponseRequested",
    "InternetMessageId",
];

/// UpdateItem.
pub(crate) async fn update(
    cx: &mut Context,
    request: UpdateItem,
) -> Result<ResponseMessages<UpdateItemMessage>, sqlx::Error> {
    let mut messages = Vec::new();
    for change in &request.item_changes {
        let outcome = update_one(cx, change, &request).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn update_one(
    cx: &mut Context,
    change: &ItemChange,
    request: &UpdateItem,
) -> Result<UpdateItemMessage, Failure> {
    let Some(id) = &change.item_id else {
        return Err(refuse(ResponseCode::ErrorInvalidIdEmpty, "Id cannot be empty."));
    };
    let old = cx.item_or_occurrence(id).await?;
    cx.allow_item(&old, Right::Edit).await?;
    check_required(cx, &old, request)?;
    if request.conflict_resolution != ConflictResolution::AlwaysOverwrite {
        let Some(key) = change_key_of(id) else {
            return Err(refuse(
                ResponseCode::ErrorChangeKeyRequiredForWriteOperations,
                "A change key is required for this operation.",
            ));
        };
        let current = version_of(key) == Some(old.version);
        if !current
            && (request.conflict_resolution == ConflictResolution::NeverOverwrite || !mergeable(change))
        {
            return Err(refuse(
                ResponseCode::ErrorIrresolvableConflict,
                "The send or update operation could not be performed because the change key passed in the request \
                 does not match the current change key for the item.",
            ));
        }
    }
    let how = request.send_meeting_invitations_or_cancellations.as_ref();
    let row = apply(cx, &old, change, how).await?;
    Ok(UpdateItemMessage {
        items: vec![id_element(cx, &row)],
        conflict_results: Some(ConflictResults { count: 0 }),
    })
}

fn check_required(cx: &Context, old: &Item, request: &UpdateItem) -> Result<(), Failure> {
    let view = View::new(&cx.mailbox, old, &[]);
    match view.document().kind.as_str() {
        "Message" if request.message_disposition.is_none() => Err(refuse(
            ResponseCode::ErrorMessageDispositionRequired,
            "MessageDisposition is required for messages.",
        )),
        "CalendarItem" if request.send_meeting_invitations_or_cancellations.is_none() => Err(refuse(
            ResponseCode::ErrorSendMeetingInvitationsOrCancellationsRequired,
            "SendMeetingInvitationsOrCancellations is required for calendar items.",
        )),
        _ => Ok(()),
    }
}

/// Whether a change may be merged into a newer version: the read flag and the like always, text never.
fn mergeable(change: &ItemChange) -> bool {
    let path = |update: &ItemChangeDescription| match update {
        ItemChangeDescription::Set(set) => set.path.as_ref().and_then(element_of).map(str::to_owned),
        _ => None,
    };
    change.updates.iter().all(|update| {
        matches!(
            path(update).as_deref(),
            Some("IsRead" | "Flag" | "Categories" | "Importance" | "Sensitivity")
        )
    })
}

async fn apply(
    cx: &mut Context,
    old: &Item,
    change: &ItemChange,
    how: Option<&CalendarItemUpdate>,
) -> Result<Item, Failure> {
    let mut document = View::new(&cx.mailbox, old, &[]).document().clone();
    let mut content = content_of(cx, old, &document).await?;
    let mut only_read_flag = !change.updates.is_empty();
    for update in &change.updates {
        only_read_flag &= is_read_flag(update);
        match update {
            ItemChangeDescription::Set(set) => {
                let (path, item) = parts(set.path.as_ref(), set.item.as_deref())?;
                check_writable(path, old)?;
                set_field(&mut document, &mut content, path, item)?;
            }
            ItemChangeDescription::Append(append) => {
                let (path, item) = parts(append.path.as_ref(), append.item.as_deref())?;
                check_writable(path, old)?;
                append_field(&mut document, path, item)?;
            }
            ItemChangeDescription::Delete(delete) => {
                let path = delete.path.as_ref().ok_or_else(no_path)?;
                check_writable(path, old)?;
                delete_field(&mut document, &mut content, path);
            }
        }
    }
    // An occurrence has no read state of its own.
    if only_read_flag && (content.is_read == old.is_read || old.occurrence.is_some()) {
        return Ok(old.clone());
    }
    if !only_read_flag {
        for name in ["From", "Sender", "ToRecipients", "CcRecipients", "BccRecipients", "ReplyTo"] {
            content::resolve(&mut document, name, &cx.server.directory);
        }
        content::normalize(&mut document);
        // The source no longer says what the properties say.
        content.mime = None;
        document.kind = ItemKind::from_item_class(&content.class).element().to_owned();
        if document.kind == "CalendarItem" {
            let row = appointment::updated(cx, old, document, content, how).await?;
            return match source_in(change) {
                Some(source) => Ok(item_source::replace_exceptions(cx, row, source).await?),
                None => Ok(row),
            };
        }
        let attachment_bytes =
            usize::try_from(old.size).unwrap_or(0).saturating_sub(old.document.len() + 512);
        content::store(&document, &mut content, attachment_bytes);
    }
    let by = cx.account.display_name.clone();
    Ok(item::update(&mut cx.tx, old, &content, only_read_flag, &by, cx.now_ms).await?)
}

/// The MIME source that a change puts in place of the item's.
fn source_in(change: &ItemChange) -> Option<&[u8]> {
    change.updates.iter().rev().find_map(|update| {
        let ItemChangeDescription::Set(set) = update else { return None };
        let names_it = set.path.as_ref().and_then(element_of) == Some("MimeContent");
        set.item.as_ref().filter(|_| names_it)?.mime_content.as_ref().map(|mime| &mime.content.0[..])
    })
}

fn is_read_flag(update: &ItemChangeDescription) -> bool {
    matches!(update, ItemChangeDescription::Set(set) if set.path.as_ref().and_then(element_of) == Some("IsRead"))
}

fn no_path() -> Failure {
    refuse(ResponseCode::ErrorInvalidPropertySet, "The change names no property.")
}

fn parts<'a>(
    path: Option<&'a PropertyPath>,
    item: Option<&'a ItemElement>,
) -> Result<(&'a PropertyPath, &'a ItemElement), Failure> {
    let path = path.ok_or_else(no_path)?;
    let item = item.ok_or_else(|| {
        refuse_property(
            ResponseCode::ErrorIncorrectUpdatePropertyCount,
            "The change carries no property.",
            path,
        )
    })?;
    Ok((path, item))
}

fn check_writable(path: &PropertyPath, old: &Item) -> Result<(), Failure> {
    let Some(name) = element_of(path) else { return Ok(()) };
    if READ_ONLY.contains(&name) {
        return Err(refuse_property(
            ResponseCode::ErrorInvalidPropertySet,
            "Set action is invalid for property.",
            path,
        ));
    }
    if old.class.starts_with("IPM.Appointment") {
        appointment::check_writable(path, name, old)?;
    }
    if !old.is_draft && FIXED_WHEN_SENT.contains(&name) && old.class.starts_with("IPM.Note") {
        return Err(refuse_property(
            ResponseCode::ErrorInvalidPropertyUpdateSentMessage,
            "Update operation is invalid for property of a sent message.",
            path,
        ));
    }
    Ok(())
}

fn set_field(
    document: &mut Document,
    content: &mut Content,
    path: &PropertyPath,
    item: &ItemElement,
) -> Result<(), Failure> {
    if let Some(mime) = &item.mime_content
        && element_of(path) == Some("MimeContent")
    {
        return replace_source(document, content, &mime.content.0);
    }
    let mut given = one_property(path, item)?;
    match path {
        PropertyPath::Extended(uri) => {
            let name = extended::canonical(uri).ok_or_else(|| {
                refuse_property(
                    ResponseCode::ErrorInvalidExtendedProperty,
                    "The property cannot be addressed so.",
                    path,
                )
            })?;
            let (is_read, is_draft) = (content.is_read, content.is_draft);
            // Message flags are the client's to decide only when it makes the item.
            given.extended.remove("0x0e07:Integer");
            let value = given.extended.get(&name).cloned();
            take_columns(&mut given, content);
            content.is_draft = is_draft;
            if extended::tag(uri) != Some(0x0e69) {
                content.is_read = is_read;
            }
            if given.extended.contains_key(&name)
                && !mapi_property::set_named(document, &name, value.as_ref())
            {
                document.extended.extend(value.map(|value| (name, value)));
            }
        }
        PropertyPath::Indexed(indexed) => {
            let Some((list, field)) = indexed_list(indexed.field_uri.as_str()) else {
                return Err(mismatch(path));
            };
            let text = given.entry(list, &indexed.field_index, field);
            document.set_entry(list, &indexed.field_index, field, Some(&text.unwrap_or_default()));
        }
        PropertyPath::Field(_) => match element_of(path) {
            Some("IsRead" | "Subject") => take_columns(&mut given, content),
            Some("ItemClass") => {
                content.class = given.text("ItemClass").unwrap_or_else(|| content.class.clone());
            }
            Some(name) => match given.parts.remove(name) {
                Some(part) => drop(document.parts.insert(name.to_owned(), part)),
                None => return Err(mismatch(path)),
            },
            None => return Err(mismatch(path)),
        },
    }
    Ok(())
}

fn mismatch(path: &PropertyPath) -> Failure {
    refuse_property(
        ResponseCode::ErrorUpdatePropertyMismatch,
        "The property of the change is not the one that its path names.",
        path,
    )
}

/// The item of a `SetItemField` holds exactly the one property.
fn one_property(path: &PropertyPath, item: &ItemElement) -> Result<Document, Failure> {
    use tieline_proto_ews::xml::Choice;
    let given = Document::of(|w| item.write_choice(w)).unwrap_or_default();
    match given.parts.len() + given.extended.len() {
        1 => Ok(given),
        _ => Err(refuse_property(
            ResponseCode::ErrorIncorrectUpdatePropertyCount,
            "An update carries one property.",
            path,
        )),
    }
}

fn replace_source(document: &mut Document, content: &mut Content, source: &[u8]) -> Result<(), Failure> {
    let Some(parsed) = content::source(&document.kind, source) else {
        return Err(refuse(ResponseCode::ErrorMimeContentInvalid, "The MIME content is not readable."));
    };
    let mut parsed_document = parsed.document;
    take_columns(&mut parsed_document, content);
    if document.kind == "CalendarItem" {
        // A source without a rule is that of a single appointment, whatever the item was before.
        document.parts.remove("Recurrence");
    }
    document.parts.extend(parsed_document.parts);
    document.extended.extend(parsed_document.extended);
    content.mime = Some(source.to_vec());
    Ok(())
}

fn append_field(document: &mut Document, path: &PropertyPath, item: &ItemElement) -> Result<(), Failure> {
    let given = one_property(path, item)?;
    match element_of(path) {
        Some("Body") => {
            let kind = document.attribute("Body", "BodyType").or_else(|| given.attribute("Body", "BodyType"));
            let text = format!(
                "{}{}",
                document.text("Body").unwrap_or_default(),
                given.text("Body").unwrap_or_default()
            );
            let kind = kind.unwrap_or_else(|| "Text".to_owned());
            let part = format!("<t:Body BodyType=\"{kind}\">{}</t:Body>", crate::document::escape(&text));
            document.parts.insert("Body".to_owned(), part);
            Ok(())
        }
        Some(name @ ("ToRecipients" | "CcRecipients" | "BccRecipients" | "ReplyTo")) => {
            let mut list = listed(document, name);
            list.extend(listed(&given, name));
            document.parts.insert(name.to_owned(), mime::recipients_fragment(name, &list));
            Ok(())
        }
        _ => Err(refuse_property(
            ResponseCode::ErrorInvalidPropertyAppend,
            "Append is not supported for the property.",
            path,
        )),
    }
}

fn delete_field(document: &mut Document, content: &mut Content, path: &PropertyPath) {
    match path {
        PropertyPath::Extended(uri) => {
            if let Some(name) = extended::canonical(uri)
                && !mapi_property::set_named(document, &name, None)
            {
                document.extended.remove(&name);
            }
        }
        PropertyPath::Indexed(indexed) => {
            if let Some((list, field)) = indexed_list(indexed.field_uri.as_str()) {
                document.set_entry(list, &indexed.field_index, field, None);
            }
        }
        PropertyPath::Field(_) => match element_of(path) {
            Some("Subject") => content.subject = None,
            Some("IsRead") => content.is_read = false,
            Some(name) => drop(document.parts.remove(name)),
            None => {}
        },
    }
}
