//! Permissions on folders: who but the owner may do what there, in the levels and the single rights of EWS.

use sqlx::SqliteConnection;
use tieline_proto_ews::{EffectiveRights, Permission, PermissionAction, PermissionSet, UserId};

use crate::{
    account::{Account, Directory},
    kept,
    store::folder::Folder,
};

/// What an operation wants to do in a folder of somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// See the folder.
    Visible,
    Read,
    Create,
    CreateAssociated,
    CreateSubFolder,
    /// Change an item; the flag says whether the user wrote it.
    Edit(bool),
    /// Delete or move away an item; the flag says whether the user wrote it.
    Delete(bool),
    /// Change the folder itself and its permissions.
    Own,
}

/// A named set of rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    None,
    Owner,
    PublishingEditor,
    Editor,
    PublishingAuthor,
    Author,
    NoneditingAuthor,
    Reviewer,
    Contributor,
    FreeBusyTimeOnly,
    FreeBusyTimeAndSubjectAndLocation,
    Custom,
}

impl From<&str> for Level {
    fn from(name: &str) -> Self {
        LEVELS.iter().find(|(_, known, _)| *known == name).map_or(Self::Custom, |(level, _, _)| *level)
    }
}

/// The single rights behind a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rights {
    visible: bool,
    read: bool,
    create: bool,
    sub_folders: bool,
    edit: Reach,
    delete: Reach,
    owner: bool,
}

/// On whose items a right holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reach {
    #[default]
    None,
    Owned,
    All,
}

impl Reach {
    fn allows(self, own: bool) -> bool {
        self == Self::All || (self == Self::Owned && own)
    }

    fn action(self) -> PermissionAction {
        match self {
            Self::None => PermissionAction::None,
            Self::Owned => PermissionAction::Owned,
            Self::All => PermissionAction::All,
        }
    }
}

impl From<&Option<PermissionAction>> for Reach {
    fn from(action: &Option<PermissionAction>) -> Self {
        match action {
            Some(PermissionAction::All) => Self::All,
            Some(PermissionAction::Owned) => Self::Owned,
            _ => Self::None,
        }
    }
}

const NOTHING: Rights = Rights {
    visible: false,
    read: false,
    create: false,
    sub_folders: false,
    edit: Reach::None,
    delete: Reach::None,
    owner: false,
};
const READER: Rights = Rights { visible: true, read: true, ..NOTHING };
const NONEDITING_AUTHOR: Rights = Rights { create: true, delete: Reach::Owned, ..READER };
const AUTHOR: Rights = Rights { edit: Reach::Owned, ..NONEDITING_AUTHOR };
const EDITOR: Rights = Rights { edit: Reach::All, delete: Reach::All, ..AUTHOR };

/// The levels with their names and rights.
const LEVELS: [(Level, &str, Rights); 11] = [
    (Level::None, "None", NOTHING),
    (Level::Owner, "Owner", Rights { sub_folders: true, owner: true, ..EDITOR }),
    (Level::PublishingEditor, "PublishingEditor", Rights { sub_folders: true, ..EDITOR }),
    (Level::Editor, "Editor", EDITOR),
    (Level::PublishingAuthor, "PublishingAuthor", Rights { sub_folders: true, ..AUTHOR }),
    (Level::Author, "Author", AUTHOR),
    (Level::NoneditingAuthor, "NoneditingAuthor", NONEDITING_AUTHOR),
    (Level::Reviewer, "Reviewer", READER),
    (Level::Contributor, "Contributor", Rights { visible: true, create: true, ..NOTHING }),
    (Level::FreeBusyTimeOnly, "FreeBusyTimeOnly", NOTHING),
    (Level::FreeBusyTimeAndSubjectAndLocation, "FreeBusyTimeAndSubjectAndLocation", NOTHING),
];

/// The user whose rights are those of everybody else.
const DEFAULT: &str = "Default";
/// The user who did not sign in.
const ANONYMOUS: &str = "Anonymous";

fn is_calendar(folder: &Folder) -> bool {
    folder.class.as_deref().is_some_and(|class| class.starts_with("IPF.Appointment"))
}

fn setting(folder: &Folder) -> String {
    format!("permissions/{}", folder.folder)
}

/// What one user may do, as it is written down.
#[derive(Clone, Debug)]
pub(crate) struct Grant(Permission);

impl Grant {
    /// A level for the user with this address.
    pub(crate) fn user(address: &str, level: Level) -> Self {
        let user_id = UserId { primary_smtp_address: Some(address.to_owned()), ..UserId::default() };
        Self(Permission {
            user_id,
            permission_level: Some(name_of(level).to_owned()),
            ..Permission::default()
        })
    }

