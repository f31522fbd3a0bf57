//! Invitations on their way through store, worker and port, with a mailbox and a directory that stand in for the real ones.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tempfile::TempDir;
use tieline_conferencing::answer::Bridge;
use tieline_conferencing::{
    CleanedUp, Closed, ConferenceSettings, Conferencing, ConferencingParts, DoorPolicy, Joining, Policy,
    State, Visitor, WatchPolicy,
};
use tieline_model::{
    Clock, ConferenceMail, ContactAddress, DirectoryId, Endpoint, EndpointId, Ends, FeatureGroup,
    FeatureGroupId, Ids, MailKind, ManualClock, MeetingKey, MeetingState, Passcode, Passcodes, Pattern,
    Person, Recurrence, Refusal, Room, RoomId, RoomKind, SmtpAddress, SyncSettings, TlsTrust, VoiceFormat,
    When, Zone, ZoneRules,
};
use tieline_ports::{
    Age, Answer, AnswerFuture, Arrival, ArrivalPage, ConferenceBridge, ConferenceMailbox, Directory,
    DirectoryStatus, Entrance, Found, Insertion, InvitedPage, ItemRef, JoinData, MailTarget, OpenRoom,
    OrganizerCalendars, PeopleFuture, PortError, PortFuture, RefreshKind, RefreshReport, SharedAddress, Sign,
    SignStream,
};
use tieline_store::{Batch, Configure, Edit, KeyFile, Store, StoreConfig, Write};
use tieline_worker::{Worker, WorkerPolicy};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// What lies in the mailbox, and what was answered.
#[derive(Default)]
struct Inbox {
    arrivals: Vec<Arrival>,
    waiting: BTreeSet<String>,
    answers: Vec<(String, bool, String)>,
    /// The next answer takes effect, and nobody ever hears of it.
    hang: bool,
    signs: Vec<mpsc::UnboundedSender<Result<Sign, PortError>>>,
    /// Nobody may act for organizers.
    forbidden: bool,
    /// Join data by UID, and in whose calendar.
    inserted: std::collections::BTreeMap<String, (SmtpAddress, JoinData)>,
    /// What the watched room was invited to.
    invited: Vec<ConferenceMail>,
    drafts: Vec<String>,
    sent: Vec<String>,
}

#[derive(Default)]
struct Mail(Mutex<Inbox>);

impl Mail {
    fn with<T>(&self, change: impl FnOnce(&mut Inbox) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    fn tell(&self) {
        self.with(|inbox| inbox.signs.retain(|line| line.send(Ok(Sign::Event)).is_ok()));
    }
}

impl ConferenceMailbox for Mail {
    fn arrivals<'a>(&'a self, _: &'a MailTarget, cursor: Option<&'a str>) -> PortFuture<'a, ArrivalPage> {
        let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let page = self.with(|inbox| {
            let arrivals: Vec<Arrival> = inbox.arrivals.iter().skip(from).take(3).cloned().collect();
            let to = from + arrivals.len();
            ArrivalPage { arrivals, cursor: to.to_string(), complete: to == inbox.arrivals.len() }
        });
        Box::pin(async { Ok(page) })
    }

    fn waits<'a>(&'a self, _: &'a MailTarget, item: &'a ItemRef) -> PortFuture<'a, bool> {
        let waits = self.with(|inbox| inbox.waiting.contains(&item.0));
        Box::pin(async move { Ok(waits) })
    }

    fn answer<'a>(
        &'a self,
        _: &'a MailTarget,
        item: &'a ItemRef,
        accept: bool,
        html: &'a str,
    ) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let (found, hang) = self.with(|inbox| {
                let found = inbox.waiting.remove(&item.0);
                if found {
                    inbox.answers.push((item.0.clone(), accept, html.to_owned()));
                }
                (found, std::mem::take(&mut inbox.hang))
            });
            if hang {
                std::future::pending::<()>().await;
            }
            if found { Ok(()) } else { Err(PortError::NotFound) }
        })
    }

    fn subscribe(&self, _: MailTarget) -> SignStream {
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(Ok(Sign::Subscribed)).unwrap();
        self.with(|inbox| inbox.signs.push(sender));
        Box::pin(futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|sign| (sign, receiver))
        }))
    }

    fn touch_marker<'a>(&'a self, _: &'a MailTarget) -> PortFuture<'a, ()> {
        self.tell();
        Box::pin(async { Ok(()) })
    }
}

