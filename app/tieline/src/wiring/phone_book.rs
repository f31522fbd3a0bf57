//! The contacts of mailboxes as telephones look them up, from the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use tieline_messaging::sip_password_of;
use tieline_model::{Contact, ContactId, Mailbox, MailboxId, RecordKind, Refusal};
use tieline_phone_book::{Access, BookFuture, Books, Listed, Listener, PhoneBook, Security};
use tieline_store::{RecordFilter, Store, StoredRecord};
use tokio_util::sync::CancellationToken;

use super::{read_file, tls};
use crate::config;

/// Contacts read from the store at once.
const PAGE: u32 = 500;
/// Books kept in memory; more telephones read theirs anew.
const MOST_KEPT: usize = 256;

/// Serves the phone book where the configuration says; `None` where it does not.
pub(super) async fn start(
    config: &config::Ldap,
    store: &Store,
    stop: CancellationToken,
) -> Result<Option<PhoneBook>, Refusal> {
    let own = config.tls.as_ref().map(|own| tls::server(&own.certificate, &own.key)).transpose()?;
    let plain = own.clone().map_or(Security::Plain, Security::StartTls);
    let plain = config.plain.map(|address| Listener { address, security: plain });
    let secure = config.tls.as_ref().and_then(|own| own.listen).zip(own);
    let secure = secure.map(|(address, own)| Listener { address, security: Security::Tls(own) });
    let listeners: Vec<_> = plain.into_iter().chain(secure).collect();
    if listeners.is_empty() {
        return Ok(None);
    }
    let account = match (&config.account, &config.password_file) {
        (Some(name), Some(file)) => {
            let text = String::from_utf8_lossy(&read_file(file)?).into_owned();
            Some((name.clone(), SecretString::from(text.lines().next().unwrap_or_default())))
        }
        _ => None,
    };
    let access = Access {
        base: config.base.clone(),
        shared: config.shared.clone(),
        account,
        anonymous: config.anonymous,
        most_entries: config.most_entries,
    };
    let books = Arc::new(StoredBooks { store: store.clone(), kept: Mutex::default() });
    let started = PhoneBook::start(listeners, access, books, stop).await;
    started.map(Some).map_err(|error| {
        Refusal::operator("ldap-failed", error.to_string(), "correct the section [ldap] of the configuration")
    })
}

/// A book as it was read, and the last change it shows.
struct Kept {
    seq: i64,
    contacts: Arc<Vec<Listed>>,
}

struct StoredBooks {
    store: Store,
    kept: Mutex<HashMap<MailboxId, Kept>>,
}

impl StoredBooks {
    async fn mailbox(&self, number: &str) -> Result<Option<Mailbox>, Refusal> {
        let found = self.store.mailbox_by_number(number).await?;
        Ok(found.filter(|mailbox| mailbox.enabled))
    }

    /// The book, read anew when a contact has changed since.
    async fn contacts(&self, mailbox: MailboxId) -> Result<Arc<Vec<Listed>>, Refusal> {
        let known = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(&mailbox).map(|kept| (kept.seq, Arc::clone(&kept.contacts)))
        };
        let since = known.as_ref().map_or(0, |(seq, _)| *seq);
        let seq = self.last_change(mailbox, since).await?;
        if let Some((known_seq, contacts)) = known
            && known_seq == seq
        {
            return Ok(contacts);
        }
        let contacts = Arc::new(self.read(mailbox).await?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        // What changed while it was read is seen again by the next look-up.
        kept.insert(mailbox, Kept { seq, contacts: Arc::clone(&contacts) });
        Ok(contacts)
    }

    async fn last_change(&self, mailbox: MailboxId, mut since: i64) -> Result<i64, Refusal> {
        loop {
            let changes = self.store.record_changes(mailbox, RecordKind::Contacts, since, PAGE).await?;
            match changes.last() {
                Some(last) => since = last.seq,
                None => return Ok(since),
            }
        }
    }

    async fn read(&self, mailbox: MailboxId) -> Result<Vec<Listed>, Refusal> {
        let mut contacts = Vec::new();
        let mut filter = RecordFilter::default();
        loop {
            let page: Vec<StoredRecord<Contact>> = self.store.records(mailbox, &filter, PAGE).await?;
            filter.after = page.last().map(|last| (last.sort.clone(), last.id));
            let whole = page.len() == PAGE as usize;
            contacts
                .extend(page.into_iter().map(|one| (ContactId::from_uuid(one.id).to_string(), one.record)));
            if !whole {
                return Ok(contacts);
            }
        }
    }
}

impl Books for StoredBooks {
    fn book<'a>(&'a self, number: &'a str) -> BookFuture<'a, Option<Arc<Vec<Listed>>>> {
        Box::pin(async move {
            match self.mailbox(number).await? {
                Some(mailbox) => self.contacts(mailbox.id).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn password<'a>(&'a self, number: &'a str) -> BookFuture<'a, Option<SecretString>> {
        Box::pin(async move {
            match self.mailbox(number).await? {
                Some(mailbox) => Ok(self.store.secret(&sip_password_of(mailbox.id)).await?),
                None => Ok(None),
            }
        })
    }
}
