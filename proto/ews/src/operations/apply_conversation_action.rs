use crate::date_time::DateTime;
use crate::item::Flag;
use crate::item_id::ItemId;
use crate::operation::{NoPayload, ResponseMessages, operation};
use crate::operations::create_item::TargetFolderId;
use crate::operations::delete_item::Disposal;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:ConversationActionTypeType`. Those that begin with `Always` also hold for what is still to come.
    #[derive(Default)]
    pub enum ConversationActionType {
        AlwaysCategorize,
        AlwaysDelete,
        AlwaysMove,
        Delete,
        Move,
        Copy,
        #[default]
        SetReadState,
        SetRetentionPolicy,
        Flag,
    }
}

sequence! {
    /// `t:ConversationActionType`: what is done with one conversation.
    pub struct ConversationAction in Types {
        required b"Action" => action: ConversationActionType,
        required b"ConversationId" => conversation_id: ItemId,
        /// Only items of this folder.
        element b"ContextFolderId" => context_folder_id: Option<TargetFolderId>,
        /// Only items delivered until then.
        element b"ConversationLastSyncTime" => conversation_last_sync_time: Option<DateTime>,
        element b"ProcessRightAway" => process_right_away: Option<bool>,
        element b"DestinationFolderId" => destination_folder_id: Option<TargetFolderId>,
        list b"Categories" / b"String" => categories: Vec<String>,
        element b"EnableAlwaysDelete" => enable_always_delete: Option<bool>,
        element b"IsRead" => is_read: Option<bool>,
        element b"DeleteType" => delete_type: Option<Disposal>,
        element b"RetentionPolicyType" => retention_policy_type: Option<String>,
        element b"RetentionPolicyTagId" => retention_policy_tag_id: Option<String>,
        element b"Flag" => flag: Option<Flag>,
        element b"SuppressReadReceipts" => suppress_read_receipts: Option<bool>,
    }
}

sequence! {
    /// Does the same to all items of conversations. Since Exchange 2010 SP1.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsconv/> section 3.1.4.1
    pub struct ApplyConversationAction in Messages {
        required_list b"ConversationActions" / b"ConversationAction" => conversation_actions: Vec<ConversationAction>,
    }
}

operation!(ApplyConversationAction, "ApplyConversationAction" -> ResponseMessages<NoPayload>);
