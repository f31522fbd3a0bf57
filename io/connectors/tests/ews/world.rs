//! Accounts, targets and messages for the tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tieline_connectors::ews::{EwsOptions, Exchange};
use tieline_model::{
    Caller, Clock, DeliveryKey, Endpoint, EndpointId, Ids, MailboxId, MessageKind, TlsTrust, TraceId,
    VoiceFormat,
};
use tieline_ports::{Attachment, MailAccount, MailTarget, OutgoingMessage};
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "lab-password";

/// The real clock: what servers and deadlines are measured by.
pub(crate) struct RealClock;

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the clock of the tests themselves")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Ids for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the ids of the tests themselves")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

pub(crate) fn exchange(options: EwsOptions) -> Exchange {
    Exchange::new(Arc::new(RealClock), Arc::new(RealClock), options)
}

/// Options with short times, so that a test about waiting does not wait long.
pub(crate) fn brisk() -> EwsOptions {
    EwsOptions { request_timeout: Duration::from_secs(10), patience: Duration::ZERO, ..EwsOptions::default() }
}

pub(crate) fn account(server: SocketAddr, password: &str) -> MailAccount {
    MailAccount {
        endpoint: Endpoint {
            id: EndpointId::from_uuid(Uuid::from_u128(1)),
            name: "lab".to_owned(),
            address: format!("ews:{}", server.ip()).parse().unwrap(),
            port: server.port(),
            https: false,
            path: Endpoint::DEFAULT_PATH.to_owned(),
            tls: TlsTrust::System,
            authentication: Default::default(),
            voice_format: VoiceFormat::PcmWav,
            server_version: None,
        },
        user: "svc-tieline@lab.example".parse().unwrap(),
        password: password.to_owned().into(),
    }
}

pub(crate) fn target(account: &MailAccount, alias: &str) -> MailTarget {
    let number = alias.bytes().fold(0u128, |sum, byte| sum * 256 + u128::from(byte));
    MailTarget {
        account: Arc::new(account.clone()),
        mailbox: MailboxId::from_uuid(Uuid::from_u128(number)),
        address: format!("{alias}@lab.example").parse().unwrap(),
    }
}

/// A voice message with a mark of its own.
pub(crate) fn voice_message() -> OutgoingMessage {
    OutgoingMessage {
        key: DeliveryKey::from_uuid(RealClock.uuid()),
        trace: TraceId::from_uuid(RealClock.uuid()),
        kind: MessageKind::Voice,
        subject: "Voice message from Bob".to_owned(),
        body_html: "<p>From <b>Bob</b>, 12 seconds</p>".to_owned(),
        caller: Caller { number: Some("+49 30 5551234".to_owned()), name: Some("Bob".to_owned()) },
        received: "2026-11-23T08:00:00Z".parse().unwrap(),
        duration_s: 12,
        pages: 0,
        read: false,
        call_id: Some("a84b4c76e66710@pbx".to_owned()),
        attachment: Some(Attachment {
            name: "Bob (12 seconds) Voice Mail.wav".to_owned(),
            media_type: "audio/wav".to_owned(),
            content: bytes::Bytes::from(vec![0x52; 32_000]),
        }),
    }
}

pub(crate) fn soon() -> Timestamp {
    RealClock.now() + Duration::from_secs(10)
}
