use crate::operation::{ResponseMessage, operation};
use crate::operations::get_inbox_rules::Rule;
use crate::xml::{choice, open_enum, sequence};

sequence! {
    /// `t:CreateRuleOperationType` and `t:SetRuleOperationType`.
    pub struct RuleOperationRule in Types {
        required b"Rule" => rule: Rule,
    }
}

sequence! {
    /// `t:DeleteRuleOperationType`.
    pub struct DeleteRuleOperation in Types {
        required b"RuleId" => rule_id: String,
    }
}

choice! {
    /// `t:RuleOperationType`: one change.
    pub enum RuleOperation in Types {
        b"CreateRuleOperation" => Create(RuleOperationRule),
        b"SetRuleOperation" => Set(RuleOperationRule),
        b"DeleteRuleOperation" => Delete(DeleteRuleOperation),
    }
}

sequence! {
    /// Changes the rules that act on mail as it arrives: all changes of the request, or none.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsrules/> section 3.1.4.2
    pub struct UpdateInboxRules in Messages {
        /// Whose rules; the caller's where absent.
        element b"MailboxSmtpAddress" => mailbox_smtp_address: Option<String>,
        /// Required where Outlook keeps settings of its own.
        element b"RemoveOutlookRuleBlob" => remove_outlook_rule_blob: Option<bool>,
        required_array b"Operations" => operations: Vec<RuleOperation>,
    }
}

operation!(UpdateInboxRules, "UpdateInboxRules" -> ResponseMessage<UpdateInboxRulesMessage>);

open_enum! {
    /// `t:RuleValidationErrorCodeType`: what is wrong with a rule.
    #[derive(Default)]
    pub enum RuleValidationErrorCode {
        ADOperationFailure,
        ConnectedAccountNotFound,
        CreateWithRuleId,
        EmptyValueFound,
        DuplicatedPriority,
        DuplicatedOperationOnTheSameRule,
        FolderDoesNotExist,
        InvalidAddress,
        InvalidDateRange,
        InvalidFolderId,
        InvalidSizeRange,
        InvalidValue,
        MessageClassificationNotFound,
        MissingAction,
        MissingParameter,
        MissingRangeValue,
        NotSettable,
        RecipientDoesNotExist,
        RuleNotFound,
        SizeLessThanZero,
        StringValueTooBig,
        UnsupportedAddress,
        #[default]
        UnexpectedError,
        UnsupportedRule,
    }
}

sequence! {
    /// `t:RuleValidationErrorType`: what is wrong with one part of a rule.
    #[derive(Eq)]
    pub struct RuleValidationError in Types {
        /// Such as `Condition:FromAddresses` or `RuleId`.
        required b"FieldURI" => field_uri: String,
        required b"ErrorCode" => error_code: RuleValidationErrorCode,
        required b"ErrorMessage" => error_message: String,
        required b"FieldValue" => field_value: String,
    }
}

sequence! {
    /// `t:RuleOperationErrorType`.
    #[derive(Eq)]
    pub struct RuleOperationError in Types {
        /// Which operation of the request, from 0.
        required b"OperationIndex" => operation_index: i32,
        required_list b"ValidationErrors" / b"Error" => validation_errors: Vec<RuleValidationError>,
    }
}

sequence! {
    /// `m:UpdateInboxRulesResponseType`.
    #[derive(Eq)]
    pub struct UpdateInboxRulesMessage in Messages {
        list b"RuleOperationErrors" / b"RuleOperationError" => rule_operation_errors: Vec<RuleOperationError>,
    }
}
