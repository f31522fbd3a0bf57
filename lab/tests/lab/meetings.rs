//! Calendars and meetings where exchangelib does not reach: what mailboxes do by themselves, rooms, new times
//! proposed, Exchange 2007's zones, the limits of views, suggestions.

use tieline_lab::Processing;
use tieline_proto_ews::{
    Attendee, BaseItemId, BaseShape, CalendarItem, DateTime, DistinguishedFolderName, EmailAddress,
    ExchangeVersion, FieldUri, Item, ItemId, ItemKind, ItemShape, MeetingRequestType, Message,
    OccurrenceItemId, OccurrencesRange, Operation, RecurringMasterItemIdRanges, Reply, RequestHeader,
    ResponseCode, ResponseObject, ResponseObjectKind, ResponseType, TimeZoneContext, UserId, encode_request,
    operations::{
        AddDelegate, AvailabilityAddress, CalendarItemCreateOrDelete, CalendarItemUpdate, CalendarView,
        ConflictResolution, CreateItem, CreateUserConfiguration, DelegateFolderPermissionLevel,
        DelegatePermissions, DelegateUser, DeliverMeetingRequests, Duration, FindItem, FreeBusyViewOptions,
        FreeBusyViewType, GetItem, GetUserAvailability, ItemChange, ItemChangeDescription, ItemView,
        MailboxData, MeetingAttendeeType, MessageDisposition, SuggestionsViewOptions, UpdateDelegate,
        UpdateItem, UserConfiguration, UserConfigurationName,
    },
    recurrence::{Interval, NoEnd, Recurrence, RecurrencePattern, RecurrenceRange},
    time_zone::{MeetingTimeZone, SerializableTimeZone, SerializableTimeZoneTime, TimeZoneDefinition},
};

use crate::client::{Bench, first_id, header, reply_of};

const BOB: &str = "bob@lab.example";
const CAROL: &str = "carol@lab.example";

pub(crate) fn at(text: &str) -> Option<DateTime> {
    DateTime::from_xml(text)
}

fn attendee(address: &str) -> Attendee {
    Attendee { mailbox: EmailAddress::named(address, address), ..Attendee::default() }
}

pub(crate) fn appointment(subject: &str, start: &str, end: &str) -> Item {
    let fields = CalendarItem { start: at(start), end: at(end), ..CalendarItem::default() };
    Item { subject: Some(subject.to_owned()), ..Item::new(ItemKind::CalendarItem(Box::new(fields))) }
}

pub(crate) fn create(item: Item, how: CalendarItemCreateOrDelete) -> CreateItem {
    CreateItem { send_meeting_invitations: Some(how), items: vec![item], ..CreateItem::default() }
}

fn invite(item: Item, addresses: &[&str]) -> CreateItem {
    let mut item = item;
    if let ItemKind::CalendarItem(fields) = &mut item.kind {
        fields.required_attendees = addresses.iter().map(|address| attendee(address)).collect();
    }
    create(item, CalendarItemCreateOrDelete::SendOnlyToAll)
}

pub(crate) fn calendar(item: &Item) -> &CalendarItem {
    let ItemKind::CalendarItem(fields) = &item.kind else { panic!("no calendar item: {item:?}") };
    fields
}

impl Bench {
    pub(crate) async fn as_user<O: Operation>(&self, user: &str, operation: &O) -> O::Response {
        self.with_header(user, &header(), operation).await.body.expect("no fault")
    }

    async fn with_header<O: Operation>(
        &self,
        user: &str,
        header: &RequestHeader,
        operation: &O,
    ) -> Reply<O::Response> {
        let response = self.post(user, encode_request(header, operation)).send().await.expect("an answer");
        reply_of::<O>(&response.bytes().await.expect("a whole answer"))
    }

    /// Everything in one of the user's folders, with all properties.
    async fn all(&self, user: &str, folder: DistinguishedFolderName) -> Vec<Item> {
        let find = FindItem { parent_folder_ids: vec![folder.into()], ..FindItem::default() };
        let response = self.as_user(user, &find).await;
        let listing = response.first().expect("a message").ok().expect("success");
        let ids =
            listing.root_folder.as_ref().expect("a listing").items().filter_map(|item| item.item_id.clone());
        let mut items = Vec::new();
        for id in ids {
            items.push(self.read(user, id).await);
        }
        items
    }

    pub(crate) async fn read(&self, user: &str, id: ItemId) -> Item {
        let shape = ItemShape { base_shape: BaseShape::AllProperties, ..ItemShape::default() };
        let get = GetItem { item_shape: shape, item_ids: vec![id.into()] };
        let response = self.as_user(user, &get).await;
        response.first().expect("a message").ok().expect("success").items.first().expect("an item").clone()
    }

