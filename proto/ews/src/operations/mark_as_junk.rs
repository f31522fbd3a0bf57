use crate::item_id::{BaseItemId, ItemId};
use crate::operation::{ResponseMessages, operation};
use crate::xml::sequence;

sequence! {
    /// Puts the senders of messages on the list of blocked senders, or takes them off it.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscore/> section 3.1.4.6
    pub struct MarkAsJunk in Messages {
        required_attribute b"IsJunk" => is_junk: bool,
        /// Also moves the messages, to the junk folder or out of it.
        required_attribute b"MoveItem" => move_item: bool,
        required_array b"ItemIds" => item_ids: Vec<BaseItemId>,
    }
}

operation!(MarkAsJunk, "MarkAsJunk" -> ResponseMessages<MarkAsJunkMessage>);

sequence! {
    /// `m:MarkAsJunkResponseMessageType`.
    pub struct MarkAsJunkMessage in Messages {
        element b"MovedItemId" => moved_item_id: Option<ItemId>,
    }
}
