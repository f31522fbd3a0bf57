//! Keeping the cache fresh.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tieline_ports::{Age, ChangeTracking, Directory, RefreshKind, RefreshReport};
use tokio_util::sync::CancellationToken;

use crate::cache::{Book, Change};
use crate::directory::LdapDirectory;
use crate::error::DirectoryError;
use crate::ldap::Connection;
use crate::pass::{self, Changes, Marker, Merged};

/// Between two updates of the metrics.
const MEASURE: Duration = Duration::from_secs(15);
/// People entered at a time; look-ups wait for no longer.
const AT_ONCE: usize = 256;

impl LdapDirectory {
    /// Reads everybody at once, then changes and everybody by the schedule, until `stop`. A pass that fails is
    /// repeated after growing pauses; the cache keeps what it has.
    pub async fn run(&self, stop: CancellationToken) {
        let schedule = self.config.schedule;
        let mut pause = schedule.retry;
        loop {
            let pass = self.pass(self.due());
            let wait = tokio::select! {
                () = stop.cancelled() => return,
                result = pass => match result {
                    Ok(_) => {
                        pause = schedule.retry;
                        schedule.changes
                    }
                    Err(_) => {
                        let wait = pause;
                        pause = (pause * 2).min(schedule.changes);
                        wait
                    }
                },
            };
            if self.wait(wait, &stop).await {
                return;
            }
        }
    }

    /// Waits, with the metrics kept current; true when `stop` came.
    async fn wait(&self, wait: Duration, stop: &CancellationToken) -> bool {
        let over = tokio::time::sleep(wait);
        tokio::pin!(over);
        let mut measure = tokio::time::interval(MEASURE);
        loop {
            tokio::select! {
                () = stop.cancelled() => return true,
                () = &mut over => return false,
                _ = measure.tick() => self.measure(),
            }
        }
    }

    fn due(&self) -> RefreshKind {
        let last = self.lock_state().last_full;
        let recent = |at: Timestamp| {
            Duration::try_from(self.clock.now().duration_since(at))
                .is_ok_and(|age| age < self.config.schedule.full)
        };
        if last.is_some_and(recent) { RefreshKind::Changes } else { RefreshKind::Full }
    }

    fn measure(&self) {
        let status = self.status();
        metrics::gauge!("tieline_directory_people").set(status.people as f64);
        metrics::gauge!("tieline_directory_bytes").set(status.bytes as f64);
        metrics::gauge!("tieline_directory_withheld").set(status.withheld as f64);
        if let Age::Cached { age, .. } = self.age(self.clock.now()) {
            metrics::gauge!("tieline_directory_age_seconds").set(age.as_secs_f64());
        }
        let healthy = if status.problem.is_none() && status.as_of.is_some() { 1.0 } else { 0.0 };
        metrics::gauge!("tieline_directory_healthy").set(healthy);
        for (outcome, count) in [
            ("hit", status.hits),
            ("miss", status.misses),
            ("live", status.live),
            ("live_failed", status.live_failed),
            ("live_limited", status.live_limited),
        ] {
            metrics::counter!("tieline_directory_lookups_total", "outcome" => outcome).absolute(count);
        }
    }

    /// One pass, after any that is under way.
    pub(crate) async fn pass(&self, kind: RefreshKind) -> Result<RefreshReport, DirectoryError> {
        let mut marker = self.marker.lock().await;
        let result = self.pass_from(kind, &mut marker).await;
        let mut state = self.lock_state();
        match &result {
            Ok(report) => {
                tracing::info!(
                    server = report.server,
                    complete = report.complete,
                    seen = report.seen,
                    added = report.added,
                    changed = report.changed,
                    removed = report.removed,
                    withheld = report.withheld,
                    unusable = report.unusable,
                    "the directory was read"
                );
                state.problem = None;
                state.server = Some(report.server.clone());
            }
            Err(error) => {
                tracing::warn!(error = %error, "the directory could not be read; the cache stays as it is");
                state.problem = Some(error.refusal());
            }
        }
        result
    }

