//! From the request to its handler, and from the handler's response to a document whose effects are on disk.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tieline_proto_ews::{
    MessageXml, Operation, Request, ResponseCode, ResponseMessage, ResponseMessages,
    encode_response_in_chunks,
};

use super::{
    Answer, attachment, availability,
    context::{Asked, Context},
    directory, folder, folder_find, item_create, item_delete, item_get, item_update, notification,
    response_header, services, sync, time_zones,
};
use crate::{
    account::Account,
    fault::FaultKind,
    server::Server,
    store::{item, mailbox},
};

/// Operations that write nothing, and so need not wait for each other.
fn reads_only(request: &Request) -> bool {
    matches!(
        request,
        Request::ConvertId(_)
            | Request::GetFolder(_)
            | Request::FindFolder(_)
            | Request::FindItem(_)
            | Request::GetItem(_)
            | Request::GetAttachment(_)
            | Request::SyncFolderItems(_)
            | Request::SyncFolderHierarchy(_)
            | Request::ResolveNames(_)
            | Request::ExpandDL(_)
            | Request::FindPeople(_)
            | Request::GetPersona(_)
            | Request::GetRoomLists(_)
            | Request::GetRooms(_)
            | Request::GetServerTimeZones(_)
            | Request::GetUserAvailability(_)
            | Request::GetUserOofSettings(_)
            | Request::GetUserConfiguration(_)
            | Request::GetDelegate(_)
            | Request::GetInboxRules(_)
            | Request::GetMailTips(_)
            | Request::GetServiceConfiguration(_)
            | Request::GetUserPhoto(_)
            | Request::GetPasswordExpirationDate(_)
            | Request::GetSearchableMailboxes(_)
            | Request::GetPhoneCallInformation(_)
            | Request::FindConversation(_)
            | Request::GetConversationItems(_)
            | Request::ExportItems(_)
            | Request::GetImItemList(_)
            | Request::GetImItems(_)
    )
}

pub(super) async fn execute(
    server: &Arc<Server>,
    caller: Account,
    account: Account,
    asked: Asked,
    request: Request,
    fault: Option<FaultKind>,
) -> Answer {
    match attempt(server, caller, account, asked, request, fault).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "lab: the store failed");
            Answer::refused(ResponseCode::ErrorInternalServerError, &error.to_string())
        }
    }
}

/// Begins a request's work for an account.
pub(crate) async fn begin(
    server: &Arc<Server>,
    caller: Account,
    account: Account,
    asked: Asked,
    write: bool,
    fault: Option<FaultKind>,
) -> Result<Context, sqlx::Error> {
    let mut tx = if write { server.store.write().await? } else { server.store.read().await? };
    let mailbox = mailbox::by_address(&mut tx, &account.address).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(Context {
        now_ms: server.clock.now_ms(),
        server: Arc::clone(server),
        tx,
        caller,
        account,
        own: mailbox.clone(),
        mailbox,
        asked,
        fault,
        saved: Vec::new(),
    })
}

async fn attempt(
    server: &Arc<Server>,
    caller: Account,
    account: Account,
    asked: Asked,
    request: Request,
    fault: Option<FaultKind>,
) -> Result<Answer, sqlx::Error> {
    let write = !reads_only(&request);
    let mut cx = begin(server, caller, account, asked, write, fault).await?;
    macro_rules! run {
        ($operation:ident, $request:expr, $handler:path) => {{
            let response = $handler(&mut cx, $request).await?;
            finish::<tieline_proto_ews::operations::$operation, _>(cx, response, write).await
        }};
    }
    match request {
        Request::ConvertId(request) => run!(ConvertId, request, directory::convert_id),
        Request::GetServerTimeZones(request) => run!(GetServerTimeZones, request, time_zones::get),
        Request::GetFolder(request) => run!(GetFolder, request, folder::get),
        Request::FindFolder(request) => run!(FindFolder, request, folder_find::find),
        Request::CreateFolder(request) => run!(CreateFolder, request, folder::create),
        Request::UpdateFolder(request) => run!(UpdateFolder, request, folder::update),
        Request::CopyFolder(request) => run!(CopyFolder, request, folder::copy_to),
        Request::MoveFolder(request) => run!(MoveFolder, request, folder::move_to),
        Request::DeleteFolder(request) => run!(DeleteFolder, request, folder::delete),
        Request::EmptyFolder(request) => run!(EmptyFolder, request, folder::empty_all),
        Request::MarkAllItemsAsRead(request) => run!(MarkAllItemsAsRead, request, folder::mark_all),
        Request::FindItem(request) => run!(FindItem, request, item_get::find),
        Request::GetItem(request) => run!(GetItem, request, item_get::get),
        Request::CreateItem(request) => run!(CreateItem, request, item_create::create),
        Request::SendItem(request) => run!(SendItem, request, item_create::send_saved),
        Request::UpdateItem(request) => run!(UpdateItem, request, item_update::update),
        Request::DeleteItem(request) => run!(DeleteItem, request, item_delete::delete),
        Request::MoveItem(request) => run!(MoveItem, request, item_delete::move_to),
        Request::CopyItem(request) => run!(CopyItem, request, item_delete::copy),
        Request::CreateAttachment(request) => run!(CreateAttachment, request, attachment::create),
        Request::GetAttachment(request) => run!(GetAttachment, request, attachment::get),
        Request::DeleteAttachment(request) => run!(DeleteAttachment, request, attachment::delete),
        Request::SyncFolderItems(request) => run!(SyncFolderItems, request, sync::items),
        Request::SyncFolderHierarchy(request) => run!(SyncFolderHierarchy, request, sync::hierarchy),
        Request::Subscribe(request) => {
            let answer = run!(Subscribe, request, notification::subscribe);
            server.subscribed.notify_one();
            answer
        }
        Request::GetEvents(request) => run!(GetEvents, request, notification::events),
        Request::Unsubscribe(request) => run!(Unsubscribe, request, notification::unsubscribe),
        Request::GetUserAvailability(request) => availability::respond(cx, request).await,
        other => services::attempt(cx, other, write).await,
    }
}

