use crate::operation::{ResponseMessage, operation};
use crate::operations::get_im_item_list::ImGroupMessage;
use crate::xml::sequence;

sequence! {
    /// Shows a distribution group of the directory in the list. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.1
    pub struct AddDistributionGroupToImList in Messages {
        required b"SmtpAddress" => smtp_address: String,
        required b"DisplayName" => display_name: String,
    }
}

operation!(AddDistributionGroupToImList, "AddDistributionGroupToImList" -> ResponseMessage<ImGroupMessage>);
