//! GetInboxRules and UpdateInboxRules. What the rules do stands in `inbox_rule`.

use tieline_proto_ews::{
    EmailAddress, ResponseCode, ResponseMessage,
    operations::{
        GetInboxRules, InboxRules, Rule, RuleActions, RuleOperation, RuleOperationError, RulePredicates,
        RuleValidationError, RuleValidationErrorCode, TargetFolderId, UpdateInboxRules,
        UpdateInboxRulesMessage,
    },
};

use super::super::context::{Context, Failure, message};
use crate::{inbox_rule, kept};

fn check_mailbox(cx: &mut Context, address: Option<&str>) -> Result<(), Failure> {
    match address {
        Some(address) => cx.check_owner(address),
        None => Ok(()),
    }
}

/// GetInboxRules.
pub(crate) async fn get(cx: &mut Context, request: GetInboxRules) -> Result<InboxRules, Failure> {
    check_mailbox(cx, request.mailbox_smtp_address.as_deref())?;
    let mut rules = inbox_rule::load(&mut cx.tx, cx.own.mailbox).await?;
    rules.outlook_rule_blob_exists = Some(false);
    Ok(rules)
}

/// UpdateInboxRules: all operations, or none when one is wrong.
pub(crate) async fn update(
    cx: &mut Context,
    request: UpdateInboxRules,
) -> Result<ResponseMessage<UpdateInboxRulesMessage>, sqlx::Error> {
    if let Err(failure) = check_mailbox(cx, request.mailbox_smtp_address.as_deref()) {
        return message(Err(failure));
    }
    let mut rules = inbox_rule::load(&mut cx.tx, cx.own.mailbox).await?;
    let mut errors = Vec::new();
    for (index, operation) in request.operations.iter().enumerate() {
        let found = apply(cx, &mut rules.inbox_rules, operation).await?;
        if !found.is_empty() {
            errors.push(RuleOperationError {
                operation_index: i32::try_from(index).unwrap_or(i32::MAX),
                validation_errors: found,
            });
        }
    }
    if !errors.is_empty() {
        let text = "A validation error occurred while executing the rule operation.";
        let mut refusal = ResponseMessage::<UpdateInboxRulesMessage>::error(
            ResponseCode::ErrorInboxRulesValidationError,
            text,
        );
        refusal.payload.rule_operation_errors = errors;
        return Ok(refusal);
    }
    rules.inbox_rules.sort_by_key(|rule| rule.priority);
    kept::keep(&mut cx.tx, cx.own.mailbox, inbox_rule::SETTING, &rules).await?;
    Ok(ResponseMessage::success(UpdateInboxRulesMessage::default()))
}

fn wrong(field: &str, code: RuleValidationErrorCode, text: &str, value: &str) -> RuleValidationError {
    RuleValidationError {
        field_uri: field.to_owned(),
        error_code: code,
        error_message: text.to_owned(),
        field_value: value.to_owned(),
    }
}

async fn apply(
    cx: &mut Context,
    rules: &mut Vec<Rule>,
    operation: &RuleOperation,
) -> Result<Vec<RuleValidationError>, sqlx::Error> {
    let mut errors = Vec::new();
    let place = |rules: &[Rule], id: Option<&str>| {
        let id = id.unwrap_or_default();
        rules.iter().position(|rule| rule.rule_id.as_deref() == Some(id)).ok_or_else(|| {
            wrong("RuleId", RuleValidationErrorCode::RuleNotFound, "There is no such rule.", id)
        })
    };
    match operation {
        RuleOperation::Create(create) => {
            let mut new = create.rule.clone();
            if let Some(id) = &new.rule_id {
                let text = "A new rule has no id yet.";
                errors.push(wrong("RuleId", RuleValidationErrorCode::CreateWithRuleId, text, id));
            }
            errors.extend(check(cx, &new).await?);
            new.rule_id = Some(crate::id::random_uuid().simple().to_string());
            if errors.is_empty() {
                make_way(rules, new.priority);
                rules.push(new);
            }
        }
        RuleOperation::Set(set) => {
            errors.extend(check(cx, &set.rule).await?);
            match place(rules, set.rule.rule_id.as_deref()) {
                Ok(at) if errors.is_empty() => {
                    let mut new = set.rule.clone();
                    new.rule_id = rules.remove(at).rule_id;
                    make_way(rules, new.priority);
                    rules.push(new);
                }
                Ok(_) => {}
                Err(error) => errors.push(error),
            }
        }
        RuleOperation::Delete(delete) => match place(rules, Some(&delete.rule_id)) {
            Ok(at) => drop(rules.remove(at)),
            Err(error) => errors.push(error),
        },
    }
    Ok(errors)
}