    async fn pass_from(
        &self,
        kind: RefreshKind,
        marker: &mut Option<Marker>,
    ) -> Result<RefreshReport, DirectoryError> {
        // What changes during the pass may be missed by it: the cache is as old as the pass's beginning.
        let began = self.clock.now();
        let mut connection = self.servers.connect().await?;
        let known = marker.clone().filter(|_| kind == RefreshKind::Changes);
        if let Some(known) = known
            && let Some(changes) = self.changes(&mut connection, &known).await?
        {
            let report = self.enter(changes, &connection, marker);
            self.lock_state().as_of = Some(began);
            connection.close().await;
            return Ok(report);
        }
        let report =
            self.list(&mut connection, kind == RefreshKind::FullAcceptingLosses, began, marker).await?;
        connection.close().await;
        Ok(report)
    }

    /// `None`: everybody must be listed.
    async fn changes(
        &self,
        connection: &mut Connection,
        known: &Marker,
    ) -> Result<Option<Changes>, DirectoryError> {
        match pass::changes(connection, &self.config, known).await {
            // A cookie may be too old, or of a directory that was restored.
            Err(error @ DirectoryError::Search { .. }) => {
                tracing::warn!(error = %error, "the directory does not tell what changed; everybody is listed");
                Ok(None)
            }
            result => result,
        }
    }

    fn enter(&self, changes: Changes, connection: &Connection, marker: &mut Option<Marker>) -> RefreshReport {
        let mut report = RefreshReport {
            complete: false,
            seen: changes.people.len() + changes.gone.len(),
            added: 0,
            changed: 0,
            removed: 0,
            withheld: 0,
            unusable: changes.unusable,
            server: connection.server().to_string(),
        };
        for some in changes.people.chunks(AT_ONCE) {
            let mut book = self.write_book();
            for person in some {
                match book.enter(person) {
                    Change::Added => report.added += 1,
                    Change::Changed => report.changed += 1,
                    Change::Same => {}
                }
            }
        }
        report.removed = changes.gone.iter().filter(|id| self.write_book().forget(id)).count();
        if report.added > 0 || report.changed > 0 {
            self.forget_nobodies();
        }
        *marker = changes.marker;
        report
    }

    async fn list(
        &self,
        connection: &mut Connection,
        accept_losses: bool,
        began: Timestamp,
        marker: &mut Option<Marker>,
    ) -> Result<RefreshReport, DirectoryError> {
        let mut listing = pass::list_everybody(connection, &self.config).await?;
        if listing.book.len() == 0 {
            return Err(DirectoryError::Empty { bases: self.config.bases.join("; ") });
        }
        let book = std::mem::take(&mut listing.book);
        let (merged, people) = self.swap(book, accept_losses).await?;
        self.forget_nobodies();
        *marker = listing.marker;
        let mut state = self.lock_state();
        state.as_of = Some(began);
        state.last_full = Some(began);
        state.tracking = Some(marker.as_ref().map_or(ChangeTracking::ListAll, Marker::tracking));
        state.withheld = merged.withheld;
        state.unusable = listing.unusable;
        if merged.withheld > 0 {
            tracing::warn!(
                withheld = merged.withheld,
                people,
                "so many people are missing from the listing that it is doubted; nobody is forgotten"
            );
        }
        Ok(RefreshReport {
            complete: true,
            seen: listing.seen,
            added: merged.added,
            changed: merged.changed,
            removed: merged.removed,
            withheld: merged.withheld,
            unusable: listing.unusable,
            server: connection.server().to_string(),
        })
    }

    /// Puts a complete listing in the place of what was known. Comparing takes long with many people: it is done
    /// beside the runtime's own threads, and look-ups go on meanwhile.
    async fn swap(&self, mut listed: Book, accept_losses: bool) -> Result<(Merged, usize), DirectoryError> {
        let (known, limits) = (Arc::clone(&self.book), self.config.limits);
        let work = move || {
            let merged = pass::merge(&known, &mut listed, &limits, accept_losses);
            listed.settle();
            let people = listed.len();
            let before =
                std::mem::replace(&mut *known.write().unwrap_or_else(PoisonError::into_inner), listed);
            drop(before);
            (merged, people)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| DirectoryError::Interrupted)
    }
}
