use crate::item_id::ItemId;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:MailboxTypeType`: what an address stands for.
    pub enum MailboxType {
        Unknown,
        OneOff,
        Mailbox,
        PublicDl = "PublicDL",
        PrivateDl = "PrivateDL",
        Contact,
        PublicFolder,
        GroupMailbox,
        ImplicitContact,
    }
}

sequence! {
    /// `t:EmailAddressType`, the content of `t:Mailbox`: a person, list or room by address.
    pub struct EmailAddress in Types {
        element b"Name" => name: Option<String>,
        element b"EmailAddress" => email_address: Option<String>,
        element b"RoutingType" => routing_type: Option<String>,
        element b"MailboxType" => mailbox_type: Option<MailboxType>,
        element b"ItemId" => item_id: Option<ItemId>,
        element b"OriginalDisplayName" => original_display_name: Option<String>,
    }
}

impl EmailAddress {
    /// An SMTP address alone.
    pub fn smtp(address: impl Into<String>) -> Self {
        Self { email_address: Some(address.into()), ..Self::default() }
    }

    /// A display name with an SMTP address.
    pub fn named(name: impl Into<String>, address: impl Into<String>) -> Self {
        Self { name: Some(name.into()), routing_type: Some("SMTP".to_owned()), ..Self::smtp(address) }
    }
}

sequence! {
    /// `t:SingleRecipientType`: one address in its `t:Mailbox`.
    pub struct SingleRecipient in Types {
        required b"Mailbox" => mailbox: EmailAddress,
    }
}

impl From<EmailAddress> for SingleRecipient {
    fn from(mailbox: EmailAddress) -> Self {
        Self { mailbox }
    }
}