    async fn view(&self, user: &str, view: CalendarView) -> Result<(usize, Option<bool>), ResponseCode> {
        let find = FindItem {
            view: Some(ItemView::Calendar(view)),
            parent_folder_ids: vec![DistinguishedFolderName::Calendar.into()],
            ..FindItem::default()
        };
        let response = self.as_user(user, &find).await;
        let message = response.first().expect("a message");
        let listing = message.ok().map_err(|message| message.code.clone())?;
        let root = listing.root_folder.as_ref().expect("a listing");
        Ok((root.items().count(), root.includes_last_item_in_range))
    }

    async fn answer(
        &self,
        user: &str,
        kind: ResponseObjectKind,
        fields: ResponseObject,
    ) -> Result<Vec<Item>, ResponseCode> {
        let request = CreateItem {
            message_disposition: Some(MessageDisposition::SendAndSaveCopy),
            items: vec![Item::new(ItemKind::ResponseObject(kind, Box::new(fields)))],
            ..CreateItem::default()
        };
        let response = self.as_user(user, &request).await;
        let message = response.first().expect("a message");
        message.ok().map(|info| info.items.clone()).map_err(|message| message.code.clone())
    }
}

fn about(item: &Item) -> ResponseObject {
    ResponseObject { reference_item_id: item.item_id.clone(), ..ResponseObject::default() }
}

fn answers(item: &Item) -> Vec<ResponseType> {
    let fields = calendar(item);
    let all = fields.required_attendees.iter().chain(&fields.resources);
    all.filter_map(|attendee| attendee.response_type.clone()).collect()
}

#[tokio::test]
async fn a_room_accepts_what_it_has_time_for_and_declines_the_rest() {
    let bench = Bench::start().await;
    bench.lab.calendars().set(CAROL, Processing::AutoAccept);
    let first = invite(appointment("First", "2030-03-04T09:00:00Z", "2030-03-04T10:00:00Z"), &[CAROL]);
    let first = first_id(&bench.ok(&first).await);
    assert_eq!(answers(&bench.read("alice", first).await), [ResponseType::Accept]);
    let second = invite(appointment("Second", "2030-03-04T09:30:00Z", "2030-03-04T10:30:00Z"), &[CAROL]);
    let second = first_id(&bench.ok(&second).await);
    assert_eq!(answers(&bench.read("alice", second).await), [ResponseType::Decline]);
    let booked = bench.all("carol", DistinguishedFolderName::Calendar).await;
    let booked: Vec<_> = booked.iter().map(|item| item.subject.as_deref().unwrap_or_default()).collect();
    assert_eq!(booked, ["First"]);
    assert!(bench.all("carol", DistinguishedFolderName::Inbox).await.is_empty(), "requests are put away");
    let inbox = bench.all("alice", DistinguishedFolderName::Inbox).await;
    let mut told: Vec<_> = inbox.iter().filter_map(|item| item.subject.clone()).collect();
    told.sort();
    assert_eq!(told, ["Accepted: First", "Declined: Second"]);
}

#[tokio::test]
async fn rooms_accept_without_being_told_to() {
    let bench = Bench::start().await;
    let room = "room-berlin@lab.example";
    let mut item = appointment("Booked", "2030-03-04T09:00:00Z", "2030-03-04T10:00:00Z");
    if let ItemKind::CalendarItem(fields) = &mut item.kind {
        fields.resources = vec![attendee(room)];
    }
    let id = first_id(&bench.ok(&create(item, CalendarItemCreateOrDelete::SendOnlyToAll)).await);
    assert_eq!(answers(&bench.read("alice", id).await), [ResponseType::Accept]);
}

#[tokio::test]
async fn a_mailbox_that_does_nothing_by_itself_enters_a_meeting_when_it_is_answered() {
    let bench = Bench::start().await;
    bench.lab.calendars().set(BOB, Processing::None);
    bench.ok(&invite(appointment("Plan", "2030-03-04T09:00:00Z", "2030-03-04T10:00:00Z"), &[BOB])).await;
    assert!(bench.all("bob", DistinguishedFolderName::Calendar).await.is_empty());
    let request = bench.all("bob", DistinguishedFolderName::Inbox).await.remove(0);
    let touched =
        bench.answer("bob", ResponseObjectKind::AcceptItem, about(&request)).await.expect("accepted");
    assert_eq!(touched.len(), 2, "the entry and the request, which has moved");
    let entry = bench.all("bob", DistinguishedFolderName::Calendar).await.remove(0);
    assert_eq!(calendar(&entry).my_response_type, Some(ResponseType::Accept));
    assert!(bench.all("bob", DistinguishedFolderName::Inbox).await.is_empty());
    let own = bench.all("alice", DistinguishedFolderName::Calendar).await.remove(0);
    assert_eq!(answers(&own), [ResponseType::Accept]);
    let refused = bench.answer("alice", ResponseObjectKind::AcceptItem, about(&own)).await;
    assert_eq!(refused, Err(ResponseCode::ErrorCalendarIsOrganizerForAccept));
    let refused = bench.answer("bob", ResponseObjectKind::CancelCalendarItem, about(&entry)).await;
    assert_eq!(refused, Err(ResponseCode::ErrorCalendarIsNotOrganizer));
}

