use crate::operation::{NoPayload, Operation, ResponseMessage};
use crate::operations::get_user_oof_settings::{AvailabilityAddress, UserOofSettings};
use crate::xml::sequence;

sequence! {
    /// Changes a user's automatic replies.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwoof/> section 3.1.4.2
    pub struct SetUserOofSettings in Messages {
        required Types b"Mailbox" => mailbox: AvailabilityAddress,
        required Types b"UserOofSettings" => user_oof_settings: UserOofSettings,
    }
}

impl Operation for SetUserOofSettings {
    const REQUEST: &'static str = "SetUserOofSettingsRequest";
    const RESPONSE: &'static str = "SetUserOofSettingsResponse";
    const MESSAGE: &'static str = "ResponseMessage";
    type Response = SetUserOofSettingsResponse;
}

sequence! {
    /// `m:SetUserOofSettingsResponse`.
    pub struct SetUserOofSettingsResponse in Messages {
        element b"ResponseMessage" => response_message: Option<ResponseMessage<NoPayload>>,
    }
}
