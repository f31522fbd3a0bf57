//! What Exchange does beside items and folders: the directory, automatic replies, rules, delegates, settings, whole
//! items. An operation's state is a setting of the mailbox (`store::setting`), kept as the codec writes it.

mod archive;
pub(crate) mod configuration;
pub(crate) mod conversation;
pub(crate) mod delegate;
mod im_list;
pub(crate) mod mail_tips;
pub(crate) mod oof;
mod organisation;
pub(crate) mod people;
pub(crate) mod phone_call;
mod rooms;
pub(crate) mod rules;
pub(crate) mod transfer;

use http::StatusCode;
use tieline_proto_ews::{
    Operation, Request, ResponseClass, ResponseCode, ResponseMessage, encode_response_in_chunks,
    operations::{self as ops, GetUserOofSettingsResponse, SetUserOofSettingsResponse},
};

use super::{
    Answer,
    context::{Context, Failure, message},
    dispatch::{error_for_all, finish},
    noted, response_header,
};

/// Answers the operations that this folder knows; `None` for others.
pub(super) async fn attempt(mut cx: Context, request: Request, write: bool) -> Result<Answer, sqlx::Error> {
    macro_rules! many {
        ($operation:ident, $request:expr, $handler:path) => {{
            let response = $handler(&mut cx, $request).await?;
            finish::<ops::$operation, _>(cx, response, write).await
        }};
    }
    macro_rules! one {
        ($operation:ident, $request:expr, $handler:path) => {{
            let outcome = $handler(&mut cx, $request).await;
            let response = message(outcome)?;
            single::<ops::$operation, _>(cx, response, write).await
        }};
    }
    match request {
        Request::ExpandDL(request) => many!(ExpandDL, request, people::expand_dl),
        Request::ResolveNames(request) => many!(ResolveNames, request, people::resolve_names),
        Request::FindPeople(request) => one!(FindPeople, request, people::find_people),
        Request::GetPersona(request) => one!(GetPersona, request, people::get_persona),
        Request::GetRoomLists(_) => one!(GetRoomLists, (), rooms::lists),
        Request::GetRooms(request) => one!(GetRooms, request, rooms::of_list),
        Request::GetUserConfiguration(request) => many!(GetUserConfiguration, request, configuration::get),
        Request::CreateUserConfiguration(request) => {
            many!(CreateUserConfiguration, request, configuration::create)
        }
        Request::UpdateUserConfiguration(request) => {
            many!(UpdateUserConfiguration, request, configuration::update)
        }
        Request::DeleteUserConfiguration(request) => {
            many!(DeleteUserConfiguration, request, configuration::delete)
        }
        Request::GetDelegate(request) => one!(GetDelegate, request, delegate::get),
        Request::AddDelegate(request) => one!(AddDelegate, request, delegate::add),
        Request::UpdateDelegate(request) => one!(UpdateDelegate, request, delegate::update),
        Request::RemoveDelegate(request) => one!(RemoveDelegate, request, delegate::remove),
        Request::GetInboxRules(request) => one!(GetInboxRules, request, rules::get),
        Request::UpdateInboxRules(request) => {
            let response = rules::update(&mut cx, request).await?;
            single::<ops::UpdateInboxRules, _>(cx, response, write).await
        }
        Request::GetMailTips(request) => one!(GetMailTips, request, mail_tips::get),
        Request::ExportItems(request) => many!(ExportItems, request, transfer::export),
        Request::UploadItems(request) => many!(UploadItems, request, transfer::upload),
        Request::MarkAsJunk(request) => many!(MarkAsJunk, request, transfer::mark_as_junk),
        Request::ArchiveItem(request) => many!(ArchiveItem, request, archive::archive),
        Request::CreateManagedFolder(request) => {
            many!(CreateManagedFolder, request, organisation::managed_folders)
        }
        Request::GetPasswordExpirationDate(request) => {
            one!(GetPasswordExpirationDate, request, organisation::password_expiration)
        }
        Request::GetServiceConfiguration(request) => {
            one!(GetServiceConfiguration, request, organisation::service_configuration)
        }
        Request::GetUserPhoto(request) => one!(GetUserPhoto, request, organisation::user_photo),
        Request::GetSearchableMailboxes(request) => {
            one!(GetSearchableMailboxes, request, organisation::searchable_mailboxes)
        }
        Request::FindConversation(request) => one!(FindConversation, request, conversation::find),
        Request::GetConversationItems(request) => many!(GetConversationItems, request, conversation::items),
        Request::ApplyConversationAction(request) => {
            many!(ApplyConversationAction, request, conversation::apply)
        }
        Request::GetImItemList(request) => one!(GetImItemList, request, im_list::list),
        Request::GetImItems(request) => one!(GetImItems, request, im_list::items),
        Request::AddImGroup(request) => one!(AddImGroup, request, im_list::add_group),
        Request::SetImGroup(request) => one!(SetImGroup, request, im_list::set_group),
        Request::RemoveImGroup(request) => one!(RemoveImGroup, request, im_list::remove_group),
        Request::AddNewImContactToGroup(request) => {
            one!(AddNewImContactToGroup, request, im_list::add_new_contact)
        }
        Request::AddNewTelUriContactToGroup(request) => {
            one!(AddNewTelUriContactToGroup, request, im_list::add_new_telephone)
        }
        Request::AddImContactToGroup(request) => one!(AddImContactToGroup, request, im_list::add_contact),
        Request::RemoveImContactFromGroup(request) => {
            one!(RemoveImContactFromGroup, request, im_list::remove_from_group)
        }
        Request::RemoveContactFromImList(request) => {
            one!(RemoveContactFromImList, request, im_list::remove_contact)
        }
        Request::AddDistributionGroupToImList(request) => {
            one!(AddDistributionGroupToImList, request, im_list::add_directory_group)
        }
        Request::RemoveDistributionGroupFromImList(request) => {
            one!(RemoveDistributionGroupFromImList, request, im_list::remove_directory_group)
        }
        Request::PlayOnPhone(request) => one!(PlayOnPhone, request, phone_call::play),
        Request::GetPhoneCallInformation(request) => {
            one!(GetPhoneCallInformation, request, phone_call::information)
        }
        Request::DisconnectPhoneCall(request) => one!(DisconnectPhoneCall, request, phone_call::disconnect),
        Request::GetUserOofSettings(request) => get_oof(cx, request).await,
        Request::SetUserOofSettings(request) => set_oof(cx, request, write).await,
        other => Ok(Answer::refused(
            ResponseCode::ErrorInvalidRequest,
            &format!("The lab does not offer the operation {}.", other.name()),
        )),
    }
}

