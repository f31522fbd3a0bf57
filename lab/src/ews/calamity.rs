//! What befalls a mailbox or the server as a whole, on request: a move to another server, a database that is restored to
//! an earlier state, a restart.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::streaming::End;
use crate::{
    account::Account,
    fault::{Fault, FaultKind},
    server::Server,
    store::{mailbox, roll_back, subscription},
};

/// Which of the lab's servers holds a mailbox: the first, until it is moved.
#[derive(Debug, Default)]
pub(crate) struct Backends(Mutex<HashMap<String, u32>>);

impl Backends {
    /// The name of the mailbox's server.
    pub(crate) fn of(&self, address: &str) -> String {
        let moves = self.lock().get(&address.to_lowercase()).copied().unwrap_or_default();
        format!("LAB-BE{}", moves + 1)
    }

    fn move_on(&self, address: &str) {
        *self.lock().entry(address.to_lowercase()).or_default() += 1;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a fault was not armed.
#[derive(Debug, thiserror::Error)]
pub enum NotArmed {
    /// A roll-back needs to know what to keep.
    #[error("a roll-back names the mailbox that is kept until then: \"user\": \"alice@lab.example\"")]
    NoMailbox,
    /// The state could not be kept.
    #[error("the mailbox could not be kept: {0}")]
    Store(#[from] sqlx::Error),
}

/// Arms a fault. For a roll-back the mailbox is kept as it is at this moment.
pub(crate) async fn arm(server: &Server, fault: Fault) -> Result<u64, NotArmed> {
    if let FaultKind::RollBack { .. } = fault.kind {
        let address = fault.user.as_deref().and_then(|user| server.directory.by_address(user));
        let address = address.ok_or(NotArmed::NoMailbox)?.address.clone();
        let mut tx = server.store.write().await?;
        let kept = mailbox::by_address(&mut tx, &address).await?.ok_or(NotArmed::NoMailbox)?;
        roll_back::keep(&mut tx, kept.mailbox).await?;
        server.store.commit(tx).await?;
    }
    Ok(server.faults.add(fault))
}

/// Lets a fault that is about the whole mailbox happen. What the request itself is to show of it is returned.
pub(super) async fn befall(
    server: &Arc<Server>,
    account: &Account,
    fault: Option<FaultKind>,
) -> Result<Option<FaultKind>, sqlx::Error> {
    match fault {
        Some(FaultKind::MailboxMove) => {
            move_away(server, account).await?;
            Ok(Some(FaultKind::Error { code: "ErrorMailboxMoveInProgress".to_owned() }))
        }
        Some(FaultKind::RollBack { accept_states }) => {
            let mut tx = server.store.write().await?;
            if let Some(own) = mailbox::by_address(&mut tx, &account.address).await? {
                let ended = roll_back::restore(&mut tx, own.mailbox, accept_states).await?;
                server.store.commit(tx).await?;
                server.streams.end(&ended.unwrap_or_default(), End::Cut);
            }
            Ok(None)
        }
        Some(FaultKind::Restart) => {
            let mut tx = server.store.write().await?;
            let ended = subscription::remove_all(&mut tx, None).await?;
            server.store.commit(tx).await?;
            server.streams.end(&ended, End::Cut);
            server.hang_up();
            Ok(Some(FaultKind::LostRequest))
        }
        other => Ok(other),
    }
}

async fn move_away(server: &Arc<Server>, account: &Account) -> Result<(), sqlx::Error> {
    let mut tx = server.store.write().await?;
    let Some(own) = mailbox::by_address(&mut tx, &account.address).await? else { return Ok(()) };
    mailbox::move_away(&mut tx, own.mailbox).await?;
    let ended = subscription::remove_all(&mut tx, Some(own.mailbox)).await?;
    server.store.commit(tx).await?;
    server.backends.move_on(&account.address);
    server.streams.end(&ended, End::Moved);
    Ok(())
}
