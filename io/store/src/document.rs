//! The whole configuration as one document: exported, compared, applied, rolled back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tieline_model::{
    Endpoint, EndpointId, FeatureGroup, FeatureGroupId, Mailbox, MailboxId, QuickCallTarget,
    QuickCallTargetId,
};

use crate::store::read;
use crate::writer::{Answer, Op, Prepared, unexpected};
use crate::{Batch, Change, Configure, Edit, Noun, Receipt, Store, StoreError, Write};

/// Everything that is configured in the database. Entries refer to each other by id, so that a new name changes
/// nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigDocument {
    /// The form of the document: [`ConfigDocument::FORM`] of the release that wrote it.
    #[serde(default = "first_form")]
    pub form: u32,
    /// The version it was exported at; when given, it is applied only to that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// By name.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// By name.
    #[serde(default)]
    pub feature_groups: Vec<FeatureGroup>,
    /// By number.
    #[serde(default)]
    pub mailboxes: Vec<Mailbox>,
    /// By name. Their links and tokens are secrets and not in the document.
    #[serde(default)]
    pub quick_call_targets: Vec<QuickCallTarget>,
}

/// A document's entries by noun and printed id: what comparing and rolling back work on.
type Entries = BTreeMap<(Noun, String), Value>;

impl Default for ConfigDocument {
    /// An empty one, in the form of this release.
    fn default() -> Self {
        Self {
            form: Self::FORM,
            version: None,
            endpoints: Vec::new(),
            feature_groups: Vec::new(),
            mailboxes: Vec::new(),
            quick_call_targets: Vec::new(),
        }
    }
}

/// Documents without a form were written before there was more than one.
const fn first_form() -> u32 {
    1
}

impl ConfigDocument {
    /// The form that this release writes, and the newest that it reads. It goes up when a document would mean something
    /// else to an older release.
    pub const FORM: u32 = 1;

    /// Refuses a document that a newer release wrote: what it says might be lost or misread.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with the code `document-newer`.
    pub fn check_form(&self) -> Result<(), StoreError> {
        if (1..=Self::FORM).contains(&self.form) {
            return Ok(());
        }
        Err(StoreError::conflict(
            "document-newer",
            format!("the document has the form {}; this release reads forms up to {}", self.form, Self::FORM),
            "apply it with the release that wrote it, or upgrade this one",
        ))
    }

    /// What would change if `wanted` were applied to this one.
    ///
    /// # Errors
    /// When an entry cannot be expressed, which no entry that was parsed can cause.
    pub fn diff(&self, wanted: &Self) -> Result<Vec<Change>, StoreError> {
        Ok(changes(&self.entries()?, &wanted.entries()?))
    }

    fn entries(&self) -> Result<Entries, StoreError> {
        let mut entries = Entries::new();
        for endpoint in &self.endpoints {
            add(&mut entries, Noun::Endpoint, endpoint.id.to_string(), endpoint)?;
        }
        for group in &self.feature_groups {
            add(&mut entries, Noun::FeatureGroup, group.id.to_string(), group)?;
        }
        for mailbox in &self.mailboxes {
            add(&mut entries, Noun::Mailbox, mailbox.id.to_string(), mailbox)?;
        }
        for target in &self.quick_call_targets {
            add(&mut entries, Noun::QuickCallTarget, target.id.to_string(), target)?;
        }
        Ok(entries)
    }
}

fn add(entries: &mut Entries, noun: Noun, id: String, entry: &impl Serialize) -> Result<(), StoreError> {
    let value = serde_json::to_value(entry).map_err(|error| StoreError::corrupt(&id, error))?;
    match entries.insert((noun, id.clone()), value) {
        None => Ok(()),
        Some(_) => Err(StoreError::conflict(
            "twice-in-document",
            format!("the {} {id} stands twice in the document", noun.label()),
            "remove one of them",
        )),
    }
}

fn changes(before: &Entries, after: &Entries) -> Vec<Change> {
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    let mut changes: Vec<Change> = keys
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Change {
            noun: key.0,
            id: key.1.clone(),
            before: before.get(key).cloned(),
            after: after.get(key).cloned(),
        })
        .collect();
    changes.sort_by(|a, b| (a.noun, &a.id).cmp(&(b.noun, &b.id)));
    changes
}

/// The edits that bring a change about.
fn edits(changes: Vec<Change>) -> Result<Vec<Edit>, StoreError> {
    changes.into_iter().map(edit).collect()
}

