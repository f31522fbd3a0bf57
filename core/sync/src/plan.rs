//! What would be done: counts, samples, and a fingerprint by which it is approved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tieline_model::{LinkId, RecordHash};

use crate::decide::Action;

/// One example of what would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Which.
    pub link: LinkId,
    /// In a person's words; hides what is private.
    pub headline: String,
    /// The rule.
    pub rule: String,
    /// The fields that change.
    pub fields: Vec<String>,
}

/// How many of a kind, and some of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Planned {
    /// How many.
    pub count: u64,
    /// Some.
    pub samples: Vec<Sample>,
}

/// What a pass would do. Nothing was written to get it but what was observed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// By action.
    pub actions: BTreeMap<Action, Planned>,
    /// Fields that both sides edited: one edit of each would be kept as a conflict only.
    pub conflicts: u64,
    /// Items that cannot be read.
    pub unreadable: u64,
    /// Items that hold something the mail system cannot, by field.
    pub lossy: BTreeMap<String, u64>,
    /// Of the choices it was made under and of each item's decision, in order.
    pub fingerprint: Option<RecordHash>,
}

impl Plan {
    /// A plan of nothing yet, under these choices.
    pub(crate) fn under(choices: RecordHash) -> Self {
        Self { fingerprint: Some(choices), ..Self::default() }
    }

    pub(crate) fn add(&mut self, action: Action, sample: Sample, conflicts: usize, keep: usize) {
        let line = format!(
            "{}\n{} {action:?} {} {}",
            self.fingerprint.as_ref().map_or("", RecordHash::as_str),
            sample.link,
            sample.rule,
            sample.fields.join(" ")
        );
        self.fingerprint = Some(RecordHash::of(&line));
        self.conflicts += conflicts as u64;
        let planned = self.actions.entry(action).or_default();
        planned.count += 1;
        if planned.samples.len() < keep {
            planned.samples.push(sample);
        }
    }

    /// How many items an action meets.
    #[must_use]
    pub fn count(&self, action: Action) -> u64 {
        self.actions.get(&action).map_or(0, |planned| planned.count)
    }

    /// By what it is approved.
    #[must_use]
    pub fn approval(&self) -> RecordHash {
        self.fingerprint.clone().unwrap_or_else(|| RecordHash::of("nothing to do"))
    }
}
