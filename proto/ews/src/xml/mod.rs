//! The small XML layer under every message: a namespace-true pull reader, a writer, and the two
//! declarations ([`sequence!`](crate::xml), [`choice!`](crate::xml)) that give a type both directions at once.
//!
//! Reading is lenient, writing is strict:
//!
//! * a child is known by namespace and local name, whatever its prefix. The types and messages namespaces are
//!   taken for each other (`quirk: m-for-t`, exchangelib 5.6 sends `m:Watermark` where the schema says `t:`);
//! * children may come in any order, and unknown ones are skipped; we write them in the schema's order;
//! * a simple value that cannot be read (`<t:Size>many</t:Size>`) leaves the field empty;
//! * references to characters that XML 1.0 forbids (`&#x1F;`, Exchange sends such) become U+FFFD.
//!
//! What is refused: a document type declaration, and whatever passes the [`Limits`].

mod limits;
mod namespace;
mod open_enum;
mod reader;
mod sequence;
mod text;
mod writer;

pub use limits::Limits;
pub use namespace::Ns;
pub use reader::{Reader, Start};
pub use sequence::{Choice, Sequence, Value};
pub use text::Text;
pub use writer::Writer;

pub(crate) use open_enum::open_enum;
pub(crate) use sequence::{AttributeField, ChoiceField, Field, choice, sequence};
pub(crate) use text::text_values;
