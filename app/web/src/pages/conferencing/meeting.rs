//! One meeting: what was asked, what was answered and why, and what may be done with its room.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Redirect};
use jiff::Timestamp;
use maud::{Markup, html};
use tieline_conferencing::MeetingDetail;
use tieline_model::{Meeting, MeetingState, Refusal, Verdict};

use super::{Admin, Asked, HOME, Typed, begins, meeting_address, meeting_badge, subject};
use crate::api::meetings::{id_of, in_days};
use crate::pages::notice::block;
use crate::pages::when::ago;
use crate::pages::{Page, Place, Shell, refuse};
use crate::url;
use crate::web::Web;

/// Of a series, so many times are listed.
const MOST_TIMES: usize = 12;

/// `GET /conferencing/meetings/{id}`.
pub(in crate::pages) async fn show(
    admin: Admin,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Page {
    let saved = asked.map(|Query(asked)| asked.saved).unwrap_or_default();
    let id = id_of(&id).map_err(|refused| refuse(&admin.signed_in)(refused.0))?;
    let detail = admin.job.meeting_detail(id).await.map_err(refuse(&admin.signed_in))?;
    Ok(meeting_page(&admin, &detail, &saved, None).into_response())
}

fn meeting_page(admin: &Admin, detail: &MeetingDetail, saved: &str, refused: Option<&Refusal>) -> Markup {
    let meeting = &detail.stored.meeting;
    let now = admin.web.clock.now();
    let content = html! {
        @if let Some(refusal) = refused { (block(refusal)) }
        @match saved {
            "released" => { p.done role="status" { "Its room is free. The organizer's next update asks for a room anew." } },
            "kept" => { p.done role="status" { "Its room is kept for it." } },
            _ => {},
        }
        dl.steps {
            dt { "State" } dd { (meeting_badge(meeting.state)) " since " (ago(now, detail.stored.changed)) }
            dt { "Room" } dd.id { (meeting.number.as_ref().map_or("–", |number| number.as_str())) }
            dt { "Organizer" } dd { (meeting.organizer.as_str()) }
            dt { "Invited" } dd { @if meeting.attendees.is_empty() { "–" } @for one in &meeting.attendees { (one.as_str()) " " } }
            dt { "Begins" } dd { (begins(meeting.schedule.as_ref())) }
            @if let Some(until) = meeting.kept_until { dt { "Kept until" } dd { (until.strftime("%Y-%m-%d %H:%M UTC").to_string()) } }
            dt { "Join data" }
            dd { @if detail.stored.inserted.is_some() { "in the meeting itself" } @else { "with the organizer only" } }
            @if let Some(link) = &detail.link { dt { "Its page" } dd { a href=(link) { "the meeting's own page" } } }
            dt { "UID" } dd.id { (meeting.key.uid) }
        }
        section aria-labelledby="answers" { h2 #answers { "Answers" } (answers(detail, now)) }
        section aria-labelledby="times" { h2 #times { "When it has the room" } (times(detail)) }
        section aria-labelledby="why" { h2 #why { "Why" } (timeline(detail)) }
        @if meeting.state == MeetingState::Accepted { (life(admin, meeting)) }
    };
    Shell::of(&admin.signed_in, subject(meeting))
        .at(Place::Conferencing)
        .action("All meetings", HOME)
        .around(&content)
}

fn answers(detail: &MeetingDetail, now: Timestamp) -> Markup {
    html! {
        @if detail.answers.is_empty() { p.empty { "None: the conference mailbox never had an invitation." } }
        @else {
            div.table tabindex="0" role="group" aria-label="Answers, a table" {
                table {
                    thead { tr { th { "Decided" } th { "Answer" } th { "Reasons" } th.number { "Proposals" } th { "Sent" } } }
                    tbody {
                        @for stored in &detail.answers {
                            tr {
                                td { (ago(now, stored.answer.decided)) }
                                @match &stored.answer.verdict {
                                    // Our own update, on its way back to us: there is nothing to say.
                                    _ if stored.html.is_empty() => { td { "none: our own update" } td { "–" } td.number { "0" } },
                                    Verdict::Accepted { number, .. } => { td { "yes, room " (number) } td { "–" } td.number { "0" } },
                                    Verdict::Declined { reasons, alternatives } => {
                                        td { "no" }
                                        td { @for reason in reasons { div { (reason.kind().name().replace('-', " ")) } } }
                                        td.number { (alternatives.len()) }
                                    },
                                }
                                td { @match stored.sent { Some(_) if stored.html.is_empty() => "–", Some(at) => (ago(now, at)), None => { span title="it is on its way" { "–" } } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn times(detail: &MeetingDetail) -> Markup {
    html! {
        @if detail.spans.is_empty() { p.empty { "It has no room at any time to come." } }
        @else {
            ul {
                @for span in detail.spans.iter().take(MOST_TIMES) {
                    li { (span.start.strftime("%Y-%m-%d %H:%M").to_string()) " – " (span.end.strftime("%Y-%m-%d %H:%M UTC").to_string()) }
                }
            }
            @if detail.spans.len() > MOST_TIMES { p.quiet { "and " (detail.spans.len() - MOST_TIMES) " more" } }
        }
    }
}

/// The page form of `explain`.
fn timeline(detail: &MeetingDetail) -> Markup {
    html! {
        dl.steps.timeline {
            @for decision in &detail.decisions {
                dt { time datetime=(decision.at.to_string()) { (decision.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()) } }
                dd {
                    b { (decision.outcome) }
                    div.quiet { "rule " span.id { (decision.rule) } @for (name, value) in &decision.inputs { "; " (name) ": " (value) } }
                }
            }
        }
        p.quiet { "The same in the terminal: " code { "tieline explain " (detail.stored.meeting.trace.to_string()) } }
    }
}

/// What an administrator may do with the room.
fn life(admin: &Admin, meeting: &Meeting) -> Markup {
    let address = meeting_address(meeting);
    html! {
        section aria-labelledby="life" {
            h2 #life { "Its room" }
            form.line method="post" action=(format!("{address}/keep")) {
                input type="hidden" name="form_token" value=(admin.signed_in.form_token);
                label for="days" { "Keep the room from now on, in days" }
                input id="days" name="days" type="number" min="1" max="366" value="14" required;
                button type="submit" { "Keep it" }
            }
            p.quiet { "Releasing frees the room at once. The meeting stays in calendars; the organizer's next update asks for a room anew." }
            form method="post" action=(format!("{address}/release")) {
                input type="hidden" name="form_token" value=(admin.signed_in.form_token);
                p.actions { button type="submit" { "Release the room" } }
            }
        }
    }
}

/// `POST /conferencing/meetings/{id}/release`.
pub(in crate::pages) async fn release(
    State(web): State<Arc<Web>>,
    Path(id): Path<String>,
    request: Request,
) -> Page {
    let (admin, _): (Admin, Typed) = Admin::sent(&web, request).await?;
    let id = id_of(&id).map_err(|refused| refuse(&admin.signed_in)(refused.0))?;
    let done = admin.job.release(id, &admin.signed_in.name).await;
    admin.after(id, done, "released").await
}

/// `POST /conferencing/meetings/{id}/keep`.
pub(in crate::pages) async fn keep(
    State(web): State<Arc<Web>>,
    Path(id): Path<String>,
    request: Request,
) -> Page {
    let (admin, typed): (Admin, Typed) = Admin::sent(&web, request).await?;
    let id = id_of(&id).map_err(|refused| refuse(&admin.signed_in)(refused.0))?;
    let days = typed.days.trim().parse::<u16>().ok().filter(|days| (1..=366).contains(days));
    let done = match days.map(|days| in_days(&web, days)) {
        Some(Ok(until)) => admin.job.keep(id, until, &admin.signed_in.name).await,
        _ => {
            let next = "write 1 to 366";
            Err(Refusal::permanent("bad-time", "the days are not a number from 1 to 366", next))
        }
    };
    admin.after(id, done, "kept").await
}

impl Admin {
    async fn after(&self, id: tieline_model::MeetingId, done: Result<Meeting, Refusal>, word: &str) -> Page {
        match done {
            Ok(meeting) => {
                let address = format!("{}?{}", meeting_address(&meeting), url::query(&[("saved", word)]));
                Ok(Redirect::to(&address).into_response())
            }
            Err(refusal) => {
                let detail = self.job.meeting_detail(id).await.map_err(refuse(&self.signed_in))?;
                let status = crate::problem::status(&refusal);
                Ok((status, meeting_page(self, &detail, "", Some(&refusal))).into_response())
            }
        }
    }
}
