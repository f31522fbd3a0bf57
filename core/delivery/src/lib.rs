//! Exactly one item outside for each message inside, whatever crashes.
//!
//! A mail system offers no transaction: a create whose answer was lost may have happened, may happen a minute later,
//! or may have happened twice. This crate decides what a delivery does next, and nothing else. It is sans-IO and
//! deterministic: time and randomness are arguments, effects are [`Step`]s that a driver carries out and reports back.
//!
//! ```text
//!   Clear ──RecordIntent──▶ Doubt (durable: attempt, deadline) ──Create──▶ answered: Finish
//!     ▲                       │ crash, lost answer, time-out
//!     │                       ▼
//!     └── nothing found ── Locate after deadline + late_effect_bound ── found ──▶ Finish
//!                            several found: Remove all but the oldest, look again
//! ```
//!
//! # The rules
//!
//! 1. Before every create an intent is durable: what is not written down is not sent.
//! 2. While a create may still have its effect (until its deadline plus [`Policy::late_effect_bound`]) nothing is
//!    created again, by no process, and not afterwards either before a locate that *began* after that instant found
//!    nothing.
//! 3. A first attempt, and one after a refusal for certain, needs no locate.
//! 4. A locate that finds one item is as good as an answer. One that finds several keeps the oldest, which every
//!    process agrees on, removes the others and looks again.
//! 5. When there was doubt, the finished delivery says when to look once more ([`Delivered::look_again`]): a doubled
//!    effect may come after the first one was found.
//! 6. A peer's back-off is never undercut. Transient failures wait exponentially longer with jitter, an operator's
//!    slowly and for ever, a permanent one ends in quarantine, from which [`DeliveryState::retry`] leads back without
//!    forgetting a doubt.
//!
//! What it refuses to be: a queue, a lease, a retry loop. Those are the store's and the worker's.
//!
//! Types to know: [`DeliveryState`] (durable), [`Step`], [`Policy`], [`Failure`], [`Outcome`].
//!
//! # What a driver owes
//!
//! It persists the state after every report, fenced by its lease; it reports [`DeliveryState::on_intent_recorded`] only
//! when the commit is acknowledged; it asks [`DeliveryState::next`] with a fresh `now` directly before each call; and
//! after a cancelled or abandoned call it drops the state and loads the durable one.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod policy;
mod state;
mod step;

pub use policy::{Confirm, Policy};
pub use state::DeliveryState;
pub use step::{Delivered, Evidence, Failure, Item, Outcome, Step};
