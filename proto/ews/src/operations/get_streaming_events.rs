use crate::operation::{ResponseMessages, operation};
use crate::operations::get_events::Notification;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:ConnectionStatusType`.
    pub enum ConnectionStatus {
        Ok = "OK",
        /// The server ends the connection; connect again.
        Closed,
    }
}

sequence! {
    /// Opens a stream of events. The answer is a sequence of envelopes: [`EnvelopeSplitter`](crate::EnvelopeSplitter).
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsntif/> section 3.1.4.2
    pub struct GetStreamingEvents in Messages {
        required_list b"SubscriptionIds" / b"SubscriptionId" => subscription_ids: Vec<String>,
        /// Minutes, 1 to 30.
        required b"ConnectionTimeout" => connection_timeout: i32,
    }
}

operation!(GetStreamingEvents, "GetStreamingEvents" -> ResponseMessages<GetStreamingEventsMessage>);

sequence! {
    /// `m:GetStreamingEventsResponseMessageType`.
    pub struct GetStreamingEventsMessage in Messages {
        list b"Notifications" / b"Notification" => notifications: Vec<Notification>,
        /// Subscriptions the server does not know. With one bad id no other gets events either.
        list b"ErrorSubscriptionIds" / b"SubscriptionId" => error_subscription_ids: Vec<String>,
        element b"ConnectionStatus" => connection_status: Option<ConnectionStatus>,
    }
}
