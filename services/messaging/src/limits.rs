//! Job `count-folders`: how full the folders are that messages go to, measured against what their Exchange can take
//! (AV-91 to AV-94). A folder warns at 80 % and alarms at 100 %: as event, decision and the mailbox's health.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tieline_model::{ExchangeVersion, FolderLoad, FolderNoun, Limit, Mailbox, MailboxId, Refusal};
use tieline_ports::PortError;
use tieline_store::{FolderCount, HealthState, Job, StoreError, Write};
use tieline_worker::{Finish, JobContext, Run, Work, WorkError};

use crate::Messaging;
use crate::deliver::failure;
use crate::jobs::{self, CountPayload};
use crate::reach::Tie;
use crate::record::mailbox_event;

/// Job `count-folders`.
pub(crate) struct CountFolders(pub(crate) Messaging);

impl Work for CountFolders {
    fn kind(&self) -> &'static str {
        jobs::COUNT_FOLDERS
    }

    fn concurrency(&self) -> usize {
        4
    }

    fn span(&self, job: &Job) -> tracing::Span {
        tracing::info_span!("job.count-folders", job = %job.id, mailbox = job.subject, trace = %job.trace)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> Run<'a> {
        Box::pin(self.0.count_folders(context))
    }
}

/// The limit for messages in a folder of a server whose build is known or not.
pub(crate) fn limit_of(build: Option<&str>) -> (Limit, &'static str) {
    let version = build.and_then(|build| {
        let mut numbers = build.split('.').map(str::parse);
        ExchangeVersion::from_build(numbers.next()?.ok()?, numbers.next()?.ok()?)
    });
    match version {
        Some(version) => (Limit::of(version, FolderNoun::Messages), version.label()),
        None => {
            let strictest = Limit::of(ExchangeVersion::Exchange2007, FolderNoun::Messages);
            (Limit { assumed: true, ..strictest }, "an unknown version")
        }
    }
}

/// A counted folder against its limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FolderReport {
    /// Whose.
    pub mailbox: MailboxId,
    /// The folder's path.
    pub folder: String,
    /// How many items it holds.
    pub items: u64,
    /// The number that must not be reached.
    pub limit: u32,
    /// The limit is not in the manuals for this version, but taken from its neighbour.
    pub assumed: bool,
    /// How full that is.
    pub load: FolderLoad,
    /// When it was counted.
    pub at: Timestamp,
}

