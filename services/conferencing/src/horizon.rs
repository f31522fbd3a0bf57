//! Series that go on after the horizon: what comes within it as time passes is reserved too, once a day.
//!
//! Beyond the horizon nothing is reserved, so that another meeting may have the room there by then. Such an occurrence
//! stays without a room, and the decision about the series says so; the others have theirs.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use tieline_model::{Decision, Meeting, MeetingKey, MeetingState, Span};
use tieline_store::{ConferenceWrite, StoreError, Write};
use tieline_worker::{JobContext, WorkError};

use crate::inbox::Known;
use crate::{Conferencing, spans};

/// From one extension to the next.
const EVERY: SignedDuration = SignedDuration::from_hours(24);

impl Conferencing {
    /// Reserves what has come within the horizon since the last time.
    pub(crate) async fn extend_series(
        &self,
        context: &JobContext,
        known: &mut Known,
    ) -> Result<(), WorkError> {
        let now = self.now();
        if !self.inner().is_extension_due(now, EVERY) {
            return Ok(());
        }
        let mut last: HashMap<MeetingKey, Timestamp> = HashMap::new();
        for held in self.store.reservations(now).await? {
            let latest = last.entry(held.key).or_insert(held.span.start);
            *latest = held.span.start.max(*latest);
        }
        for stored in self.store.meetings(u32::MAX).await? {
            let meeting = stored.meeting;
            let Some(schedule) = meeting.schedule.as_ref().filter(|one| one.recurrence.is_some()) else {
                continue;
            };
            if meeting.state != MeetingState::Accepted {
                continue;
            }
            let Ok(coming) = spans(schedule, now, self.settings.policy.horizon_days) else { continue };
            let known_until = last.get(&meeting.key).copied().unwrap_or(Timestamp::MIN);
            if coming.last().is_some_and(|span| span.start > known_until) {
                self.extend(context, known, &meeting, &coming).await?;
            }
        }
        self.inner().extended(now);
        Ok(())
    }

    async fn extend(
        &self,
        context: &JobContext,
        known: &mut Known,
        meeting: &Meeting,
        coming: &[Span],
    ) -> Result<(), WorkError> {
        let Some(number) = &meeting.number else { return Ok(()) };
        let free = |span: &Span| known.calendar().is_free(number, &[*span], &meeting.key.uid);
        let (free, taken): (Vec<Span>, Vec<Span>) = coming.iter().copied().partition(free);
        let outcome = match taken.first() {
            None => format!("reserved {} coming times of the series", free.len()),
            Some(first) => {
                tracing::warn!(%number, uid = meeting.key.uid, at = %first.start, "a series has no room at some times");
                format!(
                    "room {number} is another meeting's at {} times, first at {}",
                    taken.len(),
                    first.start
                )
            }
        };
        let decision = Decision::new(meeting.trace, meeting.id, self.now(), "extend-series", outcome);
        let write = ConferenceWrite::Meeting {
            meeting: Box::new(meeting.clone()),
            spans: free.clone(),
            beside_rooms: true,
        };
        match context.commit(vec![Write::Conference(write), Write::Decision(decision)]).await {
            // Another node gave the room away meanwhile: tomorrow it is known.
            Err(StoreError::Conflict(refusal)) => {
                tracing::warn!(%refusal, uid = meeting.key.uid, "a series is not extended yet");
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(_) => Ok(self.note(known, meeting, &free).await?),
        }
    }
}
