use crate::mailbox::EmailAddress;
use crate::operation::{Operation, ResponseMessage};
use crate::operations::get_delegate::Delegates;
use crate::permission::UserId;
use crate::xml::sequence;

sequence! {
    /// Ends that people act for the mailbox's owner.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsdlgm/> section 3.1.4.3
    pub struct RemoveDelegate in Messages {
        required b"Mailbox" => mailbox: EmailAddress,
        required_list b"UserIds" / b"UserId" => user_ids: Vec<UserId>,
    }
}

impl Operation for RemoveDelegate {
    const REQUEST: &'static str = "RemoveDelegate";
    const RESPONSE: &'static str = "RemoveDelegateResponse";
    const MESSAGE: &'static str = "DelegateUserResponseMessageType";
    type Response = ResponseMessage<Delegates>;
}
