//! Folders: found by role or by name once, known by id from then on.

use tieline_model::{FolderPath, Refusal};
use tieline_ports::{FolderRef, PortError};
use tieline_proto_ews::operations::{CreateFolder, FindFolder, FolderQueryTraversal, GetFolder};
use tieline_proto_ews::{
    BaseFolderId, DistinguishedFolderName, FieldUri, Folder, FolderId, FolderShape, ResponseCode,
    SearchExpression,
};

use super::call::Call;
use super::failure::Stated;

impl Call<'_> {
    /// The folder at `path`; what is missing below its root is made.
    pub(super) async fn ensure_folder(&self, path: &FolderPath) -> Result<FolderRef, PortError> {
        let mut folder = match self.distinguished(path.root().into()).await? {
            Some(root) => root,
            None => {
                return Err(PortError::refused(
                    Refusal::operator(
                        "no-such-root",
                        format!("the mailbox has no folder {}", path.root()),
                        "choose another target folder, such as inbox",
                    )
                    .at(self.at()),
                ));
            }
        };
        for name in path.below() {
            folder = match self.child(&folder, name).await? {
                Some(child) => child,
                None => self.make_child(&folder, name).await?,
            };
        }
        Ok(FolderRef(folder.id))
    }

    /// How many items the folder holds.
    pub(super) async fn count(&self, folder: &FolderRef) -> Result<u32, PortError> {
        let shape = FolderShape {
            additional_properties: vec![FieldUri::FOLDER_TOTAL_COUNT.into()],
            ..FolderShape::default()
        };
        let found = self.folder(FolderId::new(&folder.0).into(), shape).await?.ok_or(PortError::NotFound)?;
        let count = found.total_count.and_then(|count| u32::try_from(count).ok());
        count.ok_or_else(|| {
            PortError::refused(
                Refusal::transient(
                    "no-count",
                    "Exchange did not say how many items the folder holds",
                    "nothing",
                )
                .at(self.at()),
            )
        })
    }

    /// The id of a folder by its role; `None` if this mailbox or this Exchange has no such folder.
    pub(super) async fn distinguished(
        &self,
        name: DistinguishedFolderName,
    ) -> Result<Option<FolderId>, PortError> {
        let found = self.folder(name.into(), FolderShape::default()).await?;
        Ok(found.and_then(|folder| folder.folder_id))
    }

    async fn folder(&self, id: BaseFolderId, shape: FolderShape) -> Result<Option<Folder>, PortError> {
        let request = GetFolder { folder_shape: shape, folder_ids: vec![id] };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        match Stated::message(&message) {
            Some(stated) if is_missing(&stated.code) => Ok(None),
            Some(stated) => Err(stated.into_error(&self.at(), None)),
            None => Ok(message.payload.folders.into_iter().next()),
        }
    }

    pub(super) async fn child(&self, parent: &FolderId, name: &str) -> Result<Option<FolderId>, PortError> {
        let request = FindFolder {
            traversal: FolderQueryTraversal::Shallow,
            folder_shape: FolderShape {
                additional_properties: vec![FieldUri::FOLDER_DISPLAY_NAME.into()],
                ..FolderShape::default()
            },
            restriction: Some(SearchExpression::equals(FieldUri::FOLDER_DISPLAY_NAME, name).into()),
            parent_folder_ids: vec![parent.clone().into()],
            ..FindFolder::default()
        };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&self.at(), None));
        }
        let mut folders = message.payload.root_folder.map(|root| root.folders).unwrap_or_default();
        // Exchange compares names without case; one that fits exactly goes first.
        folders.sort_by_key(|folder| folder.display_name.as_deref() != Some(name));
        Ok(folders.into_iter().find_map(|folder| folder.folder_id))
    }

    pub(super) async fn make_child(&self, parent: &FolderId, name: &str) -> Result<FolderId, PortError> {
        let request = CreateFolder {
            parent_folder_id: parent.clone().into(),
            folders: vec![Folder::named(name, "IPF.Note")],
        };
        let mut answer = self.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(self.short()) };
        match Stated::message(&message) {
            // Somebody else was faster, perhaps our own lost request.
            Some(stated) if stated.code == ResponseCode::ErrorFolderExists => {
                self.child(parent, name).await?.ok_or(PortError::NotFound)
            }
            Some(stated) => Err(stated.into_error(&self.at(), None)),
            None => {
                let made = message.payload.folders.into_iter().next();
                made.and_then(|folder| folder.folder_id).ok_or_else(|| self.short())
            }
        }
    }

    /// An answer with fewer entries than the request, or without the one thing that was asked for.
    pub(super) fn short(&self) -> PortError {
        PortError::uncertain(
            Refusal::transient(
                "answer-incomplete",
                "Exchange left out what was asked for",
                "nothing; if it stays, look for a proxy or a failing Exchange server",
            )
            .at(self.at()),
        )
    }
}

/// The ways in which servers say that a folder is not there. An archive that was never enabled is one of them.
pub(super) fn is_missing(code: &ResponseCode) -> bool {
    matches!(
        code,
        ResponseCode::ErrorFolderNotFound
            | ResponseCode::ErrorItemNotFound
            | ResponseCode::ErrorArchiveMailboxNotEnabled
            | ResponseCode::ErrorInvalidOperation
    )
}
