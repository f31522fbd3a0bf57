//! `/conferencing`: how the conference mailbox is watched, meetings, and rooms, for administrators.
//!
//! A file a page: `meetings` is the first one, `meeting` one of them, `rooms` the list, `room` its form, and `policy` the
//! rules.

mod meeting;
mod meetings;
mod policy;
mod room;
mod rooms;

use maud::{Markup, html};
use serde::Deserialize;
use tieline_conferencing::Conferencing;
use tieline_model::{Meeting, MeetingState, Refusal, Schedule};

pub(super) use self::meeting::{keep, release, show as meeting};
pub(super) use self::meetings::home;
pub(super) use self::policy::{replay, show as policy};
pub(super) use self::room::{ask_new, change, create, edit, remove};
pub(super) use self::rooms::list as rooms;
use super::admin::{Charge, Sent};
use crate::web::Web;

pub(super) const HOME: &str = "/conferencing";
pub(super) const ROOMS: &str = "/conferencing/rooms";
pub(super) const POLICY: &str = "/conferencing/policy";
const NEW: &str = "/conferencing/rooms/new";

/// Somebody who may look after rooms and meetings.
type Admin = super::admin::Admin<Conferencing>;

impl Charge for Conferencing {
    const ONLY: &'static str = "look after meeting rooms";
    const INSTEAD: (&'static str, &'static str) = ("To the start page", "/");

    fn of(web: &Web) -> Result<&Self, Refusal> {
        web.conferences().map_err(|refused| refused.0)
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

/// What the forms send; every field is a text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    form_token: String,
    days: String,
    policy: String,
    name: String,
    number: String,
    owner: String,
    passcode: String,
    chairperson_passcode: String,
    no_passcode: String,
    no_chairperson_passcode: String,
}

impl Sent for Typed {
    fn form_token(&self) -> &str {
        &self.form_token
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
