//! An item and its counterpart: the durable row that everything is decided from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tieline_model::{LinkId, Record, WriteId};

use crate::command::LeftItem;
use crate::merge::{Base, FieldProvenance, Provenance};
use crate::state::State;

/// What was observed on one side since both agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// Nothing.
    #[default]
    Same,
    /// The item changed, or is new.
    Changed,
    /// The side reported it gone. It is asked for before that is believed.
    Gone,
    /// A complete listing did not show it. It is asked for before anything is concluded.
    Missing,
}

/// Tieline's item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftRef {
    /// Its id; stays when it is restored.
    pub id: String,
    /// The version that was last taken into account.
    pub etag: String,
}

/// The mail system's item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightRef {
    /// Its id. Opaque and case-sensitive.
    pub id: String,
    /// The version that was last taken into account (`ChangeKey`).
    pub etag: String,
    /// The version before. A server that shows it again was set back to an earlier day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// What a write to the mail system does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Makes an item that carries the link's id.
    Create,
    /// Changes fields of the item, if it still has the version that was read.
    Update,
    /// Moves it to Deleted Items, if it still has the version that was read.
    Delete,
}

/// A write that is written down before it is sent, and whose outcome is not known yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Intent<R: Record> {
    /// Stamped on the item, so that its effect is recognised.
    pub write: WriteId,
    /// What it does.
    pub operation: Operation,
    /// What the item shall be; for a deletion, what it was.
    pub record: R,
    /// The fields it changes; all of them for a create.
    pub fields: Vec<R::Field>,
    /// The version it may change.
    pub if_etag: Option<String>,
    /// It is answered or given up by then.
    pub deadline: Timestamp,
    /// Its effect has come by then, or never comes.
    pub settled: Timestamp,
    /// When to look for its effect.
    pub look_at: Timestamp,
}

/// A create whose double may still turn up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Birth<R: Record> {
    /// What was written.
    pub written: R,
    /// What is in the mail system by then, or never comes.
    pub until: Timestamp,
}

/// An item that cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Refusals in a row.
    pub failures: u32,
    /// What the mail system said, in a person's words.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is tried again.
    pub retry_at: Timestamp,
    /// Put aside: listed for a person, with a button to try again.
    pub quarantined: bool,
}

/// An item and its counterpart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Link<R: Record> {
    /// Also the mark that items made by Tieline carry in the mail system.
    pub id: LinkId,
    /// Tieline's item.
    pub left: Option<LeftRef>,
    /// The mail system's item.
    pub right: Option<RightRef>,
    /// What both agreed on.
    pub base: Option<Base<R>>,
    /// Observed in Tieline since.
    #[serde(default)]
    pub seen_left: Seen,
    /// Observed in the mail system since.
    #[serde(default)]
    pub seen_right: Seen,
    /// The listing that showed the mail system's item last.
    #[serde(default)]
    pub generation: u64,
    /// The joining it belongs to, see [`crate::Resume::Rejoin`].
    #[serde(default)]
    pub epoch: u32,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Provenance>,
    /// Who set fields since.
    #[serde(default)]
    pub provenance: FieldProvenance<R>,
    /// A write under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent<R>>,
    /// Why it does not go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// Its create may have a double.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth: Option<Birth<R>>,
    /// Creates before that one, whose item was deleted since: their doubles may still turn up, too. The latest few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_births: Vec<Birth<R>>,
}

impl<R: Record> Link<R> {
    /// A link of nothing yet.
    #[must_use]
    pub fn new(id: LinkId, generation: u64, epoch: u32) -> Self {
        Self {
            id,
            left: None,
            right: None,
            base: None,
            seen_left: Seen::Same,
            seen_right: Seen::Same,
            generation,
            epoch,
            made: None,
            provenance: FieldProvenance::<R>::new(),
            intent: None,
            trouble: None,
            birth: None,
            earlier_births: Vec::new(),
        }
    }

    /// The link of an item of Tieline's that has none yet, for [`crate::Query::Kin`].
    #[must_use]
    pub fn of_left(id: LinkId, item: &LeftItem<R>, state: &State) -> Self {
        let mut link = Self::new(id, state.generation, state.epoch);
        link.left = Some(LeftRef { id: item.id.clone(), etag: item.etag.clone() });
        link.seen_left = Seen::Changed;
        link
    }

    /// When there is something to do about it; `None` when both sides are in step. To be indexed.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        if let Some(intent) = &self.intent {
            return Some(intent.look_at);
        }
        if self.left.is_none() && self.right.is_none() {
            return Some(self.birth.as_ref().map_or(Timestamp::MIN, |birth| birth.until));
        }
        let dirty = self.seen_left != Seen::Same || self.seen_right != Seen::Same;
        dirty.then(|| self.trouble.as_ref().map_or(Timestamp::MIN, |trouble| trouble.retry_at))
    }

    /// The order in which links are worked on, smallest first: writes whose outcome is open, counterparts that may not
    /// exist any more, items only the mail
    /// system has (they may turn out to be the same as one of Tieline's), then all others, items only Tieline has last.
    #[must_use]
    pub const fn rank(&self) -> u8 {
        match (&self.intent, &self.base, &self.left, &self.right) {
            (Some(_), ..) => 0,
            (None, None, Some(_), Some(_)) if matches!(self.seen_right, Seen::Missing) => 0,
            (None, None, None, Some(_)) => 1,
            (None, None, Some(_), None) => 3,
            _ => 2,
        }
    }

    /// An item of Tieline's that has no counterpart.
    #[must_use]
    pub const fn is_unpaired_left(&self) -> bool {
        self.left.is_some() && self.right.is_none() && self.base.is_none() && self.intent.is_none()
    }

    /// An item of Tieline's for which a request to make it is under way.
    #[must_use]
    pub fn is_being_made(&self) -> bool {
        self.intent.as_ref().is_some_and(|intent| intent.operation == Operation::Create)
    }

    /// Tries an item again that was put aside.
    pub fn retry(&mut self) {
        self.trouble = None;
    }

    /// Somebody restores or changes an item: what stood in the way may be gone.
    pub(crate) fn observe_left(&mut self, seen: Seen) {
        self.seen_left = seen;
        self.trouble = None;
    }

    pub(crate) fn observe_right(&mut self, seen: Seen) {
        self.seen_right = seen;
        self.trouble = None;
    }

    /// Notes that it was made; a double of an earlier create may still come.
    pub(crate) fn born(&mut self, birth: Birth<R>) {
        const KEPT: usize = 4;
        self.earlier_births.extend(self.birth.replace(birth));
        let too_many = self.earlier_births.len().saturating_sub(KEPT);
        self.earlier_births.drain(..too_many);
    }

    /// Takes a version of the mail system's item into account.
    pub(crate) fn take_etag(&mut self, etag: &str) {
        if let Some(right) = self.right.as_mut().filter(|right| right.etag != etag) {
            right.before = Some(std::mem::replace(&mut right.etag, etag.to_owned()));
        }
    }
}
