//! What a mailbox does by itself with messages about meetings: a setting, changed while the lab runs.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// `AutomateProcessing` of a mailbox's calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Processing {
    /// Requests lie in the inbox and nothing happens.
    None,
    /// Requests become tentative entries, answers are noted at the meeting. What people's mailboxes do.
    #[default]
    AutoUpdate,
    /// Requests are accepted when the time is free and declined otherwise. What rooms do.
    AutoAccept,
}

/// The settings of all mailboxes. Also `GET` and `POST /lab/calendars`.
#[derive(Debug, Default)]
pub struct CalendarProcessing(Mutex<BTreeMap<String, Processing>>);

impl CalendarProcessing {
    /// What a mailbox was told to do. Where nothing was said, rooms accept and others update.
    pub fn of(&self, address: &str) -> Option<Processing> {
        let settings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        settings.get(&address.to_ascii_lowercase()).copied()
    }

    /// Says what a mailbox does from now on.
    pub fn set(&self, address: &str, processing: Processing) {
        let mut settings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        settings.insert(address.to_ascii_lowercase(), processing);
    }

    /// Every setting that was made.
    pub fn all(&self) -> BTreeMap<String, Processing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
