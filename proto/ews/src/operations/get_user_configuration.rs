use crate::binary::Binary;
use crate::folder_id::BaseFolderId;
use crate::item_id::ItemId;
use crate::operation::{ResponseMessages, operation};
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:UserConfigurationPropertyType`: which parts to read; several are separated by blanks.
    #[derive(Default)]
    pub enum UserConfigurationProperties {
        Id,
        Dictionary,
        XmlData,
        BinaryData,
        #[default]
        All,
    }
}

sequence! {
    /// `t:UserConfigurationNameType`: a hidden settings item by folder and name.
    pub struct UserConfigurationName in Types {
        required_attribute b"Name" => name: String,
        choice b"(folder)" => folder: Option<BaseFolderId>,
    }
}

sequence! {
    /// Reads settings that clients keep in a folder.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsusrcfg/> section 3.1.4.3
    pub struct GetUserConfiguration in Messages {
        required b"UserConfigurationName" => user_configuration_name: UserConfigurationName,
        required b"UserConfigurationProperties" => user_configuration_properties: UserConfigurationProperties,
    }
}

operation!(GetUserConfiguration, "GetUserConfiguration" -> ResponseMessages<GetUserConfigurationMessage>);

sequence! {
    /// `t:UserConfigurationDictionaryObjectType`: a typed value.
    pub struct DictionaryObject in Types {
        required b"Type" => object_type: String,
        element b"Value" => values: Vec<String>,
    }
}

sequence! {
    /// `t:UserConfigurationDictionaryEntryType`.
    pub struct DictionaryEntry in Types {
        required b"DictionaryKey" => dictionary_key: DictionaryObject,
        element b"DictionaryValue" => dictionary_value: Option<DictionaryObject>,
    }
}

sequence! {
    /// `t:UserConfigurationType`.
    pub struct UserConfiguration in Types {
        required b"UserConfigurationName" => user_configuration_name: UserConfigurationName,
        element b"ItemId" => item_id: Option<ItemId>,
        list b"Dictionary" / b"DictionaryEntry" => dictionary: Vec<DictionaryEntry>,
        element b"XmlData" => xml_data: Option<Binary>,
        element b"BinaryData" => binary_data: Option<Binary>,
    }
}

sequence! {
    /// `m:GetUserConfigurationResponseMessageType`.
    pub struct GetUserConfigurationMessage in Messages {
        element b"UserConfiguration" => user_configuration: Option<UserConfiguration>,
    }
}
