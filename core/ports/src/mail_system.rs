//! What Tieline asks of a mail system: put a message into a mailbox exactly once, and tell what became of it.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use jiff::Timestamp;
use secrecy::SecretString;
use tieline_model::{
    Caller, DeliveryKey, Endpoint, ExchangeVersion, FolderPath, MailboxId, MessageKind, Refusal, SmtpAddress,
    TlsTrust, TraceId,
};

use crate::{PortError, PortFuture};

/// The account that requests are made with.
#[derive(Debug, Clone)]
pub struct MailAccount {
    /// The server.
    pub endpoint: Endpoint,
    /// The service account, as full address or user principal name.
    pub user: SmtpAddress,
    /// Its password; never printed.
    pub password: SecretString,
}

/// A search for the server of a mailbox.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// The mailbox.
    pub address: SmtpAddress,
    /// Who asks.
    pub user: SmtpAddress,
    /// Their password; never printed.
    pub password: SecretString,
    /// How certificates on the way are trusted.
    pub tls: TlsTrust,
    /// Hosts to which a redirection that came without TLS may lead.
    pub confirmed: Vec<String>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// The mailbox's address, which may be another one than was asked for.
    pub address: SmtpAddress,
    /// Where the mail system's interface answers.
    pub url: String,
    /// Who said so.
    pub said_by: String,
}

/// One mailbox, reached by impersonation: no password of its own is known or needed (AV-30).
#[derive(Debug, Clone)]
pub struct MailTarget {
    /// Who asks.
    pub account: Arc<MailAccount>,
    /// Tieline's mailbox, for hints and limiters.
    pub mailbox: MailboxId,
    /// The mail server's mailbox.
    pub address: SmtpAddress,
}

/// What a server said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// Build as text: `15.1.2507.0`.
    pub build: String,
    /// The version it belongs to; `None` for what is older than Exchange 2007.
    pub version: Option<ExchangeVersion>,
}

/// A folder, by the id that survives renaming. Opaque and case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FolderRef(pub String);

/// An item, by an id that changes when it moves. Opaque and case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ItemRef(pub String);

/// A file that goes with a message.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// The file's name, as people see it.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub content: Bytes,
}

/// A message to be created.
#[derive(Debug, Clone)]
pub struct OutgoingMessage {
    /// The mark by which it is found again.
    pub key: DeliveryKey,
    /// Its journey.
    pub trace: TraceId,
    /// Decides the item's class and properties.
    pub kind: MessageKind,
    /// The subject line, ready.
    pub subject: String,
    /// The body as HTML, escaped and ready.
    pub body_html: String,
    /// Who called.
    pub caller: Caller,
    /// When it came in: the item's date.
    pub received: Timestamp,
    /// How long the recording is, in whole seconds.
    pub duration_s: u32,
    /// How many pages the fax has; 0 otherwise.
    pub pages: u32,
    /// Created as read, when its user heard it before it was delivered.
    pub read: bool,
    /// The SIP Call-ID or what came in its place.
    pub call_id: Option<String>,
    /// The recording or fax.
    pub attachment: Option<Attachment>,
}

/// An item as it stands in the mail system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteItem {
    /// Its present id.
    pub item: ItemRef,
    /// The folder it is in.
    pub folder: FolderRef,
    /// Whether its user read it.
    pub read: bool,
    /// It lies in Deleted Items or below the recoverable items: deleted, as users see it.
    pub deleted: bool,
}

/// Where an item with our mark is. More than one means that a late effect doubled it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The mark that was looked for.
    pub key: DeliveryKey,
    /// Every item that carries it, oldest first.
    pub items: Vec<RemoteItem>,
}

/// One change in a folder since the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An item that carries our mark is there, new or changed. Items without our mark are not reported.
    Present {
        /// The mark.
        key: DeliveryKey,
        /// The item.
        item: RemoteItem,
    },
    /// The read flag changed; nothing else was read.
    ReadFlag {
        /// The item.
        item: ItemRef,
        /// The flag.
        read: bool,
    },
    /// The item left this folder: deleted or moved, that is not known yet.
    Gone {
        /// The item.
        item: ItemRef,
    },
}

/// A page of changes. The cursor may be stored only together with the effects of the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePage {
    /// In the server's order.
    pub changes: Vec<Change>,
    /// Where the next page begins.
    pub cursor: String,
    /// Nothing more at present.
    pub complete: bool,
}

/// Something may have changed in a mailbox: read its folders. A hint may be late, doubled or wrong, never the truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Whose.
    pub mailbox: MailboxId,
}

/// Hints as they come in. Ends only when dropped; interruptions are mended inside and followed by one hint for each
/// mailbox concerned, since changes may have been missed.
pub type HintStream = Pin<Box<dyn Stream<Item = Hint> + Send>>;

/// A mail system. Every method is one attempt: retrying is the caller's decision (`core/delivery`), polite waiting
/// and connection handling are the implementation's.
pub trait MailSystem: Send + Sync {
    /// Reaches the server, signs in and reads its version.
    fn probe<'a>(&'a self, account: &'a MailAccount) -> PortFuture<'a, ServerInfo>;

    /// Finds the server of a mailbox from its address alone. A mail system without such a search refuses.
    fn discover<'a>(&'a self, wanted: &'a Discovery) -> PortFuture<'a, Discovered> {
        let refusal = Refusal::permanent(
            "no-discovery",
            format!("the server of {} cannot be found by its address", wanted.address),
            "name the server: tieline endpoint add NAME ews:mail.corp.example",
        );
        Box::pin(std::future::ready(Err(PortError::refused(refusal))))
    }

    /// Checks that the account may act for the mailbox.
    fn check<'a>(&'a self, target: &'a MailTarget) -> PortFuture<'a, ()>;

    /// Finds the folder, creating what is missing below the root.
    fn ensure_folder<'a>(&'a self, target: &'a MailTarget, path: &'a FolderPath)
    -> PortFuture<'a, FolderRef>;

    /// Creates the message. `deadline` bounds the call; after it the effect may still come late.
    fn create<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        message: &'a OutgoingMessage,
        deadline: Timestamp,
    ) -> PortFuture<'a, RemoteItem>;

    /// Looks in all folders, Deleted Items included, for items with these marks; one answer for each, in order.
    fn locate<'a>(&'a self, target: &'a MailTarget, keys: &'a [DeliveryKey]) -> PortFuture<'a, Vec<Located>>;

    /// The next page of changes in a folder; without a cursor, everything that is there with our mark.
    fn changes<'a>(
        &'a self,
        target: &'a MailTarget,
        folder: &'a FolderRef,
        cursor: Option<&'a str>,
    ) -> PortFuture<'a, ChangePage>;

    /// Sets the read flag, whatever else changed meanwhile.
    fn set_read<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef, read: bool) -> PortFuture<'a, ()>;

    /// Moves the item to Deleted Items.
    fn delete<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef) -> PortFuture<'a, ()>;

    /// Removes a doubled item of ours for good.
    fn remove_duplicate<'a>(&'a self, target: &'a MailTarget, item: &'a ItemRef) -> PortFuture<'a, ()>;

    /// How many items the folder holds.
    fn count<'a>(&'a self, target: &'a MailTarget, folder: &'a FolderRef) -> PortFuture<'a, u32>;

    /// Watches these mailboxes, as many as there are.
    fn watch(&self, targets: Vec<MailTarget>) -> HintStream;
}
