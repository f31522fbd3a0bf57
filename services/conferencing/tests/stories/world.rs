//! A mailbox, a directory and a bridge that stand in for the real ones, around a service with a store and a worker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tempfile::TempDir;
use tieline_conferencing::answer::Bridge;
use tieline_conferencing::{
    ConferenceSettings, Conferencing, ConferencingParts, DoorPolicy, Policy, WatchPolicy,
};
use tieline_model::{
    Clock, ConferenceMail, ContactAddress, DirectoryId, Endpoint, EndpointId, FeatureGroup, FeatureGroupId,
    Ids, MailKind, ManualClock, MeetingKey, Person, Refusal, SmtpAddress, SyncSettings, TlsTrust,
    VoiceFormat, When, Zone,
};
use tieline_ports::{
    Age, Answer, AnswerFuture, Arrival, ArrivalPage, ConferenceBridge, ConferenceMailbox, Directory,
    DirectoryStatus, Entrance, Found, Insertion, InvitedPage, ItemRef, JoinData, MailTarget, OpenRoom,
    OrganizerCalendars, PeopleFuture, PortError, PortFuture, RefreshKind, RefreshReport, SharedAddress, Sign,
    SignStream, SubscriptionWay,
};
use tieline_store::{Batch, Configure, Edit, KeyFile, Store, StoreConfig, Write};
use tieline_worker::{Worker, WorkerPolicy};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// What lies in the mailbox, and what was answered.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) waiting: BTreeSet<String>,
    pub(crate) answers: Vec<(String, bool, String)>,
    /// The next answer takes effect, and nobody ever hears of it.
    pub(crate) hang: bool,
    pub(crate) signs: Vec<mpsc::UnboundedSender<Result<Sign, PortError>>>,
    /// Nobody may act for organizers.
    pub(crate) forbidden: bool,
    /// Join data by UID, and in whose calendar.
    pub(crate) inserted: BTreeMap<String, (SmtpAddress, JoinData)>,
    /// What the watched room was invited to.
    pub(crate) invited: Vec<ConferenceMail>,
    pub(crate) drafts: Vec<String>,
    pub(crate) sent: Vec<String>,
}

#[derive(Default)]
pub(crate) struct Mail(Mutex<Inbox>);

impl Mail {
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Inbox) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    pub(crate) fn tell(&self) {
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

    fn subscribe(&self, _: MailTarget, _: SubscriptionWay) -> SignStream {
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

    fn has_pages(&self) -> bool {
        true
    }
}

pub(crate) struct World {
    _folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    pub(crate) mail: Arc<Mail>,
    pub(crate) conferencing: Conferencing,
    stop: CancellationToken,
    working: Vec<AbortOnDropHandle<()>>,
}

pub(crate) fn conference() -> SmtpAddress {
    "conference@lab.example".parse().unwrap()
}

impl World {
    pub(crate) async fn new() -> Self {
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
                subscription: SubscriptionWay::Streaming,
                door: DoorPolicy::default(),
                public_url: Some("https://tieline.example/".to_owned()),
                office_library: String::new(),
                outlook_hosts: Vec::new(),
                insert_join_data: true,
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

    pub(crate) fn start(&mut self) {
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
    pub(crate) async fn die_and_start_again(&mut self) {
        self.stop.cancel();
        for task in self.working.drain(..) {
            task.await.unwrap();
        }
        self.stop = CancellationToken::new();
        self.clock.advance(SignedDuration::from_secs(40));
        self.start();
    }

    pub(crate) fn send(&self, mail: ConferenceMail) -> String {
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
    pub(crate) async fn answer(&self, item: &str) -> (bool, String) {
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
    pub(crate) async fn until<T>(&self, what: &str, mut hold: impl FnMut(&mut Inbox) -> Option<T>) -> T {
        for _ in 0..3000 {
            if let Some(found) = self.mail.with(&mut hold) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what}: {:?}", self.conferencing.status());
    }

    pub(crate) async fn meeting(&self, uid: &str) -> tieline_model::Meeting {
        let key = MeetingKey { uid: uid.to_owned(), occurrence: None };
        self.store.meeting_by_key(&key).await.unwrap().unwrap().meeting
    }
}

pub(crate) fn when(local: &str) -> Option<When> {
    Some(When { local: local.parse().unwrap(), zone: Zone::named("Europe/Berlin") })
}

pub(crate) fn invitation(uid: &str, location: &str, start: &str, end: &str) -> ConferenceMail {
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
