//! PlayOnPhone, GetPhoneCallInformation, DisconnectPhoneCall: calls that the lab only pretends to make. A call is
//! connected as soon as it is asked about, and stays so until it is ended.

use tieline_proto_ews::{
    BaseItemId, NoPayload, ResponseCode,
    operations::{
        ConnectionFailureCause, DisconnectPhoneCall, GetPhoneCallInformation, PhoneCallId,
        PhoneCallInformation, PhoneCallInformationMessage, PhoneCallState, PlayOnPhone, PlayOnPhoneMessage,
    },
};

use super::super::context::{Context, Failure, refuse};
use crate::store::setting;

/// The last number that was dialled.
const DIALLED: &str = "phone-dialled";

fn call(id: &str) -> String {
    format!("phone-call/{id}")
}

/// The last number that the mailbox's owner had dialled.
pub(super) async fn last_dialled(cx: &mut Context) -> Result<String, sqlx::Error> {
    Ok(setting::get(&mut cx.tx, cx.own.mailbox, DIALLED).await?.unwrap_or_default())
}

/// PlayOnPhone: only voice messages, only numbers.
pub(crate) async fn play(cx: &mut Context, request: PlayOnPhone) -> Result<PlayOnPhoneMessage, Failure> {
    let row = cx.item(&BaseItemId::ItemId(request.item_id)).await?;
    if !row.class.starts_with("IPM.Note.Microsoft.Voicemail") {
        return Err(refuse(ResponseCode::ErrorInvalidOperation, "The item is no voice message."));
    }
    let number = request.dial_string.trim();
    let dialable = |c: char| c.is_ascii_digit() || "+*#- ()".contains(c);
    let numeric = number.chars().any(|c| c.is_ascii_digit()) && number.chars().all(dialable);
    if !numeric && !number.starts_with("sip:") {
        return Err(refuse(ResponseCode::ErrorInvalidPhoneNumber, "The dial string is no telephone number."));
    }
    let id = crate::id::random_uuid().to_string();
    setting::put(&mut cx.tx, cx.own.mailbox, DIALLED, number).await?;
    setting::put(&mut cx.tx, cx.own.mailbox, &call(&id), "Connected").await?;
    Ok(PlayOnPhoneMessage { phone_call_id: Some(PhoneCallId { id }) })
}

async fn state(cx: &mut Context, id: &PhoneCallId) -> Result<String, Failure> {
    let state = setting::get(&mut cx.tx, cx.own.mailbox, &call(&id.id)).await?;
    state.ok_or_else(|| refuse(ResponseCode::ErrorInvalidPhoneCallId, "There is no such call."))
}

/// GetPhoneCallInformation.
pub(crate) async fn information(
    cx: &mut Context,
    request: GetPhoneCallInformation,
) -> Result<PhoneCallInformationMessage, Failure> {
    let state = state(cx, &request.phone_call_id).await?;
    Ok(PhoneCallInformationMessage {
        phone_call_information: Some(PhoneCallInformation {
            phone_call_state: PhoneCallState::from(state.as_str()),
            connection_failure_cause: ConnectionFailureCause::None,
            sip_response_text: Some("OK".to_owned()),
            sip_response_code: Some(200),
        }),
    })
}

/// DisconnectPhoneCall.
pub(crate) async fn disconnect(cx: &mut Context, request: DisconnectPhoneCall) -> Result<NoPayload, Failure> {
    state(cx, &request.phone_call_id).await?;
    let call = call(&request.phone_call_id.id);
    setting::put(&mut cx.tx, cx.own.mailbox, &call, "Disconnected").await?;
    Ok(NoPayload)
}
