//! Which folder of a mailbox is meant by a path: found or made once, then known by its id, so that renaming it in
//! Outlook moves nothing (AV-72).
//!
//! The bindings lie among the mailbox's cursors, under `path:` and the path: a folder's id never holds a colon.

use tieline_model::{FolderPath, Mailbox};
use tieline_ports::{FolderRef, MailTarget, PortError};
use tieline_store::{StoreError, Write};

use crate::Messaging;

const MARK: &str = "path:";

fn key(path: &FolderPath) -> String {
    format!("{MARK}{path}")
}

/// A binding, to be written.
pub(crate) fn bind(mailbox: &Mailbox, path: &FolderPath, folder: Option<&FolderRef>) -> Write {
    Write::Cursor { mailbox: mailbox.id, folder: key(path), cursor: folder.map(|folder| folder.0.clone()) }
}

/// What a mailbox's cursors say: the folders that are read, and the bindings of paths.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Folder ids with their cursors.
    pub(crate) read: Vec<(String, String)>,
    /// Paths with their folder ids.
    pub(crate) bound: Vec<(String, FolderRef)>,
}

impl Messaging {
    pub(crate) async fn known_folders(&self, mailbox: &Mailbox) -> Result<Known, StoreError> {
        let mut known = Known::default();
        for (folder, cursor) in self.store.cursors(mailbox.id).await? {
            match folder.strip_prefix(MARK) {
                Some(path) => known.bound.push((path.to_owned(), FolderRef(cursor))),
                None => known.read.push((folder, cursor)),
            }
        }
        Ok(known)
    }

    /// The folder that is bound to a path, or the one found or made for it, with the binding to be written.
    pub(crate) async fn folder_at(
        &self,
        mailbox: &Mailbox,
        target: &MailTarget,
        path: &FolderPath,
    ) -> Result<Result<(FolderRef, Option<Write>), PortError>, StoreError> {
        if let Some(id) = self.store.cursor(mailbox.id, &key(path)).await? {
            return Ok(Ok((FolderRef(id), None)));
        }
        Ok(self.mail.ensure_folder(target, path).await.map(|folder| {
            let binding = bind(mailbox, path, Some(&folder));
            (folder, Some(binding))
        }))
    }
}
