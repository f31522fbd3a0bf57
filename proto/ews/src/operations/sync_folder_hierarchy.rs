use crate::folder::Folder;
use crate::folder_id::FolderId;
use crate::folder_shape::FolderShape;
use crate::operation::{ResponseMessages, operation};
use crate::operations::create_item::TargetFolderId;
use crate::xml::{choice, sequence};

sequence! {
    /// What changed in a mailbox's tree of folders since a state.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwssync/> section 3.1.4.1
    pub struct SyncFolderHierarchy in Messages {
        required b"FolderShape" => folder_shape: FolderShape,
        element b"SyncFolderId" => sync_folder_id: Option<TargetFolderId>,
        element b"SyncState" => sync_state: Option<String>,
    }
}

operation!(SyncFolderHierarchy, "SyncFolderHierarchy" -> ResponseMessages<SyncFolderHierarchyMessage>);

sequence! {
    /// `t:SyncFolderHierarchyCreateOrUpdateType`.
    pub struct SyncFolder in Types {
        choice b"(folder)" => folder: Option<Folder>,
    }
}

sequence! {
    /// `t:SyncFolderHierarchyDeleteType`.
    pub struct SyncFolderDelete in Types {
        required b"FolderId" => folder_id: FolderId,
    }
}

choice! {
    /// One change.
    pub enum SyncFolderHierarchyChange in Types {
        b"Create" => Create(SyncFolder),
        b"Update" => Update(SyncFolder),
        b"Delete" => Delete(SyncFolderDelete),
    }
}

sequence! {
    /// `m:SyncFolderHierarchyResponseMessageType`.
    pub struct SyncFolderHierarchyMessage in Messages {
        element b"SyncState" => sync_state: Option<String>,
        element b"IncludesLastFolderInRange" => includes_last_folder_in_range: Option<bool>,
        required_array b"Changes" => changes: Vec<SyncFolderHierarchyChange>,
    }
}
