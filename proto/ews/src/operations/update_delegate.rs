use crate::mailbox::EmailAddress;
use crate::operation::{Operation, ResponseMessage};
use crate::operations::get_delegate::{DelegateUser, Delegates, DeliverMeetingRequests};
use crate::xml::sequence;

sequence! {
    /// Changes what delegates may do, and who gets invitations.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsdlgm/> section 3.1.4.4
    pub struct UpdateDelegate in Messages {
        required b"Mailbox" => mailbox: EmailAddress,
        list b"DelegateUsers" / b"DelegateUser" => delegate_users: Vec<DelegateUser>,
        element b"DeliverMeetingRequests" => deliver_meeting_requests: Option<DeliverMeetingRequests>,
    }
}

impl Operation for UpdateDelegate {
    const REQUEST: &'static str = "UpdateDelegate";
    const RESPONSE: &'static str = "UpdateDelegateResponse";
    const MESSAGE: &'static str = "DelegateUserResponseMessageType";
    type Response = ResponseMessage<Delegates>;
}
