//! Everything together, on a clock that stands still.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use secrecy::SecretString;
use tempfile::TempDir;
use tieline_audio::{Converter, Limits, Tools, sample};
use tieline_delivery::Policy;
use tieline_messaging::{Deposit, Deposited, Messaging, MessagingParts, MessagingPolicy, password_of};
use tieline_model::{
    Caller, Clock, Endpoint, EndpointId, FeatureGroup, FeatureGroupId, Ids, Mailbox, MailboxId, ManualClock,
    MessageId, MessageState, StorageMode, SyncSettings, TlsTrust, TraceId, UserType, VoiceFormat,
};
use tieline_store::{
    Batch, Configure, Edit, HealthState, JobFilter, KeyFile, NewJob, Store, StoreConfig, StoredMessage, Write,
};
use tieline_worker::{Worker, WorkerPolicy};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::lamps::Lamps;
use crate::mail::Mail;

pub(crate) const ALICE: &str = "alice@lab.example";
pub(crate) const BOB: &str = "bob@lab.example";
pub(crate) const ALICES_LAMP: &str = "sip:1001@127.0.0.1:5060";

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    pub(crate) mail: Arc<Mail>,
    pub(crate) lamps: Arc<Lamps>,
    pub(crate) messaging: Messaging,
    pub(crate) endpoint: Endpoint,
    pub(crate) group: FeatureGroup,
    pub(crate) alice: Mailbox,
    pub(crate) bob: Mailbox,
    worker: AbortOnDropHandle<()>,
}

