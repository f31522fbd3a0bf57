use crate::folder::Folder;
use crate::folder_id::BaseFolderId;
use crate::operation::{ResponseMessages, operation};
use crate::operations::get_folder::FolderInfo;
use crate::property_path::PropertyPath;
use crate::xml::{choice, sequence};

sequence! {
    /// `t:SetFolderFieldType` and `t:AppendToFolderFieldType`: a path, and a folder with that one property.
    pub struct SetFolderField in Types {
        choice b"(path)" => path: Option<PropertyPath>,
        choice b"(folder)" => folder: Option<Folder>,
    }
}

sequence! {
    /// `t:DeleteFolderFieldType`.
    pub struct DeleteFolderField in Types {
        choice b"(path)" => path: Option<PropertyPath>,
    }
}

choice! {
    /// `t:FolderChangeDescriptionType`: one change to one property.
    pub enum FolderChangeDescription in Types {
        b"AppendToFolderField" => Append(SetFolderField),
        b"SetFolderField" => Set(SetFolderField),
        b"DeleteFolderField" => Delete(DeleteFolderField),
    }
}

sequence! {
    /// `t:FolderChangeType`: the changes to one folder.
    pub struct FolderChange in Types {
        choice b"(folder id)" => folder_id: Option<BaseFolderId>,
        required_array b"Updates" => updates: Vec<FolderChangeDescription>,
    }
}

sequence! {
    /// Changes folders.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsfold/> section 3.1.4.8
    pub struct UpdateFolder in Messages {
        required_list b"FolderChanges" / b"FolderChange" => folder_changes: Vec<FolderChange>,
    }
}

operation!(UpdateFolder, "UpdateFolder" -> ResponseMessages<FolderInfo>);
