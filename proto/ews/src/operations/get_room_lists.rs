use crate::mailbox::EmailAddress;
use crate::operation::{ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// The lists of meeting rooms.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsgtrm/> section 3.1.4.1
    pub struct GetRoomLists in Messages {}
}

operation!(GetRoomLists, "GetRoomLists" -> ResponseMessage<RoomLists>);

sequence! {
    /// `m:GetRoomListsResponseMessageType`.
    pub struct RoomLists in Messages {
        list b"RoomLists" / b"Address" => room_lists: Vec<EmailAddress>,
    }
}
