//! Meeting rooms, meetings with their reservations, answers.

use jiff::Timestamp;
use tieline_model::{
    AnswerId, InvitationVersion, Meeting, MeetingId, MeetingKey, Room, RoomId, RoomNumber, SmtpAddress, Span,
};
use uuid::Uuid;

use super::{Conn, Db};
use crate::column::{json, parse, time, unknown};
use crate::conference::version_text;
use crate::{
    ConferenceWrite, MeetingFeed, MeetingFilter, NewMeetingFeed, Reservation, StoreError, StoredAnswer,
    StoredMeeting,
};

pub(crate) async fn write(conn: &mut Conn, write: &ConferenceWrite, at: Timestamp) -> Result<(), StoreError> {
    match write {
        ConferenceWrite::Room(room) => put_room(conn, room, at).await,
        ConferenceWrite::RemoveRoom(id) => remove_room(conn, *id).await,
        ConferenceWrite::Meeting { meeting, spans, beside_rooms } => {
            put_meeting(conn, meeting, spans, *beside_rooms, at).await
        }
        ConferenceWrite::Inserted { meeting, inserted } => {
            let sql = "UPDATE meeting SET inserted = $2 WHERE id = $1";
            let inserted = inserted.as_ref().map(json).transpose()?;
            sqlx::query::<Db>(sql).bind(meeting.uuid()).bind(inserted).execute(conn).await?;
            Ok(())
        }
        ConferenceWrite::RemoveMeeting(id) => remove_meeting(conn, *id).await,
        ConferenceWrite::AddFeed(new) => add_feed(conn, new).await,
        ConferenceWrite::RemoveFeed(id) => {
            let sql = "DELETE FROM meeting_feed WHERE id = $1";
            let gone = sqlx::query::<Db>(sql).bind(*id).execute(conn).await?;
            if gone.rows_affected() == 1 { Ok(()) } else { Err(unknown("feed", id)) }
        }
        ConferenceWrite::Answer(answer) => put_answer(conn, answer).await,
        ConferenceWrite::AnswerSent(id) => sent(conn, *id, at).await,
        ConferenceWrite::Cursor { address, cursor } => {
            let sql = "INSERT INTO conference_mailbox (address, cursor) VALUES ($1, $2)
                       ON CONFLICT (address) DO UPDATE SET cursor = excluded.cursor";
            sqlx::query::<Db>(sql).bind(address).bind(cursor.as_deref()).execute(conn).await?;
            Ok(())
        }
    }
}

pub(crate) async fn rooms(conn: &mut Conn) -> Result<Vec<Room>, StoreError> {
    let sql = "SELECT body FROM meeting_room ORDER BY number";
    let bodies = sqlx::query_scalar::<Db, String>(sql).fetch_all(conn).await?;
    bodies.iter().map(|body| parse(body)).collect()
}

async fn put_room(conn: &mut Conn, room: &Room, at: Timestamp) -> Result<(), StoreError> {
    let number = room.number.as_str();
    let sql = "SELECT id FROM meeting_room WHERE number = $1 AND id <> $2";
    let other = sqlx::query_scalar::<Db, Uuid>(sql).bind(number).bind(room.id.uuid());
    if let Some(other) = other.fetch_optional(&mut *conn).await? {
        let other = RoomId::from_uuid(other);
        return Err(StoreError::conflict(
            "number-taken",
            format!("the number {number} belongs to the room {other}"),
            "choose another number",
        ));
    }
    let sql = "SELECT start_ms FROM reservation WHERE number = $1 AND end_ms > $2 ORDER BY start_ms LIMIT 1";
    let next = sqlx::query_scalar::<Db, i64>(sql).bind(number).bind(at.as_millisecond());
    if let Some(next) = next.fetch_optional(&mut *conn).await? {
        return Err(StoreError::conflict(
            "number-reserved",
            format!("the number {number} is reserved for a meeting at {}", time(next)?),
            "choose another number, or wait until the meeting is over",
        ));
    }
    let sql = "INSERT INTO meeting_room (id, number, body) VALUES ($1, $2, $3)
               ON CONFLICT (id) DO UPDATE SET number = excluded.number, body = excluded.body";
    sqlx::query::<Db>(sql).bind(room.id.uuid()).bind(number).bind(json(room)?).execute(conn).await?;
    Ok(())
}