fn edit(change: Change) -> Result<Edit, StoreError> {
    let Change { noun, id, after, .. } = change;
    let bad = |error: &dyn std::fmt::Display| StoreError::corrupt(format!("change of {id}"), error);
    Ok(match (noun, after) {
        (Noun::Endpoint, Some(entry)) => {
            Edit::PutEndpoint(serde_json::from_value(entry).map_err(|e| bad(&e))?)
        }
        (Noun::FeatureGroup, Some(entry)) => {
            Edit::PutFeatureGroup(serde_json::from_value(entry).map_err(|e| bad(&e))?)
        }
        (Noun::Mailbox, Some(entry)) => Edit::PutMailbox(serde_json::from_value(entry).map_err(|e| bad(&e))?),
        (Noun::Endpoint, None) => Edit::DeleteEndpoint(id.parse::<EndpointId>().map_err(|e| bad(&e))?),
        (Noun::FeatureGroup, None) => {
            Edit::DeleteFeatureGroup(id.parse::<FeatureGroupId>().map_err(|e| bad(&e))?)
        }
        (Noun::Mailbox, None) => Edit::DeleteMailbox(id.parse::<MailboxId>().map_err(|e| bad(&e))?),
        (Noun::QuickCallTarget, Some(entry)) => {
            Edit::PutQuickCallTarget(serde_json::from_value(entry).map_err(|e| bad(&e))?)
        }
        (Noun::QuickCallTarget, None) => {
            Edit::DeleteQuickCallTarget(id.parse::<QuickCallTargetId>().map_err(|e| bad(&e))?)
        }
    })
}

impl Store {
    /// The whole configuration at its present version.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn export(&self) -> Result<ConfigDocument, StoreError> {
        read!(self, conn => change_set::document(conn))
    }

    /// What applying a document would change; nothing is written.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn plan(&self, wanted: &ConfigDocument) -> Result<Vec<Change>, StoreError> {
        self.export().await?.diff(wanted)
    }

    /// Makes the configuration what the document says, as one version. Entries that it does not name are removed.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a reference leads nowhere, a name is taken, something in use would be removed, or
    /// the configuration was changed since the document was exported.
    pub async fn apply(
        &self,
        wanted: &ConfigDocument,
        author: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<Receipt, StoreError> {
        self.commit(self.application(wanted, author, note, at).await?).await
    }

    /// What [`Self::apply`] would answer, refusals included: carried out and undone.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub async fn rehearse(
        &self,
        wanted: &ConfigDocument,
        author: &str,
        at: Timestamp,
    ) -> Result<Receipt, StoreError> {
        let prepared = Prepared::new(self.application(wanted, author, "rehearsed", at).await?, &self.keys())?;
        let bytes = prepared.bytes();
        match self.ask(Op::Rehearse(prepared), bytes).await? {
            Answer::Receipt(receipt) => Ok(receipt),
            other => Err(unexpected(&other)),
        }
    }

    async fn application(
        &self,
        wanted: &ConfigDocument,
        author: &str,
        note: &str,
        at: Timestamp,
    ) -> Result<Batch, StoreError> {
        let present = self.export().await?;
        let edits = edits(present.diff(wanted)?)?;
        let base = wanted.version.or(present.version);
        let configure = Configure { author: author.to_owned(), note: note.to_owned(), base, edits };
        Ok(Batch::new(at).with(Write::Configure(configure)))
    }

    /// Makes the configuration what it was at an earlier version, as a new version.
    ///
    /// # Errors
    /// As [`Self::apply`]; also when there was no such version.
    pub async fn roll_back(&self, version: i64, author: &str, at: Timestamp) -> Result<Receipt, StoreError> {
        let present = self.export().await?;
        let newest = present.version.unwrap_or(0);
        if version < 0 || version > newest {
            return Err(StoreError::conflict(
                "unknown-version",
                format!("the configuration has no version {version}; the newest is {newest}"),
                "choose one from the list of versions",
            ));
        }
        let now = present.entries()?;
        let mut then = now.clone();
        for change in read!(self, conn => change_set::changes_since(conn, version))? {
            // From the newest backwards, each entry becomes what it was before.
            match change.before {
                Some(before) => then.insert((change.noun, change.id), before),
                None => then.remove(&(change.noun, change.id)),
            };
        }
        let configure = Configure {
            author: author.to_owned(),
            note: format!("back to version {version}"),
            base: Some(newest),
            edits: edits(changes(&now, &then))?,
        };
        self.commit(Batch::new(at).with(Write::Configure(configure))).await
    }
}
