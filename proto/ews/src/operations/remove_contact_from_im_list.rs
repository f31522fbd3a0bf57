use crate::item_id::ItemId;
use crate::operation::{NoPayload, ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// Takes a contact off the list and out of all groups. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.8
    pub struct RemoveContactFromImList in Messages {
        required b"ContactId" => contact_id: ItemId,
    }
}

operation!(RemoveContactFromImList, "RemoveContactFromImList" -> ResponseMessage<NoPayload>);
