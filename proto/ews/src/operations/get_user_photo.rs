use crate::binary::Binary;
use crate::operation::{ResponseMessage, operation};
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:UserPhotoSizeType`: width and height in pixels.
    #[derive(Default)]
    pub enum UserPhotoSize {
        HR48x48,
        HR64x64,
        #[default]
        HR96x96,
        HR120x120,
        HR240x240,
        HR360x360,
        HR432x432,
        HR504x504,
        HR648x648,
    }
}

sequence! {
    /// A user's picture. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsphoto/> section 3.1.4.1
    pub struct GetUserPhoto in Messages {
        required b"Email" => email: String,
        required b"SizeRequested" => size_requested: UserPhotoSize,
    }
}

operation!(GetUserPhoto, "GetUserPhoto" -> ResponseMessage<UserPhoto>);

sequence! {
    /// `m:GetUserPhotoResponseMessageType`.
    pub struct UserPhoto in Messages {
        required b"HasChanged" => has_changed: bool,
        element b"PictureData" => picture_data: Option<Binary>,
    }
}
