//! Why each call led where it led, for `tieline explain`: technician and requestor both (EV-58).
//!
//! A redirect does not wait for the disk: decisions are handed to [`QuickCall::run`], which gathers them for a moment and
//! writes those that came together as one batch. When more wait than it can write, calls wait; nothing is left out silently.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tieline_model::Decision;
use tieline_store::{Batch, Write};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::QuickCall;

/// Decisions that may wait to be written.
const QUEUE: usize = 4096;
/// Decisions that are written as one.
const TOGETHER: usize = 1024;
/// For how long they gather. A transaction costs as much as dozens of rows, so a busy minute has few of them.
const GATHER: Duration = Duration::from_millis(10);

/// The way to whoever writes.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Option<mpsc::Sender<Decision>>>);

impl Recorder {
    fn sender(&self) -> Option<mpsc::Sender<Decision>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, sender: Option<mpsc::Sender<Decision>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sender;
    }
}

impl QuickCall {
    /// Keeps targets at hand and writes decisions down, until `stop`; then what waits is written.
    pub async fn run(&self, stop: CancellationToken) {
        let (sender, mut decisions) = mpsc::channel(QUEUE);
        self.inner().recorder.put(Some(sender));
        tokio::join!(
            async {
                stop.cancelled().await;
                // The channel closes when the last call that is under way has handed its decision over.
                self.inner().recorder.put(None);
            },
            self.follow_targets(&stop),
            async {
                let mut together = Vec::with_capacity(TOGETHER);
                while decisions.recv_many(&mut together, 1).await > 0 {
                    // What is gathered in vain when stopping is a moment.
                    tokio::time::sleep(GATHER).await;
                    while together.len() < TOGETHER
                        && let Ok(decision) = decisions.try_recv()
                    {
                        together.push(decision);
                    }
                    self.write(together.drain(..)).await;
                }
            }
        );
    }

    /// Writes a decision down, or hands it to [`QuickCall::run`] when that runs.
    pub(crate) async fn record(&self, decision: Decision) {
        let unsent = match self.inner().recorder.sender() {
            Some(sender) => sender.send(decision).await.err().map(|unsent| unsent.0),
            None => Some(decision),
        };
        if unsent.is_some() {
            Box::pin(self.write(unsent.into_iter())).await;
        }
    }

    async fn write(&self, decisions: impl Iterator<Item = Decision>) {
        let mut batch = Batch::new(self.clock.now());
        decisions.for_each(|decision| batch.push(Write::Decision(decision)));
        let count = batch.writes.len();
        if count == 0 {
            return;
        }
        if let Err(error) = self.store.commit(batch).await {
            // A ticket form is more urgent than its record; the log says that the record has a gap.
            metrics::counter!("tieline_quick_call_decisions_lost_total").increment(count as u64);
            tracing::error!(%error, count, "quick-call decisions could not be written down");
        }
    }
}
