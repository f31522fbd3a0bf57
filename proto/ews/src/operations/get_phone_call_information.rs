use crate::operation::{ResponseMessage, operation};
use crate::operations::play_on_phone::PhoneCallId;
use crate::xml::{open_enum, sequence};

sequence! {
    /// How a call of `PlayOnPhone` fares.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsump/> section 3.1.4.2
    pub struct GetPhoneCallInformation in Messages {
        required b"PhoneCallId" => phone_call_id: PhoneCallId,
    }
}

operation!(GetPhoneCallInformation, "GetPhoneCallInformation" -> ResponseMessage<PhoneCallInformationMessage>);

open_enum! {
    /// `t:PhoneCallStateType`.
    #[derive(Default)]
    pub enum PhoneCallState {
        #[default]
        Idle,
        Connecting,
        Alerted,
        Connected,
        Disconnected,
        Incoming,
        Transferring,
        Forwarding,
    }
}

open_enum! {
    /// `t:ConnectionFailureCauseType`; the schema's own `Other` is the text of [`Other`](Self::Other).
    #[derive(Default)]
    pub enum ConnectionFailureCause { #[default] None, UserBusy, NoAnswer, Unavailable }
}

sequence! {
    /// `t:PhoneCallInformationType`.
    #[derive(Eq)]
    pub struct PhoneCallInformation in Types {
        required b"PhoneCallState" => phone_call_state: PhoneCallState,
        required b"ConnectionFailureCause" => connection_failure_cause: ConnectionFailureCause,
        element b"SIPResponseText" => sip_response_text: Option<String>,
        element b"SIPResponseCode" => sip_response_code: Option<i32>,
    }
}

sequence! {
    /// `m:GetPhoneCallInformationResponseMessageType`.
    #[derive(Eq)]
    pub struct PhoneCallInformationMessage in Messages {
        element b"PhoneCallInformation" => phone_call_information: Option<PhoneCallInformation>,
    }
}