#[tokio::test]
async fn a_request_that_an_update_overtook_cannot_be_answered() {
    let bench = Bench::start().await;
    bench.ok(&invite(appointment("Plan", "2030-03-04T09:00:00Z", "2030-03-04T10:00:00Z"), &[BOB])).await;
    let own = bench.all("alice", DistinguishedFolderName::Calendar).await.remove(0);
    let later = appointment("", "2030-03-04T09:00:00Z", "2030-03-04T11:00:00Z");
    let end = CalendarItem { end: calendar(&later).end, ..CalendarItem::default() };
    let end = Item::new(ItemKind::CalendarItem(Box::new(end)));
    let update = UpdateItem {
        conflict_resolution: ConflictResolution::AlwaysOverwrite,
        send_meeting_invitations_or_cancellations: Some(CalendarItemUpdate::SendOnlyToAll),
        item_changes: vec![ItemChange {
            item_id: own.item_id.map(Into::into),
            updates: vec![ItemChangeDescription::set(FieldUri::new("calendar:End"), end)],
        }],
        ..UpdateItem::default()
    };
    assert!(bench.ok(&update).await.first().expect("a message").ok().is_ok());
    let mut requests = bench.all("bob", DistinguishedFolderName::Inbox).await;
    requests.sort_by_key(|item| item.item_id.as_ref().map(|id| id.id.clone()));
    let out_of_date = |item: &Item| match &item.kind {
        ItemKind::MeetingRequest(request) => request.meeting.is_out_of_date,
        _ => None,
    };
    let told: Vec<_> = requests.iter().map(out_of_date).collect();
    assert_eq!(told, [Some(true), Some(false)]);
    let old = requests.first().expect("the first request");
    let refused = bench.answer("bob", ResponseObjectKind::AcceptItem, about(old)).await;
    assert_eq!(refused, Err(ResponseCode::ErrorCalendarMeetingRequestIsOutOfDate));
}

#[tokio::test]
async fn who_was_forwarded_an_invitation_may_come_too() {
    let bench = Bench::start().await;
    bench.ok(&invite(appointment("Plan", "2030-03-04T09:00:00Z", "2030-03-04T10:00:00Z"), &[BOB])).await;
    let request = bench.all("bob", DistinguishedFolderName::Inbox).await.remove(0);
    let forward =
        ResponseObject { to_recipients: vec![EmailAddress::named("Carol", CAROL)], ..about(&request) };
    bench.answer("bob", ResponseObjectKind::ForwardItem, forward).await.expect("forwarded");
    // The organizer is told, and has carol among the attendees before she answers.
    let told = bench.all("alice", DistinguishedFolderName::Inbox).await.remove(0);
    assert_eq!(told.item_class.as_deref(), Some("IPM.Schedule.Meeting.Notification.Forward"));
    assert_eq!(told.subject.as_deref(), Some("Meeting Forward Notification: Plan"));
    assert!(matches!(told.kind, ItemKind::MeetingMessage(_)), "{told:?}");
    assert!(told.body.as_ref().is_some_and(|body| body.text.contains("Recipients: Carol")), "{told:?}");
    let own = bench.all("alice", DistinguishedFolderName::Calendar).await.remove(0);
    let asked = calendar(&own).optional_attendees.first().expect("carol");
    assert_eq!(asked.response_type, Some(ResponseType::Unknown));
    let request = bench.all("carol", DistinguishedFolderName::Inbox).await.remove(0);
    assert_eq!(request.subject.as_deref(), Some("FW: Plan"));
    bench.answer("carol", ResponseObjectKind::AcceptItem, about(&request)).await.expect("accepted");
    let own = bench.all("alice", DistinguishedFolderName::Calendar).await.remove(0);
    let added = calendar(&own).optional_attendees.first().expect("carol");
    assert_eq!(added.mailbox.email_address.as_deref(), Some(CAROL));
    assert_eq!(added.response_type, Some(ResponseType::Accept));
}

