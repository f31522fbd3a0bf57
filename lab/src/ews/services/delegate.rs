//! GetDelegate, AddDelegate, UpdateDelegate, RemoveDelegate: who acts for the mailbox's owner, and the permissions on
//! folders that this brings along. Who gets invitations is the `attendant`'s business.

use tieline_proto_ews::{
    EmailAddress, ResponseCode, ResponseMessage, UserId,
    operations::{
        AddDelegate, DelegateFolderPermissionLevel, DelegatePermissions, DelegateUser, DelegateUserMessage,
        DelegateUserMessages, Delegates, DeliverMeetingRequests, GetDelegate, RemoveDelegate, UpdateDelegate,
    },
};

use super::super::context::{Context, Failure, message, refuse};
use crate::{
    account::Account,
    kept,
    permission::{self, Grant, Level},
    store::folder,
};

/// Where a mailbox keeps its delegates.
pub(crate) const SETTING: &str = "delegates";

type Levels<'a> = [(&'static str, &'a Option<DelegateFolderPermissionLevel>); 6];

fn levels(permissions: &DelegatePermissions) -> Levels<'_> {
    [
        ("calendar", &permissions.calendar_folder_permission_level),
        ("tasks", &permissions.tasks_folder_permission_level),
        ("inbox", &permissions.inbox_folder_permission_level),
        ("contacts", &permissions.contacts_folder_permission_level),
        ("notes", &permissions.notes_folder_permission_level),
        ("journal", &permissions.journal_folder_permission_level),
    ]
}

async fn load(cx: &mut Context, mailbox: &EmailAddress) -> Result<UpdateDelegate, Failure> {
    cx.check_owner(mailbox.email_address.as_deref().unwrap_or_default())?;
    Ok(kept::load(&mut cx.tx, cx.own.mailbox, SETTING).await?.unwrap_or_default())
}

/// Whom a request names.
fn account_of(cx: &Context, user: &UserId) -> Result<Account, Failure> {
    let directory = &cx.server.directory;
    if let Some(sid) = &user.sid {
        let found = directory.mailboxes().find(|account| permission::sid(directory, account) == *sid);
        return found
            .cloned()
            .ok_or_else(|| refuse(ResponseCode::ErrorInvalidUserSid, "The SID is no user's."));
    }
    let address = user.primary_smtp_address.as_deref().unwrap_or_default();
    directory.by_address(address).cloned().ok_or_else(|| {
        refuse(ResponseCode::ErrorDelegateNoUser, "The delegate does not map to a user in the directory.")
    })
}

fn is(user: &DelegateUser, account: &Account) -> bool {
    user.user_id.primary_smtp_address.as_deref() == Some(&*account.address)
}

fn not_delegate() -> Failure {
    refuse(ResponseCode::ErrorNotDelegate, "The user is not a delegate for the mailbox.")
}

fn answer(messages: Vec<ResponseMessage<DelegateUserMessage>>, kept: &UpdateDelegate) -> Delegates {
    let deliver = kept
        .deliver_meeting_requests
        .clone()
        .unwrap_or(DeliverMeetingRequests::DelegatesAndSendInformationToMe);
    Delegates {
        response_messages: (!messages.is_empty()).then_some(DelegateUserMessages { messages }),
        deliver_meeting_requests: Some(deliver),
    }
}

/// GetDelegate.
pub(crate) async fn get(cx: &mut Context, request: GetDelegate) -> Result<Delegates, Failure> {
    let kept_ones = load(cx, &request.mailbox).await?;
    let mut messages = Vec::new();
    if request.user_ids.is_empty() {
        for user in kept_ones.delegate_users.clone() {
            let shown = shown(cx, user, request.include_permissions).await?;
            messages.push(ResponseMessage::success(shown));
        }
    }
    for wanted in &request.user_ids {
        let found = account_of(cx, wanted).and_then(|account| {
            let found = kept_ones.delegate_users.iter().find(|user| is(user, &account));
            found.cloned().ok_or_else(not_delegate)
        });
        let outcome = match found {
            Ok(user) => Ok(shown(cx, user, request.include_permissions).await?),
            Err(failure) => Err(failure),
        };
        messages.push(message(outcome)?);
    }
    Ok(answer(messages, &kept_ones))
}

/// A delegate with what the folders say now, if that is asked for.
async fn shown(
    cx: &mut Context,
    mut user: DelegateUser,
    with_permissions: bool,
) -> Result<DelegateUserMessage, sqlx::Error> {
    user.delegate_permissions = None;
    if with_permissions {
        let address = user.user_id.primary_smtp_address.clone().unwrap_or_default();
        let mut found = Vec::new();
        for (id, _) in levels(&DelegatePermissions::default()) {
            let level = match folder::by_distinguished(&mut cx.tx, cx.own.mailbox, id).await? {
                Some(row) => permission::level_of(&mut cx.tx, &row, &address).await?,
                None => Level::None,
            };
            found.push(Some(DelegateFolderPermissionLevel::from(match level {
                Level::None => "None",
                Level::Editor => "Editor",
                Level::Reviewer => "Reviewer",
                Level::Author => "Author",
                _ => "Custom",
            })));
        }
        let mut found = found.into_iter();
        let mut next = || found.next().flatten();
        user.delegate_permissions = Some(DelegatePermissions {
            calendar_folder_permission_level: next(),
            tasks_folder_permission_level: next(),
            inbox_folder_permission_level: next(),
            contacts_folder_permission_level: next(),
            notes_folder_permission_level: next(),
            journal_folder_permission_level: next(),
        });
    }
    Ok(DelegateUserMessage { delegate_user: Some(user) })
}

