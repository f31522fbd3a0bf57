use crate::contact::ContactSource;
use crate::mailbox::EmailAddress;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:MemberStatusType`.
    pub enum MemberStatus { Unrecognized, Normal, Demoted }
}

sequence! {
    /// `t:MemberType`: a member of a personal distribution list.
    pub struct Member in Types {
        attribute b"Key" => key: Option<String>,
        element b"Mailbox" => mailbox: Option<EmailAddress>,
        element b"Status" => status: Option<MemberStatus>,
    }
}

sequence! {
    /// `t:DistributionListType`: what personal distribution lists have beyond items.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsdlist/> section 2.2.4
    pub struct DistributionList in Types {
        element b"DisplayName" => display_name: Option<String>,
        element b"FileAs" => file_as: Option<String>,
        element b"ContactSource" => contact_source: Option<ContactSource>,
        list b"Members" / b"Member" => members: Vec<Member>,
    }
}
