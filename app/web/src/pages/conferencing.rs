//! `/conferencing`: how the conference mailbox is watched, meetings, and rooms, for administrators.

use std::sync::Arc;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use tieline_conferencing::{Conferencing, MeetingDetail, State as WatchState};
use tieline_model::{Meeting, MeetingState, Refusal, Room, RoomKind, Schedule, Verdict};
use tieline_store::{MeetingFilter, StoredMeeting, UserRole};

use super::notice::{Notice, block};
use super::when::{ago, lasting};
use super::{Page, Place, Shell, refuse};
use crate::api::meeting_rooms::RoomBody;
use crate::api::meetings::{id_of, in_days};
use crate::sign_in::{SignedIn, check_form};
use crate::url;
use crate::web::Web;

pub(super) const HOME: &str = "/conferencing";
pub(super) const ROOMS: &str = "/conferencing/rooms";
const NEW: &str = "/conferencing/rooms/new";
/// Meetings on one page.
const MOST: u32 = 50;
/// Of a series, so many times are listed.
const MOST_TIMES: usize = 12;

/// Somebody who may look after rooms, and the job.
pub(super) struct Admin {
    signed_in: SignedIn,
    web: Arc<Web>,
    job: Conferencing,
}

impl FromRequestParts<Arc<Web>> for Admin {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        web: &Arc<Web>,
    ) -> Result<Self, Response> {
        let signed_in = SignedIn::from_request_parts(parts, web).await?;
        if signed_in.role != UserRole::Administrator {
            let what = "only administrators look after meeting rooms";
            let refusal = Refusal::permanent("not-allowed", what, "ask one, or have your role changed");
            return Err(Notice::new(&refusal).seen_by(&signed_in).into_response());
        }
        let job = web.conferences().map_err(|refused| refuse(&signed_in)(refused.0))?.clone();
        Ok(Self { signed_in, web: Arc::clone(web), job })
    }
}

/// What the list is asked for, and what it says about the step before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    state: String,
    room: String,
    after: String,
    saved: String,
    removed: String,
}

/// `GET /conferencing`.
pub(super) async fn home(admin: Admin, asked: Result<Query<Asked>, QueryRejection>) -> Page {
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
                span.more { "since " (ago(now, status.since)) }
            }
            li {
                span.label { "Mailbox" }
                span.id { (status.mailbox.as_str()) }
                span.more { "when degraded, checked every " (lasting(u64::try_from(watch.check_every.as_millis()).unwrap_or_default())) }
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
                thead { tr { th { "Meeting" } th { "Begins" } th { "Organizer" } th { "Room" } th { "State" } th { "Changed" } } }
                tbody {
                    @for stored in found {
                        @let meeting = &stored.meeting;
                        tr {
                            td { a href=(meeting_address(meeting)) { (subject(meeting)) } }
                            td { (begins(meeting.schedule.as_ref())) }
                            td { (meeting.organizer.as_str()) }
                            td.id { (meeting.number.as_ref().map_or("–", |number| number.as_str())) }
                            td { (meeting_badge(meeting.state)) }
                            td { (ago(now, stored.changed)) }
                        }
                    }
                }
            }
        }
        @if let Some(next) = next { p.actions { a.button href=(next) { "Older ones" } } }
    }
}

fn meeting_address(meeting: &Meeting) -> String {
    format!("{HOME}/meetings/{}", meeting.id)
}

fn subject(meeting: &Meeting) -> &str {
    match (meeting.private, meeting.subject.as_str()) {
        (true, _) => "Private meeting",
        (false, "") => "Without a subject",
        (false, subject) => subject,
    }
}

fn begins(schedule: Option<&Schedule>) -> Markup {
    html! {
        @match schedule {
            Some(schedule) => {
                (schedule.start.local.strftime("%Y-%m-%d %H:%M").to_string()) " "
                span.quiet { (schedule.start.zone.id) @if schedule.recurrence.is_some() { ", series" } }
            },
            None => { span title="the invitation does not say" { "–" } },
        }
    }
}

fn meeting_badge(state: MeetingState) -> Markup {
    let kind = match state {
        MeetingState::Accepted => "ok",
        MeetingState::Declined | MeetingState::Forgotten => "bad",
        MeetingState::Cancelled | MeetingState::Released => "unknown",
    };
    html! { span.badge.(kind) { (state.name()) } }
}

/// `GET /conferencing/meetings/{id}`.
pub(super) async fn meeting(
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
                                    Verdict::Accepted { number, .. } => { td { "yes, room " (number) } td { "–" } td.number { "0" } },
                                    Verdict::Declined { reasons, alternatives } => {
                                        td { "no" }
                                        td { @for reason in reasons { div { (reason.kind().name().replace('-', " ")) } } }
                                        td.number { (alternatives.len()) }
                                    },
                                }
                                td { @match stored.sent { Some(at) => (ago(now, at)), None => { span title="it is on its way" { "–" } } } }
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
        dl.steps {
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

/// What the forms send; every field is a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    form_token: String,
    days: String,
    name: String,
    number: String,
    owner: String,
    passcode: String,
    chairperson_passcode: String,
    no_passcode: String,
    no_chairperson_passcode: String,
}

