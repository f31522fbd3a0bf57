use crate::operation::{Operation, ResponseMessages};
use crate::operations::get_events::Notification;
use crate::xml::{open_enum, sequence};

/// What the server posts to the URL of a push subscription. Here the Exchange server is the HTTP client.
///
/// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwspsntif/> section 3.1.4.1
pub type SendNotification = ResponseMessages<SendNotificationMessage>;

sequence! {
    /// `m:SendNotificationResponseMessageType`. With an error code the subscription is over.
    pub struct SendNotificationMessage in Messages {
        element b"Notification" => notification: Option<Notification>,
    }
}

open_enum! {
    /// `t:SubscriptionStatusType`: `Unsubscribe` is the only way to end a push subscription.
    #[derive(Default)]
    pub enum SubscriptionStatus { #[default] Ok = "OK", Unsubscribe }
}

sequence! {
    /// `m:SendNotificationResultType`: the listener's answer.
    pub struct SendNotificationResult in Messages {
        required b"SubscriptionStatus" => subscription_status: SubscriptionStatus,
    }
}

impl Operation for SendNotification {
    const REQUEST: &'static str = "SendNotification";
    const RESPONSE: &'static str = "SendNotificationResult";
    const MESSAGE: &'static str = "SendNotificationResponseMessage";
    type Response = SendNotificationResult;
}
