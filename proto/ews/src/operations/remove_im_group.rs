use crate::item_id::ItemId;
use crate::operation::{NoPayload, ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// Removes a group; its contacts stay. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.11
    pub struct RemoveImGroup in Messages {
        required b"GroupId" => group_id: ItemId,
    }
}

operation!(RemoveImGroup, "RemoveImGroup" -> ResponseMessage<NoPayload>);