    fn default_of(folder: &Folder, user: &str) -> Self {
        let level = match is_calendar(folder) && user == DEFAULT {
            true => Level::FreeBusyTimeOnly,
            false => Level::None,
        };
        let mut grant = Self::user("", level);
        grant.0.user_id = UserId { distinguished_user: Some(user.to_owned()), ..UserId::default() };
        grant
    }

    fn level(&self) -> Level {
        let name = self.0.permission_level.as_deref().or(self.0.calendar_permission_level.as_deref());
        name.map_or(Level::Custom, Level::from)
    }

    fn rights(&self) -> Rights {
        if let Some((_, _, rights)) = LEVELS.iter().find(|(level, _, _)| *level == self.level()) {
            return *rights;
        }
        let flag = |flag: Option<bool>| flag == Some(true);
        let read = self.0.read_items.as_deref() == Some("FullDetails");
        Rights {
            visible: read || flag(self.0.is_folder_visible),
            read,
            create: flag(self.0.can_create_items),
            sub_folders: flag(self.0.can_create_sub_folders),
            edit: Reach::from(&self.0.edit_items),
            delete: Reach::from(&self.0.delete_items),
            owner: flag(self.0.is_folder_owner),
        }
    }

    /// The element as clients see it, with everything that follows from the level.
    fn shown(&self, folder: &Folder, directory: &Directory) -> Permission {
        let rights = self.rights();
        let mut user_id = self.0.user_id.clone();
        let account =
            user_id.primary_smtp_address.as_deref().and_then(|address| directory.by_address(address));
        if let Some(account) = account {
            user_id.sid = Some(sid(directory, account));
            user_id.display_name = Some(account.display_name.clone());
        }
        let read = match self.level() {
            Level::FreeBusyTimeOnly => "TimeOnly",
            Level::FreeBusyTimeAndSubjectAndLocation => "TimeAndSubjectAndLocation",
            _ if rights.read => "FullDetails",
            _ => "None",
        };
        let level = Some(name_of(self.level()).to_owned());
        let calendar = is_calendar(folder);
        Permission {
            user_id,
            can_create_items: Some(rights.create),
            can_create_sub_folders: Some(rights.sub_folders),
            is_folder_owner: Some(rights.owner),
            is_folder_visible: Some(rights.visible),
            is_folder_contact: Some(self.0.is_folder_contact.unwrap_or(rights.owner)),
            edit_items: Some(rights.edit.action()),
            delete_items: Some(rights.delete.action()),
            read_items: Some(read.to_owned()),
            permission_level: level.clone().filter(|_| !calendar),
            calendar_permission_level: level.filter(|_| calendar),
        }
    }
}

fn name_of(level: Level) -> &'static str {
    LEVELS.iter().find(|(known, _, _)| *known == level).map_or("Custom", |(_, name, _)| name)
}

/// A security identifier for an account; it is the same at every start.
pub(crate) fn sid(directory: &Directory, account: &Account) -> String {
    let place = directory.mailboxes().position(|known| known.address == account.address);
    format!("S-1-5-21-1004336348-1177238915-682003330-{}", 1100 + place.unwrap_or(0))
}

async fn grants(tx: &mut SqliteConnection, folder: &Folder) -> Result<Vec<Grant>, sqlx::Error> {
    let set: Option<PermissionSet> = kept::load(tx, folder.mailbox, &setting(folder)).await?;
    let mut grants: Vec<_> = set.unwrap_or_default().permissions.into_iter().map(Grant).collect();
    for user in [ANONYMOUS, DEFAULT] {
        if !grants.iter().any(|grant| grant.0.user_id.distinguished_user.as_deref() == Some(user)) {
            grants.insert(0, Grant::default_of(folder, user));
        }
    }
    Ok(grants)
}

async fn write(tx: &mut SqliteConnection, folder: &Folder, grants: Vec<Grant>) -> Result<(), sqlx::Error> {
    let permissions = grants.into_iter().map(|grant| grant.0).collect();
    let set = PermissionSet { permissions, ..PermissionSet::default() };
    kept::keep(tx, folder.mailbox, &setting(folder), &set).await
}

fn same_user(grant: &Grant, address: &str) -> bool {
    let known = grant.0.user_id.primary_smtp_address.as_deref();
    known.is_some_and(|known| known.eq_ignore_ascii_case(address))
}

