//! Meetings hold their rooms as a whole or not at all, and each version of an invitation has one answer.

use jiff::SignedDuration;
use tieline_model::{
    Answer, AnswerId, Inserted, InvitationVersion, Meeting, MeetingId, MeetingKey, MeetingState, Passcodes,
    Room, RoomId, RoomKind, RoomNumber, Span, TraceId, Verdict,
};
use tieline_store::{
    ConferenceWrite, MeetingFeed, MeetingFilter, NewMeetingFeed, Store, StoreError, StoredAnswer, Write,
};

use crate::site::{Site, both, code};

fn number() -> RoomNumber {
    "7042".parse().unwrap()
}

fn meeting(site: &Site, uid: &str) -> Meeting {
    Meeting {
        id: MeetingId::from_uuid(site.uuid()),
        key: MeetingKey { uid: uid.to_owned(), occurrence: None },
        sequence: 0,
        state: MeetingState::Accepted,
        organizer: "alice@lab.example".parse().unwrap(),
        subject: "Plans".to_owned(),
        schedule: None,
        number: Some(number()),
        passcodes: Passcodes::default(),
        private: false,
        trace: TraceId::from_uuid(site.uuid()),
        attendees: Vec::new(),
        kept_until: None,
        link_until: None,
    }
}

fn spans(site: &Site, hours: &[i64]) -> Vec<Span> {
    let hour = |hour: &i64| site.later(3600 * hour);
    hours.iter().map(|at| Span { start: hour(at), end: hour(&(at + 1)) }).collect()
}

async fn put(site: &Site, store: &Store, meeting: &Meeting, hours: &[i64]) -> Result<(), StoreError> {
    let meeting = Box::new(meeting.clone());
    let write = ConferenceWrite::Meeting { meeting, spans: spans(site, hours), beside_rooms: false };
    store.commit(site.batch().with(Write::Conference(write))).await.map(|_| ())
}

