//! The rooms that are there all the time.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::response::IntoResponse;
use maud::{Markup, html};
use tieline_model::{Room, RoomKind};

use super::room::room_address;
use super::{Admin, Asked, NEW};
use crate::pages::{Page, Place, Shell, refuse};

/// `GET /conferencing/rooms`.
pub(in crate::pages) async fn list(admin: Admin, asked: Result<Query<Asked>, QueryRejection>) -> Page {
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
