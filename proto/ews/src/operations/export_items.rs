use crate::binary::Binary;
use crate::item_id::ItemId;
use crate::operation::{ResponseMessages, operation};
use crate::xml::sequence;

sequence! {
    /// Reads whole items as a stream that only servers understand ([MS-OXCFXICS]); `UploadItems` takes it back.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsbtrf/> section 3.1.4.1
    pub struct ExportItems in Messages {
        required_list b"ItemIds" / b"ItemId" => item_ids: Vec<ItemId>,
    }
}

operation!(ExportItems, "ExportItems" -> ResponseMessages<ExportItemsMessage>);

sequence! {
    /// `m:ExportItemsResponseMessageType`.
    pub struct ExportItemsMessage in Messages {
        element b"ItemId" => item_id: Option<ItemId>,
        element b"Data" => data: Option<Binary>,
    }
}
