//! Whether a mailbox is tied to its mail system, and how it is reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use tieline_model::settings::{EffectiveSettings, effective};
use tieline_model::{
    Endpoint, FeatureGroup, FeatureGroupId, Mailbox, MailboxId, RecordKind, Refusal, StorageMode,
};
use tieline_ports::{MailAccount, MailTarget};
use tieline_store::{MailboxFilter, Store, StoreError};

use crate::Messaging;

/// Where the store keeps the password of a feature group's service account.
#[must_use]
pub fn password_of(group: FeatureGroupId) -> String {
    format!("feature-group/{group}/password")
}

/// Where the store keeps the password with which a mailbox's telephones subscribe to its light.
#[must_use]
pub fn sip_password_of(mailbox: MailboxId) -> String {
    format!("mailbox/{mailbox}/sip-password")
}

/// A mailbox with everything that holds for it.
pub(crate) struct Reach {
    pub(crate) group: FeatureGroup,
    pub(crate) endpoint: Endpoint,
    pub(crate) settings: EffectiveSettings,
}

/// Whether a mailbox's messages go to its mail system.
pub(crate) enum Tie {
    /// They do.
    Tied(Box<Reach>),
    /// They stay here, and that is as it should be.
    Apart(String),
}

/// A mailbox of which something is synchronized.
#[derive(Clone)]
pub(crate) struct Tied {
    pub(crate) mailbox: Mailbox,
    pub(crate) target: MailTarget,
    /// Its messages are.
    pub(crate) messages: bool,
    /// These are as well.
    pub(crate) records: Vec<RecordKind>,
}

impl Reach {
    pub(crate) async fn of(store: &Store, mailbox: &Mailbox) -> Result<Result<Self, Refusal>, StoreError> {
        let group = store.feature_group(mailbox.feature_group).await?;
        let endpoint = match &group {
            Some(group) => store.endpoint(group.endpoint).await?,
            None => None,
        };
        Ok(Self::from_parts(mailbox, group, endpoint))
    }

    fn from_parts(
        mailbox: &Mailbox,
        group: Option<FeatureGroup>,
        endpoint: Option<Endpoint>,
    ) -> Result<Self, Refusal> {
        let (Some(group), Some(endpoint)) = (group, endpoint) else {
            return Err(Refusal::operator(
                "mailbox-dangling",
                format!("mailbox {} has no feature group, or its group no endpoint", mailbox.number),
                "assign it to a feature group: tieline mailbox edit",
            )
            .at(mailbox.address.as_str()));
        };
        let settings = effective(mailbox, &group);
        Ok(Self { group, endpoint, settings })
    }

    /// How the mail system is asked: the group's service account, acting for the mailbox (AV-46).
    pub(crate) async fn target(
        &self,
        store: &Store,
        mailbox: &Mailbox,
    ) -> Result<Result<MailTarget, Refusal>, StoreError> {
        let name = password_of(self.group.id);
        let Some(password) = store.secret(&name).await? else {
            return Ok(Err(Refusal::operator(
                "no-password",
                format!("feature group {} has no password for {}", self.group.name, self.group.account),
                format!("tieline feature-group set-password {:?} --password-file FILE", self.group.name),
            )
            .at(self.endpoint.name.as_str())));
        };
        let account =
            MailAccount { endpoint: self.endpoint.clone(), user: self.group.account.clone(), password };
        Ok(Ok(MailTarget {
            account: Arc::new(account),
            mailbox: mailbox.id,
            address: mailbox.address.clone(),
        }))
    }
}

/// Why the mailbox itself keeps its messages here; `None` when it does not.
fn apart(mailbox: &Mailbox) -> Result<Option<String>, Refusal> {
    Ok(match mailbox.may_synchronize()? {
        true => None,
        false if mailbox.storage_mode == StorageMode::LocalOnly => {
            Some("the Storage Mode is local-only".to_owned())
        }
        false => Some("the mailbox is switched off".to_owned()),
    })
}

/// Whether messages are among the kinds that are synchronized.
fn tied(reach: Reach) -> Tie {
    if reach.settings.kinds.value.messages {
        Tie::Tied(Box::new(reach))
    } else {
        Tie::Apart(format!("messages are not synchronized ({})", reach.settings.kinds.origin))
    }
}