#[tokio::test]
async fn another_time_can_be_proposed() {
    let bench = Bench::start().await;
    bench.ok(&invite(appointment("Plan", "2030-03-04T09:00:00Z", "2030-03-04T10:00:00Z"), &[BOB])).await;
    let request = bench.all("bob", DistinguishedFolderName::Inbox).await.remove(0);
    let (start, end) = (at("2030-03-05T09:00:00Z"), at("2030-03-05T10:00:00Z"));
    let proposal = ResponseObject { proposed_start: start, proposed_end: end, ..about(&request) };
    bench.answer("bob", ResponseObjectKind::TentativelyAcceptItem, proposal).await.expect("answered");
    let response = bench.all("alice", DistinguishedFolderName::Inbox).await.remove(0);
    assert_eq!(response.subject.as_deref(), Some("New Time Proposed: Plan"));
    let ItemKind::MeetingResponse(fields) = &response.kind else { panic!("no response: {response:?}") };
    assert_eq!((fields.proposed_start, fields.proposed_end), (start, end));
    let own = bench.all("alice", DistinguishedFolderName::Calendar).await.remove(0);
    let bob = calendar(&own).required_attendees.first().expect("bob");
    assert_eq!((bob.proposed_start, bob.proposed_end), (start, end));
}

#[tokio::test]
async fn a_cancelled_meeting_stays_until_it_is_removed() {
    let bench = Bench::start().await;
    bench.ok(&invite(appointment("Plan", "2030-03-04T09:00:00Z", "2030-03-04T10:00:00Z"), &[BOB])).await;
    let own = bench.all("alice", DistinguishedFolderName::Calendar).await.remove(0);
    bench.answer("alice", ResponseObjectKind::CancelCalendarItem, about(&own)).await.expect("cancelled");
    assert!(bench.all("alice", DistinguishedFolderName::Calendar).await.is_empty());
    let entry = bench.all("bob", DistinguishedFolderName::Calendar).await.remove(0);
    assert_eq!((calendar(&entry).is_cancelled, calendar(&entry).appointment_state), (Some(true), Some(7)));
    let refused = bench.answer("bob", ResponseObjectKind::AcceptItem, about(&entry)).await;
    assert_eq!(refused, Err(ResponseCode::ErrorCalendarIsCancelledForAccept));
    let inbox = bench.all("bob", DistinguishedFolderName::Inbox).await;
    let notice = inbox.iter().find(|item| matches!(item.kind, ItemKind::MeetingCancellation(_)));
    bench
        .answer("bob", ResponseObjectKind::RemoveItem, about(notice.expect("a cancellation")))
        .await
        .expect("removed");
    assert!(bench.all("bob", DistinguishedFolderName::Calendar).await.is_empty());
}

#[tokio::test]
async fn zones_take_the_form_of_the_version_asked_in() {
    let bench = Bench::start().await;
    let old = RequestHeader::new(ExchangeVersion::Exchange2007Sp1);
    let mut item = appointment("Old", "2030-07-01T09:00:00", "2030-07-01T10:00:00");
    if let ItemKind::CalendarItem(fields) = &mut item.kind {
        let name = Some("W. Europe Standard Time".to_owned());
        fields.meeting_time_zone =
            Some(MeetingTimeZone { time_zone_name: name, ..MeetingTimeZone::default() });
    }
    let request = create(item, CalendarItemCreateOrDelete::SendToNone);
    let id = first_id(&bench.with_header("alice", &old, &request).await.body.expect("no fault"));
    let shape = ItemShape { base_shape: BaseShape::AllProperties, ..ItemShape::default() };
    let get = GetItem { item_shape: shape, item_ids: vec![id.clone().into()] };
    let response = bench.with_header("alice", &old, &get).await.body.expect("no fault");
    let shown =
        response.first().expect("a message").ok().expect("success").items.first().expect("an item").clone();
    let zone = calendar(&shown).meeting_time_zone.clone().expect("the old form");
    assert_eq!(zone.base_offset.as_deref(), Some("-PT1H"));
    assert_eq!(zone.daylight.map(|change| change.offset).as_deref(), Some("-PT1H"));
    assert_eq!(calendar(&shown).start, at("2030-07-01T07:00:00Z"));
    assert_eq!(calendar(&shown).start_wall_clock, None, "a property of 2013");
    let newer = bench.read("alice", id).await;
    assert_eq!(calendar(&newer).meeting_time_zone, None);
    assert_eq!(calendar(&newer).start_wall_clock, at("2030-07-01T09:00:00+02:00"));
}

