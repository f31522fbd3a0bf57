//! A pass that goes on for long leaves the way to those that are soon done, and takes small steps while there are such, so
//! that one huge mailbox is not felt in the others.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A pass is brief for so long.
const BRIEF: SignedDuration = SignedDuration::from_secs(1);
/// A long pass waits so many times as long as it works, at most: it keeps a fair part for itself.
const PATIENCE: u32 = 4;
/// Patience that was not needed is kept, but no more than this.
const MOST_PATIENCE: Duration = Duration::from_secs(1);
/// After a brief pass ended, the next one is expected for so long.
const EXPECTED: SignedDuration = SignedDuration::from_secs(5);
/// Items of a long pass's step while brief ones are expected: more would be felt by one that begins in the middle.
const SHARE: usize = 16;

/// The brief passes.
#[derive(Default)]
pub(crate) struct Courtesy(watch::Sender<Brief>);

#[derive(Default)]
struct Brief {
    /// So many are under way.
    under_way: usize,
    /// The last one that ended as such.
    ended: Option<Timestamp>,
}

impl Courtesy {
    /// A pass begins.
    pub(crate) fn begin(&self, begun: Timestamp) -> Step<'_> {
        self.0.send_modify(|brief| brief.under_way += 1);
        Step { courtesy: self, begun, last: begun, brief: true, patience: Duration::ZERO }
    }

    async fn none_is_brief(&self) {
        // It ends only with the sender, which is borrowed here.
        let _ = self.0.subscribe().wait_for(|brief| brief.under_way == 0).await;
    }

    /// What a long pass may take in hand at a time.
    fn share(&self, now: Timestamp) -> usize {
        let brief = self.0.borrow();
        let expected = brief.ended.is_some_and(|at| now.duration_since(at) < EXPECTED);
        if expected || brief.under_way > 0 { SHARE } else { usize::MAX }
    }
}

/// A pass, between two of its steps.
pub(crate) struct Step<'a> {
    courtesy: &'a Courtesy,
    begun: Timestamp,
    /// When the last step began.
    last: Timestamp,
    brief: bool,
    /// For so long it may still wait.
    patience: Duration,
}

impl Step<'_> {
    /// A step is done, and the next one may begin: at once in a brief pass, in a long one when no brief one is under way,
    /// or its patience is over. Gives how many items it may take in hand.
    pub(crate) async fn next(&mut self, now: impl Fn() -> Timestamp) -> usize {
        let done = now();
        if done.duration_since(self.begun) >= BRIEF {
            self.ends_being_brief(None);
            self.patience = (self.patience + between(self.last, done) * PATIENCE).min(MOST_PATIENCE);
            // Whether it was told or has waited enough makes no difference.
            let _ = tokio::time::timeout(self.patience, self.courtesy.none_is_brief()).await;
            self.patience = self.patience.saturating_sub(between(done, now()));
        }
        self.last = now();
        if self.brief { usize::MAX } else { self.courtesy.share(self.last) }
    }

    fn ends_being_brief(&mut self, ended: Option<Timestamp>) {
        if std::mem::take(&mut self.brief) {
            self.courtesy.0.send_modify(|brief| {
                brief.under_way = brief.under_way.saturating_sub(1);
                brief.ended = ended.or(brief.ended);
            });
        }
    }
}

/// Nothing, when the clock was set back.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.ends_being_brief(Some(self.last));
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
    async fn a_long_pass_keeps_a_fifth_for_itself() {
        let courtesy = Courtesy::default();
        let mut long = courtesy.begin(at(0));
        let _brief = courtesy.begin(at(0));
        let clock = tokio::time::Instant::now();
        let now = || at(1_000 + i64::try_from(clock.elapsed().as_millis()).expect("not long"));
        long.next(now).await;
        let begun = tokio::time::Instant::now();
        for _ in 0..1000 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            long.next(now).await;
        }
        let (took, worked) = (begun.elapsed(), Duration::from_secs(10));
        assert!(took >= worked * 5 && took < worked * 6, "{took:?}");
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
    async fn a_long_pass_takes_small_steps_as_long_as_brief_ones_are_expected() {
        let courtesy = Courtesy::default();
        let mut long = courtesy.begin(at(0));
        assert_eq!(long.next(|| at(1_000)).await, usize::MAX, "it is alone");
        let mut brief = courtesy.begin(at(1_100));
        assert_eq!(brief.next(|| at(1_200)).await, usize::MAX, "nobody feels a brief one");
        assert_eq!(long.next(|| at(1_300)).await, SHARE);
        drop(brief);
        assert_eq!(long.next(|| at(6_199)).await, SHARE, "another one may come");
        assert_eq!(long.next(|| at(6_200)).await, usize::MAX, "none came");
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
