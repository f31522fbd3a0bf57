use crate::date_time::DateTime;
use crate::folder_id::FolderId;
use crate::item_id::ItemId;
use crate::operation::{ResponseMessages, operation};
use crate::xml::{choice, sequence};

sequence! {
    /// Fetches the events of a pull subscription.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsntif/> section 3.1.4.1
    pub struct GetEvents in Messages {
        required b"SubscriptionId" => subscription_id: String,
        required b"Watermark" => watermark: String,
    }
}

operation!(GetEvents, "GetEvents" -> ResponseMessages<GetEventsMessage>);

sequence! {
    /// `m:GetEventsResponseMessageType`.
    pub struct GetEventsMessage in Messages {
        element b"Notification" => notification: Option<Notification>,
    }
}

choice! {
    /// What an event is about.
    pub enum EventSubject in Types {
        b"FolderId" => Folder(FolderId),
        b"ItemId" => Item(ItemId),
    }
}

choice! {
    /// What was moved or copied, by its old id.
    pub enum OldSubject in Types {
        b"OldFolderId" => Folder(FolderId),
        b"OldItemId" => Item(ItemId),
    }
}

sequence! {
    /// `t:BaseObjectChangedEventType` and all that extend it.
    pub struct ObjectEvent in Types {
        /// Absent in streams.
        element b"Watermark" => watermark: Option<String>,
        element b"TimeStamp" => time_stamp: Option<DateTime>,
        choice b"(subject)" => subject: Option<EventSubject>,
        element b"ParentFolderId" => parent_folder_id: Option<FolderId>,
        /// Modified folders only.
        element b"UnreadCount" => unread_count: Option<i32>,
        /// Moved and copied only.
        choice b"(old subject)" => old_subject: Option<OldSubject>,
        /// Moved and copied only.
        element b"OldParentFolderId" => old_parent_folder_id: Option<FolderId>,
    }
}

sequence! {
    /// `t:BaseNotificationEventType`: nothing happened.
    pub struct StatusEvent in Types {
        element b"Watermark" => watermark: Option<String>,
    }
}

choice! {
    /// One event.
    pub enum Event in Types {
        b"CopiedEvent" => Copied(ObjectEvent),
        b"CreatedEvent" => Created(ObjectEvent),
        b"DeletedEvent" => Deleted(ObjectEvent),
        b"ModifiedEvent" => Modified(ObjectEvent),
        b"MovedEvent" => Moved(ObjectEvent),
        b"NewMailEvent" => NewMail(ObjectEvent),
        b"StatusEvent" => Status(StatusEvent),
        b"FreeBusyChangedEvent" => FreeBusyChanged(ObjectEvent),
    }
}

impl Event {
    /// The watermark, to be given back in the next `GetEvents`.
    pub fn watermark(&self) -> Option<&str> {
        match self {
            Self::Status(event) => event.watermark.as_deref(),
            Self::Copied(event)
            | Self::Created(event)
            | Self::Deleted(event)
            | Self::Modified(event)
            | Self::Moved(event)
            | Self::NewMail(event)
            | Self::FreeBusyChanged(event) => event.watermark.as_deref(),
        }
    }

    /// What happened to what, unless nothing did.
    pub fn object(&self) -> Option<&ObjectEvent> {
        match self {
            Self::Status(_) => None,
            Self::Copied(event)
            | Self::Created(event)
            | Self::Deleted(event)
            | Self::Modified(event)
            | Self::Moved(event)
            | Self::NewMail(event)
            | Self::FreeBusyChanged(event) => Some(event),
        }
    }
}

sequence! {
    /// `t:NotificationType`: the events of one subscription.
    pub struct Notification in Types {
        required b"SubscriptionId" => subscription_id: String,
        /// Absent in streams.
        element b"PreviousWatermark" => previous_watermark: Option<String>,
        /// More events wait: ask again at once.
        element b"MoreEvents" => more_events: Option<bool>,
        choice b"(events)" => events: Vec<Event>,
    }
}
