use crate::item_id::ItemId;
use crate::operation::{ResponseMessage, operation};
use crate::operations::get_im_item_list::PersonaMessage;
use crate::xml::sequence;

sequence! {
    /// Makes a contact from a telephone number and puts it into a group. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.4
    pub struct AddNewTelUriContactToGroup in Messages {
        required b"TelUriAddress" => tel_uri_address: String,
        required b"ImContactSipUriAddress" => im_contact_sip_uri_address: String,
        required b"ImTelephoneNumber" => im_telephone_number: String,
        element b"GroupId" => group_id: Option<ItemId>,
    }
}

operation!(AddNewTelUriContactToGroup, "AddNewTelUriContactToGroup" -> ResponseMessage<PersonaMessage>);
