//! GetRoomLists and GetRooms.

use tieline_proto_ews::{
    EmailAddress, MailboxType, ResponseCode,
    operations::{GetRooms, Room, RoomLists, Rooms},
};

use super::super::context::{Context, Failure, refuse};

/// GetRoomLists.
pub(super) async fn lists(cx: &mut Context, _: ()) -> Result<RoomLists, Failure> {
    let groups = cx.server.directory.groups().iter().filter(|group| group.of_rooms);
    let room_lists = groups.map(|group| EmailAddress {
        mailbox_type: Some(MailboxType::PublicDl),
        ..EmailAddress::named(group.display_name.clone(), group.address.clone())
    });
    Ok(RoomLists { room_lists: room_lists.collect() })
}

/// GetRooms.
pub(super) async fn of_list(cx: &mut Context, request: GetRooms) -> Result<Rooms, Failure> {
    let directory = &cx.server.directory;
    let address = request.room_list.email_address.unwrap_or_default();
    let Some(group) = directory.group(&address).filter(|group| group.of_rooms) else {
        return Err(refuse(ResponseCode::ErrorNameResolutionNoResults, "No results were found."));
    };
    let known = group.members.iter().filter_map(|member| directory.by_address(member));
    let rooms = known.map(|room| Room {
        id: EmailAddress {
            mailbox_type: Some(MailboxType::Mailbox),
            ..EmailAddress::named(room.display_name.clone(), room.address.clone())
        },
    });
    Ok(Rooms { rooms: rooms.collect() })
}