async fn remove_room(conn: &mut Conn, id: RoomId) -> Result<(), StoreError> {
    let gone =
        sqlx::query::<Db>("DELETE FROM meeting_room WHERE id = $1").bind(id.uuid()).execute(conn).await?;
    if gone.rows_affected() == 1 { Ok(()) } else { Err(unknown("meeting room", id)) }
}

fn occurrence_ms(key: &MeetingKey) -> i64 {
    key.occurrence.map_or(0, Timestamp::as_millisecond)
}

async fn put_meeting(
    conn: &mut Conn,
    meeting: &Meeting,
    spans: &[Span],
    beside_rooms: bool,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO meeting (id, uid, occurrence_ms, state, number, changed_ms, body)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (id) DO UPDATE SET state = excluded.state, number = excluded.number,
                   changed_ms = excluded.changed_ms, body = excluded.body";
    sqlx::query::<Db>(sql)
        .bind(meeting.id.uuid())
        .bind(&meeting.key.uid)
        .bind(occurrence_ms(&meeting.key))
        .bind(meeting.state.to_string())
        .bind(meeting.number.as_ref().map(RoomNumber::as_str))
        .bind(at.as_millisecond())
        .bind(json(meeting)?)
        .execute(&mut *conn)
        .await?;
    // A series takes the place of its single occurrences.
    let sql = match meeting.key.occurrence {
        None => "DELETE FROM reservation WHERE meeting IN (SELECT id FROM meeting WHERE uid = $2 OR id = $1)",
        Some(_) => "DELETE FROM reservation WHERE meeting = $1 AND $2 = $2",
    };
    sqlx::query::<Db>(sql).bind(meeting.id.uuid()).bind(&meeting.key.uid).execute(&mut *conn).await?;
    let Some(number) = meeting.number.as_ref().filter(|_| !spans.is_empty()) else { return Ok(()) };
    if !beside_rooms {
        let sql = "SELECT EXISTS (SELECT 1 FROM meeting_room WHERE number = $1)";
        if sqlx::query_scalar::<Db, bool>(sql).bind(number.as_str()).fetch_one(&mut *conn).await? {
            return Err(taken(number));
        }
    }
    for span in spans {
        reserve(conn, meeting, number, span).await?;
    }
    Ok(())
}

async fn reserve(
    conn: &mut Conn,
    meeting: &Meeting,
    number: &RoomNumber,
    span: &Span,
) -> Result<(), StoreError> {
    let (start, end) = (span.start.as_millisecond(), span.end.as_millisecond());
    let sql = "SELECT EXISTS (SELECT 1 FROM reservation r JOIN meeting m ON m.id = r.meeting
               WHERE r.number = $1 AND r.start_ms < $3 AND r.end_ms > $2 AND m.uid <> $4)";
    let query = sqlx::query_scalar::<Db, bool>(sql).bind(number.as_str()).bind(start).bind(end);
    if query.bind(&meeting.key.uid).fetch_one(&mut *conn).await? {
        return Err(taken(number));
    }
    let sql = "INSERT INTO reservation (meeting, number, start_ms, end_ms) VALUES ($1, $2, $3, $4)";
    let query = sqlx::query::<Db>(sql).bind(meeting.id.uuid()).bind(number.as_str());
    query.bind(start).bind(end).execute(conn).await?;
    Ok(())
}

fn taken(number: &RoomNumber) -> StoreError {
    StoreError::conflict(
        "room-taken",
        format!("the room {number} was given away meanwhile"),
        "nothing; the invitation is decided on again",
    )
}

