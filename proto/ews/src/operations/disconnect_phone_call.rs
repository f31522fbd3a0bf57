use crate::operation::{NoPayload, ResponseMessage, operation};
use crate::operations::play_on_phone::PhoneCallId;
use crate::xml::sequence;

sequence! {
    /// Ends a call of `PlayOnPhone`.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsump/> section 3.1.4.1
    pub struct DisconnectPhoneCall in Messages {
        required b"PhoneCallId" => phone_call_id: PhoneCallId,
    }
}

operation!(DisconnectPhoneCall, "DisconnectPhoneCall" -> ResponseMessage<NoPayload>);
