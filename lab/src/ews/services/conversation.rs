//! FindConversation, GetConversationItems, ApplyConversationAction. A conversation is what has the same topic.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tieline_proto_ews::{
    DateTime, FlagStatus, Importance, ItemId, NoPayload, ResponseCode, ResponseMessages,
    operations::{
        ApplyConversationAction, Conversation, ConversationAction, ConversationActionType, ConversationItems,
        ConversationNode, ConversationNodeSortOrder, ConversationRequest, ConversationView, Disposal,
        FindConversation, FindConversationMessage, GetConversationItems, GetConversationItemsMessage,
    },
};

use super::super::{
    context::{Context, Failure, message, refuse},
    folder_find::page_of,
    item_delete::dispose,
    item_get::shown,
};
use crate::{
    aqs,
    document::Document,
    id,
    mime::listed,
    permission::Right,
    property::millisecond,
    store::{
        folder,
        item::{self, Item},
        item_move,
    },
    view::View,
};

/// The id of the conversation that an item belongs to.
fn conversation_of(view: &View<'_>) -> Option<String> {
    let part = view.part("ConversationId")?;
    let mut document = Document::default();
    document.parts.insert("ConversationId".to_owned(), part);
    document.attribute("ConversationId", "Id")
}

/// The messages of a mailbox outside search folders, by conversation, oldest first.
async fn by_conversation(cx: &mut Context) -> Result<BTreeMap<String, Vec<Item>>, sqlx::Error> {
    let mut found: BTreeMap<String, Vec<Item>> = BTreeMap::new();
    for place in folder::all(&mut cx.tx, cx.mailbox.mailbox).await? {
        if place.search_class.is_some() {
            continue;
        }
        for row in item::of_folder(&mut cx.tx, &place, false, true).await? {
            if let Some(id) = conversation_of(&View::new(&cx.mailbox, &row, &[])) {
                found.entry(id).or_default().push(row);
            }
        }
    }
    for rows in found.values_mut() {
        rows.sort_by_key(|row| (row.received_ms, row.item));
    }
    Ok(found)
}

/// What a list of messages tells about its conversation.
struct Facts {
    topic: String,
    senders: BTreeSet<String>,
    unread_senders: BTreeSet<String>,
    recipients: BTreeSet<String>,
    categories: BTreeSet<String>,
    classes: BTreeSet<String>,
    last_ms: i64,
    unread: usize,
    size: i64,
    attachments: bool,
    ids: Vec<ItemId>,
    preview: Option<String>,
}

fn facts(cx: &Context, rows: &[&Item]) -> Facts {
    let mut facts = Facts {
        topic: String::new(),
        senders: BTreeSet::new(),
        unread_senders: BTreeSet::new(),
        recipients: BTreeSet::new(),
        categories: BTreeSet::new(),
        classes: BTreeSet::new(),
        last_ms: 0,
        unread: 0,
        size: 0,
        attachments: false,
        ids: Vec::new(),
        preview: None,
    };
    for row in rows {
        let view = View::new(&cx.mailbox, row, &[]);
        let names = |list: &str| {
            let people = listed(view.document(), list).into_iter();
            people.map(|(name, address)| name.unwrap_or(address)).collect::<Vec<_>>()
        };
        facts.topic = view.topic();
        facts.senders.extend(names("From"));
        facts.recipients.extend(names("ToRecipients"));
        if !row.is_read {
            facts.unread += 1;
            facts.unread_senders.extend(names("From"));
        }
        facts.categories.extend(view.document().texts_below("Categories", &["String"]));
        facts.classes.insert(row.class.clone());
        facts.last_ms = facts.last_ms.max(row.received_ms);
        facts.size += row.size;
        facts.attachments |= row.has_attachments;
        facts.ids.insert(0, item_id(cx, row));
        facts.preview = view.body_text().map(|text| crate::body::preview(&text));
    }
    facts
}

fn item_id(cx: &Context, row: &Item) -> ItemId {
    ItemId::with_key(id::item_id(cx.mailbox.guid, row.item), cx.change_key(row.version))
}