async fn remove_meeting(conn: &mut Conn, id: MeetingId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM reservation WHERE meeting = $1",
        "DELETE FROM meeting_answer WHERE meeting = $1",
        "DELETE FROM meeting WHERE id = $1",
    ] {
        sqlx::query::<Db>(sql).bind(id.uuid()).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn add_feed(conn: &mut Conn, new: &NewMeetingFeed) -> Result<(), StoreError> {
    let sql = "INSERT INTO meeting_feed (id, room, person, name, hash, private, created_ms, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let feed = &new.feed;
    sqlx::query::<Db>(sql)
        .bind(feed.id)
        .bind(feed.room.as_ref().map(RoomNumber::as_str))
        .bind(feed.person.as_ref().map(SmtpAddress::as_str))
        .bind(&feed.name)
        .bind(&new.hash[..])
        .bind(feed.private)
        .bind(feed.created.as_millisecond())
        .bind(&feed.by)
        .execute(conn)
        .await?;
    Ok(())
}

type FeedRow = (Uuid, Option<String>, Option<String>, String, bool, i64, String);

fn meeting_feed((id, room, person, name, private, created, by): FeedRow) -> Result<MeetingFeed, StoreError> {
    let room = room.map(|room| room.parse()).transpose();
    let person = person.map(|person| person.parse()).transpose();
    Ok(MeetingFeed {
        id,
        room: room.map_err(|error| StoreError::corrupt("a room's number", error))?,
        person: person.map_err(|error| StoreError::corrupt("a mail address", error))?,
        name,
        private,
        created: time(created)?,
        by,
    })
}

pub(crate) async fn feed(conn: &mut Conn, hash: &[u8; 32]) -> Result<Option<MeetingFeed>, StoreError> {
    let sql =
        "SELECT id, room, person, name, private, created_ms, created_by FROM meeting_feed WHERE hash = $1";
    let row = sqlx::query_as::<Db, FeedRow>(sql).bind(&hash[..]).fetch_optional(conn).await?;
    row.map(meeting_feed).transpose()
}

pub(crate) async fn feeds(conn: &mut Conn) -> Result<Vec<MeetingFeed>, StoreError> {
    let sql = "SELECT id, room, person, name, private, created_ms, created_by FROM meeting_feed
               ORDER BY created_ms, id";
    let rows = sqlx::query_as::<Db, FeedRow>(sql).fetch_all(conn).await?;
    rows.into_iter().map(meeting_feed).collect()
}

async fn put_answer(conn: &mut Conn, stored: &StoredAnswer) -> Result<(), StoreError> {
    let answer = &stored.answer;
    let version = version_text(&answer.version);
    let sql = "SELECT EXISTS (SELECT 1 FROM meeting_answer WHERE version = $1)";
    if sqlx::query_scalar::<Db, bool>(sql).bind(&version).fetch_one(&mut *conn).await? {
        return Err(StoreError::conflict(
            "answered-already",
            "this version of the invitation was answered already",
            "nothing; one answer is enough",
        ));
    }
    let sql = "INSERT INTO meeting_answer (id, meeting, version, decided_ms, sent_ms, body)
               VALUES ($1, $2, $3, $4, $5, $6)";
    sqlx::query::<Db>(sql)
        .bind(answer.id.uuid())
        .bind(answer.meeting.uuid())
        .bind(&version)
        .bind(answer.decided.as_millisecond())
        .bind(stored.sent.map(Timestamp::as_millisecond))
        .bind(json(stored)?)
        .execute(conn)
        .await?;
    Ok(())
}

async fn sent(conn: &mut Conn, id: AnswerId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE meeting_answer SET sent_ms = $2 WHERE id = $1 AND sent_ms IS NULL";
    sqlx::query::<Db>(sql).bind(id.uuid()).bind(at.as_millisecond()).execute(conn).await?;
    Ok(())
}

type MeetingRow = (i64, String, Option<String>);

fn stored_meeting((changed_ms, body, inserted): MeetingRow) -> Result<StoredMeeting, StoreError> {
    let inserted = inserted.map(|inserted| parse(&inserted)).transpose()?;
    Ok(StoredMeeting { meeting: parse(&body)?, changed: time(changed_ms)?, inserted })
}

pub(crate) async fn by_key(conn: &mut Conn, key: &MeetingKey) -> Result<Option<StoredMeeting>, StoreError> {
    let sql = "SELECT changed_ms, body, inserted FROM meeting WHERE uid = $1 AND occurrence_ms = $2";
    let query = sqlx::query_as::<Db, MeetingRow>(sql).bind(&key.uid).bind(occurrence_ms(key));
    query.fetch_optional(conn).await?.map(stored_meeting).transpose()
}

pub(crate) async fn meeting(conn: &mut Conn, id: MeetingId) -> Result<Option<StoredMeeting>, StoreError> {
    let sql = "SELECT changed_ms, body, inserted FROM meeting WHERE id = $1";
    let query = sqlx::query_as::<Db, MeetingRow>(sql).bind(id.uuid());
    query.fetch_optional(conn).await?.map(stored_meeting).transpose()
}

pub(crate) async fn list(conn: &mut Conn, limit: u32) -> Result<Vec<StoredMeeting>, StoreError> {
    let sql = "SELECT changed_ms, body, inserted FROM meeting ORDER BY changed_ms DESC, id DESC LIMIT $1";
    let query = sqlx::query_as::<Db, MeetingRow>(sql).bind(i64::from(limit));
    query.fetch_all(conn).await?.into_iter().map(stored_meeting).collect()
}

type ReservationRow = (String, i64, String, i64, i64);

fn reservation((uid, occurrence, number, start, end): ReservationRow) -> Result<Reservation, StoreError> {
    let occurrence = (occurrence != 0).then(|| time(occurrence)).transpose()?;
    let number = number.parse().map_err(|error| StoreError::corrupt("a room's number", error))?;
    let span = Span { start: time(start)?, end: time(end)? };
    Ok(Reservation { key: MeetingKey { uid, occurrence }, number, span })
}

pub(crate) async fn room_times(
    conn: &mut Conn,
    number: &RoomNumber,
    from: Timestamp,
    limit: u32,
) -> Result<Vec<Reservation>, StoreError> {
    let sql = "SELECT m.uid, m.occurrence_ms, r.number, r.start_ms, r.end_ms
               FROM reservation r JOIN meeting m ON m.id = r.meeting
               WHERE r.number = $1 AND r.end_ms > $2 ORDER BY r.start_ms, m.uid LIMIT $3";
    let query = sqlx::query_as::<Db, ReservationRow>(sql).bind(number.as_str());
    let rows = query.bind(from.as_millisecond()).bind(i64::from(limit)).fetch_all(conn).await?;
    rows.into_iter().map(reservation).collect()
}

pub(crate) async fn room_last_used(
    conn: &mut Conn,
    number: &RoomNumber,
    before: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT MAX(end_ms) FROM reservation WHERE number = $1 AND end_ms <= $2";
    let query = sqlx::query_scalar::<Db, Option<i64>>(sql).bind(number.as_str());
    let last = query.bind(before.as_millisecond()).fetch_one(conn).await?;
    last.map(time).transpose()
}

pub(crate) async fn list_where(
    conn: &mut Conn,
    filter: &MeetingFilter,
    limit: u32,
) -> Result<Vec<StoredMeeting>, StoreError> {
    let sql = "SELECT m.changed_ms, m.body, m.inserted FROM meeting m
               WHERE ($1 IS NULL OR m.state = $1) AND ($2 IS NULL OR m.number = $2)
                 AND (m.changed_ms < $3 OR (m.changed_ms = $3 AND m.id < $4)) AND m.changed_ms < $5
                 AND ($6 IS NULL OR (m.state = 'accepted' AND NOT EXISTS
                     (SELECT 1 FROM reservation r WHERE r.meeting = m.id AND r.end_ms > $6)))
               ORDER BY m.changed_ms DESC, m.id DESC LIMIT $7";
    let ms = |at: Option<Timestamp>| at.map_or(i64::MAX, Timestamp::as_millisecond);
    let query = sqlx::query_as::<Db, MeetingRow>(sql)
        .bind(filter.state.map(|state| state.to_string()))
        .bind(filter.number.as_ref().map(|number| number.as_str().to_owned()))
        .bind(ms(filter.after.map(|(at, _)| at)))
        .bind(filter.after.map_or(Uuid::nil(), |(_, id)| id.uuid()))
        .bind(ms(filter.changed_before))
        .bind(filter.over.map(Timestamp::as_millisecond))
        .bind(i64::from(limit));
    query.fetch_all(conn).await?.into_iter().map(stored_meeting).collect()
}

pub(crate) async fn spans_of(conn: &mut Conn, meeting: MeetingId) -> Result<Vec<Span>, StoreError> {
    let sql = "SELECT start_ms, end_ms FROM reservation WHERE meeting = $1 ORDER BY start_ms";
    let rows = sqlx::query_as::<Db, (i64, i64)>(sql).bind(meeting.uuid()).fetch_all(conn).await?;
    rows.into_iter().map(|(start, end)| Ok(Span { start: time(start)?, end: time(end)? })).collect()
}

pub(crate) async fn reservations(conn: &mut Conn, from: Timestamp) -> Result<Vec<Reservation>, StoreError> {
    let sql = "SELECT m.uid, m.occurrence_ms, r.number, r.start_ms, r.end_ms
               FROM reservation r JOIN meeting m ON m.id = r.meeting
               WHERE r.end_ms > $1 ORDER BY m.uid, m.occurrence_ms, r.start_ms";
    let rows = sqlx::query_as::<Db, ReservationRow>(sql).bind(from.as_millisecond()).fetch_all(conn).await?;
    rows.into_iter().map(reservation).collect()
}

type AnswerRow = (Option<i64>, String);

fn stored_answer((sent_ms, body): AnswerRow) -> Result<StoredAnswer, StoreError> {
    let stored: StoredAnswer = parse(&body)?;
    Ok(StoredAnswer { sent: sent_ms.map(time).transpose()?, ..stored })
}

pub(crate) async fn answer_to(
    conn: &mut Conn,
    version: &InvitationVersion,
) -> Result<Option<StoredAnswer>, StoreError> {
    let sql = "SELECT sent_ms, body FROM meeting_answer WHERE version = $1";
    let query = sqlx::query_as::<Db, AnswerRow>(sql).bind(version_text(version));
    query.fetch_optional(conn).await?.map(stored_answer).transpose()
}

pub(crate) async fn answer(conn: &mut Conn, id: AnswerId) -> Result<Option<StoredAnswer>, StoreError> {
    let sql = "SELECT sent_ms, body FROM meeting_answer WHERE id = $1";
    let query = sqlx::query_as::<Db, AnswerRow>(sql).bind(id.uuid());
    query.fetch_optional(conn).await?.map(stored_answer).transpose()
}

pub(crate) async fn answers(conn: &mut Conn, meeting: MeetingId) -> Result<Vec<StoredAnswer>, StoreError> {
    let sql = "SELECT sent_ms, body FROM meeting_answer WHERE meeting = $1 ORDER BY decided_ms, id";
    let query = sqlx::query_as::<Db, AnswerRow>(sql).bind(meeting.uuid());
    query.fetch_all(conn).await?.into_iter().map(stored_answer).collect()
}

pub(crate) async fn answers_since(
    conn: &mut Conn,
    from: Timestamp,
    limit: u32,
) -> Result<Vec<StoredAnswer>, StoreError> {
    let sql =
        "SELECT sent_ms, body FROM meeting_answer WHERE decided_ms >= $1 ORDER BY decided_ms, id LIMIT $2";
    let query = sqlx::query_as::<Db, AnswerRow>(sql).bind(from.as_millisecond()).bind(i64::from(limit));
    query.fetch_all(conn).await?.into_iter().map(stored_answer).collect()
}

pub(crate) async fn cursor(conn: &mut Conn, address: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT cursor FROM conference_mailbox WHERE address = $1";
    let found = sqlx::query_scalar::<Db, Option<String>>(sql).bind(address).fetch_optional(conn).await?;
    Ok(found.flatten())
}
