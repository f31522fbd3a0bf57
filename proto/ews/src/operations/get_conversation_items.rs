use crate::binary::Binary;
use crate::folder_id::BaseFolderId;
use crate::item::Item;
use crate::item_id::ItemId;
use crate::item_shape::ItemShape;
use crate::operation::{ResponseMessages, operation};
use crate::operations::find_conversation::MailboxSearchLocation;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:ConversationNodeSortOrder`.
    pub enum ConversationNodeSortOrder {
        TreeOrderAscending,
        TreeOrderDescending,
        DateOrderAscending,
        DateOrderDescending,
    }
}

sequence! {
    /// `t:ConversationRequestType`.
    #[derive(Eq)]
    pub struct ConversationRequest in Types {
        required b"ConversationId" => conversation_id: ItemId,
        element b"SyncState" => sync_state: Option<Binary>,
    }
}

sequence! {
    /// Reads the items of conversations. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsconv/> section 3.1.4.3
    pub struct GetConversationItems in Messages {
        required b"ItemShape" => item_shape: ItemShape,
        array b"FoldersToIgnore" => folders_to_ignore: Vec<BaseFolderId>,
        element b"MaxItemsToReturn" => max_items_to_return: Option<i32>,
        element b"SortOrder" => sort_order: Option<ConversationNodeSortOrder>,
        element b"MailboxScope" => mailbox_scope: Option<MailboxSearchLocation>,
        required_list b"Conversations" / b"Conversation" => conversations: Vec<ConversationRequest>,
    }
}

operation!(GetConversationItems, "GetConversationItems" -> ResponseMessages<GetConversationItemsMessage>);

sequence! {
    /// `t:ConversationNodeType`: one message, in as many copies as there are.
    pub struct ConversationNode in Types {
        element b"InternetMessageId" => internet_message_id: Option<String>,
        element b"ParentInternetMessageId" => parent_internet_message_id: Option<String>,
        array b"Items" => items: Vec<Item>,
    }
}

sequence! {
    /// `t:ConversationResponseType`.
    pub struct ConversationItems in Types {
        required b"ConversationId" => conversation_id: ItemId,
        element b"SyncState" => sync_state: Option<Binary>,
        list b"ConversationNodes" / b"ConversationNode" => conversation_nodes: Vec<ConversationNode>,
        element b"CanDelete" => can_delete: Option<bool>,
    }
}

sequence! {
    /// `m:GetConversationItemsResponseMessageType`.
    pub struct GetConversationItemsMessage in Messages {
        element b"Conversation" => conversation: Option<ConversationItems>,
    }
}