/// Makes the effects durable and the answer ready; with some faults, undoes them and says why.
pub(super) async fn finish<O, P>(
    cx: Context,
    mut response: ResponseMessages<P>,
    write: bool,
) -> Result<Answer, sqlx::Error>
where
    O: Operation<Response = ResponseMessages<P>>,
    P: Default,
{
    let Context { server, tx, fault, mailbox, saved, .. } = cx;
    if response.messages.is_empty() {
        // A list of nothing violates the schema, and so would an answer without messages.
        tx.rollback().await?;
        let text = "The request is invalid: it has incomplete content, a list without entries.";
        return Ok(Answer::refused(ResponseCode::ErrorSchemaValidation, text));
    }
    match error_for_all(fault.as_ref()) {
        Some((code, xml)) => {
            for message in &mut response.messages {
                let text = "The server cannot service this request right now. Try again later.";
                *message = ResponseMessage::error(code.clone(), text);
                message.xml = xml.clone();
            }
            tx.rollback().await?;
        }
        None if write => {
            server.store.commit(tx).await?;
            touch_later(&server, mailbox.mailbox, saved);
        }
        None => tx.rollback().await?,
    }
    let trouble = response.messages.iter().find(|message| message.code != ResponseCode::NoError);
    let code = trouble.map_or("NoError", |message| message.code.as_str()).to_owned();
    let document = encode_response_in_chunks::<O>(&response_header(&server), &response);
    Ok(Answer { status: StatusCode::OK, document, code: Some(code) })
}

/// Changes the change keys of new items a moment later, as Exchange does, where the settings say so.
fn touch_later(server: &Arc<Server>, mailbox: i64, saved: Vec<i64>) {
    let Some(delay) = server.settings.touch_after_create.filter(|_| !saved.is_empty()) else { return };
    let touching = Arc::clone(server);
    server.tasks.spawn(async move {
        tokio::time::sleep(delay).await;
        if let Err(error) = touch(&touching, mailbox, &saved).await {
            tracing::error!(%error, "lab: new items could not be touched");
        }
    });
}

async fn touch(server: &Server, mailbox: i64, items: &[i64]) -> Result<(), sqlx::Error> {
    let mut tx = server.store.write().await?;
    for item in items {
        item::touch_version(&mut tx, mailbox, *item, server.clock.now_ms()).await?;
    }
    server.store.commit(tx).await
}

pub(super) fn error_for_all(fault: Option<&FaultKind>) -> Option<(ResponseCode, MessageXml)> {
    let back_off = |ms: u64| MessageXml::with_back_off(Duration::from_millis(ms));
    match fault? {
        FaultKind::MessageBusy { back_off_ms } => {
            Some((ResponseCode::ErrorServerBusy, back_off(*back_off_ms)))
        }
        FaultKind::InnerBusy { back_off_ms } => {
            let mut xml = back_off(*back_off_ms);
            xml.values.push(("InnerErrorResponseCode".to_owned(), "ErrorServerBusy".to_owned()));
            xml.values.push(("InnerErrorMessageText".to_owned(), "The server is busy.".to_owned()));
            xml.values.push(("InnerErrorDescriptiveLinkKey".to_owned(), "0".to_owned()));
            Some((ResponseCode::ErrorInternalServerError, xml))
        }
        FaultKind::Error { code } => Some((ResponseCode::from(code.as_str()), MessageXml::default())),
        _ => None,
    }
}
