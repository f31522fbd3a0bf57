use crate::folder_id::BaseFolderId;
use crate::item::Item;
use crate::operation::{ResponseMessages, operation};
use crate::operations::get_item::ItemInfo;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:MessageDispositionType`: what happens to a message after it is written.
    pub enum MessageDisposition { SaveOnly, SendOnly, SendAndSaveCopy }
}

open_enum! {
    /// `t:CalendarItemCreateOrDeleteOperationType`: who is told.
    pub enum CalendarItemCreateOrDelete { SendToNone, SendOnlyToAll, SendToAllAndSaveCopy }
}

sequence! {
    /// `t:TargetFolderIdType`: an element around one folder id.
    pub struct TargetFolderId in Types {
        choice b"(folder)" => folder: Option<BaseFolderId>,
    }
}

impl<T: Into<BaseFolderId>> From<T> for TargetFolderId {
    fn from(folder: T) -> Self {
        Self { folder: Some(folder.into()) }
    }
}

sequence! {
    /// Creates items. After a timeout it may have happened: look for a property of your own before repeating.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscore/> section 3.1.4.2
    pub struct CreateItem in Messages {
        /// Required for messages.
        attribute b"MessageDisposition" => message_disposition: Option<MessageDisposition>,
        /// Required for calendar items.
        attribute b"SendMeetingInvitations" => send_meeting_invitations: Option<CalendarItemCreateOrDelete>,
        element b"SavedItemFolderId" => saved_item_folder_id: Option<TargetFolderId>,
        required_array b"Items" => items: Vec<Item>,
    }
}

operation!(CreateItem, "CreateItem" -> ResponseMessages<ItemInfo>);
