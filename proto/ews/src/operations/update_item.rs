use crate::item::Item;
use crate::item_id::BaseItemId;
use crate::operation::{ResponseMessages, operation};
use crate::operations::create_item::{MessageDisposition, TargetFolderId};
use crate::property_path::PropertyPath;
use crate::xml::{choice, open_enum, sequence};

open_enum! {
    /// `t:ConflictResolutionType`: what happens if the item changed meanwhile.
    #[derive(Default)]
    pub enum ConflictResolution {
        /// The update fails with `ErrorIrresolvableConflict`.
        NeverOverwrite,
        /// Changes to different properties are merged.
        #[default]
        AutoResolve,
        /// The update wins; the change key is not looked at.
        AlwaysOverwrite,
    }
}

open_enum! {
    /// `t:CalendarItemUpdateOperationType`: who is told.
    pub enum CalendarItemUpdate {
        SendToNone,
        SendOnlyToAll,
        SendOnlyToChanged,
        SendToAllAndSaveCopy,
        SendToChangedAndSaveCopy,
    }
}

sequence! {
    /// `t:SetItemFieldType` and `t:AppendToItemFieldType`: a path, and an item with that one property.
    pub struct SetItemField in Types {
        choice b"(path)" => path: Option<PropertyPath>,
        choice b"(item)" => item: Option<Box<Item>>,
    }
}

sequence! {
    /// `t:DeleteItemFieldType`.
    pub struct DeleteItemField in Types {
        choice b"(path)" => path: Option<PropertyPath>,
    }
}

choice! {
    /// `t:ItemChangeDescriptionType`: one change to one property.
    pub enum ItemChangeDescription in Types {
        b"AppendToItemField" => Append(SetItemField),
        b"SetItemField" => Set(SetItemField),
        b"DeleteItemField" => Delete(DeleteItemField),
    }
}

impl ItemChangeDescription {
    /// Sets the property at `path` to what `item` holds.
    pub fn set(path: impl Into<PropertyPath>, item: Item) -> Self {
        Self::Set(SetItemField { path: Some(path.into()), item: Some(Box::new(item)) })
    }

    /// Deletes the property at `path`.
    pub fn delete(path: impl Into<PropertyPath>) -> Self {
        Self::Delete(DeleteItemField { path: Some(path.into()) })
    }
}

sequence! {
    /// `t:ItemChangeType`: the changes to one item.
    pub struct ItemChange in Types {
        choice b"(item id)" => item_id: Option<BaseItemId>,
        required_array b"Updates" => updates: Vec<ItemChangeDescription>,
    }
}

sequence! {
    /// Changes items.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscore/> section 3.1.4.9
    pub struct UpdateItem in Messages {
        required_attribute b"ConflictResolution" => conflict_resolution: ConflictResolution,
        /// Required for messages.
        attribute b"MessageDisposition" => message_disposition: Option<MessageDisposition>,
        /// Required for calendar items.
        attribute b"SendMeetingInvitationsOrCancellations" => send_meeting_invitations_or_cancellations: Option<CalendarItemUpdate>,
        attribute b"SuppressReadReceipts" => suppress_read_receipts: Option<bool>,
        element b"SavedItemFolderId" => saved_item_folder_id: Option<TargetFolderId>,
        required_list b"ItemChanges" / b"ItemChange" => item_changes: Vec<ItemChange>,
    }
}

operation!(UpdateItem, "UpdateItem" -> ResponseMessages<UpdateItemMessage>);

sequence! {
    /// `t:ConflictResultsType`: how many properties were in conflict.
    pub struct ConflictResults in Types {
        required b"Count" => count: i32,
    }
}

sequence! {
    /// `m:UpdateItemResponseMessageType`: the item with its new change key.
    pub struct UpdateItemMessage in Messages {
        required_array b"Items" => items: Vec<Item>,
        element b"ConflictResults" => conflict_results: Option<ConflictResults>,
    }
}