fn element(cx: &Context, id: &str, here: &[&Item], all: &[&Item]) -> Conversation {
    let (here_len, all_len) = (here.len(), all.len());
    let (here, all) = (facts(cx, here), facts(cx, all));
    let number = |number: usize| i32::try_from(number).ok();
    let time = |ms: i64| Timestamp::from_second(ms.div_euclid(1000)).ok().map(DateTime::from);
    let texts = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>();
    let ids = |ids: Vec<ItemId>| ids.into_iter().map(Into::into).collect();
    Conversation {
        conversation_id: Some(ItemId::new(id)),
        conversation_topic: Some(here.topic).filter(|topic| !topic.is_empty()),
        unique_recipients: texts(here.recipients),
        global_unique_recipients: texts(all.recipients),
        unique_unread_senders: texts(here.unread_senders),
        global_unique_unread_senders: texts(all.unread_senders),
        unique_senders: texts(here.senders),
        global_unique_senders: texts(all.senders),
        last_delivery_time: time(here.last_ms),
        global_last_delivery_time: time(all.last_ms),
        categories: texts(here.categories),
        global_categories: texts(all.categories),
        flag_status: Some(FlagStatus::NotFlagged),
        global_flag_status: Some(FlagStatus::NotFlagged),
        has_attachments: Some(here.attachments),
        global_has_attachments: Some(all.attachments),
        message_count: number(here_len),
        global_message_count: number(all_len),
        unread_count: number(here.unread),
        global_unread_count: number(all.unread),
        size: i32::try_from(here.size).ok(),
        global_size: i32::try_from(all.size).ok(),
        item_classes: texts(here.classes),
        global_item_classes: texts(all.classes),
        importance: Some(Importance::Normal),
        global_importance: Some(Importance::Normal),
        item_ids: ids(here.ids),
        global_item_ids: ids(all.ids),
        last_modified_time: time(here.last_ms),
        instance_key: None,
        preview: here.preview,
    }
}

/// FindConversation: newest first.
pub(crate) async fn find(
    cx: &mut Context,
    request: FindConversation,
) -> Result<FindConversationMessage, Failure> {
    let place = cx.target(&request.parent_folder_id).await?;
    cx.allow(&place, Right::Read).await?;
    let all = by_conversation(cx).await?;
    let query = request.query_string.as_deref().map(aqs::Query::parse);
    let mut found = Vec::new();
    for (id, rows) in &all {
        let here: Vec<&Item> = rows
            .iter()
            .filter(|row| row.folder == place.folder)
            .filter(|row| {
                let view = View::new(&cx.mailbox, row, &[]);
                query.as_ref().is_none_or(|query| query.matches(&view, cx.now_ms))
            })
            .collect();
        if !here.is_empty() {
            let last = here.iter().map(|row| row.received_ms).max().unwrap_or(0);
            found.push((last, element(cx, id, &here, &rows.iter().collect::<Vec<_>>())));
        }
    }
    found.sort_by_key(|(last, _)| std::cmp::Reverse(*last));
    let total = found.len();
    let limit = cx.server.settings.find_limit;
    let (from, to) = match &request.view {
        Some(ConversationView::Indexed(view)) => {
            let page = page_of(view, total, limit);
            (page.from, page.to)
        }
        _ => (0, total.min(limit)),
    };
    Ok(FindConversationMessage {
        conversations: found.drain(from..to).map(|(_, conversation)| conversation).collect(),
        total_conversations_in_view: i32::try_from(total).ok(),
        indexed_offset: i32::try_from(to).ok(),
    })
}