/// Writes the levels into the permissions of the folders; what is not named stays.
async fn grant(
    cx: &mut Context,
    account: &Account,
    permissions: &DelegatePermissions,
) -> Result<(), Failure> {
    for (id, level) in levels(permissions) {
        let level = match level {
            None | Some(DelegateFolderPermissionLevel::Custom) => continue,
            Some(DelegateFolderPermissionLevel::Other(_)) => {
                let text = "The permission level is none of a delegate's.";
                return Err(refuse(ResponseCode::ErrorInvalidDelegatePermission, text));
            }
            Some(level) => Level::from(level.as_str()),
        };
        let row = cx.distinguished(id).await?;
        permission::set(&mut cx.tx, &row, Grant::user(&account.address, level)).await?;
    }
    Ok(())
}

fn named(cx: &Context, account: &Account, user: &DelegateUser) -> DelegateUser {
    DelegateUser {
        user_id: UserId {
            sid: Some(permission::sid(&cx.server.directory, account)),
            primary_smtp_address: Some(account.address.clone()),
            display_name: Some(account.display_name.clone()),
            ..UserId::default()
        },
        receive_copies_of_meeting_messages: Some(user.receive_copies_of_meeting_messages.unwrap_or(false)),
        view_private_items: Some(user.view_private_items.unwrap_or(false)),
        delegate_permissions: user.delegate_permissions.clone(),
    }
}

/// AddDelegate.
pub(crate) async fn add(cx: &mut Context, request: AddDelegate) -> Result<Delegates, Failure> {
    let owner = cx.own.address.clone();
    let check = |account: &Account, known: bool| match known {
        _ if account.address == owner => {
            let text = "The owner of the mailbox cannot be its delegate.";
            Err(refuse(ResponseCode::ErrorDelegateCannotAddOwner, text))
        }
        true => {
            let text = "The user is already a delegate for the mailbox.";
            Err(refuse(ResponseCode::ErrorDelegateAlreadyExists, text))
        }
        false => Ok(()),
    };
    put(cx, &request.mailbox, &request.delegate_users, request.deliver_meeting_requests, check).await
}

/// UpdateDelegate.
pub(crate) async fn update(cx: &mut Context, request: UpdateDelegate) -> Result<Delegates, Failure> {
    let check = |_: &Account, known: bool| if known { Ok(()) } else { Err(not_delegate()) };
    put(cx, &request.mailbox, &request.delegate_users, request.deliver_meeting_requests, check).await
}

/// Makes users delegates, or delegates as they shall be from now on. `check` learns who it is, and whether that is a
/// delegate already.
async fn put(
    cx: &mut Context,
    mailbox: &EmailAddress,
    users: &[DelegateUser],
    deliver: Option<DeliverMeetingRequests>,
    check: impl Fn(&Account, bool) -> Result<(), Failure>,
) -> Result<Delegates, Failure> {
    let mut kept_ones = load(cx, mailbox).await?;
    let mut messages = Vec::new();
    for user in users {
        let outcome = async {
            let account = account_of(cx, &user.user_id)?;
            check(&account, kept_ones.delegate_users.iter().any(|known| is(known, &account)))?;
            let new = named(cx, &account, user);
            grant(cx, &account, &user.delegate_permissions.clone().unwrap_or_default()).await?;
            Ok(new)
        };
        let outcome = outcome.await;
        messages.push(take(&mut kept_ones, outcome)?);
    }
    finish(cx, kept_ones, deliver, messages).await
}

/// RemoveDelegate: also takes the permissions away.
pub(crate) async fn remove(cx: &mut Context, request: RemoveDelegate) -> Result<Delegates, Failure> {
    let mut kept_ones = load(cx, &request.mailbox).await?;
    let mut messages = Vec::new();
    for user in &request.user_ids {
        let outcome = async {
            let account = account_of(cx, user)?;
            let before = kept_ones.delegate_users.len();
            kept_ones.delegate_users.retain(|known| !is(known, &account));
            if kept_ones.delegate_users.len() == before {
                return Err(not_delegate());
            }
            for (id, _) in levels(&DelegatePermissions::default()) {
                let row = cx.distinguished(id).await?;
                permission::remove(&mut cx.tx, &row, &account.address).await?;
            }
            Ok(DelegateUserMessage::default())
        };
        let outcome = outcome.await;
        messages.push(message(outcome)?);
    }
    finish(cx, kept_ones, None, messages).await
}

/// Remembers a delegate in place of what was known, and says how it fared.
fn take(
    kept_ones: &mut UpdateDelegate,
    outcome: Result<DelegateUser, Failure>,
) -> Result<ResponseMessage<DelegateUserMessage>, sqlx::Error> {
    message(outcome.map(|new| {
        kept_ones.delegate_users.retain(|known| known.user_id != new.user_id);
        kept_ones.delegate_users.push(new.clone());
        DelegateUserMessage { delegate_user: Some(new) }
    }))
}

async fn finish(
    cx: &mut Context,
    mut kept_ones: UpdateDelegate,
    deliver: Option<DeliverMeetingRequests>,
    messages: Vec<ResponseMessage<DelegateUserMessage>>,
) -> Result<Delegates, Failure> {
    kept_ones.deliver_meeting_requests = deliver.or(kept_ones.deliver_meeting_requests);
    kept::keep(&mut cx.tx, cx.own.mailbox, SETTING, &kept_ones).await?;
    let mut answer = answer(messages, &kept_ones);
    // Only GetDelegate tells who gets invitations.
    answer.deliver_meeting_requests = None;
    Ok(answer)
}
