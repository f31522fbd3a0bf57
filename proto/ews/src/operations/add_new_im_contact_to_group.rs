use crate::item_id::ItemId;
use crate::operation::{ResponseMessage, operation};
use crate::operations::get_im_item_list::PersonaMessage;
use crate::xml::sequence;

sequence! {
    /// Makes a contact from a SIP address and puts it into a group. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.3
    pub struct AddNewImContactToGroup in Messages {
        required b"ImAddress" => im_address: String,
        element b"DisplayName" => display_name: Option<String>,
        element b"GroupId" => group_id: Option<ItemId>,
    }
}

operation!(AddNewImContactToGroup, "AddNewImContactToGroup" -> ResponseMessage<PersonaMessage>);
