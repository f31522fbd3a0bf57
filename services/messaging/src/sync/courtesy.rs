//! A pass that goes on for long leaves the way to those that are soon done, so that one huge mailbox is not felt in the
//! others.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A pass is brief for so long.
const BRIEF: SignedDuration = SignedDuration::from_secs(1);
/// A long pass waits so many times as long as its last step took, at most: it keeps a fair part for itself.
const PATIENCE: u32 = 2;

/// How many brief passes are under way.
#[derive(Default)]
pub(crate) struct Courtesy(watch::Sender<usize>);

impl Courtesy {
    /// A pass begins.
    pub(crate) fn begin(&self, begun: Timestamp) -> Step<'_> {
        self.0.send_modify(|brief| *brief += 1);
        Step { courtesy: self, begun, last: begun, brief: true }
    }

    async fn none_is_brief(&self) {
        // It ends only with the sender, which is borrowed here.
        let _ = self.0.subscribe().wait_for(|brief| *brief == 0).await;
    }
}

/// A pass, between two of its steps.
pub(crate) struct Step<'a> {
    courtesy: &'a Courtesy,
    begun: Timestamp,
    /// When the last step began.
    last: Timestamp,
    brief: bool,
}

impl Step<'_> {
    /// A step is done, and the next one may begin: at once in a brief pass, in a long one when no brief one is under way,
    /// or its patience is over.
    pub(crate) async fn next(&mut self, now: impl Fn() -> Timestamp) {
        let took = now().duration_since(self.last);
        if now().duration_since(self.begun) >= BRIEF {
            self.ends_being_brief();
            let patience = Duration::try_from(took).unwrap_or_default() * PATIENCE;
            // Whether it was told or has waited enough makes no difference.
            let _ = tokio::time::timeout(patience, self.courtesy.none_is_brief()).await;
        }
        self.last = now();
    }

    fn ends_being_brief(&mut self) {
        if std::mem::take(&mut self.brief) {
            self.courtesy.0.send_modify(|brief| *brief = brief.saturating_sub(1));
        }
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.ends_being_brief();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).expect("a time")
    }

    /// Whether the next step of this pass begins without waiting, at this time.
    async fn goes_on(step: &mut Step<'_>, ms: i64) -> bool {
        let begun = tokio::time::Instant::now();
        step.next(|| at(ms)).await;
        begun.elapsed() == Duration::ZERO
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pass_lets_a_brief_one_go_first_but_not_for_ever() {
        let courtesy = Courtesy::default();
        let mut long = courtesy.begin(at(0));
        let mut other = courtesy.begin(at(900));
        assert!(goes_on(&mut long, 999).await, "it is brief itself");
        assert!(!goes_on(&mut long, 1_010).await, "the other one is brief");
        assert!(goes_on(&mut other, 1_100).await, "a brief one waits for nobody");
        drop(other);
        assert!(goes_on(&mut long, 1_200).await, "nobody is brief any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pass_goes_on_as_soon_as_the_brief_one_ends() {
        let courtesy = Courtesy::default();
        let mut long = courtesy.begin(at(0));
        let brief = courtesy.begin(at(1_000));
        let begun = tokio::time::Instant::now();
        let ends = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            drop(brief);
        };
        tokio::join!(long.next(|| at(2_000)), ends);
        assert_eq!(begun.elapsed(), Duration::from_millis(30));
    }

    #[tokio::test(start_paused = true)]
    async fn two_long_passes_do_not_wait_for_each_other() {
        let courtesy = Courtesy::default();
        let (mut one, mut two) = (courtesy.begin(at(0)), courtesy.begin(at(0)));
        assert!(!goes_on(&mut one, 1_000).await);
        assert!(goes_on(&mut two, 1_000).await);
        assert!(goes_on(&mut one, 1_100).await);
    }
}
