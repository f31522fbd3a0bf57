//! GetMailTips: what a sender should know about recipients.

use tieline_proto_ews::{
    EmailAddress, ResponseMessage,
    operations::{
        GetMailTips, MailTips, MailTipsMessage, MailTipsMessages, OutOfOfficeMailTip, RecipientsMailTips,
        ReplyBody,
    },
};

use super::{
    super::context::{Context, Failure},
    oof,
};
use crate::{delivery::is_ours, store::mailbox};

/// Largest message, in bytes, that the organisation carries.
pub(super) const MAX_MESSAGE: i32 = 25 * 1024 * 1024;

/// GetMailTips.
pub(crate) async fn get(cx: &mut Context, request: GetMailTips) -> Result<RecipientsMailTips, Failure> {
    cx.check_owner(request.sending_as.email_address.as_deref().unwrap_or_default())?;
    let requested = match request.mail_tips_requested.trim() {
        "" => "All".to_owned(),
        requested => requested.to_owned(),
    };
    let mut messages = Vec::new();
    for recipient in &request.recipients {
        let mail_tips = Some(tips(cx, recipient, &requested).await?);
        messages.push(ResponseMessage::success(MailTipsMessage { mail_tips }));
    }
    Ok(RecipientsMailTips { response_messages: Some(MailTipsMessages { messages }) })
}

async fn tips(cx: &mut Context, recipient: &EmailAddress, requested: &str) -> Result<MailTips, sqlx::Error> {
    let wants = |tip: &str| requested.split_whitespace().any(|name| name == "All" || name == tip);
    let address = recipient.email_address.clone().unwrap_or_default();
    let directory = &cx.server.directory;
    let account = directory.by_address(&address).cloned();
    let members = directory.group(&address).map(|group| directory.expand(group.members.iter().cloned()));
    let unknown = account.is_none() && members.is_none() && is_ours(&address);
    let count = |count: usize| i32::try_from(count).ok();
    let (total, external) = match &members {
        Some(members) => (members.len(), members.iter().filter(|member| !is_ours(member)).count()),
        None => (1, usize::from(!is_ours(&address))),
    };
    let out_of_office = match &account {
        Some(account) if wants("OutOfOfficeMessage") => out_of_office(cx, &account.address).await?,
        _ => None,
    };
    let flag = |tip: &str, value: bool| wants(tip).then_some(value);
    Ok(MailTips {
        recipient_address: EmailAddress {
            name: account.as_ref().map(|account| account.display_name.clone()).or(recipient.name.clone()),
            email_address: Some(address),
            routing_type: Some("SMTP".to_owned()),
            ..EmailAddress::default()
        },
        pending_mail_tips: String::new(),
        out_of_office,
        mailbox_full: flag("MailboxFullStatus", false),
        custom_mail_tip: None,
        total_member_count: count(total).filter(|_| wants("TotalMemberCount")),
        external_member_count: count(external).filter(|_| wants("ExternalMemberCount")),
        max_message_size: wants("MaxMessageSize").then_some(MAX_MESSAGE),
        delivery_restricted: flag("DeliveryRestriction", false),
        is_moderated: flag("ModerationStatus", false),
        invalid_recipient: flag("InvalidRecipient", unknown),
        scope: None,
    })
}

async fn out_of_office(cx: &mut Context, address: &str) -> Result<Option<OutOfOfficeMailTip>, sqlx::Error> {
    let Some(owner) = mailbox::by_address(&mut cx.tx, address).await? else { return Ok(None) };
    let settings = oof::load(&mut cx.tx, owner.mailbox).await?;
    let on = oof::is_on(&settings, cx.now_ms);
    let text = match on {
        true => oof::reply_for(&mut cx.tx, &owner, &settings, &cx.account.address).await?,
        false => None,
    };
    // Without a reply Exchange still sends the element, empty.
    let reply_body = ReplyBody { lang: None, message: Some(text.unwrap_or_default()) };
    Ok(Some(OutOfOfficeMailTip { reply_body, duration: settings.duration.filter(|_| on) }))
}