impl OrganizerCalendars for Mail {
    fn insert<'a>(&'a self, target: &'a MailTarget, data: &'a JoinData) -> PortFuture<'a, Insertion> {
        let forbidden =
            PortError::refused(Refusal::operator("impersonation-denied", "not allowed", "allow it"));
        let done = self.with(|inbox| {
            if inbox.forbidden {
                return Err(forbidden);
            }
            let before = inbox.inserted.insert(data.uid.clone(), (target.address.clone(), data.clone()));
            let same = before.is_some_and(|(_, before)| before.mark == data.mark);
            Ok(if same { Insertion::Already } else { Insertion::Done })
        });
        Box::pin(async { done })
    }

    fn invited<'a>(&'a self, _: &'a MailTarget, cursor: Option<&'a str>) -> PortFuture<'a, InvitedPage> {
        let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let page = self.with(|inbox| {
            let meetings: Vec<ConferenceMail> = inbox.invited.iter().skip(from).cloned().collect();
            InvitedPage { cursor: inbox.invited.len().to_string(), meetings, complete: true }
        });
        Box::pin(async { Ok(page) })
    }

    fn draft<'a>(
        &'a self,
        _: &'a MailTarget,
        to: &'a SmtpAddress,
        subject: &'a str,
        html: &'a str,
    ) -> PortFuture<'a, ItemRef> {
        let draft = self.with(|inbox| {
            inbox.drafts.push(format!("{to} {subject} {html}"));
            ItemRef((inbox.drafts.len() - 1).to_string())
        });
        Box::pin(async { Ok(draft) })
    }

    fn send<'a>(&'a self, _: &'a MailTarget, draft: &'a ItemRef) -> PortFuture<'a, bool> {
        let at: usize = draft.0.parse().unwrap();
        self.with(|inbox| inbox.sent.push(inbox.drafts[at].clone()));
        Box::pin(async { Ok(true) })
    }
}

/// Knows everybody at lab.example.
struct People;

impl Directory for People {
    fn resolve<'a>(&'a self, contact: &'a ContactAddress) -> AnswerFuture<'a> {
        let found = match contact {
            ContactAddress::Mail(address) if address.domain() == "lab.example" => {
                let id = DirectoryId::new(address.as_str()).unwrap();
                let mut person = Person::named(id, address.as_str());
                person.mail = Some(address.clone());
                Found::One(Box::new(person))
            }
            _ => Found::Nobody { nearest: Vec::new() },
        };
        Box::pin(async { Answer { found, age: Age::Live } })
    }

    fn alike<'a>(&'a self, _: &'a str) -> PeopleFuture<'a> {
        Box::pin(async { Vec::new() })
    }

    fn person(&self, _: &DirectoryId) -> Option<Person> {
        None
    }

    fn people(&self, _: Option<&DirectoryId>, _: usize) -> Vec<Person> {
        Vec::new()
    }

    fn shared_addresses(&self, _: usize) -> Vec<SharedAddress> {
        Vec::new()
    }

    fn refresh(&self, _: RefreshKind) -> PortFuture<'_, RefreshReport> {
        let refusal = Refusal::transient("not-here", "nothing to refresh", "nothing");
        Box::pin(async { Err(PortError::refused(refusal)) })
    }

    fn status(&self) -> DirectoryStatus {
        DirectoryStatus {
            people: 1,
            bytes: 0,
            as_of: Some(Timestamp::UNIX_EPOCH),
            last_full: None,
            tracking: None,
            server: None,
            problem: None,
            withheld: 0,
            shared_addresses: 0,
            unusable: 0,
            hits: 0,
            misses: 0,
            live: 0,
            live_failed: 0,
            live_limited: 0,
        }
    }
}

/// Opens every room but one.
struct LabBridge;

impl ConferenceBridge for LabBridge {
    fn open<'a>(&'a self, room: &'a OpenRoom) -> PortFuture<'a, Entrance> {
        Box::pin(async move {
            if room.number.as_str() == "7049" {
                let refusal = Refusal::transient("bridge-busy", "the bridge is full", "wait");
                return Err(PortError::refused(refusal));
            }
            let role = if room.leads { "leads" } else { "takes part" };
            let web = Some(format!("{} {} until {:?}", room.participant, role, room.until));
            Ok(Entrance { sip: Some(format!("sip:{}@10.0.0.9", room.number)), web })
        })
    }
}

struct World {
    _folder: TempDir,
    clock: Arc<ManualClock>,
    store: Store,
    mail: Arc<Mail>,
    conferencing: Conferencing,
    stop: CancellationToken,
    working: Vec<AbortOnDropHandle<()>>,
}

