//! How long an edit takes to the other side.

use std::collections::HashMap;

use jiff::Timestamp;
use tieline_model::LinkId;
use tieline_sync::{Commit, Fetched, Linked, Operation, Written};

use super::{InStep, Pass};
use crate::LagStep;

/// When the items in hand were edited.
#[derive(Default)]
pub(crate) struct Edits {
    /// Both sides were in step before this pass: what it carries over is news, and no history.
    news: bool,
    /// In Tieline, by the link.
    here: HashMap<LinkId, Timestamp>,
    /// In the mail system, by the item.
    there: HashMap<String, Timestamp>,
}

impl Edits {
    pub(crate) fn new(news: bool) -> Self {
        Self { news, ..Self::default() }
    }

    /// Another batch begins.
    pub(crate) fn forget(&mut self) {
        self.here.clear();
        self.there.clear();
    }

    pub(crate) fn here<R: InStep>(&mut self, links: &[Linked<R>]) {
        if self.news {
            let edited = |(link, item): &Linked<R>| Some((link.id, item.as_ref()?.edited?));
            self.here.extend(links.iter().filter_map(edited));
        }
    }

    pub(crate) fn there<R: InStep>(&mut self, items: &[Fetched<R>]) {
        for item in items.iter().filter(|_| self.news) {
            if let Fetched::Found(item) = item
                && let Some(edited) = item.edited
            {
                self.there.insert(item.id.clone(), edited);
            }
        }
    }
}

impl<R: InStep> Pass<'_, R> {
    /// These are Tieline's now.
    pub(crate) fn carried_here(&self, edited: &[Timestamp]) {
        let now = self.context.now();
        for edited in edited {
            self.messaging.0.lag.carried(LagStep::ToTieline, R::KIND, now.duration_since(*edited));
        }
    }

    /// When the mail system's edits were made that this commit brings to Tieline.
    pub(crate) fn edits_in(&self, commit: &Commit<R>) -> Vec<Timestamp> {
        let edited = |unit: &tieline_sync::Unit<R>| {
            unit.left.as_ref().filter(|left| left.put.is_some())?;
            self.edits.there.get(&unit.put.as_ref()?.right.as_ref()?.id).copied()
        };
        commit.units.iter().filter_map(edited).collect()
    }

    /// Writes were answered: what was done is the mail system's now.
    pub(crate) fn carried_there(&self, sent: &[(LinkId, Operation)], written: &[Written<R>]) {
        let now = self.context.now();
        for ((link, operation), written) in sent.iter().zip(written) {
            if let (Written::Done { .. }, Some(edited)) = (written, self.edits.here.get(link))
                && *operation != Operation::Delete
            {
                self.messaging.0.lag.carried(LagStep::ToMail, R::KIND, now.duration_since(*edited));
            }
        }
    }
}
