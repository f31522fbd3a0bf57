//! A database of each test's own, and things to put into it.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;
use tieline_model::{
    Caller, Clock, DeliveryKey, Endpoint, EndpointId, FeatureGroup, FeatureGroupId, Ids, JobId, Mailbox,
    MailboxId, ManualClock, Message, MessageId, MessageKind, MessageState, StorageMode, SyncSettings,
    TlsTrust, TraceId, UserType, VoiceFormat,
};
use tieline_store::{
    Batch, Configure, Content, Edit, KeyFile, NewEvent, NewJob, Receipt, Store, StoreConfig, StoreError,
    Write,
};
use tieline_tests::postgres::{Cluster, Database};
use uuid::Uuid;

/// Holds each story against SQLite and PostgreSQL.
macro_rules! both {
    ($($(#[$doc:meta])* async fn $name:ident($site:ident) $body:block)+) => {
        mod story {
            use super::*;
            $(pub(super) async fn $name($site: $crate::site::Site) $body)+
        }
        mod sqlite {
            $($(#[$doc])*
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::story::$name($crate::site::Site::sqlite()).await;
            })+
        }
        mod postgres {
            $($(#[$doc])*
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::story::$name($crate::site::Site::postgres()).await;
            })+
        }
    };
}
pub(crate) use both;

pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) database: Option<Database>,
    pub(crate) clock: ManualClock,
}

impl Site {
    pub(crate) fn sqlite() -> Self {
        Self::at(None)
    }

    pub(crate) fn postgres() -> Self {
        Self::at(Some(Cluster::shared().database()))
    }

    pub(crate) fn at(database: Option<Database>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        KeyFile::at(folder.path().join("key")).create().unwrap();
        let clock = ManualClock::new("2026-01-05T09:00:00Z".parse().unwrap());
        Self { folder, database, clock }
    }

    pub(crate) fn config(&self) -> StoreConfig {
        let file = self.folder.path().join("tieline.db");
        let url = match &self.database {
            Some(database) => database.url(),
            None => file.to_str().unwrap().to_owned(),
        };
        StoreConfig::new(url, self.folder.path().join("key"))
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(self.config()).await.unwrap()
    }

    /// A second node where there may be one, otherwise another handle.
    pub(crate) async fn second(&self, first: &Store) -> Store {
        if self.database.is_some() { self.open().await } else { first.clone() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn later(&self, seconds: i64) -> Timestamp {
        self.now() + SignedDuration::from_secs(seconds)
    }

    pub(crate) fn batch(&self) -> Batch {
        Batch::new(self.now())
    }

    pub(crate) fn uuid(&self) -> Uuid {
        self.clock.uuid()
    }

    pub(crate) fn trace(&self) -> TraceId {
        TraceId::from_uuid(self.uuid())
    }

    pub(crate) fn endpoint(&self, name: &str, host: &str) -> Endpoint {
        Endpoint {
            id: EndpointId::from_uuid(self.uuid()),
            name: name.to_owned(),
            address: format!("ews:{host}").parse().unwrap(),
            port: Endpoint::DEFAULT_PORT,
            https: true,
            path: Endpoint::DEFAULT_PATH.to_owned(),
            tls: TlsTrust::System,
            authentication: Default::default(),
            voice_format: VoiceFormat::PcmWav,
            server_version: None,
        }
    }

    pub(crate) fn group(&self, name: &str, endpoint: &Endpoint) -> FeatureGroup {
        FeatureGroup {
            id: FeatureGroupId::from_uuid(self.uuid()),
            name: name.to_owned(),
            endpoint: endpoint.id,
            account: "svc-tieline@lab.example".parse().unwrap(),
            settings: SyncSettings::default(),
        }
    }

    pub(crate) fn mailbox(&self, number: &str, group: &FeatureGroup) -> Mailbox {
        Mailbox {
            id: MailboxId::from_uuid(self.uuid()),
            number: number.to_owned(),
            address: format!("user{number}@lab.example").parse().unwrap(),
            display_name: format!("User {number}"),
            feature_group: group.id,
            user_type: UserType::Messaging,
            storage_mode: StorageMode::Synchronization,
            use_group_settings: true,
            settings: SyncSettings::default(),
            light_targets: Vec::new(),
            enabled: true,
        }
    }

    pub(crate) async fn configure(&self, store: &Store, edits: Vec<Edit>) -> Result<Receipt, StoreError> {
        let (author, note) = ("admin".to_owned(), "a test".to_owned());
        let configure = Configure { author, note, base: None, edits };
        store.commit(self.batch().with(Write::Configure(configure))).await
    }

    /// An endpoint, a group and a mailbox for messages.
    pub(crate) async fn home(&self, store: &Store) -> Mailbox {
        let endpoint = self.endpoint("Exchange", "mail.lab.example");
        let group = self.group("Sales", &endpoint);
        let mailbox = self.mailbox("1001", &group);
        let edits = vec![
            Edit::PutEndpoint(endpoint),
            Edit::PutFeatureGroup(group),
            Edit::PutMailbox(mailbox.clone()),
        ];
        self.configure(store, edits).await.unwrap();
        mailbox
    }

    pub(crate) fn message(&self, mailbox: MailboxId, size: usize) -> Message {
        Message {
            id: MessageId::from_uuid(self.uuid()),
            mailbox,
            kind: MessageKind::Voice,
            delivery_key: DeliveryKey::from_uuid(self.uuid()),
            trace: self.trace(),
            caller: Caller { number: Some("+4930123".to_owned()), name: None },
            received: self.now(),
            duration_ms: 10_000,
            pages: 0,
            text: String::new(),
            media_type: "audio/wav".to_owned(),
            size: size as u64,
            state: MessageState::Unread,
            source_id: None,
        }
    }

    pub(crate) fn job(&self, stream: &str, kind: &str) -> NewJob {
        NewJob {
            id: JobId::from_uuid(self.uuid()),
            stream: stream.to_owned(),
            kind: kind.to_owned(),
            payload: Value::Null,
            not_before: self.now(),
            trace: self.trace(),
            subject: "vm_x".to_owned(),
            dedupe: None,
        }
    }

    /// What a deposit writes: message, event, job.
    pub(crate) fn deposit(&self, message: &Message, content: Bytes) -> Batch {
        let mut job = self.job(&format!("{}/deliver", message.mailbox), "deliver");
        job.subject = message.id.to_string();
        let event = NewEvent {
            topic: "message".to_owned(),
            subject: message.id.to_string(),
            payload: serde_json::json!({ "state": "unread" }),
        };
        self.batch()
            .with(Write::AcceptMessage { message: message.clone(), content: content.into() })
            .with(Write::Event(event))
            .with(Write::Job(job))
    }
}

/// Bytes that tell where they belong.
pub(crate) fn recording(seed: u64, len: usize) -> Bytes {
    let mut state = seed | 1;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    bytes.take(len).collect::<Vec<u8>>().into()
}

pub(crate) fn code(error: StoreError) -> String {
    tieline_model::Refusal::from(error).code
}

pub(crate) const TTL: SignedDuration = SignedDuration::from_secs(30);

pub(crate) fn inline(bytes: &Bytes) -> Content {
    bytes.clone().into()
}
