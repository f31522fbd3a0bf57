//! The writer: takes what waits, carries it out in one transaction, answers when that is durable.

use tokio::sync::mpsc;

use super::{Conn, Link, announce, begin, control, op};
use crate::StoreError;
use crate::wake::Wakes;
use crate::writer::{Answer, Effects, Op, Queued};

/// At most so many operations share a transaction.
const OPS: usize = 256;
/// No more operations are added to a group that carries this much content, in bytes.
const BYTES: usize = 8 * 1024 * 1024;

type Answers = Vec<Result<Answer, StoreError>>;

/// Works until told to stop, or until nobody is left to ask.
pub(crate) async fn run(mut link: Link, mut queue: mpsc::Receiver<Queued>, wakes: Wakes, name: String) {
    while let Some(first) = queue.recv().await {
        let group = collect(first, &mut queue);
        let stop = group.iter().any(|queued| matches!(queued.op, Op::Stop));
        carry_out(&mut link, group, &wakes, &name).await;
        if stop {
            queue.close();
        }
    }
    link.close().await;
}

fn collect(first: Queued, queue: &mut mpsc::Receiver<Queued>) -> Vec<Queued> {
    let mut bytes = first.bytes;
    let mut group = vec![first];
    while group.len() < OPS && bytes < BYTES {
        let Ok(next) = queue.try_recv() else { break };
        bytes += next.bytes;
        group.push(next);
    }
    group
}

/// Carries a group out, or, when one of them ruins it for all, one by one.
async fn carry_out(link: &mut Link, group: Vec<Queued>, wakes: &Wakes, name: &str) {
    let error = match attempt(link, &group).await {
        Ok((answers, effects)) => return answer(group, answers, effects, wakes, name),
        Err(error) => error,
    };
    if group.len() > 1 && !matches!(error, StoreError::Unavailable { .. }) {
        for queued in group {
            let single = vec![queued];
            match attempt(link, &single).await {
                Ok((answers, effects)) => answer(single, answers, effects, wakes, name),
                Err(error) => answer(single, vec![Err(error)], Effects::default(), wakes, name),
            }
        }
        return;
    }
    if !matches!(error, StoreError::Conflict(_) | StoreError::Fenced { .. }) {
        tracing::error!(store = name, waiting = group.len(), %error, "could not write");
    }
    let answers = group.iter().map(|_| Err(error.clone())).collect();
    answer(group, answers, Effects::default(), wakes, name);
}

fn answer(group: Vec<Queued>, answers: Answers, effects: Effects, wakes: &Wakes, name: &str) {
    if effects.jobs {
        wakes.ring_jobs();
    }
    if effects.events {
        wakes.ring_events();
    }
    for (queued, answer) in group.into_iter().zip(answers) {
        // Who does not wait any more does not need the answer.
        let _ = queued.reply.send(answer.map_err(|error| error.at(name)));
    }
}

async fn attempt(link: &mut Link, group: &[Queued]) -> Result<(Answers, Effects), StoreError> {
    let conn = link.connection().await?;
    let (marker, answers, effects) = match transaction(conn, group).await {
        Ok(done) => done,
        Err(error) => {
            undo(link).await;
            return Err(error);
        }
    };
    let Err(error) = control(link.connection().await?, "COMMIT").await else {
        return Ok((answers, effects));
    };
    if !matches!(error, StoreError::Unavailable { .. }) {
        undo(link).await;
        return Err(error);
    }
    match link.was_committed(&marker).await {
        Some(true) => Ok((answers, effects)),
        Some(false) => Err(error),
        None => {
            undo(link).await;
            Err(uncertain(error))
        }
    }
}

fn uncertain(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable { where_, cause, .. } => {
            StoreError::Unavailable { where_, cause, uncertain: true }
        }
        other => other,
    }
}

/// Leaves no transaction open. A connection on which that fails is not used again.
async fn undo(link: &mut Link) {
    let undone = match link.connection().await {
        Ok(conn) => control(conn, "ROLLBACK").await,
        Err(error) => Err(error),
    };
    if undone.is_err() {
        link.forget();
    }
}

/// Everything but the commit. An error is the whole group's.
async fn transaction(conn: &mut Conn, group: &[Queued]) -> Result<(String, Answers, Effects), StoreError> {
    let marker = begin(conn).await?;
    let mut answers = Vec::with_capacity(group.len());
    let mut effects = Effects::default();
    for queued in group {
        if group.len() == 1 {
            answers.push(Ok(op::carry_out(conn, &queued.op, &mut effects).await?));
            continue;
        }
        let mut own = Effects::default();
        control(conn, "SAVEPOINT op").await?;
        match op::carry_out(conn, &queued.op, &mut own).await {
            Ok(answer) => {
                effects.add(own);
                answers.push(Ok(answer));
            }
            Err(error @ StoreError::Unavailable { .. }) => return Err(error),
            Err(error) => {
                // When the database gave the whole transaction up, this fails, and each is tried by itself.
                control(conn, "ROLLBACK TO SAVEPOINT op").await?;
                answers.push(Err(error));
            }
        }
        control(conn, "RELEASE SAVEPOINT op").await?;
    }
    announce(conn, effects).await?;
    Ok((marker, answers, effects))
}
