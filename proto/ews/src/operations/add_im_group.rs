use crate::operation::{ResponseMessage, operation};
use crate::operations::get_im_item_list::ImGroupMessage;
use crate::xml::sequence;

sequence! {
    /// Makes a group of the instant messaging contact list. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.5
    pub struct AddImGroup in Messages {
        required b"DisplayName" => display_name: String,
    }
}

operation!(AddImGroup, "AddImGroup" -> ResponseMessage<ImGroupMessage>);
