use crate::binary::Binary;
use crate::date_time::DateTime;
use crate::item_id::ItemId;
use crate::mailbox::{EmailAddress, SingleRecipient};
use crate::xml::sequence;

sequence! {
    /// `t:MessageType`: what messages have beyond items.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsmsg/> section 2.2.4.1
    pub struct Message in Types {
        element b"Sender" => sender: Option<SingleRecipient>,
        list b"ToRecipients" / b"Mailbox" => to_recipients: Vec<EmailAddress>,
        list b"CcRecipients" / b"Mailbox" => cc_recipients: Vec<EmailAddress>,
        list b"BccRecipients" / b"Mailbox" => bcc_recipients: Vec<EmailAddress>,
        element b"IsReadReceiptRequested" => is_read_receipt_requested: Option<bool>,
        element b"IsDeliveryReceiptRequested" => is_delivery_receipt_requested: Option<bool>,
        element b"ConversationIndex" => conversation_index: Option<Binary>,
        element b"ConversationTopic" => conversation_topic: Option<String>,
        element b"From" => from: Option<SingleRecipient>,
        element b"InternetMessageId" => internet_message_id: Option<String>,
        element b"IsRead" => is_read: Option<bool>,
        element b"IsResponseRequested" => is_response_requested: Option<bool>,
        element b"References" => references: Option<String>,
        list b"ReplyTo" / b"Mailbox" => reply_to: Vec<EmailAddress>,
        element b"ReceivedBy" => received_by: Option<SingleRecipient>,
        element b"ReceivedRepresenting" => received_representing: Option<SingleRecipient>,
        element b"ApprovalRequestData" => approval_request_data: Option<ApprovalRequestData>,
        element b"VotingInformation" => voting_information: Option<VotingInformation>,
        element b"ReminderMessageData" => reminder_message_data: Option<ReminderMessageData>,
        element b"MessageSafety" => message_safety: Option<MessageSafety>,
        element b"SenderSMTPAddress" => sender_smtp_address: Option<String>,
        element b"PublishedCalendarItemIcs" => published_calendar_item_ics: Option<String>,
        element b"PublishedCalendarItemName" => published_calendar_item_name: Option<String>,
    }
}

sequence! {
    /// `t:ApprovalRequestDataType`.
    pub struct ApprovalRequestData in Types {
        element b"IsUndecidedApprovalRequest" => is_undecided_approval_request: Option<bool>,
        element b"ApprovalDecision" => approval_decision: Option<i32>,
        element b"ApprovalDecisionMaker" => approval_decision_maker: Option<String>,
        element b"ApprovalDecisionTime" => approval_decision_time: Option<DateTime>,
    }
}

sequence! {
    /// `t:VotingOptionDataType`.
    pub struct VotingOption in Types {
        element b"DisplayName" => display_name: Option<String>,
        element b"SendPrompt" => send_prompt: Option<String>,
    }
}

sequence! {
    /// `t:VotingInformationType`.
    pub struct VotingInformation in Types {
        list b"UserOptions" / b"VotingOptionData" => user_options: Vec<VotingOption>,
        element b"VotingResponse" => voting_response: Option<String>,
    }
}

sequence! {
    /// `t:ReminderMessageDataType`.
    pub struct ReminderMessageData in Types {
        element b"ReminderText" => reminder_text: Option<String>,
        element b"Location" => location: Option<String>,
        element b"StartTime" => start_time: Option<DateTime>,
        element b"EndTime" => end_time: Option<DateTime>,
        element b"AssociatedCalendarItemId" => associated_calendar_item_id: Option<ItemId>,
    }
}

sequence! {
    /// `t:MessageSafetyType`.
    pub struct MessageSafety in Types {
        element b"MessageSafetyLevel" => message_safety_level: Option<i32>,
        element b"MessageSafetyReason" => message_safety_reason: Option<i32>,
        element b"Info" => info: Option<String>,
    }
}