/// Who sent a form, and what it says; only from our own page.
async fn sent(web: &Arc<Web>, request: Request) -> Result<(Admin, Typed), Response> {
    let (mut parts, body) = request.into_parts();
    let admin = Admin::from_request_parts(&mut parts, web).await?;
    let headers = parts.headers.clone();
    let read: Result<Form<Typed>, FormRejection> =
        Form::from_request(Request::from_parts(parts, body), web).await;
    let Ok(Form(typed)) = read else {
        let next = "open the page anew and send it again";
        let refusal = Refusal::permanent("bad-request", "the form cannot be read", next);
        return Err(refuse(&admin.signed_in)(refusal));
    };
    check_form(&web.sign_in.policy, &headers, &admin.signed_in.form_token, &typed.form_token)
        .map_err(refuse(&admin.signed_in))?;
    Ok((admin, typed))
}

/// `POST /conferencing/meetings/{id}/release`.
pub(super) async fn release(State(web): State<Arc<Web>>, Path(id): Path<String>, request: Request) -> Page {
    let (admin, _) = sent(&web, request).await?;
    let id = id_of(&id).map_err(|refused| refuse(&admin.signed_in)(refused.0))?;
    let done = admin.job.release(id, &admin.signed_in.name).await;
    admin.after(id, done, "released").await
}

/// `POST /conferencing/meetings/{id}/keep`.
pub(super) async fn keep(State(web): State<Arc<Web>>, Path(id): Path<String>, request: Request) -> Page {
    let (admin, typed) = sent(&web, request).await?;
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

/// `GET /conferencing/rooms`.
pub(super) async fn rooms(admin: Admin, asked: Result<Query<Asked>, QueryRejection>) -> Page {
    let Query(asked) = asked.unwrap_or_default();
    let rooms = admin.job.rooms().await.map_err(refuse(&admin.signed_in))?;
    let content = html! {
        @if !asked.saved.is_empty() { p.done role="status" { "Room " b { (asked.saved) } " is saved. The next invitation meets it." } }
        @if !asked.removed.is_empty() { p.done role="status" { "Room " b { (asked.removed) } " is removed; its number can be given to meetings. Add it again to undo that." } }
        (rooms_table(&rooms))
        p.quiet { "Beside these, meetings get rooms of their own from the numbers in the policy, as long as they last." }
    };
    let about = "Rooms that are there all the time: people's own, and those made here.";
    let shell = Shell::of(&admin.signed_in, "Meeting rooms")
        .at(Place::Conferencing)
        .about(about)
        .action("Add a room", NEW);
    Ok(shell.around(&content).into_response())
}

fn rooms_table(rooms: &[Room]) -> Markup {
    if rooms.is_empty() {
        return html! { p.empty { "No room yet. The first one comes about with Add a room, or from the directory with " code { "[enterprise-numbers]" } " in the policy." } };
    }
    html! {
        div.table tabindex="0" role="group" aria-label="Meeting rooms, a table" {
            table {
                thead { tr { th { "Number" } th { "Name" } th { "Kind" } th { "Whose" } th { "Passcodes" } } }
                tbody {
                    @for room in rooms {
                        tr {
                            td.id { @if room.kind == RoomKind::Custom { a href=(room_address(room)) { (room.number) } } @else { (room.number) } }
                            td { (room.name) }
                            td { @if room.kind == RoomKind::Enterprise { "a person's own" } @else { "made here" } }
                            td { (room.owner.as_ref().map_or("–", |owner| owner.as_str())) }
                            td { (passcodes(room)) }
                        }
                    }
                }
            }
        }
    }
}

fn passcodes(room: &Room) -> &'static str {
    match (&room.passcodes.conference, &room.passcodes.chairperson) {
        (None, None) => "none",
        (Some(_), None) => "for everybody",
        (None, Some(_)) => "for who leads",
        (Some(_), Some(_)) => "for everybody and for who leads",
    }
}

fn room_address(room: &Room) -> String {
    format!("{ROOMS}/{}", room.id)
}

/// `GET /conferencing/rooms/new`.
pub(super) async fn ask_new(admin: Admin) -> Page {
    Ok(sheet(&admin, None, &Typed::default(), None).into_response())
}

/// `POST /conferencing/rooms/new`.
pub(super) async fn create(State(web): State<Arc<Web>>, request: Request) -> Page {
    let (admin, typed) = sent(&web, request).await?;
    let done = typed.body().create(&web).await.map_err(|refused| refused.0);
    admin.saved(done, None, &typed)
}

/// `GET /conferencing/rooms/{room}`.
pub(super) async fn edit(admin: Admin, Path(reference): Path<String>) -> Page {
    let room = admin.job.room(&reference).await.map_err(refuse(&admin.signed_in))?;
    let typed = Typed {
        name: room.name.clone(),
        number: room.number.to_string(),
        owner: room.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
        ..Typed::default()
    };
    Ok(sheet(&admin, Some(&room), &typed, None).into_response())
}

