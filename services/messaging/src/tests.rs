//! What unit tests of this crate need; whole stories are in `tests/stories`.

use jiff::Timestamp;
use tieline_model::{
    Caller, DeliveryKey, FeatureGroupId, Ids, Mailbox, MailboxId, ManualClock, Message, MessageId,
    MessageKind, MessageState, StorageMode, SyncSettings, TraceId, UserType,
};

pub(crate) fn alice() -> Mailbox {
    let ids = ManualClock::new(Timestamp::UNIX_EPOCH);
    Mailbox {
        id: MailboxId::from_uuid(ids.uuid()),
        number: "1001".to_owned(),
        address: "alice@lab.example".parse().unwrap(),
        display_name: "Alice".to_owned(),
        feature_group: FeatureGroupId::from_uuid(ids.uuid()),
        user_type: UserType::Messaging,
        storage_mode: StorageMode::Synchronization,
        use_group_settings: true,
        settings: SyncSettings::default(),
        light_targets: Vec::new(),
        enabled: true,
    }
}

pub(crate) fn message(kind: MessageKind) -> Message {
    let ids = ManualClock::new(Timestamp::UNIX_EPOCH);
    Message {
        id: MessageId::from_uuid(ids.uuid()),
        mailbox: alice().id,
        kind,
        delivery_key: DeliveryKey::from_uuid(ids.uuid()),
        trace: TraceId::from_uuid(ids.uuid()),
        caller: Caller::default(),
        received: "2026-01-05T09:00:00Z".parse().unwrap(),
        duration_ms: 5000,
        pages: 0,
        text: String::new(),
        media_type: String::new(),
        size: 0,
        state: MessageState::Unread,
        source_id: None,
    }
}
