//! The directory as a third origin: it refreshes what it wrote and nobody edited, and nothing else (LY-28).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_model::{Record, RecordHash};

use crate::merge::{FieldProvenance, Provenance};
use crate::side::Origin;

/// Why a field stays although the directory has another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// The directory never wrote it.
    NotTheDirectorys,
    /// Somebody edited it since the directory wrote it.
    EditedSince,
}

/// What a refresh changes, and what not: the dry run and the change are the same value.
#[derive(Debug, Clone, PartialEq)]
pub struct Refresh<R: Record> {
    /// The record afterwards.
    pub record: R,
    /// Who set what afterwards.
    pub provenance: FieldProvenance<R>,
    /// Fields that change.
    pub changed: Vec<R::Field>,
    /// Fields that the directory would have otherwise, and why they stay.
    pub kept: Vec<(R::Field, Kept)>,
}

/// A record made of what the directory says. `fields` are those it knows about; they are the directory's from then on.
#[must_use]
pub fn written_by_directory<R: Record>(
    record: &R,
    fields: &[R::Field],
    now: Timestamp,
) -> FieldProvenance<R> {
    let filled = fields.iter().filter(|field| !record.canonical(**field).is_empty());
    filled.map(|field| (*field, provenance(record, *field, now))).collect()
}

fn provenance<R: Record>(record: &R, field: R::Field, now: Timestamp) -> Provenance {
    let value = RecordHash::of(&record.canonical(field));
    Provenance { origin: Origin::Directory, at: now, rule: "directory-refresh".to_owned(), value }
}

/// Refreshes Tieline's record. A field belongs to the directory when it wrote it and the value is still the one it
/// wrote: an edit on any side that was or was not seen yet takes it away for good.
#[must_use]
pub fn refresh<R: Record>(
    record: &R,
    provenance_now: &FieldProvenance<R>,
    directory: &R,
    fields: &[R::Field],
    now: Timestamp,
) -> Refresh<R> {
    let mut refreshed = Refresh {
        record: record.clone(),
        provenance: provenance_now.clone(),
        changed: Vec::new(),
        kept: Vec::new(),
    };
    for field in fields.iter().copied().filter(|field| !record.same(directory, *field)) {
        match provenance_now.get(&field) {
            Some(known) if known.origin == Origin::Directory => {
                if known.value == RecordHash::of(&record.canonical(field)) {
                    refreshed.record.copy_field(field, directory);
                    refreshed.provenance.insert(field, provenance(directory, field, now));
                    refreshed.changed.push(field);
                } else {
                    refreshed.kept.push((field, Kept::EditedSince));
                }
            }
            Some(_) => refreshed.kept.push((field, Kept::EditedSince)),
            None => refreshed.kept.push((field, Kept::NotTheDirectorys)),
        }
    }
    refreshed
}
