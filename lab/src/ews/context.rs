//! What an operation works with: the transaction, who asks, whose mailbox; and how an entry of a request fails.

use std::sync::Arc;

use jiff::tz::TimeZone;
use tieline_proto_ews::{
    BaseFolderId, BaseItemId, MessageXml, PropertyPath, RequestHeader, ResponseCode, ResponseMessage,
    operations::TargetFolderId, time_zone::TimeZoneDefinition,
};

use crate::{
    account::Account,
    attendant::entry::shown_as,
    calendar::{Appointment, Deleted, Series, zone},
    document::Document,
    fault::FaultKind,
    id::{self, Id, Named},
    permission::Right,
    server::Server,
    store::{
        Tx, folder,
        folder::Folder,
        item::{self, Item},
        mailbox::Mailbox,
        occurrence,
    },
};

/// What a request's header says about how it is to be read and answered.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The zone of times without offset.
    pub(crate) zone: TimeZoneDefinition,
    /// Written in the schema of Exchange 2007, which knows zones in a form of its own.
    pub(crate) by_2007: bool,
    /// The zone of times in the answer; without one they are in UTC.
    pub(crate) answer_zone: Option<TimeZone>,
}

impl Asked {
    pub(crate) fn of(header: &RequestHeader) -> Self {
        let context = header.time_zone_context.as_ref();
        let by_2007 = header.version().is_some_and(|version| version.as_str().starts_with("Exchange2007"));
        let named = context.map(|context| context.time_zone_definition.clone());
        let answer_zone = named.as_ref().filter(|_| !by_2007).and_then(zone::of_definition);
        Self {
            zone: named.unwrap_or_else(|| TimeZoneDefinition::by_id("UTC")),
            by_2007,
            // UTC is what times are written in anyway.
            answer_zone: answer_zone.filter(|zone| !zone::is_utc(zone)),
        }
    }
}

/// One request at work.
pub(crate) struct Context {
    pub(crate) server: Arc<Server>,
    pub(crate) tx: Tx,
    /// Who signed in.
    pub(crate) caller: Account,
    /// Whose mailbox is worked on: the caller, or whom the caller impersonates.
    pub(crate) account: Account,
    /// The mailbox of `account`.
    pub(crate) own: Mailbox,
    /// The mailbox at hand: the own one, or that of the folder or item which the request named last.
    pub(crate) mailbox: Mailbox,
    pub(crate) now_ms: i64,
    pub(crate) asked: Asked,
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
                match id.mailbox.as_ref().and_then(|mailbox| mailbox.email_address.as_deref()) {
                    Some(owner) => self.visit(owner).await?,
                    None => self.home(),
                }
                let found =
                    folder::by_distinguished(&mut self.tx, self.mailbox.mailbox, id.id.as_str()).await?;
                let found = found.ok_or_else(folder_not_found)?;
                self.allow(&found, Right::Visible).await?;
                Ok(found)
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

