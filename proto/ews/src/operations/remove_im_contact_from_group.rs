use crate::item_id::ItemId;
use crate::operation::{NoPayload, ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// Takes a contact out of a group. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.10
    pub struct RemoveImContactFromGroup in Messages {
        required b"ContactId" => contact_id: ItemId,
        required b"GroupId" => group_id: ItemId,
    }
}

operation!(RemoveImContactFromGroup, "RemoveImContactFromGroup" -> ResponseMessage<NoPayload>);