/// GetConversationItems.
pub(crate) async fn items(
    cx: &mut Context,
    request: GetConversationItems,
) -> Result<ResponseMessages<GetConversationItemsMessage>, sqlx::Error> {
    let mut messages = Vec::new();
    for wanted in &request.conversations {
        let outcome = items_of(cx, wanted, &request).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

fn not_found() -> Failure {
    refuse(ResponseCode::ErrorItemNotFound, "There is no such conversation.")
}

async fn items_of(
    cx: &mut Context,
    wanted: &ConversationRequest,
    request: &GetConversationItems,
) -> Result<GetConversationItemsMessage, Failure> {
    let mut ignored = Vec::new();
    for id in &request.folders_to_ignore {
        ignored.push(cx.folder(id).await?.folder);
    }
    cx.home();
    let mut rows = by_conversation(cx).await?.remove(&wanted.conversation_id.id).ok_or_else(not_found)?;
    rows.retain(|row| !ignored.contains(&row.folder));
    // The copies of one message (sent and received) share a node.
    let mut nodes: Vec<ConversationNode> = Vec::new();
    for row in &rows {
        let document = Document::from_bytes(&row.document);
        let internet_message_id = document.text("InternetMessageId");
        let item = shown(cx, row, &request.item_shape).await?;
        let known = nodes.iter_mut().find(|node| {
            node.internet_message_id.is_some() && node.internet_message_id == internet_message_id
        });
        match known {
            Some(node) => node.items.push(item),
            None => nodes.push(ConversationNode {
                internet_message_id,
                parent_internet_message_id: document.text("InReplyTo"),
                items: vec![item],
            }),
        }
    }
    let falling = matches!(
        request.sort_order,
        Some(ConversationNodeSortOrder::TreeOrderDescending | ConversationNodeSortOrder::DateOrderDescending)
    );
    if falling {
        nodes.reverse();
    }
    if let Some(most) = request.max_items_to_return {
        nodes.truncate(usize::try_from(most).unwrap_or(0));
    }
    Ok(GetConversationItemsMessage {
        conversation: Some(ConversationItems {
            conversation_id: wanted.conversation_id.clone(),
            sync_state: Some(b"lab".as_slice().into()),
            conversation_nodes: nodes,
            ..ConversationItems::default()
        }),
    })
}

/// ApplyConversationAction: to what is there; the lab does not remember actions for what is still to come.
pub(crate) async fn apply(
    cx: &mut Context,
    request: ApplyConversationAction,
) -> Result<ResponseMessages<NoPayload>, sqlx::Error> {
    let mut messages = Vec::new();
    for action in &request.conversation_actions {
        let outcome = apply_one(cx, action).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn apply_one(cx: &mut Context, action: &ConversationAction) -> Result<NoPayload, Failure> {
    let context = match &action.context_folder_id {
        Some(target) => Some(cx.target(target).await?.folder),
        None => None,
    };
    let destination = match &action.destination_folder_id {
        Some(target) => Some(cx.target(target).await?.folder),
        None => None,
    };
    cx.home();
    let until = action.conversation_last_sync_time.as_ref().and_then(|time| millisecond(&time.to_string()));
    let mut rows = by_conversation(cx).await?.remove(&action.conversation_id.id).ok_or_else(not_found)?;
    rows.retain(|row| {
        context.is_none_or(|folder| row.folder == folder)
            && until.is_none_or(|until| row.received_ms <= until)
    });
    let missing = |what: &str| refuse(ResponseCode::ErrorInvalidRequest, what);
    let by = cx.account.display_name.clone();
    for row in &rows {
        match &action.action {
            ConversationActionType::SetReadState => {
                let read = action.is_read.ok_or_else(|| missing("The read state is missing."))?;
                item::set_read(&mut cx.tx, row, read, &by, cx.now_ms).await?;
                folder::touch(&mut cx.tx, row.mailbox, row.folder, cx.now_ms).await?;
            }
            ConversationActionType::Delete => {
                let how = action.delete_type.as_ref().unwrap_or(&Disposal::MoveToDeletedItems);
                dispose(cx, row, Some(how)).await?;
            }
            ConversationActionType::Move => {
                let to = destination.ok_or_else(|| missing("The destination folder is missing."))?;
                item_move::move_to(&mut cx.tx, row, to, cx.now_ms).await?;
            }
            ConversationActionType::Copy => {
                let to = destination.ok_or_else(|| missing("The destination folder is missing."))?;
                item_move::copy_to(&mut cx.tx, row, row.mailbox, to, cx.now_ms).await?;
            }
            other => {
                let text = format!("The lab does not apply the action {other} to conversations.");
                return Err(refuse(ResponseCode::ErrorInvalidOperation, &text));
            }
        }
    }
    Ok(NoPayload)
}
