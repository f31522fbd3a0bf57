//! What goes in and out of the engine.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tieline_model::Class;

/// What the driver does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this instant; give the lease back and come again.
    Wait(Timestamp),
    /// Look in all folders for items with the delivery key; report by [`crate::DeliveryState::on_located`].
    Locate,
    /// Call [`crate::DeliveryState::record_intent`] with this deadline, make the state durable, then report by
    /// [`crate::DeliveryState::on_intent_recorded`].
    RecordIntent {
        /// The create that follows must have been answered by then.
        deadline: Timestamp,
    },
    /// Create the item with the delivery key; give up waiting at the deadline. Report by
    /// [`crate::DeliveryState::on_created`] or [`crate::DeliveryState::on_failed`].
    Create {
        /// As recorded.
        deadline: Timestamp,
    },
    /// Remove this doubled item for good; an item that is not there (any more) counts as removed. Report by
    /// [`crate::DeliveryState::on_removed`].
    Remove {
        /// The item's id, as located.
        item: String,
    },
    /// It is over.
    Finish(Outcome),
}

/// An item outside, as created or located.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its present id.
    pub item: String,
    /// The folder it is in.
    pub folder: String,
    /// Whether its user read it.
    pub read: bool,
    /// Whether it lies in Deleted Items.
    pub deleted: bool,
}

/// How a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The item is there.
    Delivered(Delivered),
    /// A confirming look found nothing: its user removed it for good. Nothing is created again.
    Gone,
    /// It will not work before somebody acts; see [`crate::DeliveryState::retry`].
    Quarantined,
}

/// A delivered item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The item.
    #[serde(flatten)]
    pub item: Item,
    /// How that is known.
    pub by: Evidence,
    /// A doubled effect may come until this instant: enqueue [`crate::DeliveryState::confirming`] for it.
    pub look_again: Option<Timestamp>,
}

/// How an item is known to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The server answered the create.
    Created,
    /// It was found by its delivery key.
    Located,
}

/// A call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// Who must act.
    pub class: Class,
    /// The effect may have happened, or may still happen. Counts for creates only.
    pub uncertain: bool,
    /// The peer asked to be left alone for this long.
    pub back_off: Option<SignedDuration>,
}
