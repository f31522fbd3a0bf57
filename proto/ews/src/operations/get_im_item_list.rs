use crate::item_id::ItemId;
use crate::operation::{ResponseMessage, operation};
use crate::persona::Persona;
use crate::property_path::{ExtendedFieldUri, ExtendedProperty};
use crate::xml::sequence;

sequence! {
    /// The instant messaging contact list: its groups and people. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsunifcontstore/> section 3.1.4.6
    pub struct GetImItemList in Messages {
        list b"ExtendedProperties" / b"ExtendedProperty" => extended_properties: Vec<ExtendedFieldUri>,
    }
}

operation!(GetImItemList, "GetImItemList" -> ResponseMessage<ImItemListMessage>);

sequence! {
    /// `t:ImGroupType`.
    pub struct ImGroup in Types {
        required b"DisplayName" => display_name: String,
        /// An item class, such as `IPM.DistList.MOC.UserGroup`.
        required b"GroupType" => group_type: String,
        element b"ExchangeStoreId" => exchange_store_id: Option<ItemId>,
        /// Its members, by the ids of their personas' contacts.
        list b"MemberCorrelationKey" / b"ItemId" => member_correlation_key: Vec<ItemId>,
        list b"ExtendedProperties" / b"ExtendedProperty" => extended_properties: Vec<ExtendedProperty>,
        element b"SmtpAddress" => smtp_address: Option<String>,
    }
}

sequence! {
    /// `t:ImItemListType`.
    pub struct ImItemList in Types {
        list b"Groups" / b"ImGroup" => groups: Vec<ImGroup>,
        list b"Personas" / b"Persona" => personas: Vec<Persona>,
    }
}

sequence! {
    /// The answer of `GetImItemList` and `GetImItems`.
    pub struct ImItemListMessage in Messages {
        element b"ImItemList" => im_item_list: Option<ImItemList>,
    }
}

sequence! {
    /// The answer of operations that make a group.
    pub struct ImGroupMessage in Messages {
        element b"ImGroup" => im_group: Option<ImGroup>,
    }
}

sequence! {
    /// The answer of operations that make a contact.
    pub struct PersonaMessage in Messages {
        element b"Persona" => persona: Option<Persona>,
    }
}
