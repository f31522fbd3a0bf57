use crate::item_id::ItemId;
use crate::operation::{ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// Calls a telephone and plays a voice message there.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsump/> section 3.1.4.3
    pub struct PlayOnPhone in Messages {
        required b"ItemId" => item_id: ItemId,
        required b"DialString" => dial_string: String,
    }
}

operation!(PlayOnPhone, "PlayOnPhone" -> ResponseMessage<PlayOnPhoneMessage>);

sequence! {
    /// `t:PhoneCallIdType`.
    #[derive(Eq)]
    pub struct PhoneCallId in Types {
        required_attribute b"Id" => id: String,
    }
}

sequence! {
    /// `m:PlayOnPhoneResponseMessageType`.
    #[derive(Eq)]
    pub struct PlayOnPhoneMessage in Messages {
        element b"PhoneCallId" => phone_call_id: Option<PhoneCallId>,
    }
}
