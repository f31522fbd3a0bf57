use crate::folder_id::BaseFolderId;
use crate::operation::{ResponseMessages, operation};
use crate::xml::{choice, open_enum, sequence};

open_enum! {
    /// `t:NotificationEventTypeType`: what one can subscribe to.
    pub enum EventType {
        CopiedEvent,
        CreatedEvent,
        DeletedEvent,
        ModifiedEvent,
        MovedEvent,
        NewMailEvent,
        FreeBusyChangedEvent,
    }
}

sequence! {
    /// `t:PullSubscriptionRequestType`: the client asks by `GetEvents`.
    pub struct PullSubscription in Types {
        /// Instead of folder ids.
        attribute b"SubscribeToAllFolders" => subscribe_to_all_folders: Option<bool>,
        array b"FolderIds" => folder_ids: Vec<BaseFolderId>,
        required_list b"EventTypes" / b"EventType" => event_types: Vec<EventType>,
        element b"Watermark" => watermark: Option<String>,
        /// Minutes without `GetEvents` until the subscription ends, 1 to 1440.
        required b"Timeout" => timeout: i32,
    }
}

sequence! {
    /// `t:PushSubscriptionRequestType`: the server sends `SendNotification` to a URL.
    pub struct PushSubscription in Types {
        /// Instead of folder ids.
        attribute b"SubscribeToAllFolders" => subscribe_to_all_folders: Option<bool>,
        array b"FolderIds" => folder_ids: Vec<BaseFolderId>,
        required_list b"EventTypes" / b"EventType" => event_types: Vec<EventType>,
        element b"Watermark" => watermark: Option<String>,
        /// Minutes of silence between heart-beats, 1 to 1440.
        required b"StatusFrequency" => status_frequency: i32,
        required b"URL" => url: String,
        element b"CallerData" => caller_data: Option<String>,
    }
}

sequence! {
    /// `t:StreamingSubscriptionRequestType`: events arrive on the answer to `GetStreamingEvents`.
    pub struct StreamingSubscription in Types {
        /// Instead of folder ids.
        attribute b"SubscribeToAllFolders" => subscribe_to_all_folders: Option<bool>,
        array b"FolderIds" => folder_ids: Vec<BaseFolderId>,
        required_list b"EventTypes" / b"EventType" => event_types: Vec<EventType>,
    }
}

choice! {
    /// The three ways to be told.
    pub enum Subscription in Messages {
        b"PullSubscriptionRequest" => Pull(PullSubscription),
        b"PushSubscriptionRequest" => Push(PushSubscription),
        b"StreamingSubscriptionRequest" => Streaming(StreamingSubscription),
    }
}

sequence! {
    /// Subscribes to changes. Events are hints: what really changed, `SyncFolderItems` tells.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsntif/> section 3.1.4.3
    pub struct Subscribe in Messages {
        choice b"(subscription)" => subscription: Option<Subscription>,
    }
}

operation!(Subscribe, "Subscribe" -> ResponseMessages<SubscribeMessage>);

sequence! {
    /// `m:SubscribeResponseMessageType`.
    pub struct SubscribeMessage in Messages {
        element b"SubscriptionId" => subscription_id: Option<String>,
        /// Pull and push only.
        element b"Watermark" => watermark: Option<String>,
    }
}
