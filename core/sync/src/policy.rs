//! What an administrator may choose, and how long things take.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tieline_model::RecordHash;

/// Whether an item that one side deleted and the other edited stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeletePolicy {
    /// It stays, and the deletion is kept as a conflict.
    #[default]
    EditWins,
    /// It goes, and the edit is kept as a conflict.
    DeleteWins,
}

/// Which edit of one field wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldPolicy {
    /// The later one; the mail system's when it is not known which that is.
    #[default]
    Later,
    /// Tieline's.
    Left,
    /// The mail system's.
    Right,
}

/// What is decided by choice. A change of it begins with a dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Choices {
    /// Edit against deletion.
    pub deletes: DeletePolicy,
    /// Edit against edit.
    pub fields: FieldPolicy,
}

impl Choices {
    /// Equal for equal choices.
    #[must_use]
    pub fn hash(&self) -> RecordHash {
        RecordHash::of(&format!("{self:?}"))
    }
}

/// When changes are too many to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrakePolicy {
    /// So many are always believed; 20 by default.
    pub floor: u32,
    /// So many of a hundred linked items are; 10 by default.
    pub percent: u32,
    /// In this time; an hour by default.
    pub window: SignedDuration,
}

impl Default for BrakePolicy {
    fn default() -> Self {
        Self { floor: 20, percent: 10, window: SignedDuration::from_hours(1) }
    }
}

/// Everything the engine goes by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Decisions by choice.
    pub choices: Choices,
    /// The mass-change brake.
    pub brake: BrakePolicy,
    /// Waits, time-outs and late effects, shared with deliveries.
    pub times: tieline_delivery::Policy,
    /// Sizes and terms.
    pub limits: Limits,
}

/// Sizes and terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Changes asked for in one page; 512, the most that Exchange gives.
    pub page: usize,
    /// Items in hand at a time; 256 by default.
    pub batch: usize,
    /// How long a propagated deletion can be undone; 14 days by default.
    pub undo: SignedDuration,
    /// After so many refusals in a row an item is put aside; 5 by default.
    pub patience: u32,
    /// How long an item that was put aside rests before it is tried again; 1 h by default, doubling to 24 h.
    pub quarantine: SignedDuration,
    /// How old the last snapshot may be when something is written; 24 h by default. `None`: the first is enough.
    pub snapshot_every: Option<SignedDuration>,
    /// How long a folder without changes is believed to be the same one, unasked; 1 h by default.
    pub identify_every: SignedDuration,
    /// How long asking for changes only is enough, before everything is listed anew; a week by default.
    pub list_every: SignedDuration,
    /// Examples of each kind of change in a plan; 5 by default.
    pub samples: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page: 512,
            batch: 256,
            undo: SignedDuration::from_hours(14 * 24),
            patience: 5,
            quarantine: SignedDuration::from_hours(1),
            snapshot_every: Some(SignedDuration::from_hours(24)),
            identify_every: SignedDuration::from_hours(1),
            list_every: SignedDuration::from_hours(7 * 24),
            samples: 5,
        }
    }
}