fn conference() -> SmtpAddress {
    "conference@lab.example".parse().unwrap()
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        KeyFile::at(&key).create().unwrap();
        let file = folder.path().join("tieline.db");
        let store = Store::open(StoreConfig::new(file.to_str().unwrap(), key)).await.unwrap();
        let clock = Arc::new(ManualClock::new("2026-11-23T08:00:00Z".parse().unwrap()));
        let endpoint = Endpoint {
            id: EndpointId::from_uuid(clock.uuid()),
            name: "corp".to_owned(),
            address: "ews:mail.lab.example".parse().unwrap(),
            port: Endpoint::DEFAULT_PORT,
            https: true,
            path: Endpoint::DEFAULT_PATH.to_owned(),
            tls: TlsTrust::System,
            authentication: Default::default(),
            voice_format: VoiceFormat::PcmWav,
            server_version: None,
        };
        let group = FeatureGroup {
            id: FeatureGroupId::from_uuid(clock.uuid()),
            name: "Conferencing".to_owned(),
            endpoint: endpoint.id,
            account: "svc-tieline@lab.example".parse().unwrap(),
            settings: SyncSettings::default(),
        };
        let edits = vec![Edit::PutEndpoint(endpoint), Edit::PutFeatureGroup(group.clone())];
        let configure = Configure { author: "test".to_owned(), note: String::new(), base: None, edits };
        let secret = Write::Secret {
            name: format!("feature-group/{}/password", group.id),
            value: Some(SecretString::from("lab-password")),
            by: "test".to_owned(),
        };
        store.commit(Batch::new(clock.now()).with(Write::Configure(configure)).with(secret)).await.unwrap();
        let mail = Arc::new(Mail::default());
        let policy = "default-conference-duration-minutes = 120\nnumbers = [\"7040-7049\"]";
        let conferencing = Conferencing::new(ConferencingParts {
            store: store.clone(),
            mail: mail.clone(),
            calendars: mail.clone(),
            directory: Some(Arc::new(People)),
            bridge: Some(Arc::new(LabBridge)),
            clock: clock.clone(),
            ids: clock.clone(),
            settings: ConferenceSettings {
                mailbox: conference(),
                feature_group: group.name,
                policy: Policy::parse(policy).unwrap(),
                bridge: Bridge { sip_domain: Some("vmr.example".to_owned()), ..Bridge::default() },
                watch: WatchPolicy::default(),
                door: DoorPolicy::default(),
                public_url: Some("https://tieline.example/".to_owned()),
                office_library: String::new(),
                outlook_hosts: Vec::new(),
                insert_join_data: true,
                opens_before: SignedDuration::from_mins(15),
                watched_rooms: vec!["room-berlin@lab.example".parse().unwrap()],
                forgotten_after: SignedDuration::from_millis(50),
                keep_meetings: SignedDuration::from_hours(24 * 90),
            },
        });
        let mut world = Self {
            _folder: folder,
            clock,
            store,
            mail,
            conferencing,
            stop: CancellationToken::new(),
            working: Vec::new(),
        };
        world.start();
        world
    }

    fn start(&mut self) {
        // Whoever is asked to stop does not wait for what is under way.
        let drain = Duration::from_millis(1);
        let policy = WorkerPolicy { poll: Duration::from_millis(20), drain, ..WorkerPolicy::default() };
        let (clock, work) = (self.clock.clone(), self.conferencing.work());
        let worker = Worker::new(self.store.clone(), clock.clone(), clock, policy, work);
        let conferencing = self.conferencing.clone();
        let (one, other) = (self.stop.clone(), self.stop.clone());
        self.working = vec![
            AbortOnDropHandle::new(tokio::spawn(worker.run(one))),
            AbortOnDropHandle::new(tokio::spawn(async move { conferencing.run(other).await })),
        ];
    }

    /// Whatever is under way is dropped where it stands; leases run out, and another process starts.
    async fn die_and_start_again(&mut self) {
        self.stop.cancel();
        for task in self.working.drain(..) {
            task.await.unwrap();
        }
        self.stop = CancellationToken::new();
        self.clock.advance(SignedDuration::from_secs(40));
        self.start();
    }

    fn send(&self, mail: ConferenceMail) -> String {
        let item = self.mail.with(|inbox| {
            let item = format!("item-{}", inbox.arrivals.len());
            inbox.waiting.insert(item.clone());
            inbox.arrivals.push(Arrival { item: ItemRef(item.clone()), mail });
            item
        });
        self.mail.tell();
        item
    }

    /// The answer to an item: whether it is a yes, and its text.
    async fn answer(&self, item: &str) -> (bool, String) {
        for _ in 0..3000 {
            let answer = |inbox: &mut Inbox| inbox.answers.iter().find(|answer| answer.0 == item).cloned();
            if let Some((_, accept, html)) = self.mail.with(answer) {
                return (accept, html);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{item} is never answered: {:?}", self.conferencing.status());
    }

    /// Waits until something holds.
    async fn until<T>(&self, what: &str, mut hold: impl FnMut(&mut Inbox) -> Option<T>) -> T {
        for _ in 0..3000 {
            if let Some(found) = self.mail.with(&mut hold) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what}: {:?}", self.conferencing.status());
    }

    async fn meeting(&self, uid: &str) -> tieline_model::Meeting {
        let key = MeetingKey { uid: uid.to_owned(), occurrence: None };
        self.store.meeting_by_key(&key).await.unwrap().unwrap().meeting
    }
}

fn when(local: &str) -> Option<When> {
    Some(When { local: local.parse().unwrap(), zone: Zone::named("Europe/Berlin") })
}

fn invitation(uid: &str, location: &str, start: &str, end: &str) -> ConferenceMail {
    ConferenceMail {
        kind: MailKind::Request { outdated: false, copy: false },
        uid: Some(uid.to_owned()),
        sequence: 0,
        occurrence: None,
        organizer: "alice@lab.example".parse().ok(),
        sender: "alice@lab.example".parse().ok(),
        automatic: false,
        subject: "Plans".to_owned(),
        location: location.to_owned(),
        body: String::new(),
        start: when(start),
        end: when(end),
        all_day: false,
        recurrence: None,
        private: false,
        attendees: vec![conference()],
        language: None,
        received: "2026-11-23T08:00:00Z".parse().unwrap(),
    }
}

/// Covers: PO-15
/// Covers: PO-16 (answered)
#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_given_to_the_first_and_the_second_gets_reasons_and_alternatives() {
    let world = World::new().await;
    let first = world.send(invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00"));
    let (accepted, text) = world.answer(&first).await;
    assert!(accepted && text.contains("sip:7042@vmr.example"), "{text}");
    let stranger = ConferenceMail {
        organizer: "eve@elsewhere.example".parse().ok(),
        sender: None,
        ..invitation("b", "@vmr 7042", "2026-12-01T10:30", "2026-12-01T13:30")
    };
    let (accepted, text) = world.answer(&world.send(stranger)).await;
    assert!(!accepted);
    for part in ["Room 7042 is taken by another meeting", "eve@elsewhere.example", "lasts 180 minutes"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let second = world.send(invitation("c", "@vmr 7042", "2026-12-01T10:30", "2026-12-01T11:30"));
    let (accepted, text) = world.answer(&second).await;
    assert!(!accepted && text.contains("Each of these would be accepted"), "{text}");
    // The same once more, as after a copy or a restored mailbox: it is not answered again.
    world.send(invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00"));
    let last = world.send(invitation("d", "@vmr", "2026-12-01T10:00", "2026-12-01T11:00"));
    assert!(world.answer(&last).await.0);
    assert_eq!(world.mail.with(|inbox| inbox.answers.len()), 4);
    assert_eq!(world.conferencing.status().state, State::Ok);
}

/// Covers: PO-27 (life)
/// Covers: PO-08 (life)
#[tokio::test(flavor = "multi_thread")]
async fn updates_move_the_room_occurrences_move_alone_and_a_cancellation_frees_it() {
    let world = World::new().await;
    let mut series = invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    series.recurrence = Some(Recurrence::new(Pattern::Daily { interval: 1 }, Ends::After(5)));
    assert!(world.answer(&world.send(series.clone())).await.0);
    let one = ConferenceMail {
        occurrence: "2026-12-03T09:00:00Z".parse().ok(),
        sequence: 1,
        ..invitation("a", "@vmr 7042", "2026-12-03T15:00", "2026-12-03T16:00")
    };
    assert!(world.answer(&world.send(one)).await.0);
    let held = world.store.reservations(world.clock.now()).await.unwrap();
    let starts: Vec<String> = held.iter().map(|held| held.span.start.to_string()).collect();
    let expected = ["01T09", "02T09", "03T14", "04T09", "05T09"].map(|at| format!("2026-12-{at}:00:00Z"));
    assert_eq!(starts, expected);
    // Where the occurrence was is room for others, and where it is now is not.
    let there = world.send(invitation("b", "@vmr 7042", "2026-12-03T10:00", "2026-12-03T11:00"));
    assert!(world.answer(&there).await.0);
    let here = world.send(invitation("c", "@vmr 7042", "2026-12-03T15:30", "2026-12-03T16:30"));
    assert!(!world.answer(&here).await.0);
    let moved = ConferenceMail {
        sequence: 2,
        start: when("2026-12-01T12:00"),
        end: when("2026-12-01T13:00"),
        ..series
    };
    assert!(world.answer(&world.send(moved.clone())).await.0);
    let gone = ConferenceMail { kind: MailKind::Cancellation, sequence: 0, ..moved };
    world.send(gone);
    let after = world.send(invitation("d", "@vmr 7042", "2026-12-01T12:00", "2026-12-01T13:00"));
    assert!(world.answer(&after).await.0, "the cancellation was read before, and the room was free");
    let meeting = world.meeting("a").await;
    assert_eq!(meeting.state, MeetingState::Cancelled);
    let decisions = world.store.decisions_about(&meeting.id.to_string()).await.unwrap();
    assert!(decisions.iter().any(|decision| decision.rule == "answer-invitation"), "{decisions:?}");
}

/// Covers: PO-15 (crash)
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_between_decision_and_answer_answers_once() {
    let mut world = World::new().await;
    for round in 0..5 {
        world.mail.with(|inbox| inbox.hang = true);
        let uid = format!("m{round}");
        let at = |hour: u8| format!("2026-12-0{}T{hour}:00", round + 1);
        let item = world.send(invitation(&uid, "@vmr 7042", &at(10), &at(11)));
        assert!(world.answer(&item).await.0);
        world.die_and_start_again().await;
        let id = world.meeting(&uid).await.id;
        for _ in 0..3000 {
            if world.store.answers(id).await.unwrap().iter().all(|answer| answer.sent.is_some()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let answers = world.store.answers(id).await.unwrap();
        assert!(answers.len() == 1 && answers[0].sent.is_some(), "{answers:?}");
    }
    assert_eq!(world.mail.with(|inbox| inbox.answers.len()), 5);
}

/// Covers: PO-18 (made later)
#[tokio::test(flavor = "multi_thread")]
async fn a_custom_room_cannot_be_made_of_a_reserved_number_and_keeps_its_own() {
    let world = World::new().await;
    let first = world.send(invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00"));
    assert!(world.answer(&first).await.0);
    let room = |number: &str| Room {
        id: RoomId::from_uuid(world.clock.uuid()),
        kind: RoomKind::Custom,
        number: number.parse().unwrap(),
        name: "Board".to_owned(),
        owner: None,
        passcodes: Passcodes::default(),
    };
    assert_eq!(world.conferencing.put_room(room("7042")).await.unwrap_err().code, "number-reserved");
    world.conferencing.put_room(room("7045")).await.unwrap();
    assert_eq!(world.conferencing.rooms().await.unwrap().len(), 1);
    let second = world.send(invitation("b", "@vmr 7045", "2026-12-01T10:00", "2026-12-01T11:00"));
    let (accepted, text) = world.answer(&second).await;
    assert!(!accepted && text.contains("a permanent room"), "{text}");
}

fn visitor(number: &str, codes: &[&str]) -> Visitor {
    let codes = codes.iter().map(|code| Passcode::new(code)).collect();
    Visitor { number: number.to_owned(), codes, name: "bob".to_owned(), from: "10.0.0.7".to_owned() }
}

/// Covers: PO-09 (let in)
#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_open_around_its_meeting_and_to_who_has_the_code() {
    let world = World::new().await;
    let mut asked = invitation("door", "", "2026-11-23T10:00", "2026-11-23T11:00");
    asked.body = "[tieline-conference number=7042 passcode=123456 chairperson=987654]".to_owned();
    let item = world.send(asked);
    let (accepted, text) = world.answer(&item).await;
    assert!(accepted, "{text}");
    let enter = async |number: &str, codes: &[&str]| world.conferencing.enter(&visitor(number, codes)).await;
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };

    // 09:00 in Berlin: an hour too early, and nobody without the code learns when it begins.
    assert_eq!(enter("7042", &[]).await, Err(Closed::PasscodeMissing));
    let early = Closed::TooEarly { opens: at("2026-11-23T08:50:00Z"), begins: at("2026-11-23T09:00:00Z") };
    assert_eq!(enter("7042", &["123456"]).await, Err(early));
    assert_eq!(enter("7041", &[]).await, Err(Closed::NoSuchRoom));
    assert_eq!(enter("none", &[]).await, Err(Closed::NoSuchRoom));

    world.clock.advance(SignedDuration::from_mins(50));
    assert_eq!(enter("7042", &["111111"]).await, Err(Closed::PasscodeWrong));
    let entrance = enter("7042", &["123456"]).await.unwrap();
    assert_eq!(entrance.sip.as_deref(), Some("sip:7042@10.0.0.9"));
    assert_eq!(entrance.web.as_deref(), Some("bob takes part until Some(2026-11-23T10:15:00Z)"));
    assert!(enter("7042", &["987654"]).await.unwrap().web.unwrap().contains("leads"));
    let meeting = world.meeting("door").await;
    let decisions = world.store.decisions_about(&meeting.id.to_string()).await.unwrap();
    assert_eq!(decisions.iter().filter(|decision| decision.rule == "enter-room").count(), 2);

    // A quarter of an hour after its end it is closed.
    world.clock.advance(SignedDuration::from_mins(84));
    enter("7042", &["123456"]).await.unwrap();
    world.clock.advance(SignedDuration::from_mins(1));
    let over = Closed::Over { ended: at("2026-11-23T10:00:00Z") };
    assert_eq!(enter("7042", &[]).await, Err(over));
}

/// Covers: PO-18 (entered)
#[tokio::test(flavor = "multi_thread")]
async fn a_custom_room_is_always_open_and_guessing_is_stopped() {
    let world = World::new().await;
    let passcodes = Passcodes { conference: Some(Passcode::new("4711")), chairperson: None };
    for (number, passcodes) in [("7100", passcodes), ("7049", Passcodes::default())] {
        let room = Room {
            id: RoomId::from_uuid(world.clock.uuid()),
            kind: RoomKind::Custom,
            number: number.parse().unwrap(),
            name: "Board".to_owned(),
            owner: None,
            passcodes,
        };
        world.conferencing.put_room(room).await.unwrap();
    }
    let enter = async |number: &str, codes: &[&str]| world.conferencing.enter(&visitor(number, codes)).await;
    enter("7100", &["4711"]).await.unwrap();
    assert!(
        matches!(enter("7049", &[]).await, Err(Closed::Bridge(refusal)) if refusal.code == "bridge-busy")
    );
    for _ in 0..5 {
        assert_eq!(enter("7100", &["0000"]).await, Err(Closed::PasscodeWrong));
    }
    assert_eq!(enter("7100", &["4711"]).await, Err(Closed::TooManyGuesses));
    world.clock.advance(SignedDuration::from_mins(10));
    enter("7100", &["4711"]).await.unwrap();
}

/// A series without end in a zone that only its rules explain: reserved as far as the horizon, in that zone's time, and
/// further as the days go by. Where another meeting has the room by then, only that one time is left out.
///
/// Covers: PO-16 (horizon)
/// Covers: PO-08 (custom zones)
#[tokio::test(flavor = "multi_thread")]
async fn a_series_without_end_is_followed_as_the_horizon_moves() {
    let world = World::new().await;
    // Four hours and a half ahead of UTC, all year.
    let rules = ZoneRules { standard: 16_200, daylight: None };
    let zone = Zone { id: "Observatory".to_owned(), rules: Some(rules) };
    let mut asked = invitation("endless", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    for when in [&mut asked.start, &mut asked.end].into_iter().flatten() {
        when.zone = zone.clone();
    }
    asked.recurrence = Some(Recurrence::new(Pattern::Daily { interval: 1 }, Ends::Never));
    let (accepted, text) = world.answer(&world.send(asked)).await;
    assert!(accepted, "{text}");
    let number = "7042".parse().unwrap();
    let times = async || world.store.room_times(&number, world.clock.now(), 10_000).await.unwrap();
    let before = times().await;
    assert_eq!(before[0].span.start.to_string(), "2026-12-01T05:30:00Z", "never read as UTC");
    let end = before.last().unwrap().span.start;

    // A meeting far behind the horizon takes the room; ten days later the horizon has passed it.
    let far = end.saturating_add(SignedDuration::from_hours(5 * 24)).unwrap();
    let at = |time: Timestamp| {
        Some(When { local: Zone::utc().resolve().unwrap().to_datetime(time), zone: Zone::utc() })
    };
    let mut other = invitation("far", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    other.start = at(far);
    other.end = at(far.saturating_add(SignedDuration::from_mins(30)).unwrap());
    let (accepted, text) = world.answer(&world.send(other)).await;
    assert!(accepted, "{text}");
    world.clock.advance(SignedDuration::from_hours(10 * 24));
    let poke = invitation("poke", "@vmr 7043", "2026-12-20T10:00", "2026-12-20T11:00");
    world.answer(&world.send(poke)).await;
    let after = times().await;
    let of = |uid: &str| after.iter().filter(|one| one.key.uid == uid).count();
    assert_eq!(of("far"), 1);
    let reached = after.last().unwrap().span.start;
    let moved = reached.duration_since(end).as_hours() / 24;
    assert!((9..=10).contains(&moved), "the horizon moved by {moved} days");
    assert!(after.iter().all(|one| one.key.uid != "endless" || one.span.start != far));
    let decisions =
        world.store.decisions_about(&world.meeting("endless").await.id.to_string()).await.unwrap();
    let extended: Vec<_> = decisions.iter().filter(|one| one.rule == "extend-series").collect();
    assert!(
        extended.iter().any(|one| one.outcome.contains("is another meeting's at 1 times")),
        "{extended:?}"
    );
}

/// The token of the link in a text.
fn token(text: &str) -> String {
    let after =
        text.split("https://tieline.example/join/").nth(1).unwrap_or_else(|| panic!("no link: {text}"));
    after.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

/// Covers: PO-12 (link)
#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_at_its_time_and_follows_the_meeting() {
    let world = World::new().await;
    let first = world.send(invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00"));
    let (_, text) = world.answer(&first).await;
    let token = token(&text);
    let leads = async || world.conferencing.joining(&token).await.unwrap();
    assert!(
        matches!(leads().await, Joining::NotYet { opens, .. } if opens.to_string() == "2026-12-01T08:45:00Z")
    );
    let go = |at: &str| {
        let at: Timestamp = at.parse().unwrap();
        world.clock.advance(at.duration_since(world.clock.now()));
    };
    go("2026-12-01T08:44:59Z");
    assert!(matches!(leads().await, Joining::NotYet { .. }));
    go("2026-12-01T08:45:00Z");
    let Joining::Open { join, subject, .. } = leads().await else { panic!("{:?}", leads().await) };
    assert_eq!((join.sip.as_deref(), subject.as_deref()), (Some("sip:7042@vmr.example"), Some("Plans")));
    // Moved while people wait at the door: the link is the same.
    let moved = ConferenceMail {
        sequence: 1,
        ..invitation("a", "@vmr 7042", "2026-12-01T12:00", "2026-12-01T13:00")
    };
    let (_, again) = world.answer(&world.send(moved)).await;
    assert_eq!(self::token(&again), token);
    assert!(matches!(leads().await, Joining::NotYet { .. }));
    go("2026-12-01T12:29:59Z");
    assert!(matches!(leads().await, Joining::Open { .. }), "a while after the end");
    go("2026-12-01T12:30:00Z");
    assert_eq!(leads().await, Joining::Over);
    go("2027-01-15T00:00:00Z");
    assert_eq!(leads().await, Joining::Expired);
    for at in 0..token.len() {
        let mut forged: Vec<u8> = token.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(world.conferencing.joining(&forged).await.unwrap(), Joining::Forged, "{at}");
    }
    for bad in ["", "x", "..", &token[1..], &format!("{token}A")] {
        assert_eq!(world.conferencing.joining(bad).await.unwrap(), Joining::Forged, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_a_meeting_that_is_called_off_says_so() {
    let world = World::new().await;
    let mail = invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    let (_, text) = world.answer(&world.send(mail.clone())).await;
    world.send(ConferenceMail { kind: MailKind::Cancellation, ..mail });
    let last = world.send(invitation("b", "@vmr", "2026-12-01T10:00", "2026-12-01T11:00"));
    world.answer(&last).await;
    assert_eq!(world.conferencing.joining(&token(&text)).await.unwrap(), Joining::CalledOff);
}

/// Covers: PO-09 (inserted)
#[tokio::test(flavor = "multi_thread")]
async fn join_data_are_put_into_the_meeting_once_and_the_update_that_comes_back_is_not_answered() {
    let world = World::new().await;
    let mut mail = invitation("a", "Berlin 3.14", "2026-12-01T10:00", "2026-12-01T11:00");
    mail.body = "[tieline-conference number=7042 passcode=123456]".to_owned();
    let (_, text) = world.answer(&world.send(mail.clone())).await;
    assert!(text.contains("Everybody who is invited has this") && !text.contains("mailto:"), "{text}");
    let (whose, data) = world.mail.with(|inbox| inbox.inserted["a"].clone());
    assert_eq!(whose.as_str(), "alice@lab.example");
    assert_eq!(data.location.as_deref(), Some("Berlin 3.14; sip:7042@vmr.example"));
    let html = &data.html;
    assert!(
        html.contains("/join/") && html.contains("[tieline-conference number=7042 passcode=123456]"),
        "{html}"
    );
    assert!(
        data.properties
            .iter()
            .any(|(name, value)| *name == "OnlineMeetingConfLink" && value == "conf:sip:7042@vmr.example")
    );
    // The update that this caused, as Exchange sends it to every attendee, us included.
    let back = ConferenceMail {
        sequence: 1,
        body: format!("{}\n{html}", mail.body),
        location: data.location.clone().unwrap(),
        ..mail.clone()
    };
    world.send(back.clone());
    world.send(back);
    let moved = ConferenceMail {
        sequence: 2,
        start: when("2026-12-01T12:00"),
        end: when("2026-12-01T13:00"),
        ..mail
    };
    assert!(world.answer(&world.send(moved)).await.0);
    assert_eq!(world.mail.with(|inbox| inbox.answers.len()), 2, "the first and the move");
    let answers = world.store.answers(world.meeting("a").await.id).await.unwrap();
    assert_eq!(answers.len(), 3, "the own update is written down as settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_may_act_for_organizers_a_mail_is_ready_to_forward() {
    let world = World::new().await;
    world.mail.with(|inbox| inbox.forbidden = true);
    let mut mail = invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    mail.attendees.push("bob@lab.example".parse().unwrap());
    let (accepted, text) = world.answer(&world.send(mail)).await;
    assert!(accepted && text.contains("Your attendees do not have this yet"), "{text}");
    assert!(text.contains("href=\"mailto:bob@lab.example?subject=Plans&amp;body=How%20to%20join"), "{text}");
    let detail = world.conferencing.meeting_detail(world.meeting("a").await.id).await.unwrap();
    let rules: Vec<&str> = detail.decisions.iter().map(|decision| decision.rule.as_str()).collect();
    assert!(rules.contains(&"join-data-not-inserted"), "{rules:?}");
}

/// Covers: PO-14
#[tokio::test(flavor = "multi_thread")]
async fn whoever_forgets_the_conference_mailbox_is_told_once() {
    let world = World::new().await;
    let room: SmtpAddress = "room-berlin@lab.example".parse().unwrap();
    let seen = |uid: &str, location: &str| ConferenceMail {
        attendees: vec![room.clone()],
        ..invitation(uid, location, "2026-12-01T10:00", "2026-12-01T11:00")
    };
    let answered = world.send(invitation("known", "@vmr 7041", "2026-12-01T10:00", "2026-12-01T11:00"));
    world.answer(&answered).await;
    let past = ConferenceMail {
        start: when("2026-11-01T10:00"),
        end: when("2026-11-01T11:00"),
        ..seen("past", "@vmr 7042")
    };
    let met =
        [seen("forgotten", "@vmr 7042"), seen("known", "@vmr 7041"), seen("plain", "Berlin 3.14"), past];
    world.mail.with(|inbox| inbox.invited.extend(met));
    world.clock.advance(SignedDuration::from_secs(1));
    let told = world.until("nobody is told", |inbox| {
        // Jobs become due by this clock.
        world.clock.advance(SignedDuration::from_millis(100));
        inbox.sent.first().cloned()
    });
    let told = told.await;
    assert!(told.starts_with("alice@lab.example No room is booked for: Plans"), "{told}");
    assert!(told.contains("add conference@lab.example to the attendees"), "{told}");
    // It is changed there, and seen again.
    world.mail.with(|inbox| inbox.invited.push(seen("forgotten", "@vmr 7043")));
    for _ in 0..3000 {
        let key = MeetingKey { uid: "forgotten".to_owned(), occurrence: None };
        if world.store.meeting_by_key(&key).await.unwrap().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.meeting("forgotten").await.state, MeetingState::Forgotten);
    // Now it is invited: a room, and no second letter.
    let late = world.send(invitation("forgotten", "@vmr 7043", "2026-12-01T10:00", "2026-12-01T11:00"));
    assert!(world.answer(&late).await.0);
    assert_eq!(world.meeting("forgotten").await.state, MeetingState::Accepted);
    assert_eq!(world.mail.with(|inbox| inbox.sent.len()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_released_kept_and_cleaned_up() {
    let world = World::new().await;
    for (uid, room, day) in
        [("a", "7041", "01"), ("b", "7042", "01"), ("c", "7043", "01"), ("d", "7042", "05")]
    {
        let mail = invitation(
            uid,
            &format!("@vmr {room}"),
            &format!("2026-12-{day}T10:00"),
            &format!("2026-12-{day}T11:00"),
        );
        assert!(world.answer(&world.send(mail)).await.0);
    }
    let id = async |uid: &str| world.meeting(uid).await.id;
    let released = world.conferencing.release(id("a").await, "admin").await.unwrap();
    assert_eq!((released.state, released.number), (MeetingState::Released, None));
    assert_eq!(world.conferencing.release(id("a").await, "admin").await.unwrap_err().code, "no-room-held");
    let again = world.send(invitation("e", "@vmr 7041", "2026-12-01T10:00", "2026-12-01T11:00"));
    assert!(world.answer(&again).await.0, "its room is free");
    // Kept past its end: not where another meeting comes.
    let until: Timestamp = "2026-12-10T00:00:00Z".parse().unwrap();
    assert_eq!(world.conferencing.keep(id("b").await, until, "admin").await.unwrap_err().code, "room-taken");
    world.conferencing.keep(id("c").await, until, "admin").await.unwrap();
    let other = world.send(invitation("f", "@vmr 7043", "2026-12-08T10:00", "2026-12-08T11:00"));
    assert!(!world.answer(&other).await.0, "it is kept for somebody");
    world.clock.advance(SignedDuration::from_hours(24 * 10));
    let day = SignedDuration::from_hours(24);
    let would = world.conferencing.clean_up(day, true).await.unwrap();
    assert_eq!(
        would,
        CleanedUp { released: 2, removed: 2 },
        "b and e are over; a and f have no room and are old"
    );
    assert_eq!(world.meeting("b").await.state, MeetingState::Accepted, "it only counted");
    assert_eq!(world.conferencing.clean_up(day, false).await.unwrap(), would);
    assert_eq!(world.meeting("b").await.state, MeetingState::Released);
    assert_eq!(world.meeting("c").await.state, MeetingState::Accepted, "kept");
    world.clock.advance(SignedDuration::from_hours(24 * 10));
    let last = world.conferencing.clean_up(day, false).await.unwrap();
    assert_eq!(last, CleanedUp { released: 2, removed: 2 }, "c and d are over, b and e forgotten");
}

/// Covers: PO-11 (feed)
#[tokio::test(flavor = "multi_thread")]
async fn feeds_have_a_rooms_or_a_persons_meetings() {
    let world = World::new().await;
    let mut first = invitation("a", "@vmr 7042", "2026-12-01T10:00", "2026-12-01T11:00");
    first.attendees.push("bob@lab.example".parse().unwrap());
    first.private = true;
    world.answer(&world.send(first)).await;
    let second = invitation("b", "@vmr 7043", "2026-12-02T10:00", "2026-12-02T11:00");
    world.answer(&world.send(second)).await;
    let feed = |room: Option<&str>, person: Option<&str>| tieline_store::MeetingFeed {
        id: world.clock.uuid(),
        room: room.map(|room| room.parse().unwrap()),
        person: person.map(|person| person.parse().unwrap()),
        name: "Panel".to_owned(),
        private: false,
        created: world.clock.now(),
        by: "admin".to_owned(),
    };
    let events = async |feed| {
        let events = world.conferencing.feed_events(&feed).await.unwrap();
        events
            .into_iter()
            .map(|event| (event.uid.unwrap(), event.location, event.sensitivity))
            .collect::<Vec<_>>()
    };
    let a = ("a".to_owned(), "sip:7042@vmr.example".to_owned(), tieline_model::Sensitivity::Private);
    assert_eq!(events(feed(Some("7042"), None)).await, std::slice::from_ref(&a));
    assert_eq!(events(feed(None, Some("bob@lab.example"))).await, [a]);
    assert_eq!(events(feed(None, Some("alice@lab.example"))).await.len(), 2);
    let both = world.conferencing.add_feed(feed(Some("7042"), Some("bob@lab.example"))).await;
    assert_eq!(both.unwrap_err().code, "bad-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_rules_are_tried_on_what_was_asked() {
    let world = World::new().await;
    let from = world.clock.now();
    for (uid, end) in [("short", "11:00"), ("long", "13:00")] {
        let mail = invitation(uid, "@vmr", "2026-12-01T10:00", &format!("2026-12-01T{end}"));
        world.answer(&world.send(mail)).await;
    }
    let replay = world
        .conferencing
        .replay("default-conference-duration-minutes = 240\nnumbers = [\"7040-7049\"]", from);
    let replay = replay.await.unwrap();
    assert_eq!((replay.invitations, replay.newly_accepted, replay.newly_declined), (2, 1, 0));
    assert_eq!(replay.differences[0].key.uid, "long");
    assert_eq!(world.conferencing.replay("nonsense = 1", from).await.unwrap_err().code, "policy-invalid");
}
