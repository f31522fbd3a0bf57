//! Two edits of one item become one, field by field, and each field knows who set it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};
use tieline_model::{Record, RecordHash};

use crate::policy::FieldPolicy;
use crate::side::{Origin, Side};

/// What each side held when they were last in step. They may differ in what a server cannot hold or writes its own
/// way: that is not an edit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(bound = "", from = "StoredBase<R>")]
pub struct Base<R: Record> {
    /// Tieline's.
    pub left: R,
    /// The mail system's.
    pub right: R,
}

/// As it is stored: what is the same on both sides, as most is, once.
#[derive(Deserialize)]
#[serde(bound = "")]
struct StoredBase<R: Record> {
    left: R,
    #[serde(default)]
    right: Option<R>,
}

impl<R: Record> From<StoredBase<R>> for Base<R> {
    fn from(StoredBase { left, right }: StoredBase<R>) -> Self {
        Self { right: right.unwrap_or_else(|| left.clone()), left }
    }
}

impl<R: Record> Serialize for Base<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let differs = self.left != self.right;
        let mut stored = serializer.serialize_struct("Base", 1 + usize::from(differs))?;
        stored.serialize_field("left", &self.left)?;
        if differs {
            stored.serialize_field("right", &self.right)?;
        }
        stored.end()
    }
}

/// Who set a field, when, and why that value won.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Who.
    pub origin: Origin,
    /// When it was seen, or when the side says it was edited.
    pub at: Timestamp,
    /// The rule by which it won.
    pub rule: String,
    /// Of the value: an edit that nobody saw is recognised by it.
    pub value: RecordHash,
}

/// Who set which field.
pub type FieldProvenance<R> = BTreeMap<<R as Record>::Field, Provenance>;

/// What the mail system can hold of a record: its rendition of what is written to it. Fields it cannot hold come back
/// empty, long ones cut. The connector's map knows.
pub trait Rendition<R: Record>: Send + Sync {
    /// What would be read back.
    fn render(&self, record: &R) -> R;

    /// Whether that can be told of this field at all. One of which it cannot is rendered empty, and written all the same.
    fn is_told(&self, _field: R::Field) -> bool {
        true
    }
}

/// A mail system that holds everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faithful;

impl<R: Record> Rendition<R> for Faithful {
    fn render(&self, record: &R) -> R {
        record.clone()
    }
}

/// The fields of a record that the mail system cannot hold as they are: the lossiness report.
pub fn lost_fields<R: Record>(record: &R, rendition: &dyn Rendition<R>) -> Vec<R::Field> {
    let mut lost = rendition.render(record).differences(record);
    lost.retain(|field| rendition.is_told(*field));
    lost
}

/// Both sides as they are now.
#[derive(Debug)]
pub struct Both<'a, R: Record> {
    /// What they agreed on; `None` when both made it.
    pub base: Option<&'a Base<R>>,
    /// Tieline's.
    pub left: &'a R,
    /// The mail system's.
    pub right: &'a R,
    /// When each was edited, as far as it is known.
    pub edited: (Option<Timestamp>, Option<Timestamp>),
    /// Who set what before: a value of the directory never beats a person's edit.
    pub provenance: &'a FieldProvenance<R>,
}

/// What comes of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged<R: Record> {
    /// What Tieline shall hold.
    pub left: R,
    /// What the mail system shall hold.
    pub right: R,
    /// Fields that change in Tieline.
    pub to_left: Vec<R::Field>,
    /// Fields that change in the mail system.
    pub to_right: Vec<R::Field>,
    /// Who set what, for the fields that were edited.
    pub set: Vec<(R::Field, Origin, &'static str)>,
    /// Fields that both edited differently, and whose edit won; the other one is to be kept.
    pub conflicts: Vec<(R::Field, Side)>,
}

