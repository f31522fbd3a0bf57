//! Events that others may listen to, decisions that explain themselves, and who did what.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_model::{Decision, TraceId};

use crate::store::read;
use crate::wake::EventsChanged;
use crate::{Store, StoreError};

/// An event as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number; rises without ever being given twice, gaps are possible.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What kind of event.
    pub topic: String,
    /// What it is about.
    pub subject: String,
    /// What happened.
    pub payload: Value,
}

/// Who did what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// A verb in kebab case.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More.
    pub detail: String,
}

/// Events as they come in, from any place in the past on.
#[derive(Debug)]
pub struct EventFeed {
    store: Store,
    topics: Vec<String>,
    after: i64,
    page: VecDeque<Event>,
    changed: EventsChanged,
}

impl EventFeed {
    /// How many events are read at once.
    const PAGE: u32 = 256;

    /// The next event of these topics; waits for it.
    ///
    /// # Errors
    /// When the store cannot be read; asking again goes on where it stopped.
    pub async fn next(&mut self) -> Result<Event, StoreError> {
        loop {
            if let Some(event) = self.page.pop_front() {
                self.after = event.seq;
                return Ok(event);
            }
            self.changed.mark_seen();
            let page = self.store.events_after(self.after, &self.topics, Self::PAGE).await?;
            if page.is_empty() {
                self.changed.wait().await;
            }
            self.page = page.into();
        }
    }
}

impl Store {
    /// Events behind a number, oldest first, of these topics (any, when empty).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn events_after(
        &self,
        after: i64,
        topics: &[String],
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        read!(self, conn => event::after(conn, after, topics, limit))
    }

    /// The number of the newest event; 0 when there was none yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn last_event(&self) -> Result<i64, StoreError> {
        read!(self, conn => event::last(conn))
    }

    /// Listens to these topics (any, when empty), beginning behind a number.
    #[must_use]
    pub fn listen(&self, after: i64, topics: Vec<String>) -> EventFeed {
        let changed = self.wakes().events();
        EventFeed { store: self.clone(), topics, after, page: VecDeque::new(), changed }
    }

    /// The decisions about a printed id, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn decisions_about(&self, subject: &str) -> Result<Vec<Decision>, StoreError> {
        read!(self, conn => event::decisions_about(conn, subject))
    }

    /// The decisions on a journey, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn decisions_on(&self, trace: TraceId) -> Result<Vec<Decision>, StoreError> {
        read!(self, conn => event::decisions_on(conn, trace))
    }

    /// What `tieline explain` prints: for a trace id its journey, for any other printed id the decisions about it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn explain(&self, id: &str) -> Result<Vec<Decision>, StoreError> {
        match id.parse::<TraceId>() {
            Ok(trace) => self.decisions_on(trace).await,
            Err(_) => self.decisions_about(id).await,
        }
    }

    /// Who did what, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn audit(&self, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        read!(self, conn => event::audit(conn, limit))
    }
}
