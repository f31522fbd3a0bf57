//! Folders.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsfold/> section 2.2.4

use crate::Error;
use crate::folder_id::{BaseFolderId, DistinguishedFolderName, FolderId};
use crate::message_xml::is_name;
use crate::permission::PermissionSet;
use crate::property_path::ExtendedProperty;
use crate::restriction::SearchExpression;
use crate::xml::{Choice, Ns, Reader, Sequence, Start, Writer, sequence};

sequence! {
    /// `t:EffectiveRightsType`: what the caller may do with a folder or an item.
    #[derive(Eq)]
    pub struct EffectiveRights in Types {
        required b"CreateAssociated" => create_associated: bool,
        required b"CreateContents" => create_contents: bool,
        required b"CreateHierarchy" => create_hierarchy: bool,
        required b"Delete" => delete: bool,
        required b"Modify" => modify: bool,
        required b"Read" => read: bool,
        element b"ViewPrivateItems" => view_private_items: Option<bool>,
    }
}

sequence! {
    /// `t:RetentionTagType`: a retention tag by GUID.
    #[derive(Eq)]
    pub struct RetentionTag in Types {
        required_attribute b"IsExplicit" => is_explicit: bool,
        text b"(guid)" => guid: String,
    }
}

sequence! {
    /// `t:ManagedFolderInformationType`.
    pub struct ManagedFolderInformation in Types {
        element b"CanDelete" => can_delete: Option<bool>,
        element b"CanRenameOrMove" => can_rename_or_move: Option<bool>,
        element b"MustDisplayComment" => must_display_comment: Option<bool>,
        element b"HasQuota" => has_quota: Option<bool>,
        element b"IsManagedFoldersRoot" => is_managed_folders_root: Option<bool>,
        element b"ManagedFolderId" => managed_folder_id: Option<String>,
        element b"Comment" => comment: Option<String>,
        element b"StorageQuota" => storage_quota: Option<i32>,
        element b"FolderSize" => folder_size: Option<i32>,
        element b"HomePage" => home_page: Option<String>,
    }
}

sequence! {
    /// `t:SearchParametersType`: what a search folder shows.
    pub struct SearchParameters in Types {
        attribute b"Traversal" => traversal: Option<String>,
        required_array b"Restriction" => restriction: Option<SearchExpression>,
        required_array b"BaseFolderIds" => base_folder_ids: Vec<BaseFolderId>,
    }
}

/// The kinds of folder; the folder class decides (`IPF.Note` and so on).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FolderKind {
    /// `t:Folder`.
    #[default]
    Folder,
    /// `t:CalendarFolder`.
    CalendarFolder,
    /// `t:ContactsFolder`.
    ContactsFolder,
    /// `t:SearchFolder`.
    SearchFolder,
    /// `t:TasksFolder`.
    TasksFolder,
    /// A kind this version does not know, by its element's name.
    Unknown(String),
}

impl FolderKind {
    /// The kind for a folder class.
    pub fn from_folder_class(class: &str) -> Self {
        let is =
            |prefix: &str| class.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
        match class {
            _ if is("IPF.Appointment") => Self::CalendarFolder,
            _ if is("IPF.Contact") => Self::ContactsFolder,
            _ if is("IPF.Task") => Self::TasksFolder,
            _ => Self::Folder,
        }
    }

    /// The element's name.
    pub fn element(&self) -> &str {
        match self {
            Self::Folder => "Folder",
            Self::CalendarFolder => "CalendarFolder",
            Self::ContactsFolder => "ContactsFolder",
            Self::SearchFolder => "SearchFolder",
            Self::TasksFolder => "TasksFolder",
            Self::Unknown(name) => name,
        }
    }

    fn from_element(name: &str) -> Self {
        match name {
            "Folder" => Self::Folder,
            "CalendarFolder" => Self::CalendarFolder,
            "ContactsFolder" => Self::ContactsFolder,
            "SearchFolder" => Self::SearchFolder,
            "TasksFolder" => Self::TasksFolder,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

sequence! {
    /// `t:BaseFolderType` with the fields of all its kinds; which apply, the kind says.
    pub struct Folder in Types {
        /// Which kind of folder this is; it decides the element's name.
        aside b"(kind)" => kind: FolderKind,
        element b"FolderId" => folder_id: Option<FolderId>,
        element b"ParentFolderId" => parent_folder_id: Option<FolderId>,
        element b"FolderClass" => folder_class: Option<String>,
        element b"DisplayName" => display_name: Option<String>,
        element b"TotalCount" => total_count: Option<i32>,
        element b"ChildFolderCount" => child_folder_count: Option<i32>,
        element b"ExtendedProperty" => extended_properties: Vec<ExtendedProperty>,
        element b"ManagedFolderInformation" => managed_folder_information: Option<ManagedFolderInformation>,
        element b"EffectiveRights" => effective_rights: Option<EffectiveRights>,
        element b"DistinguishedFolderId" => distinguished_folder_id: Option<DistinguishedFolderName>,
        element b"PolicyTag" => policy_tag: Option<RetentionTag>,
        element b"ArchiveTag" => archive_tag: Option<RetentionTag>,
        list b"ReplicaList" / b"String" => replica_list: Vec<String>,
        /// Calendar and contacts folders.
        element b"SharingEffectiveRights" => sharing_effective_rights: Option<String>,
        element b"PermissionSet" => permission_set: Option<PermissionSet>,
        /// Mail, search and tasks folders.
        element b"UnreadCount" => unread_count: Option<i32>,
        /// Search folders.
        element b"SearchParameters" => search_parameters: Option<SearchParameters>,
        /// Contacts folders.
        element b"SourceId" => source_id: Option<String>,
        /// Contacts folders.
        element b"AccountName" => account_name: Option<String>,
    }
}

impl Folder {
    /// A folder to create.
    pub fn named(display_name: impl Into<String>, folder_class: &str) -> Self {
        Self {
            kind: FolderKind::from_folder_class(folder_class),
            folder_class: Some(folder_class.to_owned()),
            display_name: Some(display_name.into()),
            ..Self::default()
        }
    }
}

impl Choice for Folder {
    /// Takes any element: what has no kind of its own becomes [`FolderKind::Unknown`].
    fn read_choice(r: &mut Reader<'_>, element: &Start<'_>) -> Result<Option<Self>, Error> {
        let name = element.local();
        if !is_name(name) {
            return Ok(None);
        }
        let mut folder = Self { kind: FolderKind::from_element(name), ..Self::default() };
        r.charge(size_of::<Self>())?;
        folder.read_into(r, element)?;
        Ok(Some(folder))
    }

    fn write_choice(&self, w: &mut Writer) {
        // A name somebody made up must not become markup.
        let name = self.kind.element();
        let name = if is_name(name) { name } else { "Folder" }.as_bytes();
        w.start(Ns::Types, name);
        self.write_children(w);
        w.end(Ns::Types, name);
    }
}
