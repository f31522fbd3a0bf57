//! What an operation works with: the transaction, who asks, whose mailbox; and how an entry of a request fails.

use std::sync::Arc;

use tieline_proto_ews::{
    BaseFolderId, BaseItemId, MessageXml, PropertyPath, ResponseCode, ResponseMessage,
    operations::TargetFolderId,
};

use crate::{
    account::Account,
    fault::FaultKind,
    id::{self, Id, Named},
    server::Server,
    store::{
        Tx, folder,
        folder::Folder,
        item::{self, Item},
        mailbox::{self, Mailbox},
    },
};

/// One request at work.
pub(crate) struct Context {
    pub(crate) server: Arc<Server>,
    pub(crate) tx: Tx,
    /// Who signed in.
    pub(crate) caller: Account,
    /// Whose mailbox is worked on: the caller, or whom the caller impersonates.
    pub(crate) account: Account,
    pub(crate) mailbox: Mailbox,
    pub(crate) now_ms: i64,
    /// A fault that the operation itself has to show.
    pub(crate) fault: Option<FaultKind>,
    /// Items that the request saved.
    pub(crate) saved: Vec<i64>,
}

/// Why an entry of a request, or the whole request, came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The entry is refused; the others go on.
    Refused(Box<Refusal>),
    /// The store failed; so does the request.
    Store(sqlx::Error),
}

/// A refused entry.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ResponseCode,
    pub(crate) text: String,
    pub(crate) xml: MessageXml,
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

/// A refusal with Exchange's code and a sentence.
pub(crate) fn refuse(code: ResponseCode, text: &str) -> Failure {
    Failure::Refused(Box::new(Refusal { code, text: text.to_owned(), xml: MessageXml::default() }))
}

/// A refusal that names the property at fault.
pub(crate) fn refuse_property(code: ResponseCode, text: &str, path: &PropertyPath) -> Failure {
    let xml = MessageXml { paths: vec![path.clone()], ..MessageXml::default() };
    Failure::Refused(Box::new(Refusal { code, text: text.to_owned(), xml }))
}

/// The response message for one entry. Only a failing store is an error.
pub(crate) fn message<P: Default>(outcome: Result<P, Failure>) -> Result<ResponseMessage<P>, sqlx::Error> {
    match outcome {
        Ok(payload) => Ok(ResponseMessage::success(payload)),
        Err(Failure::Store(error)) => Err(error),
        Err(Failure::Refused(refusal)) => {
            let mut message = ResponseMessage::error(refusal.code, refusal.text);
            message.xml = refusal.xml;
            Ok(message)
        }
    }
}

impl Context {
    /// The folder that a request names.
    pub(crate) async fn folder(&mut self, id: &BaseFolderId) -> Result<Folder, Failure> {
        match id {
            BaseFolderId::FolderId(id) => {
                let number = self.number(&id.id).await?;
                let Named::Folder(number) = number else {
                    return Err(refuse(
                        ResponseCode::ErrorCannotUseItemIdForFolderId,
                        "Id must be a folder's.",
                    ));
                };
                folder::by_number(&mut self.tx, self.mailbox.mailbox, number)
                    .await?
                    .ok_or_else(folder_not_found)
            }
            BaseFolderId::Distinguished(id) => {
                if let Some(owner) = id.mailbox.as_ref().and_then(|mailbox| mailbox.email_address.as_deref())
                {
                    self.check_owner(owner)?;
                }
                let found =
                    folder::by_distinguished(&mut self.tx, self.mailbox.mailbox, id.id.as_str()).await?;
                found.ok_or_else(folder_not_found)
            }
            BaseFolderId::AddressList(_) => {
                Err(refuse(ResponseCode::ErrorInvalidOperation, "The lab has no address lists."))
            }
        }
    }

    /// The folder that a request names as its target.
    pub(crate) async fn target(&mut self, target: &TargetFolderId) -> Result<Folder, Failure> {
        match &target.folder {
            Some(id) => self.folder(id).await,
            None => Err(refuse(ResponseCode::ErrorParentFolderIdRequired, "The parent folder is missing.")),
        }
    }

    /// The folder with this distinguished id, which every mailbox has.
    pub(crate) async fn distinguished(&mut self, id: &str) -> Result<Folder, Failure> {
        let found = folder::by_distinguished(&mut self.tx, self.mailbox.mailbox, id).await?;
        found.ok_or_else(folder_not_found)
    }

    fn check_owner(&self, address: &str) -> Result<(), Failure> {
        match self.server.directory.by_address(address) {
            None => Err(refuse(
                ResponseCode::ErrorNonExistentMailbox,
                "The SMTP address has no mailbox associated with it.",
            )),
            Some(owner) if owner.address == self.account.address => Ok(()),
            Some(_) => Err(access_denied()),
        }
    }

    /// The item that a request names. A change key in the id is checked by the operations that need it.
    pub(crate) async fn item(&mut self, id: &BaseItemId) -> Result<Item, Failure> {
        match id {
            BaseItemId::ItemId(id) => self.item_by_id(&id.id).await,
            _ => Err(refuse(
                ResponseCode::ErrorCalendarCannotUseIdForOccurrenceId,
                "The lab's calendar has no occurrences.",
            )),
        }
    }

    /// The item with this id.
    pub(crate) async fn item_by_id(&mut self, id: &str) -> Result<Item, Failure> {
        let number = match self.number(id).await? {
            Named::Item(number) => number,
            Named::Folder(_) => {
                return Err(refuse(ResponseCode::ErrorCannotUseFolderIdForItemId, "Id must be an item's."));
            }
            Named::Attachment { .. } => return Err(malformed()),
        };
        item::by_number(&mut self.tx, self.mailbox.mailbox, number).await?.ok_or_else(item_not_found)
    }

    /// What an id of this mailbox names.
    pub(crate) async fn number(&mut self, id: &str) -> Result<Named, Failure> {
        if id.is_empty() {
            return Err(refuse(ResponseCode::ErrorInvalidIdEmpty, "Id cannot be empty."));
        }
        let Some(Id { mailbox: guid, named }) = Id::decode(id) else { return Err(malformed()) };
        if guid == self.mailbox.guid {
            return Ok(named);
        }
        match mailbox::by_guid(&mut self.tx, guid).await? {
            Some(_) => Err(access_denied()),
            None if matches!(named, Named::Folder(_)) => Err(folder_not_found()),
            None => Err(item_not_found()),
        }
    }

    /// The change key of a version of an item.
    pub(crate) fn change_key(&self, version: i64) -> String {
        id::change_key(9, self.mailbox.guid, version)
    }
}

/// The id and change key in a request's item id; occurrences have none of their own.
pub(crate) fn change_key_of(id: &BaseItemId) -> Option<&str> {
    match id {
        BaseItemId::ItemId(id) => id.change_key.as_deref().filter(|key| !key.is_empty()),
        _ => None,
    }
}

pub(crate) fn access_denied() -> Failure {
    refuse(ResponseCode::ErrorAccessDenied, "Access is denied. Check credentials and try again.")
}

pub(crate) fn malformed() -> Failure {
    refuse(ResponseCode::ErrorInvalidIdMalformed, "Id is malformed.")
}

pub(crate) fn item_not_found() -> Failure {
    refuse(ResponseCode::ErrorItemNotFound, "The specified object was not found in the store.")
}

pub(crate) fn folder_not_found() -> Failure {
    refuse(ResponseCode::ErrorFolderNotFound, "The specified folder could not be found in the store.")
}
