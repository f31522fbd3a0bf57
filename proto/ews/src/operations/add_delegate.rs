use crate::mailbox::EmailAddress;
use crate::operation::{Operation, ResponseMessage};
use crate::operations::get_delegate::{DelegateUser, Delegates, DeliverMeetingRequests};
use crate::xml::sequence;

sequence! {
    /// Lets people act for the mailbox's owner.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsdlgm/> section 3.1.4.1
    pub struct AddDelegate in Messages {
        required b"Mailbox" => mailbox: EmailAddress,
        required_list b"DelegateUsers" / b"DelegateUser" => delegate_users: Vec<DelegateUser>,
        element b"DeliverMeetingRequests" => deliver_meeting_requests: Option<DeliverMeetingRequests>,
    }
}

impl Operation for AddDelegate {
    const REQUEST: &'static str = "AddDelegate";
    const RESPONSE: &'static str = "AddDelegateResponse";
    const MESSAGE: &'static str = "DelegateUserResponseMessageType";
    type Response = ResponseMessage<Delegates>;
}
