use crate::item_id::ItemId;
use crate::mailbox::EmailAddress;
use crate::operation::{Operation, ResponseMessage};
use crate::operations::create_item::TargetFolderId;
use crate::persona::Persona;
use crate::property_path::PropertyPath;
use crate::xml::sequence;

sequence! {
    /// Reads one person, by persona id or address.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwspers/> section 3.1.4.2
    pub struct GetPersona in Messages {
        element b"PersonaId" => persona_id: Option<ItemId>,
        element b"EmailAddress" => email_address: Option<EmailAddress>,
        element b"ParentFolderId" => parent_folder_id: Option<TargetFolderId>,
        element b"ItemLinkId" => item_link_id: Option<String>,
        array b"AdditionalProperties" => additional_properties: Vec<PropertyPath>,
    }
}

/// The schema has no `m:GetPersonaResponse`: the body holds the message itself.
impl Operation for GetPersona {
    const REQUEST: &'static str = "GetPersona";
    const RESPONSE: &'static str = "GetPersonaResponseMessage";
    const MESSAGE: &'static str = "GetPersonaResponseMessage";
    type Response = ResponseMessage<GetPersonaMessage>;
}

sequence! {
    /// `m:GetPersonaResponseMessageType`.
    pub struct GetPersonaMessage in Messages {
        element b"Persona" => persona: Option<Persona>,
    }
}