/// A rule in the place of another moves that one and those after it down.
fn make_way(rules: &mut [Rule], priority: i32) {
    if rules.iter().any(|rule| rule.priority == priority) {
        for rule in rules.iter_mut().filter(|rule| rule.priority >= priority) {
            rule.priority = rule.priority.saturating_add(1);
        }
    }
}

async fn check(cx: &mut Context, rule: &Rule) -> Result<Vec<RuleValidationError>, sqlx::Error> {
    let mut errors = Vec::new();
    if rule.display_name.trim().is_empty() {
        let code = RuleValidationErrorCode::EmptyValueFound;
        errors.push(wrong("DisplayName", code, "A rule has a name.", ""));
    }
    if rule.priority < 1 {
        let value = rule.priority.to_string();
        let code = RuleValidationErrorCode::InvalidValue;
        errors.push(wrong("Priority", code, "Priorities begin at 1.", &value));
    }
    let actions = rule.actions.clone().unwrap_or_default();
    if actions == RuleActions::default() {
        let code = RuleValidationErrorCode::MissingAction;
        errors.push(wrong("Actions", code, "A rule does something.", ""));
    }
    for (field, target) in
        [("Action:CopyToFolder", &actions.copy_to_folder), ("Action:MoveToFolder", &actions.move_to_folder)]
    {
        errors.extend(check_folder(cx, field, target.as_ref()).await?);
    }
    let lists = [
        ("Action:ForwardToRecipients", &actions.forward_to_recipients),
        ("Action:ForwardAsAttachmentToRecipients", &actions.forward_as_attachment_to_recipients),
        ("Action:RedirectToRecipients", &actions.redirect_to_recipients),
    ];
    for (field, list) in lists {
        errors.extend(list.iter().filter(|address| !usable(address)).map(|address| {
            let value = address.email_address.as_deref().unwrap_or_default();
            wrong(field, RuleValidationErrorCode::InvalidAddress, "The address is not usable.", value)
        }));
    }
    for (part, predicates) in [("Condition", &rule.conditions), ("Exception", &rule.exceptions)] {
        errors.extend(predicates.iter().filter_map(|predicates| check_ranges(part, predicates)));
    }
    Ok(errors)
}

fn usable(address: &EmailAddress) -> bool {
    address.email_address.as_deref().is_some_and(|address| address.contains('@'))
}

fn check_ranges(part: &str, predicates: &RulePredicates) -> Option<RuleValidationError> {
    let range = predicates.within_size_range.as_ref()?;
    let (least, most) = (range.minimum_size.unwrap_or(0), range.maximum_size.unwrap_or(i32::MAX));
    let field = format!("{part}:WithinSizeRange");
    let code = match () {
        () if least < 0 || most < 0 => RuleValidationErrorCode::SizeLessThanZero,
        () if least > most => RuleValidationErrorCode::InvalidSizeRange,
        () => return None,
    };
    Some(wrong(&field, code, "The sizes are no range.", &format!("{least}-{most}")))
}

async fn check_folder(
    cx: &mut Context,
    field: &str,
    target: Option<&TargetFolderId>,
) -> Result<Option<RuleValidationError>, sqlx::Error> {
    let Some(target) = target else { return Ok(None) };
    match cx.target(target).await {
        Ok(_) => Ok(None),
        Err(Failure::Store(error)) => Err(error),
        Err(Failure::Refused(_)) => {
            let code = RuleValidationErrorCode::FolderDoesNotExist;
            Ok(Some(wrong(field, code, "The folder does not exist.", "")))
        }
    }
}
