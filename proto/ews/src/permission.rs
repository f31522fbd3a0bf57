//! Permissions on folders.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsfold/> section 2.2.4

use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:PermissionActionType`: on whose items.
    pub enum PermissionAction { None, Owned, All }
}

sequence! {
    /// `t:UserIdType`: a user, or one of the two everybody knows (`Default`, `Anonymous`).
    #[derive(Eq)]
    pub struct UserId in Types {
        element b"SID" => sid: Option<String>,
        element b"PrimarySmtpAddress" => primary_smtp_address: Option<String>,
        element b"DisplayName" => display_name: Option<String>,
        element b"DistinguishedUser" => distinguished_user: Option<String>,
        element b"ExternalUserIdentity" => external_user_identity: Option<String>,
    }
}

sequence! {
    /// `t:PermissionType` and `t:CalendarPermissionType`: what one user may do.
    pub struct Permission in Types {
        required b"UserId" => user_id: UserId,
        element b"CanCreateItems" => can_create_items: Option<bool>,
        element b"CanCreateSubFolders" => can_create_sub_folders: Option<bool>,
        element b"IsFolderOwner" => is_folder_owner: Option<bool>,
        element b"IsFolderVisible" => is_folder_visible: Option<bool>,
        element b"IsFolderContact" => is_folder_contact: Option<bool>,
        element b"EditItems" => edit_items: Option<PermissionAction>,
        element b"DeleteItems" => delete_items: Option<PermissionAction>,
        element b"ReadItems" => read_items: Option<String>,
        /// `Owner`, `Editor`, `Reviewer` and others; not in calendar folders.
        element b"PermissionLevel" => permission_level: Option<String>,
        /// The same in calendar folders.
        element b"CalendarPermissionLevel" => calendar_permission_level: Option<String>,
    }
}

sequence! {
    /// `t:PermissionSetType` and `t:CalendarPermissionSetType`.
    pub struct PermissionSet in Types {
        list b"Permissions" / b"Permission" => permissions: Vec<Permission>,
        list b"CalendarPermissions" / b"CalendarPermission" => calendar_permissions: Vec<Permission>,
        list b"UnknownEntries" / b"UnknownEntry" => unknown_entries: Vec<String>,
    }
}