#[tokio::test]
async fn a_view_says_when_it_is_cut_and_refuses_what_is_too_much() {
    let bench = Bench::with(|settings| settings.find_limit = 20).await;
    let item = daily("Daily", "2030-01-01T09:00:00Z", "2030-01-01T10:00:00Z");
    bench.ok(&create(item, CalendarItemCreateOrDelete::SendToNone)).await;
    let view = |start: &str, end: &str, most: Option<i32>| CalendarView {
        start_date: at(start),
        end_date: at(end),
        max_entries_returned: most,
    };
    let (from, to) = ("2035-01-01T00:00:00Z", "2035-01-11T00:00:00Z");
    assert_eq!(bench.view("alice", view(from, to, None)).await, Ok((10, Some(true))));
    assert_eq!(bench.view("alice", view(from, to, Some(4))).await, Ok((4, Some(false))));
    let month = view(from, "2035-02-01T00:00:00Z", None);
    assert_eq!(bench.view("alice", month).await, Err(ResponseCode::ErrorExceededFindCountLimit));
    let wide = view(from, "2037-01-03T00:00:00Z", Some(1));
    assert_eq!(bench.view("alice", wide).await, Err(ResponseCode::ErrorCalendarViewRangeTooBig));
    let backwards = view(to, from, None);
    assert_eq!(
        bench.view("alice", backwards).await,
        Err(ResponseCode::ErrorCalendarEndDateIsEarlierThanStartDate)
    );
}

pub(crate) fn daily(subject: &str, start: &str, end: &str) -> Item {
    let mut item = appointment(subject, start, end);
    if let ItemKind::CalendarItem(fields) = &mut item.kind {
        let start_date = start.get(..10).map(jiff_date);
        fields.recurrence = Some(Recurrence {
            pattern: Some(RecurrencePattern::Daily(Interval { interval: 1 })),
            range: Some(RecurrenceRange::NoEnd(NoEnd { start_date })),
        });
    }
    item
}

#[tokio::test]
async fn a_series_is_read_with_ranges_of_its_occurrences() {
    let bench = Bench::start().await;
    let series = daily("Daily", "2030-01-01T09:00:00Z", "2030-01-01T10:00:00Z");
    let id = first_id(&bench.ok(&create(series, CalendarItemCreateOrDelete::SendToNone)).await);
    let range = |start: &str, end: Option<&str>, count: Option<i32>| OccurrencesRange {
        start: at(start),
        end: end.and_then(at),
        count,
        compare_original_start_time: None,
    };
    let ranges = RecurringMasterItemIdRanges {
        id: id.id,
        change_key: None,
        ranges: vec![
            range("2030-02-01T00:00:00Z", Some("2030-02-03T00:00:00Z"), None),
            range("2031-01-01T00:00:00Z", None, Some(3)),
        ],
    };
    let shape = ItemShape { base_shape: BaseShape::AllProperties, ..ItemShape::default() };
    let get = GetItem { item_shape: shape, item_ids: vec![BaseItemId::RecurringMasterRanges(ranges)] };
    let response = bench.ok(&get).await;
    let items = &response.first().expect("a message").ok().expect("success").items;
    let days: Vec<_> = items
        .iter()
        .filter_map(|item| calendar(item).start)
        .map(|start| start.civil.date().to_string())
        .collect();
    assert_eq!(days, ["2030-01-01", "2030-02-01", "2030-02-02", "2031-01-01", "2031-01-02", "2031-01-03"]);
}

#[tokio::test]
async fn an_occurrence_read_or_changed_leaves_its_series_as_it_is() {
    let bench = Bench::start().await;
    let series = daily("Daily", "2030-01-01T09:00:00Z", "2030-01-01T10:00:00Z");
    let id = first_id(&bench.ok(&create(series, CalendarItemCreateOrDelete::SendToNone)).await);
    let second = OccurrenceItemId { recurring_master_id: id.id.clone(), change_key: None, instance_index: 2 };
    let change = |path: &'static str, item: Item| UpdateItem {
        conflict_resolution: ConflictResolution::AlwaysOverwrite,
        message_disposition: Some(MessageDisposition::SaveOnly),
        send_meeting_invitations_or_cancellations: Some(CalendarItemUpdate::SendToNone),
        item_changes: vec![ItemChange {
            item_id: Some(BaseItemId::Occurrence(second.clone())),
            updates: vec![ItemChangeDescription::set(FieldUri::new(path), item)],
        }],
        ..UpdateItem::default()
    };
    let read = Item::from_message(Message { is_read: Some(false), ..Message::default() });
    let subject =
        Item { subject: Some("Other".to_owned()), ..Item::new(ItemKind::CalendarItem(Box::default())) };
    for request in [change("message:IsRead", read), change("item:Subject", subject)] {
        assert!(bench.ok(&request).await.first().expect("a message").ok().is_ok());
    }
    let master = bench.read("alice", id).await;
    assert_eq!(master.subject.as_deref(), Some("Daily"));
    assert!(calendar(&master).recurrence.is_some());
    let modified = &calendar(&master).modified_occurrences;
    assert_eq!(modified.iter().map(|one| one.start).collect::<Vec<_>>(), [at("2030-01-02T09:00:00Z")]);
    let recurring = OccurrenceItemId { instance_index: 1000, ..second };
    let far = GetItem { item_ids: vec![BaseItemId::Occurrence(recurring)], ..GetItem::default() };
    assert!(bench.ok(&far).await.first().expect("a message").ok().is_ok(), "a series without end goes on");
}

