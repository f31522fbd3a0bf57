use crate::binary::Binary;
use crate::date_time::DateTime;
use crate::folder_shape::BaseShape;
use crate::item::{FlagStatus, Importance};
use crate::item_id::{BaseItemId, ItemId};
use crate::operation::{ResponseMessage, operation};
use crate::operations::create_item::TargetFolderId;
use crate::operations::find_item::{FieldOrder, IndexedPageView, SeekToConditionPageView};
use crate::property_path::PropertyPath;
use crate::xml::{choice, open_enum, sequence};

open_enum! {
    /// `t:ConversationQueryTraversalType`.
    pub enum ConversationQueryTraversal { Shallow, Deep }
}

open_enum! {
    /// `t:MailboxSearchLocationType`.
    pub enum MailboxSearchLocation { PrimaryOnly, ArchiveOnly, All }
}

choice! {
    /// How the answer is cut into pages.
    #[expect(clippy::large_enum_variant, reason = "one value per request")]
    pub enum ConversationView in Messages {
        b"IndexedPageItemView" => Indexed(IndexedPageView),
        b"SeekToConditionPageItemView" => SeekToCondition(SeekToConditionPageView),
    }
}

sequence! {
    /// `t:ConversationResponseShapeType`.
    pub struct ConversationShape in Types {
        required b"BaseShape" => base_shape: BaseShape,
        array b"AdditionalProperties" => additional_properties: Vec<PropertyPath>,
    }
}

sequence! {
    /// Lists the conversations of a folder. Since Exchange 2010 SP1; what is optional here, since 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsconv/> section 3.1.4.2
    pub struct FindConversation in Messages {
        attribute b"Traversal" => traversal: Option<ConversationQueryTraversal>,
        attribute b"ViewFilter" => view_filter: Option<String>,
        choice b"(view)" => view: Option<ConversationView>,
        list b"SortOrder" / b"FieldOrder" => sort_order: Vec<FieldOrder>,
        required b"ParentFolderId" => parent_folder_id: TargetFolderId,
        element b"MailboxScope" => mailbox_scope: Option<MailboxSearchLocation>,
        element b"QueryString" => query_string: Option<String>,
        element b"ConversationShape" => conversation_shape: Option<ConversationShape>,
    }
}

operation!(FindConversation, "FindConversation" -> ResponseMessage<FindConversationMessage>);

sequence! {
    /// `t:ConversationType`: what belongs together, in the folder and (`Global`) in the whole mailbox.
    pub struct Conversation in Types {
        element b"ConversationId" => conversation_id: Option<ItemId>,
        element b"ConversationTopic" => conversation_topic: Option<String>,
        list b"UniqueRecipients" / b"String" => unique_recipients: Vec<String>,
        list b"GlobalUniqueRecipients" / b"String" => global_unique_recipients: Vec<String>,
        list b"UniqueUnreadSenders" / b"String" => unique_unread_senders: Vec<String>,
        list b"GlobalUniqueUnreadSenders" / b"String" => global_unique_unread_senders: Vec<String>,
        list b"UniqueSenders" / b"String" => unique_senders: Vec<String>,
        list b"GlobalUniqueSenders" / b"String" => global_unique_senders: Vec<String>,
        element b"LastDeliveryTime" => last_delivery_time: Option<DateTime>,
        element b"GlobalLastDeliveryTime" => global_last_delivery_time: Option<DateTime>,
        list b"Categories" / b"String" => categories: Vec<String>,
        list b"GlobalCategories" / b"String" => global_categories: Vec<String>,
        element b"FlagStatus" => flag_status: Option<FlagStatus>,
        element b"GlobalFlagStatus" => global_flag_status: Option<FlagStatus>,
        element b"HasAttachments" => has_attachments: Option<bool>,
        element b"GlobalHasAttachments" => global_has_attachments: Option<bool>,
        element b"MessageCount" => message_count: Option<i32>,
        element b"GlobalMessageCount" => global_message_count: Option<i32>,
        element b"UnreadCount" => unread_count: Option<i32>,
        element b"GlobalUnreadCount" => global_unread_count: Option<i32>,
        element b"Size" => size: Option<i32>,
        element b"GlobalSize" => global_size: Option<i32>,
        list b"ItemClasses" / b"ItemClass" => item_classes: Vec<String>,
        list b"GlobalItemClasses" / b"ItemClass" => global_item_classes: Vec<String>,
        element b"Importance" => importance: Option<Importance>,
        element b"GlobalImportance" => global_importance: Option<Importance>,
        array b"ItemIds" => item_ids: Vec<BaseItemId>,
        array b"GlobalItemIds" => global_item_ids: Vec<BaseItemId>,
        element b"LastModifiedTime" => last_modified_time: Option<DateTime>,
        element b"InstanceKey" => instance_key: Option<Binary>,
        element b"Preview" => preview: Option<String>,
    }
}

sequence! {
    /// `m:FindConversationResponseMessageType`.
    pub struct FindConversationMessage in Messages {
        list b"Conversations" / b"Conversation" => conversations: Vec<Conversation>,
        element b"TotalConversationsInView" => total_conversations_in_view: Option<i32>,
        element b"IndexedOffset" => indexed_offset: Option<i32>,
    }
}
