//! Why something happened, kept for `tieline explain`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::TraceId;

/// One decision: what was looked at, which rule applied, what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The journey it belongs to.
    pub trace: TraceId,
    /// What it is about, as a printed id: `vm_…`, `mb_…`.
    pub subject: String,
    /// When it was taken.
    pub at: Timestamp,
    /// The rule's stable name in kebab case: `deliver-once`, `light-from-unread`.
    pub rule: String,
    /// What the rule looked at, by name, in a person's words.
    pub inputs: BTreeMap<String, String>,
    /// What came of it, one sentence.
    pub outcome: String,
}

impl Decision {
    /// A decision without inputs yet.
    pub fn new(
        trace: TraceId,
        subject: impl ToString,
        at: Timestamp,
        rule: &str,
        outcome: impl Into<String>,
    ) -> Self {
        Self {
            trace,
            subject: subject.to_string(),
            at,
            rule: rule.to_owned(),
            inputs: BTreeMap::new(),
            outcome: outcome.into(),
        }
    }

    /// Adds an input.
    #[must_use]
    pub fn input(mut self, name: &str, value: impl ToString) -> Self {
        self.inputs.insert(name.to_owned(), value.to_string());
        self
    }
}
