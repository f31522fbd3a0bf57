//! A room's form.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use maud::{Markup, html};
use tieline_model::{Refusal, Room};

use super::{Admin, NEW, ROOMS, Typed};
use crate::api::meeting_rooms::RoomBody;
use crate::pages::notice::block;
use crate::pages::{Page, Place, Shell, refuse};
use crate::url;
use crate::web::Web;

pub(super) fn room_address(room: &Room) -> String {
    format!("{ROOMS}/{}", room.id)
}

/// `GET /conferencing/rooms/new`.
pub(in crate::pages) async fn ask_new(admin: Admin) -> Page {
    Ok(sheet(&admin, None, &Typed::default(), None).into_response())
}

/// `POST /conferencing/rooms/new`.
pub(in crate::pages) async fn create(State(web): State<Arc<Web>>, request: Request) -> Page {
    let (admin, typed): (Admin, Typed) = Admin::sent(&web, request).await?;
    let done = typed.body().create(&web).await.map_err(|refused| refused.0);
    admin.saved(done, None, &typed)
}

/// `GET /conferencing/rooms/{room}`.
pub(in crate::pages) async fn edit(admin: Admin, Path(reference): Path<String>) -> Page {
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
pub(in crate::pages) async fn change(
    State(web): State<Arc<Web>>,
    Path(reference): Path<String>,
    request: Request,
) -> Page {
    let (admin, typed): (Admin, Typed) = Admin::sent(&web, request).await?;
    let before = admin.job.room(&reference).await.map_err(refuse(&admin.signed_in))?;
    let mut room = before.clone();
    let done = match typed.body().apply(&mut room) {
        Ok(()) => admin.job.put_room(room.clone()).await.map(|()| room),
        Err(refused) => Err(refused.0),
    };
    admin.saved(done, Some(&before), &typed)
}

/// `POST /conferencing/rooms/{room}/remove`.
pub(in crate::pages) async fn remove(
    State(web): State<Arc<Web>>,
    Path(reference): Path<String>,
    request: Request,
) -> Page {
    let (admin, _): (Admin, Typed) = Admin::sent(&web, request).await?;
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
