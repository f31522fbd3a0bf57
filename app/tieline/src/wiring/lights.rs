//! The telephone side of the wiring: the SIP stack behind the [`Signalling`] port, and the store behind what the stack
//! asks for.

use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use tieline_messaging::{Messaging, sip_password_of};
use tieline_model::{Class, Clock, LightState, Mailbox, MessageCounts, Refusal, TraceId};
use tieline_ports::{Applied, Lamp, LampTarget, LocationNotice, PortError, PortFuture, Signalling};
use tieline_sip::{
    Access, Accounts, BoxFuture, Counts, Failure, Light, Login, NotifyTarget, PublicationTarget, Secret,
    SipStack, Snapshot, StoreError, StoredKind, StoredSubscription, SubscriptionStore, Tally, Uri,
    Whereabouts,
};
use tieline_store::{Batch, Store, Subscription, Write};

/// Lamps over SIP. The stack asks messaging for lights and messaging asks the stack to show them, so the stack is put in
/// place after both exist; until then, and where no SIP listener is configured, a lamp is refused with the reason.
pub(crate) struct SipLamps {
    stack: OnceLock<SipStack>,
    clock: Arc<dyn Clock>,
    presence: Option<Presence>,
}

/// The presence server that takes PUBLISH.
pub(crate) struct Presence {
    pub(crate) server: Uri,
    pub(crate) login: Option<Login>,
}

/// How long a publication is asked to last, in seconds.
const PUBLICATION_LIFETIME: u32 = 3600;

impl SipLamps {
    pub(crate) fn new(clock: Arc<dyn Clock>, presence: Option<Presence>) -> Self {
        Self { stack: OnceLock::new(), clock, presence }
    }

    pub(crate) fn put(&self, stack: SipStack) {
        let _ = self.stack.set(stack);
    }

    pub(crate) fn stack(&self) -> Option<&SipStack> {
        self.stack.get()
    }

    fn running(&self) -> Result<&SipStack, PortError> {
        self.stack.get().ok_or_else(|| {
            let next = "give [sip] udp, tcp or tls an address and restart the server";
            PortError::refused(Refusal::operator("no-sip", "this server does not speak SIP", next))
        })
    }

    /// The clock's microseconds order snapshots: a later one is never followed by an earlier one.
    fn snapshot(&self, light: Light, trace: TraceId) -> Snapshot {
        Snapshot { light, revision: revision(self.clock.now()), trace: Some(trace.to_string()) }
    }

    /// Publishes where a user is.
    pub(crate) async fn publish_location(&self, notice: &LocationNotice) -> Result<(), PortError> {
        let stack = self.running()?;
        let target = self.publication(&notice.account)?;
        let whereabouts = Whereabouts {
            location: notice.location,
            since: notice.since,
            revision: revision(self.clock.now()),
            trace: Some(notice.trace.to_string()),
        };
        stack.publish_whereabouts(&target, &whereabouts).await.map(|_| ()).map_err(port_error)
    }

    fn publication(&self, uri: &str) -> Result<PublicationTarget, PortError> {
        let presence = self.presence.as_ref().ok_or_else(|| {
            let next = "set [sip.presence] server and restart the server";
            PortError::refused(Refusal::operator("no-presence", "no presence server is configured", next))
        })?;
        Ok(PublicationTarget {
            server: presence.server.clone(),
            user: parse(uri)?,
            login: presence.login.clone(),
            lifetime: PUBLICATION_LIFETIME,
        })
    }

    async fn show_lamp(&self, lamp: &Lamp) -> Result<(), PortError> {
        let stack = self.running()?;
        let light = Light::Known(tally(lamp.voice));
        let snapshot = self.snapshot(light, lamp.trace);
        let shown = match &lamp.target {
            LampTarget::Notify { uri } => {
                let target = NotifyTarget { target: parse(uri)?, user: parse(uri)?, login: None };
                stack.notify_unsolicited(&target, &snapshot).await
            }
            LampTarget::Publish { uri } => {
                let target = self.publication(uri)?;
                stack.publish_presence(&target, &snapshot).await
            }
        };
        shown.map(|_| ()).map_err(port_error)
    }
}

impl Signalling for SipLamps {
    fn show<'a>(&'a self, lamp: &'a Lamp) -> PortFuture<'a, ()> {
        Box::pin(self.show_lamp(lamp))
    }

    fn changed<'a>(
        &'a self,
        account: &'a str,
        light: LightState,
        _fax: MessageCounts,
        _text: MessageCounts,
        trace: TraceId,
    ) -> PortFuture<'a, ()> {
        Box::pin(async move {
            // Without a listener nobody can have subscribed.
            if let Some(stack) = self.stack.get() {
                let light = light.counts().map_or(Light::Unknown, |voice| Light::Known(tally(voice)));
                stack.publish(account, &self.snapshot(light, trace));
            }
            Ok(())
        })
    }
}

fn revision(now: Timestamp) -> u64 {
    u64::try_from(now.as_microsecond()).unwrap_or(0)
}

/// Voice messages alone: a telephone takes any class with new messages as a light that is on, and the light means that a
/// voice message waits (AV-13).
fn tally(voice: MessageCounts) -> Tally {
    Tally { voice: Counts::new(voice.new, voice.old), ..Tally::default() }
}

