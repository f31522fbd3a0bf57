//! Controls (RFC 4511 section 4.1.11) and the two that carry values here.

use crate::ber::{BerError, Reader, Writer, boolean, tag};

/// Object identifiers of controls, features and extended operations.
pub mod oid {
    /// Simple Paged Results (RFC 2696).
    pub const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
    /// Active Directory: what changed since a cookie (MS-ADTS section 3.1.1.3.4.1.3).
    pub const DIR_SYNC: &str = "1.2.840.113556.1.4.841";
    /// Active Directory: deleted entries as well (MS-ADTS section 3.1.1.3.4.1.14).
    pub const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
    /// StartTLS (RFC 4511 section 4.14).
    pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
    /// Who am I (RFC 4532).
    pub const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
    /// Notice of Disconnection (RFC 4511 section 4.4.1).
    pub const DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";
    /// `supportedCapabilities`: this is Active Directory (MS-ADTS section 3.1.1.3.4.3).
    pub const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";
    /// Matching rule: all these bits are set (MS-ADTS section 3.1.1.3.4.4.1).
    pub const BIT_AND: &str = "1.2.840.113556.1.4.803";
    /// Matching rule: one of these bits is set.
    pub const BIT_OR: &str = "1.2.840.113556.1.4.804";
}

/// A control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// See [`oid`].
    pub oid: String,
    /// A server that does not know it must refuse the operation.
    pub critical: bool,
    /// Encoded by the control's own definition.
    pub value: Option<Vec<u8>>,
}

impl Control {
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.around(tag::SEQUENCE, |one| {
            one.octets(&self.oid);
            if self.critical {
                one.boolean(tag::BOOLEAN, true);
            }
            if let Some(value) = &self.value {
                one.octets(value);
            }
        });
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, BerError> {
        let mut one = reader.inside(tag::SEQUENCE)?;
        let oid = one.text()?;
        let critical = one.optional(tag::BOOLEAN)?.map(boolean).transpose()?.unwrap_or(false);
        let value = one.optional(tag::OCTETS)?.map(<[u8]>::to_vec);
        Ok(Self { oid, critical, value })
    }
}

/// Simple Paged Results (RFC 2696). In a request `size` is the wanted page, in an answer an estimate or 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PagedResults {
    /// Entries.
    pub size: i32,
    /// What the server gave with the page before; empty at the beginning, and in the answer of the last page.
    pub cookie: Vec<u8>,
}

impl PagedResults {
    /// As a control.
    #[must_use]
    pub fn control(&self, critical: bool) -> Control {
        let mut writer = Writer::default();
        writer.around(tag::SEQUENCE, |one| {
            one.number(tag::INTEGER, i64::from(self.size));
            one.octets(&self.cookie);
        });
        Control { oid: oid::PAGED_RESULTS.to_owned(), critical, value: Some(writer.into_bytes()) }
    }

    /// Finds it among a message's controls.
    ///
    /// # Errors
    /// When it is there and malformed.
    pub fn find(controls: &[Control]) -> Result<Option<Self>, BerError> {
        let Some(mut one) = value_of(controls, oid::PAGED_RESULTS)? else { return Ok(None) };
        Ok(Some(Self { size: one.count(tag::INTEGER)?, cookie: one.octets()? }))
    }
}

/// DirSync. In a request `flags` are wishes ([`DirSync::OBJECT_SECURITY`]) and `size` the most bytes; in an answer
/// `flags` is not 0 when there is more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirSync {
    /// Wishes, or whether there is more.
    pub flags: i64,
    /// Bytes.
    pub size: i32,
    /// Where the reader stands; empty at the beginning. Kept for the next time.
    pub cookie: Vec<u8>,
}

impl DirSync {
    /// Only what the caller may read, instead of requiring the right to replicate everything.
    pub const OBJECT_SECURITY: i64 = 0x1;

    /// As a control; always critical, because without it the listing would be another.
    #[must_use]
    pub fn control(&self) -> Control {
        let mut writer = Writer::default();
        writer.around(tag::SEQUENCE, |one| {
            one.number(tag::INTEGER, self.flags);
            one.number(tag::INTEGER, i64::from(self.size));
            one.octets(&self.cookie);
        });
        Control { oid: oid::DIR_SYNC.to_owned(), critical: true, value: Some(writer.into_bytes()) }
    }

    /// Finds it among a message's controls.
    ///
    /// # Errors
    /// When it is there and malformed.
    pub fn find(controls: &[Control]) -> Result<Option<Self>, BerError> {
        let Some(mut one) = value_of(controls, oid::DIR_SYNC)? else { return Ok(None) };
        Ok(Some(Self {
            flags: one.number(tag::INTEGER)?,
            size: one.count(tag::INTEGER)?,
            cookie: one.octets()?,
        }))
    }
}

fn value_of<'a>(controls: &'a [Control], oid: &str) -> Result<Option<Reader<'a>>, BerError> {
    let Some(control) = controls.iter().find(|control| control.oid == oid) else { return Ok(None) };
    Reader::new(control.value.as_deref().unwrap_or_default()).inside(tag::SEQUENCE).map(Some)
}