/// `POST /conferencing/rooms/{room}`.
pub(super) async fn change(
    State(web): State<Arc<Web>>,
    Path(reference): Path<String>,
    request: Request,
) -> Page {
    let (admin, typed) = sent(&web, request).await?;
    let before = admin.job.room(&reference).await.map_err(refuse(&admin.signed_in))?;
    let mut room = before.clone();
    let done = match typed.body().apply(&mut room) {
        Ok(()) => admin.job.put_room(room.clone()).await.map(|()| room),
        Err(refused) => Err(refused.0),
    };
    admin.saved(done, Some(&before), &typed)
}

/// `POST /conferencing/rooms/{room}/remove`.
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Path(reference): Path<String>,
    request: Request,
) -> Page {
    let (admin, _) = sent(&web, request).await?;
    let room = admin.job.room(&reference).await.map_err(refuse(&admin.signed_in))?;
    admin.job.remove_room(&room).await.map_err(refuse(&admin.signed_in))?;
    let list = format!("{ROOMS}?{}", url::query(&[("removed", room.number.as_str())]));
    Ok(Redirect::to(&list).into_response())
}

impl Typed {
    /// The same in the words of the REST API. What is left empty stays, but for the owner.
    fn body(&self) -> RoomBody {
        let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let code = |text: &str, none: &str| if none == "yes" { Some(String::new()) } else { said(text) };
        RoomBody {
            name: said(&self.name),
            number: said(&self.number),
            owner: Some(self.owner.trim().to_owned()),
            passcode: code(&self.passcode, &self.no_passcode),
            chairperson_passcode: code(&self.chairperson_passcode, &self.no_chairperson_passcode),
        }
    }
}

impl Admin {
    fn saved(&self, done: Result<Room, Refusal>, before: Option<&Room>, typed: &Typed) -> Page {
        match done {
            Ok(room) => {
                let list = format!("{ROOMS}?{}", url::query(&[("saved", room.number.as_str())]));
                Ok(Redirect::to(&list).into_response())
            }
            Err(refusal) => {
                let status: StatusCode = crate::problem::status(&refusal);
                Ok((status, sheet(self, before, typed, Some(&refusal))).into_response())
            }
        }
    }
}

/// The page with a room's fields.
fn sheet(admin: &Admin, room: Option<&Room>, typed: &Typed, refused: Option<&Refusal>) -> Markup {
    let action = room.map_or_else(|| NEW.to_owned(), room_address);
    let number = if room.is_some() {
        "2 to 20 digits."
    } else {
        "2 to 20 digits; left empty, a free one of the policy's numbers."
    };
    let content = html! {
        @if let Some(refusal) = refused { (block(refusal)) }
        form.sheet method="post" action=(action) autocomplete="off" {
            input type="hidden" name="form_token" value=(admin.signed_in.form_token);
            fieldset {
                legend { "The room" }
                (field("name", "Name", "As people see it.", &typed.name, 80, true))
                (field("number", "Number", number, &typed.number, 20, false))
                (field("owner", "Whose it is", "A mail address; empty for nobody's.", &typed.owner, 254, false))
            }
            fieldset {
                legend { "Passcodes" }
                (code("passcode", "Passcode", "Digits that everybody enters.", room.is_some_and(|room| room.passcodes.conference.is_some())))
                (code("chairperson_passcode", "Chairperson passcode", "Digits for who leads.", room.is_some_and(|room| room.passcodes.chairperson.is_some())))
            }
            p.actions {
                button.primary type="submit" { "Save" }
                a.button href=(ROOMS) { "Back" }
            }
        }
        @if let Some(room) = room {
            section aria-labelledby="remove" {
                h2 #remove { "Remove" }
                p.quiet { "Its number can then be given to meetings. Add it again to undo that." }
                form method="post" action=(format!("{}/remove", room_address(room))) {
                    input type="hidden" name="form_token" value=(admin.signed_in.form_token);
                    p.actions { button type="submit" { "Remove room " (room.number) } }
                }
            }
        }
    };
    let title = room.map_or_else(|| "Add a meeting room".to_owned(), |room| room.name.clone());
    Shell::of(&admin.signed_in, &title).at(Place::Conferencing).around(&content)
}

fn field(name: &str, label: &str, hint: &str, value: &str, most: u16, required: bool) -> Markup {
    let hint_id = format!("{name}-hint");
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) value=(value) maxlength=(most) required[required] spellcheck="false"
                autocapitalize="none" aria-describedby=(hint_id);
            p.hint id=(hint_id) { (hint) }
        }
    }
}

/// A code is never shown; one that is there can be changed or taken away.
fn code(name: &str, label: &str, hint: &str, set: bool) -> Markup {
    let (hint_id, none) = (format!("{name}-hint"), format!("no_{name}"));
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) inputmode="numeric" maxlength="64" autocomplete="off" aria-describedby=(hint_id);
            p.hint id=(hint_id) { (hint) @if set { " One is set; left empty, it stays." } }
        }
        @if set {
            div.field.tick {
                input id=(none) name=(none) type="checkbox" value="yes";
                label for=(none) { "No " (label.to_lowercase()) " any more" }
            }
        }
    }
}
