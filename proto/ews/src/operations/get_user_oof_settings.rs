use crate::date_time::DateTime;
use crate::operation::{NoPayload, Operation, ResponseMessage};
use crate::xml::{open_enum, sequence};

sequence! {
    /// `t:EmailAddress` of availability and automatic replies, which is not that of items.
    #[derive(Eq)]
    pub struct AvailabilityAddress in Types {
        element b"Name" => name: Option<String>,
        required b"Address" => address: String,
        element b"RoutingType" => routing_type: Option<String>,
    }
}

open_enum! {
    /// `t:OofState`: whether automatic replies are sent.
    #[derive(Default)]
    pub enum OofState { #[default] Disabled, Enabled, Scheduled }
}

open_enum! {
    /// `t:ExternalAudience`: who outside gets automatic replies.
    #[derive(Default)]
    pub enum ExternalAudience { #[default] None, Known, All }
}

sequence! {
    /// `t:Duration`: a span of time.
    pub struct Duration in Types {
        element b"StartTime" => start_time: Option<DateTime>,
        element b"EndTime" => end_time: Option<DateTime>,
    }
}

sequence! {
    /// `t:ReplyBody`: HTML where Outlook wrote it; it may begin with a byte order mark.
    #[derive(Eq)]
    pub struct ReplyBody in Types {
        attribute b"xml:lang" => lang: Option<String>,
        element b"Message" => message: Option<String>,
    }
}

sequence! {
    /// `t:UserOofSettings`: automatic replies.
    pub struct UserOofSettings in Types {
        required b"OofState" => oof_state: OofState,
        required b"ExternalAudience" => external_audience: ExternalAudience,
        /// In UTC; required where the state is `Scheduled`.
        element b"Duration" => duration: Option<Duration>,
        element b"InternalReply" => internal_reply: Option<ReplyBody>,
        element b"ExternalReply" => external_reply: Option<ReplyBody>,
        element b"DeclineMeetingReply" => decline_meeting_reply: Option<ReplyBody>,
        element b"DeclineEventsForScheduledOOF" => decline_events_for_scheduled_oof: Option<bool>,
        element b"DeclineAllEventsForScheduledOOF" => decline_all_events_for_scheduled_oof: Option<bool>,
        element b"CreateOOFEvent" => create_oof_event: Option<bool>,
        element b"OOFEventSubject" => oof_event_subject: Option<String>,
        element b"AutoDeclineFutureRequestsWhenOOF" => auto_decline_future_requests_when_oof: Option<bool>,
        element b"OOFEventID" => oof_event_id: Option<String>,
    }
}

sequence! {
    /// Reads a user's automatic replies.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwoof/> section 3.1.4.1
    pub struct GetUserOofSettings in Messages {
        required Types b"Mailbox" => mailbox: AvailabilityAddress,
    }
}

impl Operation for GetUserOofSettings {
    const REQUEST: &'static str = "GetUserOofSettingsRequest";
    const RESPONSE: &'static str = "GetUserOofSettingsResponse";
    const MESSAGE: &'static str = "ResponseMessage";
    type Response = GetUserOofSettingsResponse;
}

sequence! {
    /// `m:GetUserOofSettingsResponse`.
    pub struct GetUserOofSettingsResponse in Messages {
        required b"ResponseMessage" => response_message: ResponseMessage<NoPayload>,
        element Types b"OofSettings" => oof_settings: Option<UserOofSettings>,
        element b"AllowExternalOof" => allow_external_oof: Option<ExternalAudience>,
    }
}
