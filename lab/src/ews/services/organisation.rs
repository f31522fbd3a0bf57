//! What clients ask about the organisation, and what the lab's does not have: managed folders, photos.

use jiff::civil::date;
use tieline_proto_ews::{
    DateTime, ResponseCode, ResponseMessage, ResponseMessages,
    operations::{
        CreateManagedFolder, FolderInfo, GetPasswordExpirationDate, GetSearchableMailboxes,
        GetServiceConfiguration, GetUserPhoto, MailTipsConfiguration, PasswordExpirationDate,
        SearchableMailbox, SearchableMailboxes, ServiceConfiguration, ServiceConfigurationMessages,
        ServiceConfigurationName, ServiceConfigurations, SmtpDomain, UnifiedMessagingConfiguration,
        UserPhoto,
    },
};

use super::{
    super::context::{Context, Failure, message, refuse},
    mail_tips::MAX_MESSAGE,
    phone_call,
};
use crate::{account::DOMAIN, store::mailbox};

/// CreateManagedFolder: the lab's organisation defines none.
pub(super) async fn managed_folders(
    cx: &mut Context,
    request: CreateManagedFolder,
) -> Result<ResponseMessages<FolderInfo>, sqlx::Error> {
    if let Some(address) = request.mailbox.as_ref().and_then(|mailbox| mailbox.email_address.as_deref())
        && let Err(failure) = cx.check_owner(address)
    {
        return Ok(ResponseMessages::one(message(Err(failure))?));
    }
    let refusal = |name: &String| {
        let text = format!("The organisation has no managed folder {name}.");
        ResponseMessage::error(ResponseCode::ErrorManagedFolderNotFound, text)
    };
    Ok(request.folder_names.iter().map(refusal).collect())
}

/// GetPasswordExpirationDate: passwords of the lab do not expire unless they were told to.
pub(super) async fn password_expiration(
    cx: &mut Context,
    request: GetPasswordExpirationDate,
) -> Result<PasswordExpirationDate, Failure> {
    if let Some(address) = &request.mailbox_smtp_address {
        cx.check_owner(address)?;
    }
    let whose = request.mailbox_smtp_address.as_deref().unwrap_or(&cx.account.address).to_ascii_lowercase();
    let ends = cx.server.accounts.settings().password_ends.get(&whose).copied();
    let never = DateTime::local(date(9999, 12, 31).at(23, 59, 59, 0));
    let never = DateTime { offset: Some(jiff::tz::Offset::UTC), ..never };
    Ok(PasswordExpirationDate { password_expiration_date: Some(ends.map_or(never, DateTime::from)) })
}

/// GetServiceConfiguration.
pub(super) async fn service_configuration(
    cx: &mut Context,
    request: GetServiceConfiguration,
) -> Result<ServiceConfigurations, Failure> {
    let mut messages = Vec::new();
    for name in &request.requested_configuration.configuration_names {
        let found = match name {
            ServiceConfigurationName::MailTips => ServiceConfiguration {
                mail_tips_configuration: Some(MailTipsConfiguration {
                    mail_tips_enabled: true,
                    max_recipients_per_get_mail_tips_request: 50,
                    max_message_size: MAX_MESSAGE,
                    large_audience_threshold: 25,
                    show_external_recipient_count: true,
                    internal_domains: vec![SmtpDomain {
                        name: DOMAIN.to_owned(),
                        include_subdomains: Some(false),
                    }],
                    policy_tips_enabled: false,
                    large_audience_cap: 1000,
                }),
                ..ServiceConfiguration::default()
            },
            ServiceConfigurationName::UnifiedMessagingConfiguration => ServiceConfiguration {
                unified_messaging_configuration: Some(UnifiedMessagingConfiguration {
                    um_enabled: true,
                    play_on_phone_dial_string: phone_call::last_dialled(cx).await?,
                    play_on_phone_enabled: true,
                }),
                ..ServiceConfiguration::default()
            },
            // What the lab's organisation has not set up comes back empty.
            _ => ServiceConfiguration::default(),
        };
        messages.push(ResponseMessage::success(found));
    }
    Ok(ServiceConfigurations {
        response_messages: (!messages.is_empty()).then_some(ServiceConfigurationMessages { messages }),
    })
}

/// GetUserPhoto: nobody in the lab has one.
pub(super) async fn user_photo(cx: &mut Context, request: GetUserPhoto) -> Result<UserPhoto, Failure> {
    match cx.server.directory.by_address(&request.email) {
        Some(_) => Err(refuse(ResponseCode::ErrorItemNotFound, "The user has no photo.")),
        None => Err(refuse(ResponseCode::ErrorNonExistentMailbox, "There is no such mailbox.")),
    }
}

/// GetSearchableMailboxes: for the account that may act for everybody.
pub(super) async fn searchable_mailboxes(
    cx: &mut Context,
    request: GetSearchableMailboxes,
) -> Result<SearchableMailboxes, Failure> {
    if !cx.caller.may_impersonate {
        return Err(super::super::context::access_denied());
    }
    let filter = request.search_filter.unwrap_or_default();
    let directory = cx.server.directory.clone();
    let wanted = |address: &str, name: &str| {
        filter.trim().is_empty() || crate::account::begins_with(name, address, &filter)
    };
    let mut searchable_mailboxes = Vec::new();
    for account in directory.mailboxes().filter(|account| wanted(&account.address, &account.display_name)) {
        let Some(row) = mailbox::by_address(&mut cx.tx, &account.address).await? else { continue };
        searchable_mailboxes.push(SearchableMailbox {
            guid: row.guid.to_string(),
            primary_smtp_address: account.address.clone(),
            is_external_mailbox: false,
            external_email_address: String::new(),
            display_name: account.display_name.clone(),
            is_membership_group: false,
            reference_id: format!("/o=Lab/ou=Exchange/cn=Recipients/cn={}", account.alias),
        });
    }
    Ok(SearchableMailboxes { searchable_mailboxes, failed_mailboxes: Vec::new() })
}