/// The answer of an operation whose response is one message itself.
async fn single<O, P>(
    cx: Context,
    mut response: ResponseMessage<P>,
    write: bool,
) -> Result<Answer, sqlx::Error>
where
    O: Operation<Response = ResponseMessage<P>>,
    P: Default,
{
    if let Some((code, xml)) = error_for_all(cx.fault.as_ref()) {
        let text = "The server cannot service this request right now. Try again later.";
        response = ResponseMessage { xml, ..ResponseMessage::error(code, text) };
    }
    let code = noted(&response);
    conclude::<O>(cx, &response, code, write && response.class != ResponseClass::Error).await
}

/// Makes the effects durable, or undoes them, and the answer ready.
async fn conclude<O: Operation>(
    cx: Context,
    response: &O::Response,
    code: String,
    keep: bool,
) -> Result<Answer, sqlx::Error> {
    let Context { server, tx, .. } = cx;
    match keep {
        true => server.store.commit(tx).await?,
        false => tx.rollback().await?,
    }
    let document = encode_response_in_chunks::<O>(&response_header(&server), response);
    Ok(Answer { status: StatusCode::OK, document, code: Some(code) })
}

async fn get_oof(mut cx: Context, request: ops::GetUserOofSettings) -> Result<Answer, sqlx::Error> {
    let outcome = oof::get(&mut cx, &request.mailbox.address).await;
    let response = match outcome {
        Ok(settings) => GetUserOofSettingsResponse {
            oof_settings: Some(settings),
            allow_external_oof: Some(ops::ExternalAudience::All),
            ..GetUserOofSettingsResponse::default()
        },
        Err(failure) => GetUserOofSettingsResponse {
            response_message: refused(failure)?,
            ..GetUserOofSettingsResponse::default()
        },
    };
    let code = noted(&response.response_message);
    conclude::<ops::GetUserOofSettings>(cx, &response, code, false).await
}

async fn set_oof(
    mut cx: Context,
    request: ops::SetUserOofSettings,
    write: bool,
) -> Result<Answer, sqlx::Error> {
    let outcome = oof::set(&mut cx, request).await;
    let response_message = message(outcome)?;
    let keep = write && response_message.class != ResponseClass::Error;
    let code = noted(&response_message);
    let response = SetUserOofSettingsResponse { response_message: Some(response_message) };
    conclude::<ops::SetUserOofSettings>(cx, &response, code, keep).await
}

fn refused<P: Default>(failure: Failure) -> Result<ResponseMessage<P>, sqlx::Error> {
    message(Err(failure))
}