/// The rights of the user with this address: their own, or everybody's.
async fn rights_of(tx: &mut SqliteConnection, folder: &Folder, address: &str) -> Result<Rights, sqlx::Error> {
    let grants = grants(tx, folder).await?;
    let own = grants.iter().find(|grant| same_user(grant, address));
    let everybodys =
        || grants.iter().find(|grant| grant.0.user_id.distinguished_user.as_deref() == Some(DEFAULT));
    Ok(own.or_else(everybodys).map(Grant::rights).unwrap_or_default())
}

/// Whether the user with this address may do this in a folder of somebody else.
pub(crate) async fn allows(
    tx: &mut SqliteConnection,
    folder: &Folder,
    address: &str,
    wanted: Right,
) -> Result<bool, sqlx::Error> {
    let rights = rights_of(tx, folder, address).await?;
    Ok(match wanted {
        Right::Visible => rights.visible,
        Right::Read => rights.read,
        Right::Create => rights.create,
        Right::CreateAssociated | Right::Own => rights.owner,
        Right::CreateSubFolder => rights.sub_folders,
        Right::Edit(own) => rights.edit.allows(own),
        Right::Delete(own) => rights.delete.allows(own),
    })
}

/// `EffectiveRights` of the user with this address.
pub(crate) async fn effective(
    tx: &mut SqliteConnection,
    folder: &Folder,
    address: &str,
) -> Result<EffectiveRights, sqlx::Error> {
    let rights = rights_of(tx, folder, address).await?;
    Ok(EffectiveRights {
        create_associated: rights.owner,
        create_contents: rights.create,
        create_hierarchy: rights.sub_folders,
        delete: rights.delete == Reach::All,
        modify: rights.edit == Reach::All,
        read: rights.read,
        view_private_items: Some(rights.owner),
    })
}

/// The level that the user with this address was given, `None` without one.
pub(crate) async fn level_of(
    tx: &mut SqliteConnection,
    folder: &Folder,
    address: &str,
) -> Result<Level, sqlx::Error> {
    let grants = grants(tx, folder).await?;
    Ok(grants.iter().find(|grant| same_user(grant, address)).map_or(Level::None, Grant::level))
}

/// Gives a user this and nothing else.
pub(crate) async fn set(tx: &mut SqliteConnection, folder: &Folder, new: Grant) -> Result<(), sqlx::Error> {
    let mut grants = grants(tx, folder).await?;
    let address = new.0.user_id.primary_smtp_address.clone().unwrap_or_default();
    grants.retain(|known| !same_user(known, &address));
    grants.push(new);
    write(tx, folder, grants).await
}

/// Takes everything from the user with this address.
pub(crate) async fn remove(
    tx: &mut SqliteConnection,
    folder: &Folder,
    address: &str,
) -> Result<(), sqlx::Error> {
    let mut grants = grants(tx, folder).await?;
    grants.retain(|known| !same_user(known, address));
    write(tx, folder, grants).await
}

/// The folder's permissions as clients see them.
pub(crate) async fn shown(
    tx: &mut SqliteConnection,
    folder: &Folder,
    directory: &Directory,
) -> Result<PermissionSet, sqlx::Error> {
    let list: Vec<_> = grants(tx, folder).await?.iter().map(|grant| grant.shown(folder, directory)).collect();
    Ok(match is_calendar(folder) {
        true => PermissionSet { calendar_permissions: list, ..PermissionSet::default() },
        false => PermissionSet { permissions: list, ..PermissionSet::default() },
    })
}

/// Writes the folder's permissions anew; the first user that the lab does not know is the error.
pub(crate) async fn replace(
    tx: &mut SqliteConnection,
    folder: &Folder,
    set: &PermissionSet,
    directory: &Directory,
) -> Result<Result<(), UserId>, sqlx::Error> {
    let mut grants = Vec::new();
    for permission in set.permissions.iter().chain(&set.calendar_permissions) {
        let user = &permission.user_id;
        let known = match (&user.distinguished_user, &user.sid, &user.primary_smtp_address) {
            (Some(name), _, _) if [DEFAULT, ANONYMOUS].contains(&name.as_str()) => Some(user.clone()),
            (_, _, Some(address)) => directory.by_address(address).map(by_address),
            (_, Some(known), None) => {
                directory.mailboxes().find(|account| sid(directory, account) == *known).map(by_address)
            }
            _ => None,
        };
        let Some(user_id) = known else { return Ok(Err(user.clone())) };
        grants.push(Grant(Permission { user_id, ..permission.clone() }));
    }
    write(tx, folder, grants).await?;
    Ok(Ok(()))
}

fn by_address(account: &Account) -> UserId {
    UserId { primary_smtp_address: Some(account.address.clone()), ..UserId::default() }
}
