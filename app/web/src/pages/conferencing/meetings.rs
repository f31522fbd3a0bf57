//! The first page: how the mailbox is watched, and the meetings.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::IntoResponse;
use jiff::Timestamp;
use maud::{Markup, html};
use tieline_conferencing::State as WatchState;
use tieline_model::MeetingState;
use tieline_store::{MeetingFilter, StoredMeeting};

use super::{Admin, Asked, HOME, POLICY, ROOMS, begins, meeting_address, meeting_badge, subject};
use crate::pages::notice::block;
use crate::pages::when::{ago, lasting};
use crate::pages::{Page, Place, Shell, refuse};
use crate::url;

/// Meetings on one page.
const MOST: u32 = 50;

/// `GET /conferencing`.
pub(in crate::pages) async fn home(admin: Admin, asked: Result<Query<Asked>, QueryRejection>) -> Page {
    let Query(asked) = asked.unwrap_or_default();
    let now = admin.web.clock.now();
    let filter = MeetingFilter {
        state: asked.state.parse().ok(),
        number: asked.room.trim().parse().ok(),
        after: read_cursor(&asked.after),
        ..MeetingFilter::default()
    };
    let found = admin.web.store.meetings_where(&filter, MOST).await.map_err(refuse(&admin.signed_in))?;
    let content = html! {
        section aria-label="The conference mailbox" { (watching(&admin, now)) }
        section aria-labelledby="meetings" {
            h2 #meetings { "Meetings" }
            (filters(&asked))
            (meetings(&found, &asked, now))
        }
    };
    let shell = Shell::of(&admin.signed_in, "Conferencing").at(Place::Conferencing).action("Rooms", ROOMS);
    Ok(shell.around(&content).into_response())
}

fn read_cursor(text: &str) -> Option<(Timestamp, tieline_model::MeetingId)> {
    let (at, id) = text.split_once('-')?;
    Some((Timestamp::from_millisecond(at.parse().ok()?).ok()?, id.parse().ok()?))
}

/// The badge of the watching: its word, with the shape and colour of what it means.
fn watch_badge(state: WatchState) -> Markup {
    let kind = match state {
        WatchState::Ok => "ok",
        WatchState::Pending | WatchState::Degraded | WatchState::WaitingForDirectory => "care",
        WatchState::AuthenticationFailed | WatchState::MailboxNotFound => "bad",
        WatchState::Off => "unknown",
    };
    html! { span.badge.(kind) { (state.name().replace('-', " ")) } }
}

fn watching(admin: &Admin, now: Timestamp) -> Markup {
    let (status, watch) = (admin.job.status(), admin.job.settings.watch);
    html! {
        ul.tiles {
            li {
                span.label { "Watching" }
                span.value { (watch_badge(status.state)) }
                span.more { "since " (ago(now, status.since)) ", by " (admin.job.settings.subscription.name()) }
            }
            li {
                span.label { "Mailbox" }
                span.id { (status.mailbox.as_str()) }
                span.more { "when degraded, checked every " (lasting(u64::try_from(watch.check_every.as_millis()).unwrap_or_default())) }
            }
            li {
                span.label { "Rules" }
                a href=(POLICY) { "How invitations are decided" }
                span.more { "and other rules to try" }
            }
        }
        @if let Some(cause) = &status.cause { (block(cause)) }
    }
}

fn filters(asked: &Asked) -> Markup {
    let states = [
        MeetingState::Accepted,
        MeetingState::Declined,
        MeetingState::Cancelled,
        MeetingState::Released,
        MeetingState::Forgotten,
    ];
    html! {
        form.line method="get" action=(HOME) {
            label.hidden for="state" { "State" }
            select id="state" name="state" {
                option value="" { "Every state" }
                @for state in states { option value=(state.name()) selected[asked.state == state.name()] { (state.name()) } }
            }
            label.hidden for="room" { "Room" }
            input id="room" name="room" inputmode="numeric" maxlength="20" placeholder="Room" value=(asked.room);
            button type="submit" { "Show" }
        }
    }
}

fn meetings(found: &[StoredMeeting], asked: &Asked, now: Timestamp) -> Markup {
    if found.is_empty() {
        return html! {
            p.empty { "No meeting here. The first one comes about when somebody invites the conference mailbox, with " code { "@vmr" } " as the location." }
        };
    }
    let next = found.last().filter(|_| found.len() == MOST as usize).map(|last| {
        let after = format!("{}-{}", last.changed.as_millisecond(), last.meeting.id);
        format!("{HOME}?{}", url::query(&[("state", &asked.state), ("room", &asked.room), ("after", &after)]))
    });
    html! {
        div.table tabindex="0" role="group" aria-label="Meetings, a table" {
            table {
                thead { tr { th { "Meeting" } th { "State" } th { "Room" } th { "Begins" } th { "Organizer" } th { "Changed" } } }
                tbody {
                    @for stored in found {
                        @let meeting = &stored.meeting;
                        tr {
                            td { a href=(meeting_address(meeting)) { (subject(meeting)) } }
                            td { (meeting_badge(meeting.state)) }
                            td.id { (meeting.number.as_ref().map_or("–", |number| number.as_str())) }
                            td { (begins(meeting.schedule.as_ref())) }
                            td { (meeting.organizer.as_str()) }
                            td { (ago(now, stored.changed)) }
                        }
                    }
                }
            }
        }
        @if let Some(next) = next { p.actions { a.button href=(next) { "Older ones" } } }
    }
}
