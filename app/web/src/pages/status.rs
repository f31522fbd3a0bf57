//! `/`: how everything is, at a glance. The same figures as `GET /api/v1/status`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use jiff::Timestamp;
use maud::{Markup, html};
use tieline_messaging::Lag;
use tieline_model::{Caller, LightState, Mailbox, MailboxId};
use tieline_store::{HealthState, MailboxFilter, MailboxHealth, MessageFilter, QueueDepth, StoredMessage};

use super::when::{ago, lasting};
use super::{Page, Place, Shell, refuse};
use crate::sign_in::SignedIn;
use crate::web::{Readiness, Web};

/// The most mailboxes and messages on the page.
const MOST: u32 = 25;

/// What the page shows.
struct Status {
    now: Timestamp,
    since: Timestamp,
    readiness: Readiness,
    health: Vec<MailboxHealth>,
    queues: Vec<QueueDepth>,
    lag: BTreeMap<String, Lag>,
    lights: Vec<(Mailbox, LightState, Option<MailboxHealth>)>,
    latest: Vec<StoredMessage>,
}

pub(super) async fn show(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Page {
    let status = gather(&web).await.map_err(refuse(&signed_in))?;
    let about = format!("As of {}.", status.now.strftime("%Y-%m-%d %H:%M:%S UTC"));
    let shell = Shell::of(&signed_in, "Status").at(Place::Status).about(&about).action("Look again", "/");
    Ok(shell.around(&page(&status)).into_response())
}

async fn gather(web: &Web) -> Result<Status, tieline_store::StoreError> {
    let now = web.clock.now();
    let readiness = *web.readiness.borrow();
    let health = web.store.health().await?;
    let of = |id: MailboxId| health.iter().find(|health| health.mailbox == id).cloned();
    let mut lights = Vec::new();
    for mailbox in web.store.mailboxes(&MailboxFilter::default(), MOST).await? {
        let light = web.messaging.light_view(&mailbox).await?.light;
        let health = of(mailbox.id);
        lights.push((mailbox, light, health));
    }
    Ok(Status {
        now,
        since: web.since,
        readiness,
        queues: web.store.queue(now).await?,
        lag: web.messaging.lag(),
        latest: web.store.messages(&MessageFilter::default(), 10).await?,
        lights,
        health,
    })
}

fn page(status: &Status) -> Markup {
    html! {
        section aria-label="Summary" { (summary(status)) }
        section aria-labelledby="mailboxes" {
            h2 #mailboxes { "Mailboxes and lights" }
            (lights(status))
        }
        section aria-labelledby="messages" {
            h2 #messages { "Latest messages" }
            (messages(status))
        }
        div.columns {
            section aria-labelledby="work" {
                h2 #work { "Work in hand" }
                (queues(status))
            }
            section aria-labelledby="lag" {
                h2 #lag { "How long it takes" }
                (lags(status))
            }
        }
    }
}

fn summary(status: &Status) -> Markup {
    let in_state = |state: HealthState| status.health.iter().filter(|health| health.state == state).count();
    let open: u64 = status.queues.iter().map(|queue| queue.open).sum();
    let aside: u64 = status.queues.iter().map(|queue| queue.quarantined).sum();
    let word = match status.readiness {
        Readiness::Ready => "ok",
        Readiness::Starting => "pending",
        Readiness::Stopping => "paused",
    };
    html! {
        ul.tiles {
            li { span.label { "Server" } span.value { (badge(word)) } span.more { "since " (ago(status.now, status.since)) } }
            li {
                span.label { "Mailboxes" } span.value { (in_state(HealthState::Ok)) span.of { " of " (status.health.len()) " ok" } }
                span.more {
                    @let troubled = status.health.len() - in_state(HealthState::Ok);
                    @if troubled == 0 { "nothing to look after" } @else { (troubled) " to look after" }
                }
            }
            li { span.label { "Work in hand" } span.value { (open) } span.more { (jobs(open)) " waiting" } }
            li {
                span.label { "Put aside" } span.value { (aside) }
                span.more { @if aside == 0 { "nothing was given up" } @else { (badge("quarantined")) " see tieline status" } }
            }
        }
    }
}

fn jobs(count: u64) -> &'static str {
    if count == 1 { "job" } else { "jobs" }
}

/// A state: its word, its shape, its colour.
pub(super) fn badge(word: &str) -> Markup {
    let kind = match word {
        "ok" => "ok",
        "pending" | "paused" | "degraded" => "care",
        "refused" | "quarantined" => "bad",
        _ => "unknown",
    };
    html! { span.badge.(kind) { (word) } }
}