/// A policy without long waits.
pub(crate) fn policy() -> MessagingPolicy {
    MessagingPolicy {
        delivery: Policy {
            call_timeout: SignedDuration::from_secs(10),
            late_effect_bound: SignedDuration::from_secs(20),
            ..Policy::default()
        },
        ..MessagingPolicy::default()
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    /// `change` may alter the policy; it is told the folder for temporary files.
    pub(crate) async fn with(change: impl FnOnce(&mut MessagingPolicy, &std::path::Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        KeyFile::at(&key).create().unwrap();
        let file = folder.path().join("tieline.db");
        let store = Store::open(StoreConfig::new(file.to_str().unwrap(), key)).await.unwrap();
        let clock = Arc::new(ManualClock::new("2026-01-05T09:00:00Z".parse().unwrap()));
        let (mail, lamps) = (Arc::new(Mail::default()), Arc::new(Lamps::default()));
        let mut policy = policy();
        change(&mut policy, folder.path());
        let limits = Limits { max_bytes: 4 << 20, ..Limits::default() };
        let messaging = Messaging::new(MessagingParts {
            store: store.clone(),
            mail: mail.clone(),
            signalling: lamps.clone(),
            clock: clock.clone(),
            ids: clock.clone(),
            audio: Arc::new(Converter::new(Tools::none(), limits)),
            policy,
        });
        let endpoint = endpoint(&clock);
        let group = group(&clock, "Sales", &endpoint);
        let mut alice = mailbox(&clock, "1001", ALICE, &group);
        alice.light_targets = vec![ALICES_LAMP.to_owned()];
        let bob = mailbox(&clock, "1002", BOB, &group);
        let world = Self {
            worker: worker(&store, &clock, &messaging),
            folder,
            clock,
            store,
            mail,
            lamps,
            messaging,
            endpoint: endpoint.clone(),
            group: group.clone(),
            alice: alice.clone(),
            bob: bob.clone(),
        };
        let edits = [Edit::PutEndpoint(endpoint), Edit::PutFeatureGroup(group.clone())];
        let edits = edits.into_iter().chain([Edit::PutMailbox(alice), Edit::PutMailbox(bob)]);
        world.configure(edits.collect()).await;
        world.set_password(&group).await;
        world
    }

    pub(crate) async fn set_password(&self, group: &FeatureGroup) {
        let value = Some(SecretString::from("lab-password"));
        self.write(Write::Secret { name: password_of(group.id), value, by: "test".to_owned() }).await;
    }

    pub(crate) async fn write(&self, write: Write) {
        self.store.commit(Batch::new(self.clock.now()).with(write)).await.unwrap();
    }

    pub(crate) async fn configure(&self, edits: Vec<Edit>) {
        let configure = Configure { author: "test".to_owned(), note: String::new(), base: None, edits };
        self.write(Write::Configure(configure)).await;
    }

    /// A mailbox is saved with other settings, as by an administrator.
    pub(crate) async fn change(&mut self, change: impl FnOnce(&mut Mailbox)) {
        change(&mut self.alice);
        self.configure(vec![Edit::PutMailbox(self.alice.clone())]).await;
        self.messaging.settings_changed(self.alice.id).await.unwrap();
    }

    /// The group's settings are saved.
    pub(crate) async fn change_group(&mut self, change: impl FnOnce(&mut SyncSettings)) {
        change(&mut self.group.settings);
        self.configure(vec![Edit::PutFeatureGroup(self.group.clone())]).await;
        self.messaging.settings_changed(self.alice.id).await.unwrap();
    }

    /// The process dies in the middle of whatever it does, and another one starts.
    pub(crate) fn die_and_start_again(&mut self) {
        self.worker.abort();
        self.worker = worker(&self.store, &self.clock, &self.messaging);
    }

    /// Waits until the first open job of no stream is due, on the clock as it stands.
    pub(crate) async fn settle(&self) {
        let open = JobFilter { quarantined: Some(false), ..JobFilter::default() };
        for _ in 0..4000 {
            let jobs = self.store.jobs(&open, 500).await.unwrap();
            let mut streams = BTreeSet::new();
            let mut heads = jobs.iter().filter(|job| streams.insert(job.stream.clone()));
            if heads.all(|job| job.not_before > self.clock.now()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it does not come to rest: {:#?}", self.store.jobs(&open, 50).await);
    }

    pub(crate) async fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
        self.settle().await;
    }

    /// Reads the mailbox's changes, as after a hint.
    pub(crate) async fn sync(&self, mailbox: &Mailbox) {
        self.sync_with(mailbox, serde_json::json!({ "mailbox": mailbox.id })).await;
        // What was nowhere is looked for a second time.
        self.advance(3).await;
    }

    pub(crate) async fn sync_with(&self, mailbox: &Mailbox, payload: serde_json::Value) {
        self.write(Write::Job(NewJob {
            id: tieline_model::JobId::from_uuid(self.clock.uuid()),
            stream: format!("{}/sync", mailbox.id),
            kind: "sync".to_owned(),
            payload,
            not_before: self.clock.now(),
            trace: TraceId::from_uuid(self.clock.uuid()),
            subject: mailbox.id.to_string(),
            dedupe: None,
        }))
        .await;
        self.settle().await;
    }

    /// A voice message is left, delivered, and seen among the folder's changes.
    pub(crate) async fn leave(&self, mailbox: &Mailbox) -> Deposited {
        let deposited = self.messaging.deposit(voice(mailbox)).await.unwrap();
        self.settle().await;
        deposited
    }

    pub(crate) async fn message(&self, id: MessageId) -> StoredMessage {
        self.store.message(id).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, id: MessageId) -> MessageState {
        self.message(id).await.message.state
    }

    pub(crate) async fn health(&self, mailbox: &Mailbox) -> Option<(HealthState, String)> {
        let health = self.store.mailbox_health(mailbox.id).await.unwrap()?;
        Some((health.state, health.cause.map(|cause| cause.code).unwrap_or_default()))
    }

    /// The rules that decided about something.
    pub(crate) async fn rules(&self, id: impl ToString) -> Vec<String> {
        let explanation = self.messaging.explain(&id.to_string()).await.unwrap();
        explanation.decisions.into_iter().map(|decision| decision.rule).collect()
    }
}

pub(crate) fn recording(ms: u64) -> Bytes {
    sample::chime(Duration::from_millis(ms)).into()
}

pub(crate) fn voice(mailbox: &Mailbox) -> Deposit {
    Deposit {
        caller: Caller { number: Some("+4930123".to_owned()), name: Some("Carol".to_owned()) },
        ..Deposit::voice(mailbox.id, recording(1500))
    }
}

pub(crate) fn worker(
    store: &Store,
    clock: &Arc<ManualClock>,
    messaging: &Messaging,
) -> AbortOnDropHandle<()> {
    let policy = WorkerPolicy { poll: Duration::from_millis(10), ..WorkerPolicy::default() };
    let worker = Worker::new(store.clone(), clock.clone(), clock.clone(), policy, messaging.work());
    AbortOnDropHandle::new(tokio::spawn(worker.run(CancellationToken::new())))
}

pub(crate) fn endpoint(clock: &ManualClock) -> Endpoint {
    Endpoint {
        id: EndpointId::from_uuid(clock.uuid()),
        name: "corp".to_owned(),
        address: "ews:mail.lab.example".parse().unwrap(),
        port: Endpoint::DEFAULT_PORT,
        https: true,
        path: Endpoint::DEFAULT_PATH.to_owned(),
        tls: TlsTrust::System,
        authentication: Default::default(),
        voice_format: VoiceFormat::PcmWav,
        server_version: Some("15.1.2507.0".to_owned()),
    }
}

pub(crate) fn group(clock: &ManualClock, name: &str, endpoint: &Endpoint) -> FeatureGroup {
    FeatureGroup {
        id: FeatureGroupId::from_uuid(clock.uuid()),
        name: name.to_owned(),
        endpoint: endpoint.id,
        account: "svc-tieline@lab.example".parse().unwrap(),
        settings: SyncSettings::default(),
    }
}

pub(crate) fn mailbox(clock: &ManualClock, number: &str, address: &str, group: &FeatureGroup) -> Mailbox {
    Mailbox {
        id: MailboxId::from_uuid(clock.uuid()),
        number: number.to_owned(),
        address: address.parse().unwrap(),
        display_name: String::new(),
        feature_group: group.id,
        user_type: UserType::Messaging,
        storage_mode: StorageMode::Synchronization,
        use_group_settings: true,
        settings: SyncSettings::default(),
        light_targets: Vec::new(),
        enabled: true,
    }
}
