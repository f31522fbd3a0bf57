//! Requests that name somebody else's folders and items: whose mailbox is at hand, and whether this is allowed.

use tieline_proto_ews::ResponseCode;
use uuid::Uuid;

use super::context::{Context, Failure, access_denied, folder_not_found, item_not_found, refuse};
use crate::{
    id::Named,
    permission::{self, Right},
    store::{
        folder::{self, Folder},
        item::{self, Item},
        mailbox,
    },
};

impl Context {
    /// Goes back to the own mailbox, where a request means its own.
    pub(crate) fn home(&mut self) {
        if self.mailbox.mailbox != self.own.mailbox {
            self.mailbox = self.own.clone();
        }
    }

    /// Goes to the mailbox with this address; what may be done there is asked folder by folder.
    pub(crate) async fn visit(&mut self, address: &str) -> Result<(), Failure> {
        let nobody = || {
            let text = "The SMTP address has no mailbox associated with it.";
            refuse(ResponseCode::ErrorNonExistentMailbox, text)
        };
        let account = self.server.directory.by_address(address).cloned().ok_or_else(nobody)?;
        self.mailbox = mailbox::by_address(&mut self.tx, &account.address).await?.ok_or_else(nobody)?;
        Ok(())
    }

    /// Goes to the mailbox that an id names, if what it names there may be seen.
    pub(crate) async fn enter(&mut self, guid: Uuid, named: Named) -> Result<(), Failure> {
        if guid != self.mailbox.guid {
            self.mailbox = match mailbox::by_guid(&mut self.tx, guid).await? {
                Some(owner) => owner,
                None if matches!(named, Named::Folder(_)) => return Err(folder_not_found()),
                None => return Err(item_not_found()),
            };
        }
        if self.mailbox.mailbox == self.own.mailbox {
            return Ok(());
        }
        let (number, right) = match named {
            Named::Folder(number) => (number, Right::Visible),
            Named::Item(item) | Named::Occurrence { series: item, .. } | Named::Attachment { item, .. } => {
                let row = item::by_number(&mut self.tx, self.mailbox.mailbox, item).await?;
                let Some(row) = row else { return Err(access_denied()) };
                (row.folder, Right::Read)
            }
        };
        match folder::by_number(&mut self.tx, self.mailbox.mailbox, number).await? {
            Some(folder) => self.allow(&folder, right).await,
            None => Err(access_denied()),
        }
    }

    /// Whether the caller may do this in a folder: in one's own mailbox always.
    pub(crate) async fn allow(&mut self, folder: &Folder, right: Right) -> Result<(), Failure> {
        let mine = folder.mailbox == self.own.mailbox;
        match mine || permission::allows(&mut self.tx, folder, &self.account.address, right).await? {
            true => Ok(()),
            false => Err(access_denied()),
        }
    }

    /// Whether the caller may change or delete an item; what they last wrote counts as their own.
    pub(crate) async fn allow_item(
        &mut self,
        row: &Item,
        right: impl FnOnce(bool) -> Right,
    ) -> Result<(), Failure> {
        if row.mailbox == self.own.mailbox {
            return Ok(());
        }
        let folder = folder::by_number(&mut self.tx, row.mailbox, row.folder).await?;
        let folder = folder.ok_or_else(item_not_found)?;
        self.allow(&folder, right(row.changed_by == self.account.display_name)).await
    }
}
