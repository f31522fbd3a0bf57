//! What Tieline asks of the telephone side: show a light.

use tieline_model::{LightState, MessageCounts, TraceId};

use crate::PortFuture;

/// Who is told about a light.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LampTarget {
    /// A telephone or switch that takes NOTIFY without having subscribed (RFC 3842 as most switches use it).
    Notify {
        /// Where it is sent, with transport: `sip:1001@10.0.0.5:5060;transport=tcp`.
        uri: String,
    },
    /// A presence server that takes PUBLISH and tells its own watchers (RFC 3903).
    Publish {
        /// The resource, as `sip:1001@pbx.example`.
        uri: String,
    },
}

/// A light to be shown. Only known counts are ever sent: a light that is unknown is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lamp {
    /// Who is told.
    pub target: LampTarget,
    /// The message account, as a SIP URI (`Message-Account`, RFC 3842 section 5.2).
    pub account: String,
    /// Voice messages.
    pub voice: MessageCounts,
    /// Fax.
    pub fax: MessageCounts,
    /// Text messages.
    pub text: MessageCounts,
    /// Its journey.
    pub trace: TraceId,
}

/// The telephone side.
pub trait Signalling: Send + Sync {
    /// Tells one target, and waits for its answer.
    fn show<'a>(&'a self, lamp: &'a Lamp) -> PortFuture<'a, ()>;

    /// Tells everybody who subscribed to this account's light (RFC 6665) that it changed; the subscribers' answers
    /// are handled inside. `Unknown` sends nothing and keeps the subscriptions.
    fn changed<'a>(
        &'a self,
        account: &'a str,
        light: LightState,
        fax: MessageCounts,
        text: MessageCounts,
        trace: TraceId,
    ) -> PortFuture<'a, ()>;
}