impl Messaging {
    /// Every counted folder against its limit, fullest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn folders(&self) -> Result<Vec<FolderReport>, StoreError> {
        let mut builds: BTreeMap<MailboxId, Option<String>> = BTreeMap::new();
        let mut reports = Vec::new();
        for FolderCount { mailbox, folder, items, at } in self.store.folder_counts(None).await? {
            let build = match builds.entry(mailbox) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.build_of(mailbox).await?),
            };
            let (limit, _) = limit_of(build.as_deref());
            let load = limit.load(u32::try_from(items).unwrap_or(u32::MAX));
            let Limit { items: most, assumed } = limit;
            reports.push(FolderReport { mailbox, folder, items, limit: most, assumed, load, at });
        }
        Ok(reports)
    }

    async fn build_of(&self, mailbox: MailboxId) -> Result<Option<String>, StoreError> {
        let Some(mailbox) = self.store.mailbox(mailbox).await? else { return Ok(None) };
        Ok(match self.tie(&mailbox).await? {
            Ok(Tie::Tied(reach)) => reach.endpoint.server_version,
            _ => None,
        })
    }

    async fn count_folders(&self, context: &JobContext) -> Result<Finish, WorkError> {
        let payload: CountPayload = jobs::payload(context.job())?;
        let Some(mailbox) = self.store.mailbox(payload.mailbox).await? else { return Ok(Finish::done()) };
        let Ok(Some((reach, target))) = self.tied_target(&mailbox).await? else { return Ok(Finish::done()) };
        let (limit, version) = limit_of(reach.endpoint.server_version.as_deref());
        let before = self.store.folder_counts(Some(mailbox.id)).await?;
        let mut writes = Vec::new();
        let mut worst: Option<Refusal> = None;
        let mut worst_load = FolderLoad::Ok;
        for (path, folder) in self.known_folders(&mailbox).await?.bound {
            let items = match self.mail.count(&target, &folder).await {
                Ok(items) => items,
                Err(PortError::NotFound) => continue,
                Err(error) => {
                    let refusal = error.refusal().at(mailbox.address.as_str());
                    return Err(WorkError::Failed { refusal, back_off: failure(&error).back_off });
                }
            };
            let load = limit.load(items);
            let was = before
                .iter()
                .find(|count| count.folder == path)
                .map_or(FolderLoad::Ok, |count| limit.load(u32::try_from(count.items).unwrap_or(u32::MAX)));
            writes.push(Write::FolderCount(FolderCount {
                mailbox: mailbox.id,
                folder: path.clone(),
                items: u64::from(items),
                at: context.now(),
            }));
            if load != was {
                writes.extend(self.load_changed(context, &mailbox, &path, items, limit, version, load));
            }
            if load > worst_load {
                (worst_load, worst) = (load, Some(fills_up(&mailbox, &path, limit, load)));
            }
        }
        // With the counts above, since those in the store are the earlier ones.
        let health = self.store.mailbox_health(mailbox.id).await?;
        let fares = health.as_ref().map(|health| health.state);
        match worst {
            Some(cause) if matches!(fares, None | Some(HealthState::Ok | HealthState::Degraded)) => {
                let state = HealthState::Degraded;
                if health.as_ref().and_then(|health| health.cause.as_ref()) != Some(&cause) {
                    writes.push(Write::MailboxHealth { mailbox: mailbox.id, state, cause: Some(cause) });
                }
            }
            None if fares == Some(HealthState::Degraded) => {
                writes.push(Write::MailboxHealth {
                    mailbox: mailbox.id,
                    state: HealthState::Ok,
                    cause: None,
                });
            }
            _ => {}
        }
        Ok(Finish::done().with_all(writes))
    }

    #[expect(clippy::too_many_arguments, reason = "each is an input of the decision")]
    fn load_changed(
        &self,
        context: &JobContext,
        mailbox: &Mailbox,
        path: &str,
        items: u32,
        limit: Limit,
        version: &str,
        load: FolderLoad,
    ) -> Vec<Write> {
        let word = match load {
            FolderLoad::Ok => "has room again",
            FolderLoad::Warning => "has reached 80 % of its limit",
            FolderLoad::Alarm => "has reached its limit",
        };
        let outcome = format!("folder {path} {word}: {items} of {} items", limit.items);
        tracing::warn!(mailbox = %mailbox.id, folder = path, items, limit = limit.items, "{outcome}");
        let basis = format!("{version}{}", if limit.assumed { " (assumed)" } else { "" });
        let decision = self
            .decision(context.job().trace, mailbox.id, "folder-limit", outcome)
            .input("items", items)
            .input("limit", limit.items)
            .input("server", basis);
        let more = json!({ "folder": path, "items": items, "limit": limit.items, "load": load });
        vec![mailbox_event(mailbox.id, "folder-limit", more), Write::Decision(decision)]
    }

    /// The warning that belongs to a mailbox's fullest folder, by the last count.
    pub(crate) async fn fullest_folder(&self, mailbox: &Mailbox) -> Result<Option<Refusal>, StoreError> {
        let counts = self.store.folder_counts(Some(mailbox.id)).await?;
        let Some(fullest) = counts.into_iter().max_by_key(|count| count.items) else { return Ok(None) };
        let build = self.build_of(mailbox.id).await?;
        let (limit, _) = limit_of(build.as_deref());
        let items = u32::try_from(fullest.items).unwrap_or(u32::MAX);
        let load = limit.load(items);
        Ok((load > FolderLoad::Ok).then(|| fills_up(mailbox, &fullest.folder, limit, load)))
    }
}

/// What a person is told about a folder that fills up. The numbers are left out, so that it stays the same while the
/// state does.
fn fills_up(mailbox: &Mailbox, folder: &str, limit: Limit, load: FolderLoad) -> Refusal {
    let (code, what) = match load {
        FolderLoad::Alarm => {
            ("folder-full", format!("{folder} holds {} items or more; Exchange slows down", limit.items))
        }
        _ => ("folder-nearly-full", format!("{folder} holds more than 80 % of {} items", limit.items)),
    };
    Refusal::operator(code, what, "archive old items, or deliver into a folder of its own: inbox/Voice mail")
        .at(mailbox.address.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_server_gets_the_strictest_limit_marked_as_assumed() {
        assert_eq!(limit_of(None).0, Limit { items: 20_000, assumed: true });
        assert_eq!(limit_of(Some("nonsense")).0.items, 20_000);
        assert_eq!(limit_of(Some("15.1.2507.0")).0, Limit { items: 100_000, assumed: false });
        assert_eq!(limit_of(Some("8.3")).0, Limit { items: 20_000, assumed: false });
    }
}