fn jiff_date(text: &str) -> tieline_proto_ews::Date {
    tieline_proto_ews::Date::from_xml(text).expect("a date")
}

fn utc() -> SerializableTimeZone {
    let change = || SerializableTimeZoneTime {
        time: "00:00:00".to_owned(),
        day_of_week: "Sunday".to_owned(),
        ..SerializableTimeZoneTime::default()
    };
    SerializableTimeZone { bias: 0, standard_time: change(), daylight_time: change() }
}

fn whose(address: &str) -> MailboxData {
    MailboxData {
        email: AvailabilityAddress { address: address.to_owned(), ..AvailabilityAddress::default() },
        attendee_type: MeetingAttendeeType::Required,
        exclude_conflicts: None,
    }
}

fn within(start: &str, end: &str) -> Duration {
    Duration { start_time: at(start), end_time: at(end) }
}

#[tokio::test]
async fn times_to_meet_are_those_when_all_are_free_and_at_work() {
    let bench = Bench::start().await;
    // All day but the hour from noon on, in a zone an hour ahead of UTC.
    for (start, end) in [("07:00", "11:00"), ("12:00", "16:00")] {
        let day = |time: &str| format!("2030-03-05T{time}:00Z");
        let item = appointment("Busy", &day(start), &day(end));
        bench.as_user("bob", &create(item, CalendarItemCreateOrDelete::SendToNone)).await;
    }
    let request = GetUserAvailability {
        time_zone: Some(utc()),
        mailbox_data_array: vec![whose("alice@lab.example"), whose(BOB)],
        suggestions_view_options: Some(SuggestionsViewOptions {
            meeting_duration_in_minutes: Some(60),
            minimum_suggestion_quality: Some("Good".to_owned()),
            detailed_suggestions_window: within("2030-03-05T00:00:00", "2030-03-06T00:00:00"),
            ..SuggestionsViewOptions::default()
        }),
        ..GetUserAvailability::default()
    };
    let response = bench.ok(&request).await.suggestions_response.expect("suggestions");
    let day = response.suggestion_day_result_array.first().expect("a day");
    let times: Vec<_> = day.suggestion_array.iter().map(|one| (one.meeting_time, one.is_work_time)).collect();
    assert_eq!(times, [(at("2030-03-05T11:00:00"), true)]);
    assert_eq!(day.day_quality, "Excellent");
}

#[tokio::test]
async fn availability_tells_each_mailbox_apart_and_refuses_nonsense() {
    let bench = Bench::start().await;
    let item = appointment("Secret", "2030-03-05T09:00:00Z", "2030-03-05T10:00:00Z");
    bench.as_user("bob", &create(item, CalendarItemCreateOrDelete::SendToNone)).await;
    let ask = |start: &str, end: &str| GetUserAvailability {
        time_zone: Some(utc()),
        mailbox_data_array: vec![whose(BOB), whose("nobody@lab.example")],
        free_busy_view_options: Some(FreeBusyViewOptions {
            time_window: within(start, end),
            merged_free_busy_interval_in_minutes: Some(60),
            requested_view: Some(FreeBusyViewType::DetailedMerged),
        }),
        ..GetUserAvailability::default()
    };
    let day = ask("2030-03-05T08:00:00", "2030-03-05T12:00:00");
    let seen = async |user: &str| {
        let found = bench.as_user(user, &day).await.free_busy_response_array.expect("answers").responses;
        let codes: Vec<_> = found
            .iter()
            .filter_map(|one| one.response_message.as_ref())
            .map(|one| one.code.clone())
            .collect();
        assert_eq!(codes, [ResponseCode::NoError, ResponseCode::ErrorMailRecipientNotFound]);
        found.first().and_then(|one| one.free_busy_view.clone()).expect("a view")
    };
    let others = seen("alice").await;
    assert_eq!(others.merged_free_busy.as_deref(), Some("0200"));
    assert_eq!(others.free_busy_view_type, FreeBusyViewType::FreeBusyMerged, "no more than she may see");
    assert!(others.calendar_event_array.iter().all(|event| event.calendar_event_details.is_none()));
    let own = seen("bob").await;
    let details = own.calendar_event_array.first().and_then(|event| event.calendar_event_details.clone());
    assert_eq!(details.and_then(|details| details.subject).as_deref(), Some("Secret"));
    let fault =
        async |request: GetUserAvailability| bench.reply(&request).await.body.expect_err("a fault").code();
    let wide = ask("2030-03-05T08:00:00", "2030-06-05T12:00:00");
    assert_eq!(fault(wide).await, ResponseCode::ErrorTimeIntervalTooBig);
    assert_eq!(fault(GetUserAvailability { time_zone: None, ..day }).await, ResponseCode::ErrorTimeZone);
}