impl<R: Record> Both<'_, R> {
    /// Merges. `winner` is asked of the policy once: all fields of an item are won by the same side.
    #[must_use]
    pub fn merge(&self, policy: FieldPolicy, rendition: &dyn Rendition<R>) -> Merged<R> {
        let rendered = rendition.render(self.left);
        let (winner, why) = self.winner(policy);
        let mut merged = Merged {
            left: self.left.clone(),
            right: self.right.clone(),
            to_left: Vec::new(),
            to_right: Vec::new(),
            set: Vec::new(),
            conflicts: Vec::new(),
        };
        for field in R::fields().iter().copied() {
            let changed = (self.changed(Side::Left, field), self.changed(Side::Right, field));
            let as_written = rendition.is_told(field) && rendered.same(self.right, field);
            let agree = as_written || self.left.same(self.right, field);
            match changed {
                (false, false) => {}
                (true, true) if agree => merged.set.push((field, Origin::Right, "same-on-both")),
                (true, false) => {
                    merged.set.push((field, Origin::Left, "only-tieline-edited"));
                    if !agree {
                        merged.right_takes(field, self.left);
                    }
                }
                (false, true) => {
                    merged.set.push((field, Origin::Right, "only-the-mail-system-edited"));
                    if !self.left.same(self.right, field) {
                        merged.left_takes(field, self.right);
                    }
                }
                (true, true) if self.is_directorys(field) => {
                    merged.set.push((field, Origin::Right, "a-person-beats-the-directory"));
                    merged.left_takes(field, self.right);
                }
                (true, true) => match self.join(field) {
                    Some(joined) => merged.both_take(field, &joined, self),
                    None => {
                        merged.conflicts.push((field, winner));
                        merged.set.push((field, winner.into(), why));
                        match winner {
                            Side::Left => merged.right_takes(field, self.left),
                            Side::Right => merged.left_takes(field, self.right),
                        }
                    }
                },
            }
        }
        merged
    }

    fn changed(&self, side: Side, field: R::Field) -> bool {
        match (side, self.base) {
            (Side::Left, Some(base)) => !self.left.same(&base.left, field),
            (Side::Right, Some(base)) => !self.right.same(&base.right, field),
            (Side::Left, None) => !self.left.canonical(field).is_empty(),
            (Side::Right, None) => !self.right.canonical(field).is_empty(),
        }
    }

    /// Tieline's value is one that the directory wrote.
    fn is_directorys(&self, field: R::Field) -> bool {
        self.provenance.get(&field).is_some_and(|known| {
            known.origin == Origin::Directory && known.value == RecordHash::of(&self.left.canonical(field))
        })
    }

    fn join(&self, field: R::Field) -> Option<R> {
        let base = self.base?;
        R::join(field, (&base.left, &base.right), self.left, self.right)
    }

    fn winner(&self, policy: FieldPolicy) -> (Side, &'static str) {
        match (policy, self.edited) {
            (FieldPolicy::Left, _) => (Side::Left, "both-edited-tieline-wins"),
            (FieldPolicy::Right, _) => (Side::Right, "both-edited-the-mail-system-wins"),
            // Exchange tells whole seconds: what was edited here in the same one is not known to be later.
            (FieldPolicy::Later, (Some(left), Some(right))) if left.as_second() > right.as_second() => {
                (Side::Left, "both-edited-the-later-wins")
            }
            (FieldPolicy::Later, (Some(_), Some(_))) => (Side::Right, "both-edited-the-later-wins"),
            (FieldPolicy::Later, _) => (Side::Right, "both-edited-time-unknown-the-mail-system-wins"),
        }
    }
}

impl<R: Record> Merged<R> {
    fn left_takes(&mut self, field: R::Field, from: &R) {
        self.left.copy_field(field, from);
        self.to_left.push(field);
    }

    fn right_takes(&mut self, field: R::Field, from: &R) {
        self.right.copy_field(field, from);
        self.to_right.push(field);
    }

    fn both_take(&mut self, field: R::Field, joined: &R, both: &Both<'_, R>) {
        self.set.push((field, Origin::Right, "both-edited-joined"));
        if !joined.same(both.left, field) {
            self.left_takes(field, joined);
        }
        if !joined.same(both.right, field) {
            self.right_takes(field, joined);
        }
    }

    /// What both agree on once Tieline holds its part: the mail system's edits are taken in, and what is still to be
    /// written there counts as Tieline's edit.
    #[must_use]
    pub fn base_before_write(&self, right: &R) -> Base<R> {
        let mut left = self.left.clone();
        for field in &self.to_right {
            left.copy_field(*field, right);
        }
        Base { left, right: right.clone() }
    }
}

/// Writes down who set what. A value that the directory wrote and that only travels stays the directory's.
pub fn record_provenance<R: Record>(
    provenance: &mut FieldProvenance<R>,
    merged: &Merged<R>,
    edited: (Option<Timestamp>, Option<Timestamp>),
    now: Timestamp,
) {
    for (field, origin, rule) in &merged.set {
        let value = RecordHash::of(&merged.left.canonical(*field));
        let known = provenance.get(field);
        if known.is_some_and(|known| known.origin == Origin::Directory && known.value == value) {
            continue;
        }
        let at = match origin {
            Origin::Left => edited.0,
            Origin::Right | Origin::Directory => edited.1,
        };
        let set = Provenance { origin: *origin, at: at.unwrap_or(now), rule: (*rule).to_owned(), value };
        provenance.insert(*field, set);
    }
}
