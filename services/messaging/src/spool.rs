//! A PBX leaves recordings in a folder: each becomes a deposit, once.
//!
//! The layout is Asterisk's: `<root>/<context>/<mailbox>/INBOX/msg0000.txt` with its audio beside it. A message is taken
//! when its description is there, nothing changed between two looks, and the folder is not locked. Its `msg_id` (or its
//! contents' hash) makes it one message however often it is read, so that a crash between accepting and putting away
//! does no harm. Accepted files are moved beside the INBOX or removed; what can never be accepted is moved too, with a
//! file that says why; everything else stays and is tried again, ever more slowly.

mod asterisk;
mod files;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use tieline_model::{Class, Mailbox, MessageKind, Refusal};

use crate::{Deposit, Messaging, SpoolPolicy};
use files::{Found, Stamp};

/// What was seen of a message so far.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    /// How many looks found it like that.
    looks: u32,
    /// How often it was tried in vain.
    tries: u32,
    /// Not before this many looks.
    next: u32,
}

/// A description without a recording is waited for this many looks.
const WITHOUT_AUDIO: u32 = 60;
/// A lock that stays this many looks belongs to nobody any more.
const LOCKED: u32 = 600;
/// At most so many looks between two tries.
const SLOWEST: u32 = 300;

impl Messaging {
    /// Reads every spool for ever; returns never, also without one.
    pub(crate) async fn read_spools(&self) {
        let spools = self.policy.spools.iter().map(|spool| self.read_spool(spool));
        futures_util::future::join_all(spools).await;
        std::future::pending().await
    }

    async fn read_spool(&self, policy: &SpoolPolicy) {
        let mut seen = HashMap::new();
        let mut looks = tokio::time::interval(policy.poll);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.look_into_spool(policy, &mut seen).await;
        }
    }

    async fn look_into_spool(&self, policy: &SpoolPolicy, seen: &mut HashMap<PathBuf, Seen>) {
        let root = policy.root.clone();
        let found = match tokio::task::spawn_blocking(move || files::scan(&root)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                tracing::warn!(root = %policy.root.display(), %error, "the spool cannot be read; looked at again");
                return;
            }
            Err(_) => return,
        };
        let here: HashSet<&PathBuf> = found.iter().map(|found| &found.text).collect();
        seen.retain(|path, _| here.contains(path));
        for found in found {
            if ripe(seen, &found) {
                let path = found.text.clone();
                let refusal = self.take(policy, found).await.err();
                if let (Some(entry), Some(refusal)) = (seen.get_mut(&path), refusal) {
                    entry.tries += 1;
                    entry.next = entry.looks + (1 << entry.tries.min(16)).min(SLOWEST);
                    if entry.tries == 1 || entry.next - entry.looks == SLOWEST {
                        tracing::warn!(file = %path.display(), code = refusal.code, "{refusal}");
                    }
                }
            }
        }
    }

    /// Takes one message in and puts its files away. What fails is tried again.
    async fn take(&self, policy: &SpoolPolicy, found: Found) -> Result<(), Refusal> {
        match self.deposit_found(&found).await {
            Ok(id) => {
                if policy.remove_accepted {
                    files::remove(&found).await
                } else {
                    files::put_away(&found, SpoolPolicy::ACCEPTED, &id, None).await
                }
            }
            Err(refusal) if refusal.class == Class::Permanent && refusal.code != "unknown-mailbox" => {
                tracing::warn!(file = %found.text.display(), code = refusal.code, "put aside: {refusal}");
                let name = self.ids.uuid().simple().to_string();
                files::put_away(&found, SpoolPolicy::REFUSED, &name, Some(refusal.to_string())).await
            }
            Err(refusal) => Err(refusal),
        }
    }

    async fn deposit_found(&self, found: &Found) -> Result<String, Refusal> {
        let limit = self.audio.limits().max_bytes;
        let mailbox = self.mailbox_of(found).await?;
        let Some(audio) = &found.audio else {
            return Err(Refusal::permanent(
                "spool-without-recording",
                "the description has no recording beside it",
                "check the PBX's voicemail format setting",
            )
            .at(found.text.display().to_string()));
        };
        let text = files::read(&found.text, asterisk::LIMIT).await?;
        let content = files::read(audio, limit).await?;
        let described = asterisk::Description::parse(&text)
            .map_err(|refusal| refusal.at(found.text.display().to_string()))?;
        let source_id = match &described.msg_id {
            Some(id) => format!("asterisk:{id}"),
            None => format!("asterisk:sha256:{}", files::hash(&text, &content)),
        };
        let deposit = Deposit {
            kind: MessageKind::Voice,
            caller: described.caller,
            received: described.received,
            file_name: audio.file_name().and_then(|name| name.to_str()).map(str::to_owned),
            source_id: Some(source_id),
            ..Deposit::voice(mailbox.id, content)
        };
        let deposited = self.deposit(deposit).await.map_err(|refusal| match refusal.where_.is_empty() {
            true => refusal.at(audio.display().to_string()),
            false => refusal,
        })?;
        Ok(deposited.id.to_string())
    }

    /// By its number, or by number and context where two contexts have the same.
    async fn mailbox_of(&self, found: &Found) -> Result<Mailbox, Refusal> {
        let in_context = format!("{}@{}", found.mailbox, found.context);
        if let Some(mailbox) = self.store.mailbox_by_number(&in_context).await? {
            return Ok(mailbox);
        }
        match self.store.mailbox_by_number(&found.mailbox).await? {
            Some(mailbox) => Ok(mailbox),
            None => Err(Refusal::permanent(
                "unknown-mailbox",
                format!("no mailbox has the number {}", found.mailbox),
                "tieline mailbox create; the recording waits in the spool",
            )
            .at(found.text.display().to_string())),
        }
    }
}

/// Whether a message is complete and its turn has come.
fn ripe(seen: &mut HashMap<PathBuf, Seen>, found: &Found) -> bool {
    let fresh = || Seen { stamp: found.stamp.clone(), looks: 0, tries: 0, next: 0 };
    let entry = seen.entry(found.text.clone()).or_insert_with(fresh);
    if entry.stamp != found.stamp {
        *entry = fresh();
    }
    entry.looks = entry.looks.saturating_add(1);
    let unlocked = !found.locked || entry.looks > LOCKED;
    let complete = found.audio.is_some() || entry.looks > WITHOUT_AUDIO;
    entry.looks >= 2 && unlocked && complete && entry.looks >= entry.next
}
