use crate::item_id::BaseItemId;
use crate::operation::{ResponseMessage, operation};
use crate::operations::get_im_item_list::ImItemListMessage;
use crate::property_path::ExtendedFieldUri;
use crate::xml::sequence;

sequence! {
    /// Single groups and people of the instant messaging contact list. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.7
    pub struct GetImItems in Messages {
        array b"ContactIds" => contact_ids: Vec<BaseItemId>,
        array b"GroupIds" => group_ids: Vec<BaseItemId>,
        list b"ExtendedProperties" / b"ExtendedProperty" => extended_properties: Vec<ExtendedFieldUri>,
    }
}

operation!(GetImItems, "GetImItems" -> ResponseMessage<ImItemListMessage>);