/// Bob acts for alice, with her calendar.
async fn delegate(bench: &Bench, deliver: DeliverMeetingRequests) {
    let bob = DelegateUser {
        user_id: UserId { primary_smtp_address: Some(BOB.to_owned()), ..UserId::default() },
        delegate_permissions: Some(DelegatePermissions {
            calendar_folder_permission_level: Some(DelegateFolderPermissionLevel::Editor),
            ..DelegatePermissions::default()
        }),
        receive_copies_of_meeting_messages: Some(true),
        ..DelegateUser::default()
    };
    let add = AddDelegate {
        mailbox: EmailAddress::smtp("alice@lab.example"),
        delegate_users: vec![bob],
        deliver_meeting_requests: Some(deliver),
    };
    assert!(bench.ok(&add).await.ok().is_ok());
}

#[tokio::test]
async fn a_delegate_alone_gets_an_invitation_and_answers_it_in_the_owners_name() {
    let bench = Bench::start().await;
    delegate(&bench, DeliverMeetingRequests::DelegatesOnly).await;
    let meeting = appointment("Plan", "2030-03-04T09:00:00Z", "2030-03-04T10:00:00Z");
    let meeting = invite(meeting, &["alice@lab.example"]);
    let own = first_id(&bench.as_user("carol", &meeting).await);
    assert!(bench.all("alice", DistinguishedFolderName::Inbox).await.is_empty());
    assert_eq!(bench.all("alice", DistinguishedFolderName::Calendar).await.len(), 1, "entered all the same");
    let request = bench.all("bob", DistinguishedFolderName::Inbox).await.remove(0);
    let ItemKind::MeetingRequest(fields) = &request.kind else { panic!("no request: {request:?}") };
    assert_eq!(fields.meeting.is_delegated, Some(true));
    assert!(bench.all("bob", DistinguishedFolderName::Calendar).await.is_empty(), "he is not invited");

    bench.answer("bob", ResponseObjectKind::AcceptItem, about(&request)).await.expect("accepted");
    let entry = bench.all("alice", DistinguishedFolderName::Calendar).await.remove(0);
    assert_eq!(calendar(&entry).my_response_type, Some(ResponseType::Accept));
    assert_eq!(answers(&bench.read("carol", own).await), [ResponseType::Accept]);
    assert!(bench.all("bob", DistinguishedFolderName::Inbox).await.is_empty(), "the request is put away");
    assert!(bench.all("bob", DistinguishedFolderName::Calendar).await.is_empty());
}

#[tokio::test]
async fn an_owner_gets_invitations_too_or_as_information_or_alone() {
    let bench = Bench::start().await;
    delegate(&bench, DeliverMeetingRequests::DelegatesAndMe).await;
    let change = |deliver| UpdateDelegate {
        mailbox: EmailAddress::smtp("alice@lab.example"),
        deliver_meeting_requests: Some(deliver),
        ..UpdateDelegate::default()
    };
    let meeting = |name: &str| {
        invite(appointment(name, "2030-03-04T09:00:00Z", "2030-03-04T10:00:00Z"), &["alice@lab.example"])
    };
    bench.as_user("carol", &meeting("both")).await;
    bench.ok(&change(DeliverMeetingRequests::DelegatesAndSendInformationToMe)).await;
    bench.as_user("carol", &meeting("information")).await;
    bench.ok(&change(DeliverMeetingRequests::NoForward)).await;
    bench.as_user("carol", &meeting("owner")).await;

    let mut got = Vec::new();
    for item in bench.all("alice", DistinguishedFolderName::Inbox).await {
        let ItemKind::MeetingRequest(fields) = &item.kind else { panic!("no request: {item:?}") };
        got.push((item.subject.clone().unwrap_or_default(), fields.meeting_request_type.clone()));
    }
    got.sort_by(|one, other| one.0.cmp(&other.0));
    let new = || Some(MeetingRequestType::NewMeetingRequest);
    let copy = Some(MeetingRequestType::PrincipalWantsCopy);
    let wanted = [("both", new()), ("information", copy), ("owner", new())];
    assert_eq!(got, wanted.map(|(name, kind)| (name.to_owned(), kind)));
    let inbox = bench.all("bob", DistinguishedFolderName::Inbox).await;
    let mut subjects: Vec<_> = inbox.iter().filter_map(|item| item.subject.clone()).collect();
    subjects.sort();
    assert_eq!(subjects, ["both", "information"]);
}

