//! What each operation and each write does.

use super::{
    Conn, conference, config, content, control, deletion, event, feed, job, lease, location, mailbox,
    message, picture, quick_call, record, remote, secret, session, snapshot, spool, sweep, sync, trust, user,
};
use crate::writer::{Answer, Effects, Op, Prepared, Step};
use crate::{Accepted, Receipt, StoreError, Write};

pub(crate) async fn carry_out(conn: &mut Conn, op: &Op, effects: &mut Effects) -> Result<Answer, StoreError> {
    Ok(match op {
        Op::Commit(batch) => Answer::Receipt(commit(conn, batch, effects).await?),
        Op::Rehearse(batch) => {
            control(conn, "SAVEPOINT rehearsal").await?;
            let rehearsed = commit(conn, batch, &mut Effects::default()).await;
            control(conn, "ROLLBACK TO SAVEPOINT rehearsal").await?;
            control(conn, "RELEASE SAVEPOINT rehearsal").await?;
            Answer::Receipt(rehearsed?)
        }
        Op::Claim { owner, now, ttl, kinds } => {
            Answer::Claimed(job::claim(conn, *owner, *now, *ttl, kinds).await?.map(Box::new))
        }
        Op::ClaimNext { fence, now } => {
            lease::check(conn, fence).await?;
            Answer::Job(job::take_head(conn, &fence.stream, *now).await?.map(Box::new))
        }
        Op::Hold { stream, owner, now, ttl } => {
            Answer::Held(lease::hold(conn, stream, *owner, *now, *ttl).await?)
        }
        Op::Renew { lease, now, ttl } => Answer::Held(Some(lease::renew(conn, lease, *now, *ttl).await?)),
        Op::Release { fence } => {
            lease::release(conn, fence).await?;
            effects.jobs = true;
            Answer::Done
        }
        Op::Stage { message, piece, bytes, at } => {
            content::stage(conn, *message, *piece, bytes, *at).await?;
            Answer::Done
        }
        Op::Reseal { name, old, new } => {
            secret::reseal(conn, name, old, new).await?;
            Answer::Done
        }
        Op::Sweep { what, now, before, limit } => {
            Answer::Count(sweep::sweep(conn, *what, *now, *before, *limit).await?)
        }
        Op::Stop => Answer::Done,
    })
}

async fn commit(conn: &mut Conn, batch: &Prepared, effects: &mut Effects) -> Result<Receipt, StoreError> {
    if let Some(fence) = &batch.fence {
        lease::check(conn, fence).await?;
    }
    let mut receipt = Receipt::default();
    // The message comes first: when it stands already, the batch says nothing new.
    for step in &batch.steps {
        if let Step::Write(Write::AcceptMessage { message, content }) = step {
            let accepted = message::accept(conn, message, content, batch.at).await?;
            receipt.message = Some(accepted);
            if matches!(accepted, Accepted::Standing(_)) {
                return Ok(receipt);
            }
        }
    }
    let mut steps = batch.steps.iter().peekable();
    while let Some(step) = steps.next() {
        match step {
            Step::Write(Write::Decision(decision)) => {
                let mut decisions = vec![decision];
                while let Some(Step::Write(Write::Decision(next))) = steps.peek() {
                    decisions.push(next);
                    steps.next();
                }
                event::put_decisions(conn, &decisions).await?;
            }
            Step::Secret { name, sealed, by } => {
                secret::put(conn, name, sealed.as_ref(), by, batch.at).await?;
            }
            Step::Write(one) => write(conn, batch, one, &mut receipt, effects).await?,
        }
    }
    Ok(receipt)
}

