use crate::date_time::DateTime;
use crate::operation::{ResponseMessage, operation};
use crate::xml::sequence;

sequence! {
    /// When a user's password ends.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsgpwd/> section 3.1.4.1
    pub struct GetPasswordExpirationDate in Messages {
        element b"MailboxSmtpAddress" => mailbox_smtp_address: Option<String>,
    }
}

operation!(GetPasswordExpirationDate, "GetPasswordExpirationDate" -> ResponseMessage<PasswordExpirationDate>);

sequence! {
    /// `m:GetPasswordExpirationDateResponseMessageType`; the last day of the year 9999 means never.
    pub struct PasswordExpirationDate in Messages {
        element b"PasswordExpirationDate" => password_expiration_date: Option<DateTime>,
    }
}
