//! The service: its parts, and how it reaches the conference mailbox.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, MutexGuard, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tieline_model::{Clock, Ids, JobId, MailboxId, MeetingId, Refusal, Room, RoomKind, SmtpAddress, TraceId};
use tieline_ports::{
    ConferenceBridge, ConferenceMailbox, Directory, MailAccount, MailTarget, OrganizerCalendars,
    SubscriptionWay,
};
use tieline_store::{Batch, ConferenceWrite, Store, StoredMeeting, Write};
use tieline_worker::Work;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::answer::Bridge;
use crate::enter::Guesses;
use crate::forgotten::Notice;
use crate::inbox::{Known, ReadInbox};
use crate::respond::Respond;
use crate::{DoorPolicy, Policy, State, WatchPolicy};

/// How often meetings are tended to, and under which lease.
const TEND_EVERY: std::time::Duration = std::time::Duration::from_secs(3600);
const TEND: &str = "conference/tend";
const TEND_LEASE: SignedDuration = SignedDuration::from_mins(10);

/// What the administrator sets.
#[derive(Debug, Clone)]
pub struct ConferenceSettings {
    /// The conference mailbox.
    pub mailbox: SmtpAddress,
    /// The feature group whose endpoint and service account reach it.
    pub feature_group: String,
    /// The rules.
    pub policy: Policy,
    /// How rooms are joined.
    pub bridge: Bridge,
    /// How the mailbox is watched.
    pub watch: WatchPolicy,
    /// By which way the mailbox tells of new mail.
    pub subscription: SubscriptionWay,
    /// When rooms and meetings' pages are open.
    pub door: DoorPolicy,
    /// The address that browsers use; without one meetings have no links of their own.
    pub public_url: Option<String>,
    /// Where Outlook's add-in has Office's library from.
    pub office_library: String,
    /// The origins at which Outlook shows the add-in in a frame.
    pub outlook_hosts: Vec<String>,
    /// The join data are put into meetings, as their organizers.
    pub insert_join_data: bool,
    /// Room mailboxes whose calendars are looked at for invitations that the conference mailbox never got.
    pub watched_rooms: Vec<SmtpAddress>,
    /// Whoever forgot the conference mailbox is told so long after the room had the invitation.
    pub forgotten_after: SignedDuration,
    /// Meetings that have no room any more are forgotten after this time.
    pub keep_meetings: SignedDuration,
}

/// What conferencing is made from.
pub struct ConferencingParts {
    /// Everything durable.
    pub store: Store,
    /// Exchange, or its like.
    pub mail: Arc<dyn ConferenceMailbox>,
    /// The calendars of organizers and rooms.
    pub calendars: Arc<dyn OrganizerCalendars>,
    /// Who may invite; `None` when no directory is configured.
    pub directory: Option<Arc<dyn Directory>>,
    /// Where rooms really are; without it nobody can be let into one.
    pub bridge: Option<Arc<dyn ConferenceBridge>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Settings.
    pub settings: ConferenceSettings,
}

/// How the watching of the conference mailbox stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConferenceStatus {
    /// The state.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Why, unless all is well.
    pub cause: Option<Refusal>,
    /// The mailbox.
    pub mailbox: SmtpAddress,
}

/// The conferencing service. Cloning gives another handle on the same one.
///
/// The wiring registers [`Conferencing::work`] with a worker and keeps [`Conferencing::run`] running.
#[derive(Clone)]
pub struct Conferencing(Arc<Inner>);

/// What every use case has at hand.
pub(crate) struct Inner {
    parts: ConferencingParts,
    /// What is known of rooms and reservations, kept from one reading to the next.
    pub(crate) known: Mutex<Option<Known>>,
    /// Counts changes of meetings that no invitation made: what was known before is not known any more.
    pub(crate) changes: AtomicU64,
    pub(crate) status: RwLock<ConferenceStatus>,
    guesses: std::sync::Mutex<Guesses>,
    /// When series were last followed to the horizon.
    extended: std::sync::Mutex<Option<Timestamp>>,
    /// Counts readings of the mailbox that ended, for whoever waits for one.
    pub(crate) read: watch::Sender<u64>,
}

