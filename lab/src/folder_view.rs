//! A folder as clients see it.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use tieline_proto_ews::{
    BaseShape, DistinguishedFolderName, EffectiveRights, ExtendedFieldUri, ExtendedProperty,
    Folder as FolderElement, FolderId, FolderKind, FolderShape, PropertyPath,
};

use crate::{
    extended::{self, ExtendedValue},
    filter::Properties,
    id,
    property::{date_time, element_of},
    store::{
        folder::{Counts, Folder},
        mailbox::Mailbox,
    },
};

/// A folder row with its counts.
pub(crate) struct FolderView<'a> {
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) row: &'a Folder,
    pub(crate) counts: Counts,
}

const DEFAULT: [&str; 5] = ["FolderId", "DisplayName", "UnreadCount", "TotalCount", "ChildFolderCount"];
const ALL: [&str; 9] = [
    "FolderId",
    "ParentFolderId",
    "FolderClass",
    "DisplayName",
    "TotalCount",
    "ChildFolderCount",
    "EffectiveRights",
    "DistinguishedFolderId",
    "UnreadCount",
];

impl FolderView<'_> {
    /// `t:FolderId`.
    pub(crate) fn id(&self) -> FolderId {
        FolderId {
            id: id::folder_id(self.mailbox.guid, self.row.folder),
            change_key: Some(id::change_key(1, self.mailbox.guid, self.row.version)),
        }
    }

    fn parent_id(&self) -> FolderId {
        // The root's parent is the root of the store, which has no folder; Exchange names one all the same.
        let parent = self.row.parent.unwrap_or(self.row.folder);
        FolderId { id: id::folder_id(self.mailbox.guid, parent), change_key: Some("AQAAAA==".to_owned()) }
    }

    fn kind(&self) -> FolderKind {
        if self.row.search_class.is_some() {
            return FolderKind::SearchFolder;
        }
        FolderKind::from_folder_class(self.row.class.as_deref().unwrap_or_default())
    }

    /// The folder's element in the given shape.
    pub(crate) fn element(&self, shape: &FolderShape) -> FolderElement {
        let mut names: Vec<&str> = match shape.base_shape {
            BaseShape::Default => DEFAULT.to_vec(),
            BaseShape::AllProperties => ALL.to_vec(),
            _ => vec!["FolderId"],
        };
        names.extend(shape.additional_properties.iter().filter_map(element_of));
        let mut element = FolderElement { kind: self.kind(), ..FolderElement::default() };
        for name in names {
            self.fill(&mut element, name);
        }
        for path in &shape.additional_properties {
            let PropertyPath::Extended(uri) = path else { continue };
            if let Some(value) = self.extended(uri) {
                element.extended_properties.push(property(uri, value));
            }
        }
        element
    }

    fn fill(&self, element: &mut FolderElement, name: &str) {
        let count = |count: i64| i32::try_from(count).ok();
        match name {
            "FolderId" => element.folder_id = Some(self.id()),
            "ParentFolderId" => element.parent_folder_id = Some(self.parent_id()),
            "FolderClass" => element.folder_class = self.row.class.clone(),
            "DisplayName" => element.display_name = Some(self.row.name.clone()),
            "TotalCount" => element.total_count = count(self.counts.items),
            "ChildFolderCount" => element.child_folder_count = count(self.counts.children),
            "EffectiveRights" => element.effective_rights = Some(owner_rights()),
            "DistinguishedFolderId" => {
                let name = self.row.distinguished.as_deref();
                element.distinguished_folder_id = name.map(DistinguishedFolderName::from);
            }
            // Calendar and contacts folders have no such element in the schema.
            "UnreadCount"
                if matches!(element.kind, FolderKind::CalendarFolder | FolderKind::ContactsFolder) => {}
            "UnreadCount" => element.unread_count = count(self.counts.unread),
            _ => {}
        }
    }

    /// The value of an extended property.
    pub(crate) fn extended(&self, uri: &ExtendedFieldUri) -> Option<ExtendedValue> {
        if let Some(value) = extended::tag(uri).and_then(|tag| self.mapi(tag)) {
            return Some(ExtendedValue::one(value));
        }
        let set: BTreeMap<String, ExtendedValue> = properties(self.row);
        set.get(&extended::canonical(uri)?).cloned()
    }

    fn mapi(&self, tag: u16) -> Option<String> {
        let row = self.row;
        Some(match tag {
            0x3001 => row.name.clone(),
            0x3007 => date_time(row.created_ms),
            0x3008 | 0x670a => date_time(row.changed_ms),
            0x3602 => self.counts.items.to_string(),
            0x3603 => self.counts.unread.to_string(),
            0x360a => (self.counts.children > 0).to_string(),
            0x3613 => row.class.clone()?,
            0x10f3 => row.name.clone(),
            0x10f4 => row.hidden.to_string(),
            0x6751 => (row.version + 1).to_string(),
            0x6752 => row.folder.to_string(),
            0x0fff => STANDARD.encode(id::folder_id(self.mailbox.guid, row.folder)),
            _ => return None,
        })
    }
}

impl Properties for FolderView<'_> {
    fn values(&self, path: &PropertyPath) -> Vec<String> {
        match path {
            PropertyPath::Extended(uri) => self.extended(uri).map(|value| value.values).unwrap_or_default(),
            _ => {
                let value = match element_of(path) {
                    Some("FolderId") => Some(self.id().id),
                    Some("ParentFolderId") => Some(self.parent_id().id),
                    Some("FolderClass") => self.row.class.clone(),
                    Some("DisplayName") => Some(self.row.name.clone()),
                    Some("TotalCount") => Some(self.counts.items.to_string()),
                    Some("ChildFolderCount") => Some(self.counts.children.to_string()),
                    Some("UnreadCount") => Some(self.counts.unread.to_string()),
                    Some("DistinguishedFolderId") => self.row.distinguished.clone(),
                    _ => None,
                };
                value.into_iter().collect()
            }
        }
    }
}

/// The extended properties that clients set on a folder.
pub(crate) fn properties(row: &Folder) -> BTreeMap<String, ExtendedValue> {
    serde_json::from_str(&row.properties).unwrap_or_default()
}

/// An extended property under the address that the client used.
pub(crate) fn property(uri: &ExtendedFieldUri, value: ExtendedValue) -> ExtendedProperty {
    match value.array {
        true => ExtendedProperty::array(uri.clone(), value.values),
        false => ExtendedProperty::new(uri.clone(), value.values.into_iter().next().unwrap_or_default()),
    }
}

fn owner_rights() -> EffectiveRights {
    EffectiveRights {
        create_associated: true,
        create_contents: true,
        create_hierarchy: true,
        delete: true,
        modify: true,
        read: true,
        view_private_items: Some(true),
    }
}
