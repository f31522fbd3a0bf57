use crate::operation::{ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// The mailboxes that the caller may search for discovery. Since Exchange 2013.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsedisc/> section 3.1.4.3
    pub struct GetSearchableMailboxes in Messages {
        element b"SearchFilter" => search_filter: Option<String>,
        element b"ExpandGroupMembership" => expand_group_membership: Option<bool>,
    }
}

operation!(GetSearchableMailboxes, "GetSearchableMailboxes" -> ResponseMessage<SearchableMailboxes>);

sequence! {
    /// `t:SearchableMailboxType`.
    #[derive(Eq)]
    pub struct SearchableMailbox in Types {
        required b"Guid" => guid: String,
        required b"PrimarySmtpAddress" => primary_smtp_address: String,
        required b"IsExternalMailbox" => is_external_mailbox: bool,
        required b"ExternalEmailAddress" => external_email_address: String,
        required b"DisplayName" => display_name: String,
        required b"IsMembershipGroup" => is_membership_group: bool,
        required b"ReferenceId" => reference_id: String,
    }
}

sequence! {
    /// `t:FailedSearchMailboxType`.
    #[derive(Eq)]
    pub struct FailedSearchMailbox in Types {
        required b"Mailbox" => mailbox: String,
        required b"ErrorCode" => error_code: i32,
        required b"ErrorMessage" => error_message: String,
        required b"IsArchive" => is_archive: bool,
    }
}

sequence! {
    /// `m:GetSearchableMailboxesResponseMessageType`.
    #[derive(Eq)]
    pub struct SearchableMailboxes in Messages {
        required_list b"SearchableMailboxes" / b"SearchableMailbox" => searchable_mailboxes: Vec<SearchableMailbox>,
        list b"FailedMailboxes" / b"FailedMailbox" => failed_mailboxes: Vec<FailedSearchMailbox>,
    }
}
