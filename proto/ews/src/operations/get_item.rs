use crate::item::Item;
use crate::item_id::BaseItemId;
use crate::item_shape::ItemShape;
use crate::operation::{ResponseMessages, operation};
use crate::xml::sequence;

sequence! {
    /// Reads items.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscore/> section 3.1.4.4
    pub struct GetItem in Messages {
        required b"ItemShape" => item_shape: ItemShape,
        required_array b"ItemIds" => item_ids: Vec<BaseItemId>,
    }
}

operation!(GetItem, "GetItem" -> ResponseMessages<ItemInfo>);

sequence! {
    /// `m:ItemInfoResponseMessageType`: items, as the operations on items answer. Empty on errors, and where the
    /// operation yields no ids (`CreateItem` with `SendOnly`).
    pub struct ItemInfo in Messages {
        required_array b"Items" => items: Vec<Item>,
    }
}

impl From<Item> for ItemInfo {
    fn from(item: Item) -> Self {
        Self { items: vec![item] }
    }
}