impl Inner {
    /// Whether it is time to follow series to the horizon again.
    pub(crate) fn is_extension_due(&self, now: Timestamp, every: SignedDuration) -> bool {
        let extended = self.extended.lock().unwrap_or_else(PoisonError::into_inner);
        extended.is_none_or(|last| now.duration_since(last) >= every)
    }

    /// It was done.
    pub(crate) fn extended(&self, now: Timestamp) {
        *self.extended.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// The wrong codes of late.
    pub(crate) fn guesses(&self) -> MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Conferencing {
    type Target = ConferencingParts;

    fn deref(&self) -> &ConferencingParts {
        &self.0.parts
    }
}

impl Conferencing {
    /// Puts the parts together; nothing runs yet.
    #[must_use]
    pub fn new(parts: ConferencingParts) -> Self {
        let status = ConferenceStatus {
            state: State::Off,
            since: parts.clock.now(),
            cause: None,
            mailbox: parts.settings.mailbox.clone(),
        };
        let (read, _) = watch::channel(0);
        let (guesses, extended) = Default::default();
        Self(Arc::new(Inner {
            parts,
            known: Mutex::new(None),
            changes: AtomicU64::new(0),
            status: RwLock::new(status),
            guesses,
            extended,
            read,
        }))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// One [`Work`] for each kind of job.
    #[must_use]
    pub fn work(&self) -> Vec<Arc<dyn Work>> {
        vec![
            Arc::new(ReadInbox(self.clone())),
            Arc::new(Respond(self.clone())),
            Arc::new(Notice(self.clone())),
        ]
    }

    /// Watches the conference mailbox until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.guard() => {}
            () = self.tend() => {}
            () = self.look_for_forgotten() => {}
        }
    }

    /// Every hour: rooms of meetings that are over are free, and old meetings are forgotten.
    async fn tend(&self) {
        loop {
            tokio::time::sleep(TEND_EVERY).await;
            let owner = self.ids.uuid();
            match self.store.hold(TEND, owner, self.now(), TEND_LEASE).await {
                Ok(Some(lease)) => {
                    if let Err(refusal) = self.clean_up(self.settings.keep_meetings, false).await {
                        tracing::warn!(%refusal, "meetings that are over are not released");
                    }
                    // If the store cannot be told, the lease runs out.
                    let _ = self.store.release(&lease).await;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "nobody tends to meetings"),
            }
        }
    }

    /// How the watching stands.
    #[must_use]
    pub fn status(&self) -> ConferenceStatus {
        self.0.status.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Meetings, the last changed first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn meetings(&self, limit: u32) -> Result<Vec<StoredMeeting>, Refusal> {
        Ok(self.store.meetings(limit).await?)
    }

    /// Every room that exists all the time, by number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rooms(&self) -> Result<Vec<Room>, Refusal> {
        let mut rooms: BTreeMap<_, Vec<Room>> = BTreeMap::new();
        for room in self.store.meeting_rooms().await?.into_iter().chain(self.enterprise_rooms()) {
            rooms.entry(room.number.clone()).or_default().push(room);
        }
        Ok(rooms.into_values().flatten().collect())
    }

    /// Makes or changes a custom room.
    ///
    /// # Errors
    /// When a person's room, another custom room or a coming meeting has its number, or the store cannot be written.
    pub async fn put_room(&self, room: Room) -> Result<(), Refusal> {
        crate::meetings::own_rooms_stay(&room)?;
        for (code, rule, which) in [
            (&room.passcodes.conference, &self.settings.policy.conference_passcode, "passcode"),
            (&room.passcodes.chairperson, &self.settings.policy.chairperson_passcode, "chairperson passcode"),
        ] {
            let wanted = code.is_some().then(|| crate::decide::passcode_fault(code.as_ref(), rule)).flatten();
            if let Some(fault) = wanted {
                let what = format!("the {which} is not a valid one: {fault}");
                let next = format!("choose {} to {} digits", rule.min_digits, rule.max_digits);
                return Err(Refusal::permanent("bad-passcode", what, next));
            }
        }
        if room.passcodes.conference.is_some() && room.passcodes.conference == room.passcodes.chairperson {
            let what = "both passcodes are the same, so that nobody could tell who leads";
            return Err(Refusal::permanent("bad-passcode", what, "choose another chairperson passcode"));
        }
        let number = room.number.clone();
        if let Some(other) = self.enterprise_rooms().find(|other| other.number == number) {
            return Err(Refusal::permanent(
                "number-taken",
                format!("the number {number} is the personal room of {}", other.name),
                "choose another number",
            ));
        }
        let room = Room { kind: RoomKind::Custom, ..room };
        self.commit(vec![Write::Conference(ConferenceWrite::Room(room))]).await
    }

    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<(), Refusal> {
        self.store.commit(Batch { at: self.now(), fence: None, writes }).await?;
        Ok(())
    }

    /// People's own rooms, from the directory's cache.
    pub(crate) fn enterprise_rooms(&self) -> impl Iterator<Item = Room> + use<> {
        const PAGE: usize = 1000;
        let mut rooms = Vec::new();
        if let (Some(directory), Some(numbers)) = (&self.directory, &self.settings.policy.enterprise_numbers)
        {
            let mut after = None;
            loop {
                let people = directory.people(after.as_ref(), PAGE);
                rooms.extend(people.iter().filter_map(|person| {
                    Some(numbers.room(person, tieline_model::RoomId::from_uuid(uuid::Uuid::nil()))?.1)
                }));
                if people.len() < PAGE {
                    break;
                }
                after = people.last().map(|person| person.id.clone());
            }
        }
        rooms.into_iter()
    }

    /// How the conference mailbox is reached: the group's service account, acting for it.
    pub(crate) async fn target(&self) -> Result<MailTarget, Refusal> {
        self.target_for(&self.settings.mailbox).await
    }

    /// How a mailbox is reached: the conference mailbox's service account, acting for it.
    pub(crate) async fn target_for(&self, address: &SmtpAddress) -> Result<MailTarget, Refusal> {
        let name = &self.settings.feature_group;
        let group = self.store.feature_groups().await?.into_iter().find(|group| group.name == *name);
        let group = group.ok_or_else(|| {
            let next = format!("tieline feature-group add {name:?} --endpoint ENDPOINT --account ACCOUNT --password-file FILE");
            Refusal::operator("no-feature-group", format!("there is no feature group {name:?} for the conference mailbox"), next)
        })?;
        let endpoint = self.store.endpoint(group.endpoint).await?.ok_or_else(|| {
            let what = format!("the feature group {name:?} has no endpoint");
            Refusal::operator("no-endpoint", what, "tieline feature-group edit")
        })?;
        let secret = format!("feature-group/{}/password", group.id);
        let password = self.store.secret(&secret).await?.ok_or_else(|| {
            let next = format!("tieline feature-group set-password {name:?} --password-file FILE");
            Refusal::operator("no-password", format!("the feature group {name:?} has no password"), next)
        })?;
        let account = MailAccount { endpoint, user: group.account.clone(), password };
        Ok(MailTarget {
            account: Arc::new(account),
            mailbox: MailboxId::from_uuid(group.id.uuid()),
            address: address.clone(),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn new_trace(&self) -> TraceId {
        TraceId::from_uuid(self.ids.uuid())
    }

    pub(crate) fn new_job_id(&self) -> JobId {
        JobId::from_uuid(self.ids.uuid())
    }

    pub(crate) fn new_meeting_id(&self) -> MeetingId {
        MeetingId::from_uuid(self.ids.uuid())
    }
}
