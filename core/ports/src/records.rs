//! What Tieline asks of a mail system about contacts and calendar items: both sides are kept in step by
//! three-way comparison, so that whole records are read and single fields are written.

use jiff::Timestamp;
use tieline_model::{LinkId, Record, WriteId};

use crate::{FolderRef, ItemRef, MailTarget, PortError, PortFuture};

/// What a folder says about itself. Other values than last time mean that it is another folder, or an earlier state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderIdentity {
    /// The mailbox's own id, which neither a move nor a new address changes.
    pub mailbox: String,
    /// The folder.
    pub folder: FolderRef,
    /// A number that only grows, where the server has one.
    pub high_water: Option<u64>,
}

/// The mark on an item that Tieline wrote: whose it is, and which write came last. Copies that a user makes carry it
/// as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordStamp {
    /// The link.
    pub link: LinkId,
    /// The last write of ours.
    pub write: WriteId,
}

/// An item as it stands in the mail system; a series with its exceptions and cancelled occurrences is one.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteRecord<R> {
    /// Its id.
    pub item: ItemRef,
    /// Its version (`ChangeKey`).
    pub etag: String,
    /// When it was changed last, by the server's clock.
    pub edited: Option<Timestamp>,
    /// When it was made, by the server's clock.
    pub created: Option<Timestamp>,
    /// Our mark, if it has one.
    pub stamp: Option<RecordStamp>,
    /// The contact or event.
    pub record: R,
    /// The contact's picture, if it has one that was read; the record names it by its hash.
    pub picture: Option<Vec<u8>>,
}

/// One change in a folder since the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteChange {
    /// There, new or changed.
    Present {
        /// Which.
        item: ItemRef,
        /// Its version.
        etag: String,
    },
    /// Reported gone from this folder.
    Gone {
        /// Which.
        item: ItemRef,
    },
}

/// A page of changes. The cursor may be stored only together with what the page showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemotePage {
    /// In the server's order.
    pub changes: Vec<RemoteChange>,
    /// Where the next page begins.
    pub cursor: String,
    /// Nothing more at present.
    pub complete: bool,
}

/// What became of reading an item.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadRecord<R> {
    /// Here it is.
    Found(Box<RemoteRecord<R>>),
    /// The mail system says that it does not exist.
    NotFound,
    /// It is there and cannot be read.
    Unreadable(PortError),
}

/// What a write does. Whatever it is, nobody is invited and nobody is told.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordOperation<R: Record> {
    /// Makes an item.
    Create {
        /// What it shall be.
        record: R,
    },
    /// Changes these fields, and no others, of the item, if it still has this version.
    Update {
        /// Which.
        item: ItemRef,
        /// The version that was read.
        etag: String,
        /// What it shall be.
        record: R,
        /// What changes.
        fields: Vec<R::Field>,
    },
    /// Moves it to Deleted Items, if it still has this version.
    Delete {
        /// Which.
        item: ItemRef,
        /// The version that was read.
        etag: String,
    },
}

/// A write with its mark.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteRecord<R: Record> {
    /// Whose, and which write.
    pub stamp: RecordStamp,
    /// What it does.
    pub operation: RecordOperation<R>,
    /// The picture that the record names, where it is to be written. Without it a picture that is there stays.
    pub picture: Option<Vec<u8>>,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordWritten<R> {
    /// Done.
    Done {
        /// The item; it is empty after a deletion.
        item: ItemRef,
        /// Its new version.
        etag: String,
        /// The item as read back, only when it still had that version.
        stored: Option<Box<R>>,
    },
    /// The item has another version.
    Stale,
    /// The item does not exist.
    NotFound,
    /// It did not work; the error says whether it may have had its effect.
    Failed(PortError),
}

/// A mail system's contacts or calendar. Every method is one attempt.
pub trait RecordSystem<R: Record>: Send + Sync {
    /// The folder that is kept in step: the mailbox's own contacts or calendar.
    fn identify<'a>(&'a self, target: &'a MailTarget) -> PortFuture<'a, FolderIdentity>;

    /// The next page of changes; without a cursor everything there is.
    fn list<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        cursor: Option<&'a str>,
        limit: u32,
    ) -> PortFuture<'a, RemotePage>;

    /// Items, one answer for each, in order.
    fn read<'a>(&'a self, target: &'a MailTarget, items: &'a [ItemRef])
    -> PortFuture<'a, Vec<ReadRecord<R>>>;

    /// Items in the folder that carry these marks, oldest first; one list for each, in order.
    fn locate<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        links: &'a [LinkId],
    ) -> PortFuture<'a, Vec<Vec<RemoteRecord<R>>>>;

    /// Writes, one answer for each, in order. `deadline` bounds the call; after it effects may still come late.
    fn write<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        writes: &'a [WriteRecord<R>],
        deadline: Timestamp,
    ) -> PortFuture<'a, Vec<RecordWritten<R>>>;

    /// What would be read back of a record that is written: what the mail system cannot hold is empty or cut.
    fn render(&self, record: &R) -> R;

    /// Whether that can be told of this field. A picture is written apart, after its item, and is known to be there only when
    /// it was read back.
    fn is_told(&self, _field: R::Field) -> bool {
        true
    }
}
