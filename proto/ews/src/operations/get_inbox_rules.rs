use crate::date_time::DateTime;
use crate::item::{Importance, Sensitivity};
use crate::item_id::ItemId;
use crate::mailbox::EmailAddress;
use crate::operation::{ResponseMessage, operation};
use crate::operations::create_item::TargetFolderId;
use crate::xml::sequence;

sequence! {
    /// The rules that act on mail as it arrives.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsrules/> section 3.1.4.1
    pub struct GetInboxRules in Messages {
        /// Whose rules; the caller's where absent.
        element b"MailboxSmtpAddress" => mailbox_smtp_address: Option<String>,
    }
}

operation!(GetInboxRules, "GetInboxRules" -> ResponseMessage<InboxRules>);

sequence! {
    /// `t:RulePredicateDateRangeType`.
    pub struct DateRange in Types {
        element b"StartDateTime" => start_date_time: Option<DateTime>,
        element b"EndDateTime" => end_date_time: Option<DateTime>,
    }
}

sequence! {
    /// `t:RulePredicateSizeRangeType`, in kilobytes.
    pub struct SizeRange in Types {
        element b"MinimumSize" => minimum_size: Option<i32>,
        element b"MaximumSize" => maximum_size: Option<i32>,
    }
}

sequence! {
    /// `t:RulePredicatesType`: all must hold; of a list of texts or addresses, one.
    pub struct RulePredicates in Types {
        list b"Categories" / b"String" => categories: Vec<String>,
        list b"ContainsBodyStrings" / b"String" => contains_body_strings: Vec<String>,
        list b"ContainsHeaderStrings" / b"String" => contains_header_strings: Vec<String>,
        list b"ContainsRecipientStrings" / b"String" => contains_recipient_strings: Vec<String>,
        list b"ContainsSenderStrings" / b"String" => contains_sender_strings: Vec<String>,
        list b"ContainsSubjectOrBodyStrings" / b"String" => contains_subject_or_body_strings: Vec<String>,
        list b"ContainsSubjectStrings" / b"String" => contains_subject_strings: Vec<String>,
        element b"FlaggedForAction" => flagged_for_action: Option<String>,
        list b"FromAddresses" / b"Address" => from_addresses: Vec<EmailAddress>,
        list b"FromConnectedAccounts" / b"String" => from_connected_accounts: Vec<String>,
        element b"HasAttachments" => has_attachments: Option<bool>,
        element b"Importance" => importance: Option<Importance>,
        element b"IsApprovalRequest" => is_approval_request: Option<bool>,
        element b"IsAutomaticForward" => is_automatic_forward: Option<bool>,
        element b"IsAutomaticReply" => is_automatic_reply: Option<bool>,
        element b"IsEncrypted" => is_encrypted: Option<bool>,
        element b"IsMeetingRequest" => is_meeting_request: Option<bool>,
        element b"IsMeetingResponse" => is_meeting_response: Option<bool>,
        element b"IsNDR" => is_ndr: Option<bool>,
        element b"IsPermissionControlled" => is_permission_controlled: Option<bool>,
        element b"IsReadReceipt" => is_read_receipt: Option<bool>,
        element b"IsSigned" => is_signed: Option<bool>,
        element b"IsVoicemail" => is_voicemail: Option<bool>,
        list b"ItemClasses" / b"String" => item_classes: Vec<String>,
        list b"MessageClassifications" / b"String" => message_classifications: Vec<String>,
        element b"NotSentToMe" => not_sent_to_me: Option<bool>,
        element b"SentCcMe" => sent_cc_me: Option<bool>,
        element b"SentOnlyToMe" => sent_only_to_me: Option<bool>,
        list b"SentToAddresses" / b"Address" => sent_to_addresses: Vec<EmailAddress>,
        element b"SentToMe" => sent_to_me: Option<bool>,
        element b"SentToOrCcMe" => sent_to_or_cc_me: Option<bool>,
        element b"Sensitivity" => sensitivity: Option<Sensitivity>,
        element b"WithinDateRange" => within_date_range: Option<DateRange>,
        element b"WithinSizeRange" => within_size_range: Option<SizeRange>,
    }
}

sequence! {
    /// `t:RuleActionsType`: what becomes of a message.
    pub struct RuleActions in Types {
        list b"AssignCategories" / b"String" => assign_categories: Vec<String>,
        element b"CopyToFolder" => copy_to_folder: Option<TargetFolderId>,
        element b"Delete" => delete: Option<bool>,
        list b"ForwardAsAttachmentToRecipients" / b"Address" => forward_as_attachment_to_recipients: Vec<EmailAddress>,
        list b"ForwardToRecipients" / b"Address" => forward_to_recipients: Vec<EmailAddress>,
        element b"MarkImportance" => mark_importance: Option<Importance>,
        element b"MarkAsRead" => mark_as_read: Option<bool>,
        element b"MoveToFolder" => move_to_folder: Option<TargetFolderId>,
        element b"PermanentDelete" => permanent_delete: Option<bool>,
        list b"RedirectToRecipients" / b"Address" => redirect_to_recipients: Vec<EmailAddress>,
        list b"SendSMSAlertToRecipients" / b"Address" => send_sms_alert_to_recipients: Vec<EmailAddress>,
        element b"ServerReplyWithMessage" => server_reply_with_message: Option<ItemId>,
        element b"StopProcessingRules" => stop_processing_rules: Option<bool>,
    }
}

sequence! {
    /// `t:RuleType`: a rule.
    pub struct Rule in Types {
        /// Given by the server.
        element b"RuleId" => rule_id: Option<String>,
        required b"DisplayName" => display_name: String,
        /// Rules act in rising order, from 1.
        required b"Priority" => priority: i32,
        required b"IsEnabled" => is_enabled: bool,
        /// Made by a program that knows more kinds of rule than the service.
        element b"IsNotSupported" => is_not_supported: Option<bool>,
        element b"IsInError" => is_in_error: Option<bool>,
        element b"Conditions" => conditions: Option<RulePredicates>,
        element b"Exceptions" => exceptions: Option<RulePredicates>,
        element b"Actions" => actions: Option<RuleActions>,
    }
}

sequence! {
    /// `m:GetInboxRulesResponseType`.
    pub struct InboxRules in Messages {
        /// Outlook keeps settings of its own, which changes by the service destroy.
        element b"OutlookRuleBlobExists" => outlook_rule_blob_exists: Option<bool>,
        list b"InboxRules" / b"Rule" => inbox_rules: Vec<Rule>,
    }
}