both! {
    /// Covers: PO-16 (durably)
    async fn a_series_holds_its_room_as_a_whole_or_not_at_all(site) {
        let store = site.open().await;
        let (first, second) = (meeting(&site, "a"), meeting(&site, "b"));
        put(&site, &store, &first, &[10, 34, 58]).await.unwrap();
        assert_eq!(code(put(&site, &store, &second, &[12, 36, 58]).await.unwrap_err()), "room-taken");
        assert_eq!(store.meeting(second.id).await.unwrap(), None, "nothing of it is left");
        put(&site, &store, &second, &[11, 35, 59]).await.unwrap();
        // Moved: what it had is free again, and it does not collide with itself.
        put(&site, &store, &first, &[9, 58]).await.unwrap();
        put(&site, &store, &second, &[10, 11]).await.unwrap();
        let held = store.reservations(site.now()).await.unwrap();
        assert_eq!(held.iter().filter(|one| one.key.uid == "a").count(), 2);
        let mark = Inserted { mark: "m".to_owned(), came_back: true };
        let note = ConferenceWrite::Inserted { meeting: first.id, inserted: Some(mark.clone()) };
        store.commit(site.batch().with(Write::Conference(note))).await.unwrap();
        assert_eq!(store.meeting(first.id).await.unwrap().unwrap().inserted, Some(mark.clone()));
        let gone = Meeting { state: MeetingState::Cancelled, ..first.clone() };
        put(&site, &store, &gone, &[]).await.unwrap();
        let found = store.meeting_by_key(&first.key).await.unwrap().unwrap();
        assert_eq!((found.meeting.state, found.inserted), (MeetingState::Cancelled, Some(mark)));
        let later = site.later(3600 * 11) + SignedDuration::from_secs(1);
        let held = store.reservations(later).await.unwrap();
        assert_eq!(held.iter().map(|one| one.span).collect::<Vec<_>>(), spans(&site, &[11]));
        store.close().await;
    }

    /// Covers: PO-18 (durably)
    async fn a_room_and_a_meeting_keep_a_number_from_each_other(site) {
        let store = site.open().await;
        let room = Room {
            id: RoomId::from_uuid(site.uuid()),
            kind: RoomKind::Custom,
            number: number(),
            name: "Board".to_owned(),
            owner: None,
            passcodes: Passcodes::default(),
        };
        let put_room = |room: &Room| site.batch().with(Write::Conference(ConferenceWrite::Room(room.clone())));
        let coming = meeting(&site, "a");
        put(&site, &store, &coming, &[10]).await.unwrap();
        assert_eq!(code(store.commit(put_room(&room)).await.unwrap_err()), "number-reserved");
        put(&site, &store, &coming, &[]).await.unwrap();
        store.commit(put_room(&room)).await.unwrap();
        assert_eq!(code(put(&site, &store, &coming, &[10]).await.unwrap_err()), "room-taken");
        let twin = Room { id: RoomId::from_uuid(site.uuid()), ..room.clone() };
        assert_eq!(code(store.commit(put_room(&twin)).await.unwrap_err()), "number-taken");
        assert_eq!(store.meeting_rooms().await.unwrap(), std::slice::from_ref(&room));
        let remove = || site.batch().with(Write::Conference(ConferenceWrite::RemoveRoom(room.id)));
        store.commit(remove()).await.unwrap();
        assert_eq!(code(store.commit(remove()).await.unwrap_err()), "unknown-meeting-room");
        store.close().await;
    }

    /// Covers: PO-15 (durably)
    async fn a_version_is_answered_once(site) {
        let store = site.open().await;
        let meeting = meeting(&site, "a");
        put(&site, &store, &meeting, &[10]).await.unwrap();
        let version = InvitationVersion { key: meeting.key.clone(), sequence: 0, fingerprint: "f".to_owned() };
        let answer = |version: &InvitationVersion| StoredAnswer {
            answer: Answer {
                id: AnswerId::from_uuid(site.uuid()),
                meeting: meeting.id,
                version: version.clone(),
                decided: site.now(),
                verdict: Verdict::Accepted { number: number(), passcodes: Passcodes::default() },
            },
            item: "AAMk".to_owned(),
            html: "<p>yes</p>".to_owned(),
            html_inserted: None,
            location: None,
            past: None,
            sent: None,
        };
        let first = answer(&version);
        let write = |one: &StoredAnswer| site.batch().with(Write::Conference(ConferenceWrite::Answer(Box::new(one.clone()))));
        store.commit(write(&first)).await.unwrap();
        assert_eq!(code(store.commit(write(&answer(&version))).await.unwrap_err()), "answered-already");
        assert_eq!(store.answer_to(&version).await.unwrap(), Some(first.clone()));
        let sent = ConferenceWrite::AnswerSent(first.answer.id);
        store.commit(site.batch().with(Write::Conference(sent))).await.unwrap();
        assert_eq!(store.answer(first.answer.id).await.unwrap().unwrap().sent, Some(site.now()));
        let next = InvitationVersion { sequence: 1, ..version };
        store.commit(write(&answer(&next))).await.unwrap();
        assert_eq!(store.answers(meeting.id).await.unwrap().len(), 2);
        assert_eq!(store.answers_since(site.now(), 1).await.unwrap().len(), 1);
        assert_eq!(store.answers_since(site.later(1), 9).await.unwrap(), []);
        store.commit(site.batch().with(Write::Conference(ConferenceWrite::RemoveMeeting(meeting.id)))).await.unwrap();
        assert_eq!(store.answer_to(&next).await.unwrap(), None);
        assert_eq!((store.meeting(meeting.id).await.unwrap(), store.reservations(site.now()).await.unwrap()), (None, vec![]));
        let cursor = ConferenceWrite::Cursor { address: "c@x".to_owned(), cursor: Some("7".to_owned()) };
        store.commit(site.batch().with(Write::Conference(cursor))).await.unwrap();
        assert_eq!(store.conference_cursor("c@x").await.unwrap().as_deref(), Some("7"));
        store.close().await;
    }

    async fn meetings_are_found_by_state_room_page_and_end(site) {
        let store = site.open().await;
        let meetings: Vec<Meeting> = ["a", "b", "c"].map(|uid| meeting(&site, uid)).into();
        for (at, one) in meetings.iter().enumerate() {
            put(&site, &store, one, &[10 + at as i64]).await.unwrap();
        }
        let declined = Meeting { state: MeetingState::Declined, number: None, ..meeting(&site, "d") };
        put(&site, &store, &declined, &[]).await.unwrap();
        let ids = async |filter: MeetingFilter, limit| {
            let found = store.meetings_where(&filter, limit).await.unwrap();
            found.into_iter().map(|stored| stored.meeting.id).collect::<Vec<_>>()
        };
        let none = MeetingFilter::default;
        let whole = ids(none(), 9).await;
        assert_eq!(whole.len(), 4);
        let page = store.meetings_where(&none(), 2).await.unwrap();
        let last = &page[1];
        let rest = ids(MeetingFilter { after: Some((last.changed, last.meeting.id)), ..none() }, 9).await;
        assert_eq!([ids(none(), 2).await, rest].concat(), whole);
        assert_eq!(ids(MeetingFilter { state: Some(MeetingState::Declined), ..none() }, 9).await, [declined.id]);
        assert_eq!(ids(MeetingFilter { number: Some(number()), ..none() }, 9).await.len(), 3);
        let over = ids(MeetingFilter { over: Some(site.later(3600 * 12)), ..none() }, 9).await;
        assert!(over.len() == 2 && !over.contains(&meetings[2].id), "what touches its end is over: {over:?}");
        assert_eq!(ids(MeetingFilter { changed_before: Some(site.now()), ..none() }, 9).await, []);
        assert_eq!(store.spans_of(meetings[1].id).await.unwrap(), spans(&site, &[11]));
        store.close().await;
    }

    async fn a_feed_is_found_by_its_token_until_it_ends(site) {
        let store = site.open().await;
        let feed = MeetingFeed {
            id: site.uuid(),
            room: Some(number()),
            person: None,
            name: "Board room".to_owned(),
            private: false,
            created: site.now(),
            by: "admin".to_owned(),
        };
        let (new, token) = NewMeetingFeed::draw(feed.clone()).unwrap();
        store.commit(site.batch().with(Write::Conference(ConferenceWrite::AddFeed(new)))).await.unwrap();
        assert_eq!(store.meeting_feed(&token).await.unwrap(), Some(feed.clone()));
        assert_eq!(store.meeting_feed(&"x".to_owned().into()).await.unwrap(), None);
        assert_eq!(store.meeting_feeds().await.unwrap(), std::slice::from_ref(&feed));
        let end = || site.batch().with(Write::Conference(ConferenceWrite::RemoveFeed(feed.id)));
        store.commit(end()).await.unwrap();
        assert_eq!(store.meeting_feed(&token).await.unwrap(), None);
        assert_eq!(code(store.commit(end()).await.unwrap_err()), "unknown-feed");
        store.close().await;
    }
}