    /// Refuses an address that is not of the mailbox worked on.
    pub(crate) fn check_owner(&self, address: &str) -> Result<(), Failure> {
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
            _ => Err(of_occurrence()),
        }
    }

    /// The item with this id.
    pub(crate) async fn item_by_id(&mut self, id: &str) -> Result<Item, Failure> {
        let number = match self.number(id).await? {
            Named::Item(number) => number,
            Named::Folder(_) => {
                return Err(refuse(ResponseCode::ErrorCannotUseFolderIdForItemId, "Id must be an item's."));
            }
            Named::Occurrence { .. } => return Err(of_occurrence()),
            Named::Attachment { .. } => return Err(malformed()),
        };
        item::by_number(&mut self.tx, self.mailbox.mailbox, number).await?.ok_or_else(item_not_found)
    }

    /// The item that a request names, or the occurrence of a series.
    pub(crate) async fn item_or_occurrence(&mut self, id: &BaseItemId) -> Result<Item, Failure> {
        match id {
            BaseItemId::ItemId(id) => match self.number(&id.id).await? {
                Named::Occurrence { series, day } => self.occurrence(series, Place::Day(day)).await,
                _ => self.item_by_id(&id.id).await,
            },
            BaseItemId::Occurrence(id) => {
                let series = self.item_by_id(&id.recurring_master_id).await?;
                self.occurrence(series.item, Place::Index(id.instance_index)).await
            }
            BaseItemId::RecurringMaster(id) => match self.number(&id.occurrence_id).await? {
                Named::Occurrence { series, day } => {
                    let shown = self.occurrence(series, Place::Day(day)).await?;
                    let found = item::by_number(&mut self.tx, shown.mailbox, series).await?;
                    found.ok_or_else(item_not_found)
                }
                _ => Err(refuse(
                    ResponseCode::ErrorCalendarCannotUseIdForRecurringMasterId,
                    "The id is not that of an occurrence.",
                )),
            },
            BaseItemId::RecurringMasterRanges(id) => self.item_by_id(&id.id).await,
        }
    }

    /// The occurrence of a series on the pattern's day.
    pub(crate) async fn occurrence_on(&mut self, series: i64, day: i64) -> Result<Item, Failure> {
        self.occurrence(series, Place::Day(day)).await
    }

    async fn occurrence(&mut self, series: i64, place: Place) -> Result<Item, Failure> {
        let row = item::by_number(&mut self.tx, self.mailbox.mailbox, series).await?;
        let row = row.ok_or_else(item_not_found)?;
        let exceptions = occurrence::of_series(&mut self.tx, series).await?;
        let appointment = Appointment::of(&Document::from_bytes(&row.document));
        let recurring = appointment.as_ref().and_then(|appointment| Series::new(appointment, &exceptions));
        let Some(recurring) = recurring else {
            return Err(refuse(
                ResponseCode::ErrorCalendarCannotUseIdForOccurrenceId,
                "The id is not that of a recurring item.",
            ));
        };
        let found = match place {
            Place::Day(day) => recurring.on_day(day).ok_or_else(item_not_found)?,
            Place::Index(index) => recurring.at_index(index).ok_or_else(|| {
                refuse(
                    ResponseCode::ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange,
                    "Occurrence index is out of recurrence range.",
                )
            })?,
        };
        match found {
            Ok(found) => Ok(shown_as(&row, &found, &exceptions)),
            Err(Deleted) if matches!(place, Place::Day(_)) => Err(item_not_found()),
            Err(Deleted) => Err(refuse(
                ResponseCode::ErrorCalendarOccurrenceIsDeletedFromRecurrence,
                "The occurrence is deleted from the recurrence.",
            )),
        }
    }

    /// What an id names; the mailbox at hand becomes the one it is of.
    pub(crate) async fn number(&mut self, id: &str) -> Result<Named, Failure> {
        if id.is_empty() {
            return Err(refuse(ResponseCode::ErrorInvalidIdEmpty, "Id cannot be empty."));
        }
        let Some(Id { mailbox: guid, named }) = Id::decode(id) else { return Err(malformed()) };
        self.enter(guid, named).await?;
        Ok(named)
    }

    /// The change key of a version of an item.
    pub(crate) fn change_key(&self, version: i64) -> String {
        id::change_key(9, self.mailbox.guid, version)
    }
}

/// Where an occurrence stands in its series.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// The pattern's day: 20261123.
    Day(i64),
    /// Counted from 1.
    Index(i32),
}

/// The change key in a request's item id; an occurrence has that of its series.
pub(crate) fn change_key_of(id: &BaseItemId) -> Option<&str> {
    match id {
        BaseItemId::ItemId(id) => id.change_key.as_deref(),
        BaseItemId::RecurringMasterRanges(id) => id.change_key.as_deref(),
        BaseItemId::Occurrence(id) => id.change_key.as_deref(),
        BaseItemId::RecurringMaster(id) => id.change_key.as_deref(),
    }
    .filter(|key| !key.is_empty())
}

pub(crate) fn access_denied() -> Failure {
    refuse(ResponseCode::ErrorAccessDenied, "Access is denied. Check credentials and try again.")
}

fn of_occurrence() -> Failure {
    refuse(
        ResponseCode::ErrorCalendarCannotMoveOrCopyOccurrence,
        "The operation is not possible on an occurrence of a recurring item.",
    )
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
