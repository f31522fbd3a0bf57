//! Virtual meeting rooms that exist all the time: people's own, and those that administrators make.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tieline_model::{Passcode, Passcodes, Refusal, Room, RoomId, RoomKind};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, check_name};
use crate::extract::{Body, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, remove))
}

/// A room that exists all the time. Passcodes are never shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomView {
    /// `rm_…`; of a person's own room it is empty.
    id: String,
    /// enterprise (a person's own) or custom.
    kind: &'static str,
    /// What is dialled.
    number: String,
    /// The name people see.
    name: String,
    /// Whose it is.
    owner: Option<String>,
    /// Whether everybody needs a passcode.
    passcode_set: bool,
    /// Whether there is one for who leads.
    chairperson_passcode_set: bool,
    /// Its address, as it is dialled from a SIP device.
    sip: Option<String>,
}

impl RoomView {
    pub(crate) fn new(room: &Room, web: &Web) -> Self {
        let bridge = web.conferencing.as_ref().map(|conferencing| &conferencing.settings.bridge);
        let sip = bridge.and_then(|bridge| bridge.join(&room.number, &Passcodes::default(), None).sip);
        Self {
            id: if room.kind == RoomKind::Custom { room.id.to_string() } else { String::new() },
            kind: room.kind.name(),
            number: room.number.to_string(),
            name: room.name.clone(),
            owner: room.owner.as_ref().map(ToString::to_string),
            passcode_set: room.passcodes.conference.is_some(),
            chairperson_passcode_set: room.passcodes.chairperson.is_some(),
            sip,
        }
    }
}

/// A room to be made or changed; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomBody {
    /// The name people see; required for a new room.
    #[schema(min_length = 1, max_length = 80)]
    pub(crate) name: Option<String>,
    /// 2 to 20 digits; a new room without one gets a free number of the policy's ranges.
    #[schema(pattern = "^[0-9]{2,20}$")]
    pub(crate) number: Option<String>,
    /// Whose it is, a mail address; an empty text for nobody's.
    pub(crate) owner: Option<String>,
    /// What everybody enters, digits; an empty text for none.
    pub(crate) passcode: Option<String>,
    /// What opens the room for who leads, digits; an empty text for none.
    pub(crate) chairperson_passcode: Option<String>,
}

impl RoomBody {
    /// Puts what is said into the room.
    pub(crate) fn apply(&self, room: &mut Room) -> Result<(), Refused> {
        if let Some(name) = &self.name {
            check_name("a meeting room", name)?;
            room.name.clone_from(name);
        }
        if let Some(number) = &self.number {
            room.number = number.parse().map_err(|error: tieline_model::RoomNumberError| {
                Refusal::permanent("bad-number", error.to_string(), "write 2 to 20 digits")
            })?;
        }
        if let Some(owner) = &self.owner {
            let address = (!owner.is_empty()).then(|| owner.parse()).transpose();
            room.owner = address.map_err(|error: tieline_model::AddressError| {
                Refusal::permanent("bad-address", error.to_string(), "write the owner as user@domain")
            })?;
        }
        let code = |text: &String| (!text.is_empty()).then(|| Passcode::new(text));
        if let Some(passcode) = &self.passcode {
            room.passcodes.conference = code(passcode);
        }
        if let Some(passcode) = &self.chairperson_passcode {
            room.passcodes.chairperson = code(passcode);
        }
        Ok(())
    }

    /// A room of it.
    pub(crate) async fn create(&self, web: &Web) -> Result<Room, Refused> {
        let service = web.conferences()?;
        let name = self.name.clone().ok_or_else(|| bad_request("a meeting room needs a name"))?;
        let mut room = Room {
            id: RoomId::from_uuid(web.ids.uuid()),
            kind: RoomKind::Custom,
            number: match &self.number {
                // Read with the rest.
                Some(_) => "00".parse().map_err(|_| bad_request("a number"))?,
                None => service.free_number().await?,
            },
            name,
            owner: None,
            passcodes: Passcodes::default(),
        };
        self.apply(&mut room)?;
        service.put_room(room.clone()).await?;
        Ok(room)
    }
}

/// Lists people's own rooms and those that administrators made, by number.
#[utoipa::path(get, path = "/meeting-rooms", tag = "conferencing",
    responses((status = 200, body = List<RoomView>)))]
async fn list(State(web): State<Arc<Web>>) -> Result<Json<List<RoomView>>, Refused> {
    let rooms = web.conferences()?.rooms().await?;
    Ok(Json(List::whole(rooms.iter().map(|room| RoomView::new(room, &web)).collect())))
}

/// Makes a room. Refused while a person's room, another one or a coming meeting has its number.
#[utoipa::path(post, path = "/meeting-rooms", tag = "conferencing", request_body = RoomBody,
    responses((status = 201, body = RoomView)))]
async fn create(
    State(web): State<Arc<Web>>,
    Body(body): Body<RoomBody>,
) -> Result<(StatusCode, Json<RoomView>), Refused> {
    let room = body.create(&web).await?;
    Ok((StatusCode::CREATED, Json(RoomView::new(&room, &web))))
}

/// Shows one room.
#[utoipa::path(get, path = "/meeting-rooms/{room}", tag = "conferencing",
    params(("room" = String, Path, description = "Its number or id")),
    responses((status = 200, body = RoomView)))]
async fn show(State(web): State<Arc<Web>>, Segment(room): Segment) -> Result<Json<RoomView>, Refused> {
    let room = web.conferences()?.room(&room).await?;
    Ok(Json(RoomView::new(&room, &web)))
}

/// Changes a room that an administrator made.
#[utoipa::path(patch, path = "/meeting-rooms/{room}", tag = "conferencing", request_body = RoomBody,
    params(("room" = String, Path, description = "Its number or id")),
    responses((status = 200, body = RoomView)))]
async fn change(
    State(web): State<Arc<Web>>,
    Segment(room): Segment,
    Body(body): Body<RoomBody>,
) -> Result<Json<RoomView>, Refused> {
    let service = web.conferences()?;
    let mut room = service.room(&room).await?;
    body.apply(&mut room)?;
    service.put_room(room.clone()).await?;
    Ok(Json(RoomView::new(&room, &web)))
}

/// Removes a room that an administrator made; its number can be given to meetings.
#[utoipa::path(delete, path = "/meeting-rooms/{room}", tag = "conferencing",
    params(("room" = String, Path, description = "Its number or id")),
    responses((status = 204)))]
async fn remove(State(web): State<Arc<Web>>, Segment(room): Segment) -> Result<StatusCode, Refused> {
    let service = web.conferences()?;
    let room = service.room(&room).await?;
    service.remove_room(&room).await?;
    Ok(StatusCode::NO_CONTENT)
}
