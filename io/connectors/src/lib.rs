//! Mail systems behind the [`MailSystem`](tieline_ports::MailSystem) port, a folder each. Today: [`ews`].
//!
//! A connector translates, and decides nothing about messages: whether a call is repeated, what a change means
//! and which folder is meant is the caller's. What it does decide is how to be polite and how to name a failure.

pub mod ews;
