use crate::item_id::ItemId;
use crate::operation::{NoPayload, ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// Takes a distribution group off the list. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.9
    pub struct RemoveDistributionGroupFromImList in Messages {
        required b"GroupId" => group_id: ItemId,
    }
}

operation!(RemoveDistributionGroupFromImList, "RemoveDistributionGroupFromImList" -> ResponseMessage<NoPayload>);