async fn write(
    conn: &mut Conn,
    batch: &Prepared,
    write: &Write,
    receipt: &mut Receipt,
    effects: &mut Effects,
) -> Result<(), StoreError> {
    let at = batch.at;
    match write {
        Write::AcceptMessage { .. } | Write::Secret { .. } => Ok(()),
        Write::MessageState { message, state, by } => {
            message::set_state(conn, *message, *state, *by, at).await
        }
        Write::PurgeContent { message } => content::purge(conn, *message, at).await,
        Write::RemoteItem(item) => remote::put(conn, item, at).await,
        Write::ForgetRemoteItem { message } => remote::forget(conn, *message).await,
        Write::Cursor { mailbox, folder, cursor } => {
            remote::set_cursor(conn, *mailbox, folder, cursor.as_deref(), at).await
        }
        Write::Job(new) => {
            effects.jobs = true;
            job::enqueue(conn, new, at, false).await
        }
        Write::JobHint(new) => {
            effects.jobs = true;
            job::enqueue(conn, new, at, true).await
        }
        Write::JobOutcome { id, outcome } => {
            effects.jobs = true;
            job::conclude(conn, batch.fence.as_ref(), *id, outcome, at).await
        }
        Write::RetryJob { id } => {
            effects.jobs = true;
            job::retry(conn, *id, at).await
        }
        Write::DropJob { id } => job::drop_quarantined(conn, *id).await,
        Write::Event(new) => {
            effects.events = true;
            receipt.event = Some(event::put(conn, new, at).await?);
            Ok(())
        }
        Write::Decision(decision) => event::put_decisions(conn, &[decision]).await,
        Write::Configure(configure) => {
            let (version, warnings) = config::configure(conn, configure, at).await?;
            receipt.warnings.extend(warnings);
            if version.is_some() {
                effects.events = true;
                receipt.version = version;
            }
            Ok(())
        }
        Write::ApiToken(token) => secret::put_token(conn, token, at).await,
        Write::RevokeApiToken { id, by } => secret::revoke_token(conn, *id, by, at).await,
        Write::AddUser { user, by } => user::add(conn, user, by, at).await,
        Write::UserPassword { name, password, by } => user::set_password(conn, name, password, by, at).await,
        Write::Trust(certificate) => trust::add(conn, certificate).await,
        Write::Distrust { sha256, by } => trust::remove(conn, sha256, by, at).await,
        Write::RemoveUser { name, by } => user::remove(conn, name, by, at).await,
        Write::Session(session) => session::put(conn, session).await,
        Write::SessionSeen(hash) => session::touch(conn, hash, at).await,
        Write::EndSession(hash) => session::end(conn, hash).await,
        Write::PendingSignIn(pending) => session::put_pending(conn, pending).await,
        Write::TakePendingSignIn(state) => session::take_pending(conn, state).await,
        Write::QuickCallChoice(choice) => quick_call::put_choice(conn, choice, at).await,
        Write::Subscription(subscription) => mailbox::put_subscription(conn, subscription).await,
        Write::DropSubscription { id } => mailbox::drop_subscription(conn, id).await,
        Write::LightShown(shown) => mailbox::put_light_shown(conn, shown).await,
        Write::DropLightShown { mailbox, target } => mailbox::drop_light_shown(conn, *mailbox, target).await,
        Write::MailboxHealth { mailbox, state, cause } => {
            mailbox::put_health(conn, *mailbox, *state, cause.as_ref(), at).await
        }
        Write::FolderCount(count) => mailbox::put_folder_count(conn, count).await,
        Write::Record(change) => record::write(conn, change, at).await,
        Write::SyncState { mailbox, kind, body } => sync::put_state(conn, *mailbox, *kind, body, at).await,
        Write::SyncUnits(units) => {
            receipt.refused.extend(sync::units(conn, units, at, effects).await?);
            Ok(())
        }
        Write::Spool { mailbox, kind, items } => spool::put(conn, *mailbox, *kind, items).await,
        Write::SpoolCompare { mailbox, kind, versions } => {
            spool::compare(conn, *mailbox, *kind, versions).await
        }
        Write::SpoolForget { mailbox, kind, items } => spool::forget(conn, *mailbox, *kind, items).await,
        Write::SpoolClear { mailbox, kind } => spool::clear(conn, *mailbox, *kind).await,
        Write::SnapshotSpooled { id, mailbox, kind, part: (after, to) } => {
            spool::copy(conn, *id, *mailbox, *kind, (after, to)).await
        }
        Write::Deletion(new) => deletion::put(conn, new, at).await,
        Write::DeletionRestored(id) => deletion::restored(conn, *id, at).await,
        Write::Picture(new) => picture::put(conn, new, at).await,
        Write::Snapshot(new) => snapshot::begin(conn, new, at).await,
        Write::SnapshotEntries { id, entries } => snapshot::add(conn, *id, entries).await,
        Write::SnapshotComplete(id) => snapshot::complete(conn, *id, at).await,
        Write::AddFeed(new) => feed::add(conn, new, at).await,
        Write::RemoveFeed { mailbox, id } => feed::remove(conn, *mailbox, *id).await,
        Write::Conference(change) => conference::write(conn, change, at).await,
        Write::Location(change) => location::write(conn, change, at).await,
        Write::Audit { who, action, subject, detail } => {
            event::put_audit(conn, at, who, action, subject, detail).await
        }
    }
}
