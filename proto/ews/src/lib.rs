//! Exchange Web Services, the words and the grammar: every message of the operations Tieline uses, in both
//! directions, and the Autodiscover bodies that lead to the service.
//!
//! A client writes requests and reads responses, a server reads requests and writes responses; both use the same
//! types, so that a round trip tests them against each other, and captures of foreign clients test them against
//! the world.
//!
//! What this crate refuses to be: it does no I/O, knows no HTTP, no credentials, no clock, and nothing of
//! Tieline's own model. It does not validate: leniency is for reading, and what a value means is for its user.
//!
//! The types to know:
//!
//! * [`Operation`]: a request type with its response type. They live in [`operations`], a file each.
//! * [`encode_request`] and [`decode_response`] for clients, [`Request::parse`], [`encode_response`] and
//!   [`encode_fault`] for servers.
//! * [`ResponseMessage`]: how one entry of a request fared, with its [`ResponseCode`] and that code's [`Remedy`].
//! * [`Item`] with its [`ItemKind`], and [`Folder`] with its [`FolderKind`]: fields that were not sent are `None`
//!   or empty.
//! * [`PropertyPath`] and [`ExtendedProperty`]: properties by name, and MAPI properties by tag or name.
//! * [`EnvelopeSplitter`]: the stream of envelopes that answers `GetStreamingEvents`.
//! * [`Encoded`] and [`ContentSplitter`]: documents with large contents, written and read piece by piece, so that an
//!   attachment of any size costs some kilobytes on its way.
//!
//! How the XML is treated, and what is refused in it, says [`xml`].
//!
//! ```
//! use tieline_proto_ews::operations::GetItem;
//! use tieline_proto_ews::{ExchangeVersion, ItemId, Request, RequestHeader, encode_request};
//!
//! let request = GetItem { item_ids: vec![ItemId::new("AAMk").into()], ..GetItem::default() };
//! let document = encode_request(&RequestHeader::new(ExchangeVersion::Exchange2013Sp1), &request);
//! let (header, read) = Request::parse(&document)?;
//! assert_eq!(header.version(), Some(&ExchangeVersion::Exchange2013Sp1));
//! assert_eq!(read, Request::GetItem(request));
//! # Ok::<(), tieline_proto_ews::Error>(())
//! ```
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod attachment;
pub mod autodiscover;
mod binary;
mod body;
mod calendar_item;
mod contact;
mod content_splitter;
mod date_time;
mod distribution_list;
mod encoded;
mod envelope;
mod error;
mod exchange_version;
mod fault;
mod folder;
mod folder_id;
mod folder_shape;
mod item;
mod item_id;
mod item_shape;
mod mailbox;
mod meeting;
mod message;
mod message_xml;
mod operation;
pub mod operations;
mod permission;
mod persona;
mod post_item;
mod property_path;
pub mod recurrence;
mod request;
mod response_code;
mod response_object;
pub mod restriction;
mod streaming;
mod task;
pub mod time_zone;
pub mod xml;

pub use attachment::*;
pub use binary::Binary;
pub use body::*;
pub use calendar_item::*;
pub use contact::*;
pub use content_splitter::{ContentPart, ContentSplitter};
pub use date_time::{Date, DateTime};
pub use distribution_list::*;
pub use encoded::{Chunks, Encoded};
pub use envelope::*;
pub use error::Error;
pub use exchange_version::ExchangeVersion;
pub use fault::Fault;
pub use folder::*;
pub use folder_id::*;
pub use folder_shape::*;
pub use item::*;
pub use item_id::*;
pub use item_shape::*;
pub use mailbox::*;
pub use meeting::*;
pub use message::*;
pub use message_xml::MessageXml;
pub use operation::{Body, NoPayload, Operation, ResponseClass, ResponseMessage, ResponseMessages};
pub use permission::*;
pub use persona::*;
pub use post_item::*;
pub use property_path::*;
pub use request::Request;
pub use response_code::{Remedy, ResponseCode};
pub use response_object::*;
pub use restriction::{ContainmentComparison, ContainmentMode, SearchExpression};
pub use streaming::EnvelopeSplitter;
pub use task::*;
pub use xml::Limits;
