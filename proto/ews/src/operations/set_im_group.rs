use crate::item_id::ItemId;
use crate::operation::{NoPayload, ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// Renames a group. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.12
    pub struct SetImGroup in Messages {
        required b"GroupId" => group_id: ItemId,
        required b"NewDisplayName" => new_display_name: String,
    }
}

operation!(SetImGroup, "SetImGroup" -> ResponseMessage<NoPayload>);