fn lights(status: &Status) -> Markup {
    if status.lights.is_empty() {
        return html! {
            p.empty { "No mailbox yet. The first one comes about with " code { "tieline mailbox add NUMBER ADDRESS --group GROUP" } "." }
        };
    }
    html! {
        div.table tabindex="0" role="group" aria-label="Mailboxes, a table" {
            table {
                thead { tr { th { "Number" } th { "Mailbox" } th { "Light" } th.number { "New" } th.number { "Old" } th { "State" } th { "Since" } } }
                tbody {
                    @for (mailbox, light, health) in &status.lights {
                        tr {
                            td.id { (mailbox.number) }
                            td { (mailbox.address.as_str()) }
                            td { (lamp(*light)) }
                            @match light.counts() {
                                Some(counts) => { td.number { (counts.new) } td.number { (counts.old) } }
                                None => { td.number title="not known at present" { "–" } td.number title="not known at present" { "–" } }
                            }
                            td {
                                (badge(health.as_ref().map_or("unknown", |health| health.state.name())))
                                @if let Some(cause) = health.as_ref().and_then(|health| health.cause.as_ref()) { span.cause { (cause.what) } }
                            }
                            td { @match health { Some(health) => (ago(status.now, health.since)), None => "–" } }
                        }
                    }
                }
            }
        }
        @if status.lights.len() >= MOST as usize {
            p.quiet { "The first " (MOST) " by number. " code { "tieline mailbox list" } " shows them all." }
        }
    }
}

fn lamp(light: LightState) -> Markup {
    html! { span.lamp.(light.word()) { (light.word()) } }
}

fn messages(status: &Status) -> Markup {
    if status.latest.is_empty() {
        return html! {
            p.empty { "No message yet. Try one with " code { "tieline voicemail deposit FILE --mailbox NUMBER --from CALLER" } "." }
        };
    }
    let number = |id: MailboxId| {
        let found = status.lights.iter().find(|(mailbox, ..)| mailbox.id == id);
        found.map_or("–", |(mailbox, ..)| mailbox.number.as_str())
    };
    html! {
        div.table tabindex="0" role="group" aria-label="Messages, a table" {
            table {
                thead { tr { th { "Received" } th { "From" } th { "For" } th { "Kind" } th.number { "Length" } th { "In the mailbox" } th { "State" } } }
                tbody {
                    @for stored in &status.latest {
                        @let message = &stored.message;
                        tr {
                            td { (ago(status.now, message.received)) }
                            td { (caller(&message.caller)) }
                            td.id { (number(message.mailbox)) }
                            td { (message.kind.name()) }
                            td.number { @if message.duration_ms > 0 { (lasting(message.duration_ms)) } @else { "–" } }
                            td { @match stored.delivered { Some(at) => (ago(status.now, at)), None => (badge("pending")) } }
                            td { (message.state.name()) }
                        }
                    }
                }
            }
        }
    }
}

fn caller(caller: &Caller) -> Markup {
    html! { (caller.label()) }
}

fn queues(status: &Status) -> Markup {
    if status.queues.is_empty() {
        return html! { p.empty { "Nothing waits. Jobs appear here while messages travel." } };
    }
    html! {
        div.table tabindex="0" role="group" aria-label="Jobs, a table" {
            table {
                thead { tr { th { "Kind" } th.number { "Open" } th.number { "Due" } th.number { "Put aside" } th { "Oldest" } } }
                tbody {
                    @for queue in &status.queues {
                        tr {
                            td { (queue.kind) } td.number { (queue.open) } td.number { (queue.due) } td.number { (queue.quarantined) }
                            td { @match queue.oldest { Some(at) => (ago(status.now, at)), None => "–" } }
                        }
                    }
                }
            }
        }
    }
}

fn lags(status: &Status) -> Markup {
    if status.lag.is_empty() {
        return html! { p.empty { "Nothing was measured since the server started. The first message begins it." } };
    }
    html! {
        div.table tabindex="0" role="group" aria-label="Times, a table" {
            table {
                thead { tr { th { "Step" } th.number { "Half within" } th.number { "99 of 100 within" } th.number { "Measured" } } }
                tbody {
                    @for (step, lag) in &status.lag {
                        tr {
                            td { (step.replace('-', ", ")) }
                            td.number { (lasting(lag.p50_ms)) } td.number { (lasting(lag.p99_ms)) } td.number { (lag.count) }
                        }
                    }
                }
            }
        }
    }
}
