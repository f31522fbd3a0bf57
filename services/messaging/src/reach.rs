//! Whether a mailbox is tied to its mail system, and how it is reached.

use std::sync::Arc;

use tieline_model::settings::{EffectiveSettings, effective};
use tieline_model::{Endpoint, FeatureGroup, FeatureGroupId, Mailbox, MailboxId, Refusal, StorageMode};
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

impl Reach {
    async fn of(store: &Store, mailbox: &Mailbox) -> Result<Result<Self, Refusal>, StoreError> {
        let dangling = |noun: &str| {
            Refusal::operator(
                "mailbox-dangling",
                format!("mailbox {} refers to {noun} that does not exist", mailbox.number),
                "assign it to a feature group: tieline mailbox set",
            )
            .at(mailbox.address.as_str())
        };
        let Some(group) = store.feature_group(mailbox.feature_group).await? else {
            return Ok(Err(dangling("a feature group")));
        };
        let Some(endpoint) = store.endpoint(group.endpoint).await? else {
            return Ok(Err(dangling("an endpoint")));
        };
        let settings = effective(mailbox, &group);
        Ok(Ok(Self { group, endpoint, settings }))
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

impl Messaging {
    /// Whether the mailbox's messages go to its mail system; asked anew before each effect, since settings change
    /// in between (AV-50).
    pub(crate) async fn tie(&self, mailbox: &Mailbox) -> Result<Result<Tie, Refusal>, StoreError> {
        let apart = |why: &str| Ok(Ok(Tie::Apart(why.to_owned())));
        match mailbox.may_synchronize() {
            Err(refusal) => return Ok(Err(refusal)),
            Ok(false) if mailbox.storage_mode == StorageMode::LocalOnly => {
                return apart("the Storage Mode is local-only");
            }
            Ok(false) => return apart("the mailbox is switched off"),
            Ok(true) => {}
        }
        let reach = match Reach::of(&self.store, mailbox).await? {
            Ok(reach) => reach,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !reach.settings.kinds.value.messages {
            return Ok(Ok(Tie::Apart(format!(
                "messages are not synchronized ({})",
                reach.settings.kinds.origin
            ))));
        }
        Ok(Ok(Tie::Tied(Box::new(reach))))
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
