use crate::item_id::ItemId;
use crate::operation::{NoPayload, ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// Puts a contact into a group. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.2
    pub struct AddImContactToGroup in Messages {
        required b"ContactId" => contact_id: ItemId,
        element b"GroupId" => group_id: Option<ItemId>,
    }
}

operation!(AddImContactToGroup, "AddImContactToGroup" -> ResponseMessage<NoPayload>);
