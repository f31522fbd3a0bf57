use crate::mailbox::EmailAddress;
use crate::operation::{Operation, ResponseMessage};
use crate::operations::get_user_oof_settings::{Duration, ReplyBody};
use crate::xml::sequence;

sequence! {
    /// What a sender should know about recipients before sending.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsmtips/> section 3.1.4.1
    pub struct GetMailTips in Messages {
        required b"SendingAs" => sending_as: EmailAddress,
        required_list b"Recipients" / b"Mailbox" => recipients: Vec<EmailAddress>,
        /// `t:MailTipTypes`: `All`, or names separated by blanks. exchangelib 5.6 leaves it out.
        required b"MailTipsRequested" => mail_tips_requested: String,
    }
}

impl Operation for GetMailTips {
    const REQUEST: &'static str = "GetMailTips";
    const RESPONSE: &'static str = "GetMailTipsResponse";
    const MESSAGE: &'static str = "MailTipsResponseMessageType";
    type Response = ResponseMessage<RecipientsMailTips>;
}

sequence! {
    /// `t:OutOfOfficeMailTip`.
    pub struct OutOfOfficeMailTip in Types {
        required b"ReplyBody" => reply_body: ReplyBody,
        element b"Duration" => duration: Option<Duration>,
    }
}

sequence! {
    /// `t:MailTips`: what is known about one recipient.
    pub struct MailTips in Types {
        required b"RecipientAddress" => recipient_address: EmailAddress,
        /// What could not be found out in time; names separated by blanks.
        required b"PendingMailTips" => pending_mail_tips: String,
        element b"OutOfOffice" => out_of_office: Option<OutOfOfficeMailTip>,
        element b"MailboxFull" => mailbox_full: Option<bool>,
        element b"CustomMailTip" => custom_mail_tip: Option<String>,
        element b"TotalMemberCount" => total_member_count: Option<i32>,
        element b"ExternalMemberCount" => external_member_count: Option<i32>,
        /// In bytes.
        element b"MaxMessageSize" => max_message_size: Option<i32>,
        element b"DeliveryRestricted" => delivery_restricted: Option<bool>,
        element b"IsModerated" => is_moderated: Option<bool>,
        element b"InvalidRecipient" => invalid_recipient: Option<bool>,
        element b"Scope" => scope: Option<i32>,
    }
}

sequence! {
    /// `m:MailTipsResponseMessageType`.
    pub struct MailTipsMessage in Messages {
        element b"MailTips" => mail_tips: Option<MailTips>,
    }
}

sequence! {
    /// `m:ArrayOfMailTipsResponseMessageType`.
    pub struct MailTipsMessages in Messages {
        element b"MailTipsResponseMessageType" => messages: Vec<ResponseMessage<MailTipsMessage>>,
    }
}

sequence! {
    /// `m:GetMailTipsResponseMessageType`: one message for each recipient.
    pub struct RecipientsMailTips in Messages {
        element b"ResponseMessages" => response_messages: Option<MailTipsMessages>,
    }
}
