use crate::mailbox::EmailAddress;
use crate::operation::{Operation, ResponseMessage};
use crate::permission::UserId;
use crate::xml::{open_enum, sequence};

sequence! {
    /// Who may act for the mailbox's owner.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsdlgm/> section 3.1.4.2
    pub struct GetDelegate in Messages {
        required_attribute b"IncludePermissions" => include_permissions: bool,
        required b"Mailbox" => mailbox: EmailAddress,
        list b"UserIds" / b"UserId" => user_ids: Vec<UserId>,
    }
}

impl Operation for GetDelegate {
    const REQUEST: &'static str = "GetDelegate";
    const RESPONSE: &'static str = "GetDelegateResponse";
    const MESSAGE: &'static str = "DelegateUserResponseMessageType";
    type Response = ResponseMessage<Delegates>;
}

open_enum! {
    /// `t:DeliverMeetingRequestsType`: who gets invitations.
    pub enum DeliverMeetingRequests {
        DelegatesOnly,
        DelegatesAndMe,
        DelegatesAndSendInformationToMe,
        NoForward,
    }
}

open_enum! {
    /// `t:DelegateFolderPermissionLevelType`.
    pub enum DelegateFolderPermissionLevel { None, Editor, Reviewer, Author, Custom }
}

sequence! {
    /// `t:DelegatePermissionsType`.
    pub struct DelegatePermissions in Types {
        element b"CalendarFolderPermissionLevel" => calendar_folder_permission_level: Option<DelegateFolderPermissionLevel>,
        element b"TasksFolderPermissionLevel" => tasks_folder_permission_level: Option<DelegateFolderPermissionLevel>,
        element b"InboxFolderPermissionLevel" => inbox_folder_permission_level: Option<DelegateFolderPermissionLevel>,
        element b"ContactsFolderPermissionLevel" => contacts_folder_permission_level: Option<DelegateFolderPermissionLevel>,
        element b"NotesFolderPermissionLevel" => notes_folder_permission_level: Option<DelegateFolderPermissionLevel>,
        element b"JournalFolderPermissionLevel" => journal_folder_permission_level: Option<DelegateFolderPermissionLevel>,
    }
}

sequence! {
    /// `t:DelegateUserType`.
    pub struct DelegateUser in Types {
        required b"UserId" => user_id: UserId,
        element b"DelegatePermissions" => delegate_permissions: Option<DelegatePermissions>,
        element b"ReceiveCopiesOfMeetingMessages" => receive_copies_of_meeting_messages: Option<bool>,
        element b"ViewPrivateItems" => view_private_items: Option<bool>,
    }
}

sequence! {
    /// `m:DelegateUserResponseMessageType`.
    pub struct DelegateUserMessage in Messages {
        element b"DelegateUser" => delegate_user: Option<DelegateUser>,
    }
}

sequence! {
    /// `m:ArrayOfDelegateUserResponseMessageType`.
    pub struct DelegateUserMessages in Messages {
        element b"DelegateUserResponseMessageType" => messages: Vec<ResponseMessage<DelegateUserMessage>>,
    }
}

sequence! {
    /// `m:GetDelegateResponseMessageType`.
    pub struct Delegates in Messages {
        element b"ResponseMessages" => response_messages: Option<DelegateUserMessages>,
        element b"DeliverMeetingRequests" => deliver_meeting_requests: Option<DeliverMeetingRequests>,
    }
}