#[tokio::test]
async fn working_hours_are_those_that_the_calendar_keeps() {
    let bench = Bench::start().await;
    let xml = "<Root xmlns=\"WorkingHours.xsd\"><WorkHoursVersion1><TimeZone><Name>UTC</Name></TimeZone>\
               <TimeSlot><Start>06:00:00</Start><End>07:30:00</End></TimeSlot><WorkDays>Tuesday</WorkDays>\
               </WorkHoursVersion1></Root>";
    let new = CreateUserConfiguration {
        user_configuration: UserConfiguration {
            user_configuration_name: UserConfigurationName {
                name: "WorkHours".to_owned(),
                folder: Some(DistinguishedFolderName::Calendar.into()),
            },
            xml_data: Some(xml.as_bytes().into()),
            ..UserConfiguration::default()
        },
    };
    assert!(bench.ok(&new).await.first().expect("a message").ok().is_ok());
    let request = GetUserAvailability {
        time_zone: Some(utc()),
        mailbox_data_array: vec![whose("alice@lab.example"), whose(BOB)],
        free_busy_view_options: Some(FreeBusyViewOptions {
            time_window: within("2030-03-05T00:00:00", "2030-03-06T00:00:00"),
            merged_free_busy_interval_in_minutes: Some(60),
            requested_view: Some(FreeBusyViewType::DetailedMerged),
        }),
        suggestions_view_options: Some(SuggestionsViewOptions {
            meeting_duration_in_minutes: Some(60),
            detailed_suggestions_window: within("2030-03-05T00:00:00", "2030-03-06T00:00:00"),
            ..SuggestionsViewOptions::default()
        }),
    };
    let response = bench.ok(&request).await;
    let views = response.free_busy_response_array.expect("answers").responses;
    let hours = views.into_iter().filter_map(|one| one.free_busy_view?.working_hours);
    let hours: Vec<_> = hours
        .filter_map(|hours| {
            let period = hours.working_period_array.into_iter().next()?;
            Some((period.day_of_week, period.start_time_in_minutes, period.end_time_in_minutes))
        })
        .collect();
    let usual = "Monday Tuesday Wednesday Thursday Friday".to_owned();
    assert_eq!(hours, [("Tuesday".to_owned(), 360, 450), (usual, 480, 1020)]);
    let days = response.suggestions_response.expect("suggestions").suggestion_day_result_array;
    let times = days.iter().flat_map(|day| &day.suggestion_array);
    let at_work: Vec<_> = times.filter(|one| one.is_work_time).map(|one| one.meeting_time).collect();
    assert_eq!(at_work, [at("2030-03-05T06:00:00"), at("2030-03-05T06:30:00")]);
}

/// Times come back in the zone that the request names, each with the offset that holds then, unless it is written for
/// Exchange 2007, which has no such header.
#[tokio::test]
async fn times_come_in_the_zone_that_the_request_names() {
    let bench = Bench::start().await;
    let start = "2030-07-01T09:00:00";
    let item = appointment("Summer", start, "2030-07-01T10:00:00");
    let berlin = |version: ExchangeVersion| RequestHeader {
        time_zone_context: Some(TimeZoneContext {
            time_zone_definition: TimeZoneDefinition::by_id("W. Europe Standard Time"),
        }),
        ..RequestHeader::new(version)
    };
    let request = create(item, CalendarItemCreateOrDelete::SendToNone);
    let new = berlin(ExchangeVersion::Exchange2016);
    let id = first_id(&bench.with_header("alice", &new, &request).await.body.expect("no fault"));
    let shape = ItemShape { base_shape: BaseShape::AllProperties, ..ItemShape::default() };
    let get = GetItem { item_shape: shape, item_ids: vec![id.clone().into()] };
    let shown = async |header: &RequestHeader| {
        let response = bench.with_header("alice", header, &get).await.body.expect("no fault");
        response.first().expect("a message").ok().expect("success").items.first().expect("an item").clone()
    };
    let summer = shown(&new).await;
    assert_eq!(calendar(&summer).start, at("2030-07-01T09:00:00+02:00"), "read, and answered, in the zone");
    assert_eq!(calendar(&summer).end, at("2030-07-01T10:00:00+02:00"));
    let offset = summer.date_time_created.expect("a time").offset.expect("an offset").seconds();
    assert!([3600, 7200].contains(&offset), "{offset}");
    for header in [header(), berlin(ExchangeVersion::Exchange2007Sp1)] {
        assert_eq!(calendar(&shown(&header).await).start, at("2030-07-01T07:00:00Z"));
    }
    let unknown = RequestHeader {
        time_zone_context: Some(TimeZoneContext {
            time_zone_definition: TimeZoneDefinition::by_id("Nowhere Standard Time"),
        }),
        ..header()
    };
    assert_eq!(calendar(&shown(&unknown).await).start, at("2030-07-01T07:00:00Z"));
}