fn parse(uri: &str) -> Result<Uri, PortError> {
    uri.parse().map_err(|_| {
        let next = "tieline mailbox edit NUMBER --light sip:1001@10.0.0.5";
        PortError::refused(Refusal::permanent("bad-light", format!("{uri:?} is not a SIP address"), next))
    })
}

/// A NOTIFY or PUBLISH may be sent again without harm, so it does not matter whether a lost one arrived.
fn port_error(failure: Failure) -> PortError {
    let class = match failure.class {
        tieline_sip::Class::Transient => Class::Transient,
        tieline_sip::Class::Permanent => Class::Permanent,
        tieline_sip::Class::Operator => Class::Operator,
    };
    let code = match failure.code {
        Some(code) => format!("sip-{code}"),
        None => "sip-unreachable".to_owned(),
    };
    let refusal = Refusal {
        code,
        what: format!("{} was not taken: {}", failure.method, failure.why),
        where_: failure.peer,
        next: failure.next.to_owned(),
        class,
    };
    let back_off = failure.retry_after.and_then(|wait| SignedDuration::try_from(wait).ok());
    PortError::Failed { refusal, back_off, applied: Applied::Unknown }
}

/// Who may subscribe to which light: a mailbox's number is its SIP user, with the password that was set for it.
pub(crate) struct MailboxAccounts {
    pub(crate) messaging: Messaging,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) domain: String,
    pub(crate) authenticate: bool,
}

impl MailboxAccounts {
    async fn mailbox(&self, number: &str) -> Option<Mailbox> {
        match self.messaging.store.mailbox_by_number(number).await {
            Ok(mailbox) => mailbox,
            Err(error) => {
                tracing::error!(%error, "a subscriber's mailbox cannot be looked up");
                None
            }
        }
    }
}

/// The user part of `sip:1001@domain`.
fn number_of(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("sip:").or_else(|| address.strip_prefix("sips:"))?;
    rest.split_once('@').map(|(user, _)| user)
}

impl Accounts for MailboxAccounts {
    fn secret<'a>(&'a self, username: &'a str) -> BoxFuture<'a, Option<Secret>> {
        Box::pin(async move {
            let mailbox = self.mailbox(username).await?;
            let stored = self.messaging.store.secret(&sip_password_of(mailbox.id)).await;
            let password = stored
                .inspect_err(|error| tracing::error!(%error, "a SIP password cannot be read"))
                .ok()??;
            Some(Secret::Password(password.expose_secret().to_owned()))
        })
    }

    fn access<'a>(&'a self, address: &'a str, username: &'a str) -> BoxFuture<'a, Access> {
        Box::pin(async move {
            let Some(number) = number_of(address) else { return Access::Unknown };
            match self.mailbox(number).await {
                None => Access::Unknown,
                Some(mailbox) if self.authenticate && mailbox.number != username => Access::Forbidden,
                Some(mailbox) => Access::Granted(format!("sip:{}@{}", mailbox.number, self.domain)),
            }
        })
    }

    fn light<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Snapshot> {
        Box::pin(async move {
            let revision = revision(self.clock.now());
            let unknown = Snapshot { light: Light::Unknown, revision, trace: None };
            let Some(mailbox) = self.mailbox(number_of(account).unwrap_or_default()).await else {
                return unknown;
            };
            match self.messaging.light_view(&mailbox).await {
                Ok(view) => Snapshot { light: light_of(&view), revision, trace: None },
                Err(error) => {
                    tracing::warn!(%error, "a new watcher's light is unknown");
                    unknown
                }
            }
        })
    }
}

fn light_of(view: &tieline_messaging::LightView) -> Light {
    match view.light.counts() {
        Some(voice) => Light::Known(tally(voice)),
        None => Light::Unknown,
    }
}

/// Subscriptions and publications in the store.
pub(crate) struct StoredSubscriptions {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
}

impl SubscriptionStore for StoredSubscriptions {
    fn save(&self, record: StoredSubscription) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let kind = match record.kind {
                StoredKind::Subscription => "subscription",
                StoredKind::Publication => "publication",
            };
            let subscription = Subscription {
                id: record.id,
                account: record.account,
                state: serde_json::json!({ "kind": kind, "record": record.record }),
                expires: Timestamp::from_millisecond(record.expires_at_ms)?,
            };
            self.store.commit(Batch::new(self.clock.now()).with(Write::Subscription(subscription))).await?;
            Ok(())
        })
    }

    fn remove<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let drop = Write::DropSubscription { id: id.to_owned() };
            self.store.commit(Batch::new(self.clock.now()).with(drop)).await?;
            Ok(())
        })
    }

    fn load(&self) -> BoxFuture<'_, Result<Vec<StoredSubscription>, StoreError>> {
        Box::pin(async move {
            let stored = self.store.subscriptions(None).await?;
            Ok(stored.into_iter().filter_map(record).collect())
        })
    }
}

fn record(subscription: Subscription) -> Option<StoredSubscription> {
    let text = |name: &str| subscription.state.get(name).and_then(|value| value.as_str());
    let kind = match text("kind")? {
        "subscription" => StoredKind::Subscription,
        "publication" => StoredKind::Publication,
        _ => return None,
    };
    let record = text("record")?.to_owned();
    let expires_at_ms = subscription.expires.as_millisecond();
    Some(StoredSubscription {
        id: subscription.id,
        kind,
        account: subscription.account,
        record,
        expires_at_ms,
    })
}