impl Messaging {
    /// Whether the mailbox's messages go to its mail system; asked anew before each effect, since settings change
    /// in between (AV-50).
    pub(crate) async fn tie(&self, mailbox: &Mailbox) -> Result<Result<Tie, Refusal>, StoreError> {
        match apart(mailbox) {
            Err(refusal) => Ok(Err(refusal)),
            Ok(Some(why)) => Ok(Ok(Tie::Apart(why))),
            Ok(None) => Ok(Reach::of(&self.store, mailbox).await?.map(tied)),
        }
    }

    /// All mailboxes of which something is synchronized. Groups, endpoints and passwords are read once, and mailboxes of
    /// one group share their account.
    pub(crate) async fn all_targets(&self) -> Result<Vec<Tied>, StoreError> {
        let endpoints = self.store.endpoints().await?;
        let mut accounts = BTreeMap::new();
        for group in self.store.feature_groups().await? {
            let endpoint = endpoints.iter().find(|endpoint| endpoint.id == group.endpoint).cloned();
            let password = self.store.secret(&password_of(group.id)).await?;
            if let (Some(endpoint), Some(password)) = (endpoint, password) {
                let user = group.account.clone();
                let account = Arc::new(MailAccount { endpoint: endpoint.clone(), user, password });
                accounts.insert(group.id, (group, endpoint, account));
            }
        }
        let mut targets = Vec::new();
        for mailbox in self.all_mailboxes().await? {
            let Some((group, endpoint, account)) = accounts.get(&mailbox.feature_group) else { continue };
            let Ok(reach) = Reach::from_parts(&mailbox, Some(group.clone()), Some(endpoint.clone())) else {
                continue;
            };
            let records = self.kept_kinds(&mailbox, &reach);
            let messages = matches!(apart(&mailbox), Ok(None)) && matches!(tied(reach), Tie::Tied(_));
            if messages || !records.is_empty() {
                let (account, address) = (Arc::clone(account), mailbox.address.clone());
                let target = MailTarget { account, mailbox: mailbox.id, address };
                targets.push(Tied { mailbox, target, messages, records });
            }
        }
        Ok(targets)
    }

    /// How a mailbox's mail system is asked, whether or not it synchronizes; for checks.
    ///
    /// # Errors
    /// When the mailbox is unknown, its group, endpoint or password is missing, or the store cannot be read.
    pub async fn target(&self, mailbox: MailboxId) -> Result<MailTarget, Refusal> {
        let mailbox = self.mailbox_or_refusal(&mailbox.to_string()).await?;
        Reach::of(&self.store, &mailbox).await??.target(&self.store, &mailbox).await?
    }

    /// A tied mailbox's target, ready to be called; `None` when it is apart.
    pub(crate) async fn tied_target(
        &self,
        mailbox: &Mailbox,
    ) -> Result<Result<Option<(Reach, MailTarget)>, Refusal>, StoreError> {
        match self.tie(mailbox).await? {
            Err(refusal) => Ok(Err(refusal)),
            Ok(Tie::Apart(_)) => Ok(Ok(None)),
            Ok(Tie::Tied(reach)) => {
                let target = reach.target(&self.store, mailbox).await?;
                Ok(target.map(|target| Some((*reach, target))))
            }
        }
    }

    /// Every mailbox, by number.
    pub(crate) async fn all_mailboxes(&self) -> Result<Vec<Mailbox>, StoreError> {
        const PAGE: u32 = 500;
        let mut all: Vec<Mailbox> = Vec::new();
        loop {
            let after = all.last().map(|mailbox| mailbox.number.clone());
            let page = self.store.mailboxes(&MailboxFilter { feature_group: None, after }, PAGE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// The mailbox that a person means by number, address or id.
    pub(crate) async fn find_mailbox(&self, text: &str) -> Result<Option<Mailbox>, StoreError> {
        if let Ok(id) = text.parse::<MailboxId>() {
            return self.store.mailbox(id).await;
        }
        if let Some(mailbox) = self.store.mailbox_by_number(text).await? {
            return Ok(Some(mailbox));
        }
        match text.parse() {
            Ok(address) => self.store.mailbox_by_address(&address).await,
            Err(_) => Ok(None),
        }
    }
}
