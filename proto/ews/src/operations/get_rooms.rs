use crate::mailbox::EmailAddress;
use crate::operation::{ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// The rooms of a list.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsgtrm/> section 3.1.4.2
    pub struct GetRooms in Messages {
        required b"RoomList" => room_list: EmailAddress,
    }
}

operation!(GetRooms, "GetRooms" -> ResponseMessage<Rooms>);

sequence! {
    /// `t:RoomType`.
    pub struct Room in Types {
        required b"Id" => id: EmailAddress,
    }
}

sequence! {
    /// `m:GetRoomsResponseMessageType`.
    pub struct Rooms in Messages {
        list b"Rooms" / b"Room" => rooms: Vec<Room>,
    }
}
