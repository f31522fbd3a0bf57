//! Which folders are in the bin: Deleted Items and all below.
//!
//! A person who deletes a folder only moves it there, under the id that Tieline knows it by. New messages must not
//! follow it, and what is in it counts as deleted. A mailbox is asked now and then; between two questions the answer
//! may be old.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use tieline_ports::{FolderRef, PortError};
use tieline_proto_ews::DistinguishedFolderName;

use super::call::Call;

/// The folders in a mailbox's bin, as they were.
#[derive(Debug, Clone)]
pub(super) struct Bin {
    folders: Arc<HashSet<String>>,
    looked: Instant,
}

impl Call<'_> {
    /// Whether the folder is in the bin, by what is remembered.
    pub(super) async fn is_in_bin(&self, folder: &FolderRef) -> Result<bool, PortError> {
        let mailbox = self.charge();
        let remembered = self.session.bin(&mailbox);
        let bin = match remembered.filter(|bin| bin.looked.elapsed() < self.options.bin_memory) {
            Some(bin) => bin,
            None => self.look_into_bin(mailbox).await?,
        };
        Ok(bin.folders.contains(&folder.0))
    }

    /// # Errors
    /// [`PortError::NotFound`] if the folder is in the bin at this moment: for its user it is gone.
    pub(super) async fn refuse_bin(&self, folder: &FolderRef) -> Result<(), PortError> {
        // It may have been restored since: a yes is not taken from memory.
        let gone = self.is_in_bin(folder).await? && {
            let bin = self.look_into_bin(self.charge()).await?;
            bin.folders.contains(&folder.0)
        };
        if gone { Err(PortError::NotFound) } else { Ok(()) }
    }

    async fn look_into_bin(&self, mailbox: String) -> Result<Bin, PortError> {
        let mut folders = HashSet::new();
        let found = self.folders([&DistinguishedFolderName::DeletedItems].into_iter()).await?;
        for root in found.iter().flatten() {
            let Some(id) = &root.folder_id else { continue };
            folders.insert(id.id.clone());
            if root.child_folder_count.is_none_or(|count| count > 0) {
                folders.extend(self.descendants(root, id).await?.into_iter().map(|(folder, _)| folder.id));
            }
        }
        let bin = Bin { folders: Arc::new(folders), looked: Instant::now() };
        self.session.remember_bin(mailbox, bin.clone());
        Ok(bin)
    }
}
