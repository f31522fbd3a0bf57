//! A message is accepted: from an upload, the command line or the spool. Everything that follows is written in the same
//! batch, and only then is it acknowledged: from here on nothing can be lost.

use bytes::Bytes;
use jiff::Timestamp;
use tieline_audio::{Codec, Container, Probe};
use tieline_model::{
    Caller, DeliveryKey, Mailbox, MailboxId, Message, MessageId, MessageKind, MessageState, Refusal, TraceId,
};
use tieline_store::{Accepted, Batch, Content, StoreError, Write};

use crate::Messaging;
use crate::reach::Tie;
use crate::record::message_event;

/// A message to be accepted.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// Whose.
    pub mailbox: MailboxId,
    /// What it is.
    pub kind: MessageKind,
    /// Who called.
    pub caller: Caller,
    /// When it came in; now, when nobody says.
    pub received: Option<Timestamp>,
    /// The recording or fax; empty for a text message.
    pub content: Bytes,
    /// The content's file name, which tells what header-less recordings are.
    pub file_name: Option<String>,
    /// A text message's text.
    pub text: String,
    /// A fax's pages.
    pub pages: u32,
    /// The same id for the same mailbox is the same message: a Call-ID, an Asterisk `msg_id`, an `Idempotency-Key`.
    pub source_id: Option<String>,
}

impl Deposit {
    /// A voice message from an unknown caller.
    pub fn voice(mailbox: MailboxId, recording: impl Into<Bytes>) -> Self {
        Self {
            mailbox,
            kind: MessageKind::Voice,
            caller: Caller::default(),
            received: None,
            content: recording.into(),
            file_name: None,
            text: String::new(),
            pages: 0,
            source_id: None,
        }
    }
}

/// An accepted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposited {
    /// Its id; of the one that stands, when it was deposited before.
    pub id: MessageId,
    /// Its journey.
    pub trace: TraceId,
    /// Not when the same deposit was accepted before: nothing was written then.
    pub new: bool,
    /// The recording's length in ms.
    pub duration_ms: u64,
    /// Where it goes.
    pub destination: Destination,
}

/// Where an accepted message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To the mail system.
    MailSystem,
    /// It stays in Tieline, for this reason.
    StaysHere(String),
}

/// What was found in the content.
struct Looked {
    media_type: String,
    duration_ms: u64,
}

impl Messaging {
    /// Accepts a message; returns when it is durable.
    ///
    /// # Errors
    /// When the mailbox is unknown, the content is broken, of an unknown format or too large, or the store cannot be
    /// written. Nothing was accepted then.
    pub async fn deposit(&self, deposit: Deposit) -> Result<Deposited, Refusal> {
        let mailbox = self.mailbox_or_refusal(&deposit.mailbox.to_string()).await?;
        let looked = self.look_at(&deposit)?;
        if deposit.source_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > SOURCE_ID) {
            return Err(Refusal::permanent(
                "bad-source-id",
                format!("the source id is empty or longer than {SOURCE_ID} bytes"),
                "shorten it, or leave it out",
            ));
        }
        let now = self.now();
        let message = Message {
            id: MessageId::from_uuid(self.ids.uuid()),
            mailbox: mailbox.id,
            kind: deposit.kind,
            delivery_key: DeliveryKey::from_uuid(self.ids.uuid()),
            trace: self.new_trace(),
            caller: cleaned(&deposit.caller),
            received: deposit.received.filter(|at| is_plausible(*at, now)).unwrap_or(now),
            duration_ms: looked.duration_ms,
            pages: if deposit.kind == MessageKind::Fax { deposit.pages } else { 0 },
            text: deposit.text,
            media_type: looked.media_type,
            size: deposit.content.len() as u64,
            state: MessageState::Unread,
            source_id: deposit.source_id,
        };
        let destination = self.destination(&mailbox, deposit.kind).await?;
        let content = self.content(&message, deposit.content, now).await?;
        let batch = self.deposit_batch(&mailbox, &message, content, &destination, now);
        let accepted = self.store.commit(batch).await?.message;
        let deposited = Deposited {
            id: message.id,
            trace: message.trace,
            new: true,
            duration_ms: message.duration_ms,
            destination,
        };
        match accepted {
            Some(Accepted::Standing(id)) => self.standing(id, deposited).await,
            _ => {
                tracing::info!(
                    message = %message.id, mailbox = %mailbox.id, trace = %message.trace, kind = %message.kind,
                    bytes = message.size, duration_ms = message.duration_ms, "message accepted"
                );
                metrics::counter!("tieline_deposits_total", "kind" => message.kind.name()).increment(1);
                Ok(deposited)
            }
        }
    }

    async fn standing(&self, id: MessageId, deposited: Deposited) -> Result<Deposited, Refusal> {
        let standing = self.store.message(id).await?;
        let trace = standing.map_or(deposited.trace, |standing| standing.message.trace);
        tracing::info!(message = %id, %trace, "the same deposit was accepted before");
        Ok(Deposited { id, trace, new: false, ..deposited })
    }

    fn deposit_batch(
        &self,
        mailbox: &Mailbox,
        message: &Message,
        content: Content,
        destination: &Destination,
        now: Timestamp,
    ) -> Batch {
        let (outcome, deliver) = match destination {
            Destination::MailSystem => (format!("accepted; goes to {}", mailbox.address), true),
            Destination::StaysHere(why) => (format!("accepted; stays in Tieline: {why}"), false),
        };
        let decision = self
            .decision(message.trace, message.id, "accept-deposit", outcome)
            .input("mailbox", &mailbox.number)
            .input("kind", message.kind)
            .input("caller", message.caller.label())
            .input("source id", message.source_id.as_deref().unwrap_or("none"))
            .input("bytes", message.size)
            .input("duration ms", message.duration_ms);
        let mut batch = Batch::new(now)
            .with(Write::AcceptMessage { message: message.clone(), content })
            .with(message_event(message, "accepted", message.state))
            .with(Write::Decision(decision))
            .with(self.light_job(mailbox.id, message.trace, Some(now)));
        if deliver {
            batch.push(self.deliver_job(mailbox.id, message.id, message.trace, false));
        }
        batch
    }

    /// Where a message of this kind goes at present. A user type that may not synchronize is queued all the same: the
    /// delivery is then put aside with the reason, and goes on when the type was raised.
    pub(crate) async fn destination(
        &self,
        mailbox: &Mailbox,
        kind: MessageKind,
    ) -> Result<Destination, StoreError> {
        Ok(match self.tie(mailbox).await? {
            Ok(Tie::Apart(why)) => Destination::StaysHere(why),
            Ok(Tie::Tied(reach)) if reach.settings.folders.value.folder(kind).is_none() => {
                Destination::StaysHere(not_delivered(kind, &reach.settings.folders.origin.to_string()))
            }
            Ok(Tie::Tied(_)) | Err(_) => Destination::MailSystem,
        })
    }

    async fn content(
        &self,
        message: &Message,
        content: Bytes,
        now: Timestamp,
    ) -> Result<Content, StoreError> {
        if content.len() <= Content::INLINE_LIMIT {
            return Ok(content.into());
        }
        let mut staged = self.store.stage(message.id, now);
        staged.push(&content).await?;
        Ok(Content::Staged(staged.finish().await?))
    }

    fn look_at(&self, deposit: &Deposit) -> Result<Looked, Refusal> {
        match deposit.kind {
            MessageKind::Voice => {
                let probe = self.audio.probe(&deposit.content, deposit.file_name.as_deref())?;
                Ok(Looked { media_type: voice_media_type(&probe), duration_ms: probe.duration_ms })
            }
            MessageKind::Fax => self.look_at_fax(deposit),
            MessageKind::Text => self.look_at_text(deposit),
        }
    }

    fn look_at_fax(&self, deposit: &Deposit) -> Result<Looked, Refusal> {
        let content = &deposit.content;
        if content.len() as u64 > self.policy.content_limit {
            return Err(Refusal::permanent(
                "content-too-large",
                format!("the fax is larger than {} bytes", self.policy.content_limit),
                "send it in parts, or raise messaging.content_limit",
            ));
        }
        let media_type = if content.starts_with(b"%PDF-") {
            "application/pdf"
        } else if content.starts_with(b"II*\0") || content.starts_with(b"MM\0*") {
            "image/tiff"
        } else {
            return Err(Refusal::permanent(
                "not-a-fax",
                "the content is neither PDF nor TIFF",
                "send the fax as PDF or TIFF",
            ));
        };
        Ok(Looked { media_type: media_type.to_owned(), duration_ms: 0 })
    }

    fn look_at_text(&self, deposit: &Deposit) -> Result<Looked, Refusal> {
        let refuse = |code: &str, what: String, next: &str| Err(Refusal::permanent(code, what, next));
        if !deposit.content.is_empty() {
            return refuse(
                "text-with-content",
                "a text message holds text only".to_owned(),
                "deposit files as voice or fax",
            );
        }
        if deposit.text.trim().is_empty() {
            return refuse("empty-text", "the text message is empty".to_owned(), "send some text");
        }
        if deposit.text.chars().count() > self.policy.text_limit {
            let what = format!("the text message is longer than {} characters", self.policy.text_limit);
            return refuse("text-too-long", what, "shorten it, or raise messaging.text_limit");
        }
        Ok(Looked { media_type: String::new(), duration_ms: 0 })
    }

    pub(crate) async fn mailbox_or_refusal(&self, text: &str) -> Result<Mailbox, Refusal> {
        let shown: String = text.chars().take(254).collect();
        self.find_mailbox(text).await?.ok_or_else(|| {
            Refusal::permanent(
                "unknown-mailbox",
                format!("no mailbox has the number, address or id {shown:?}"),
                "tieline mailbox list shows the mailboxes; tieline mailbox create adds one",
            )
        })
    }

    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<(), Refusal> {
        self.store.commit(Batch { at: self.now(), fence: None, writes }).await?;
        Ok(())
    }
}

/// Why a kind is not delivered.
pub(crate) fn not_delivered(kind: MessageKind, origin: &str) -> String {
    format!("no folder is set for {} messages ({origin})", kind.name())
}

/// The longest id that a depositing system may give, in bytes.
const SOURCE_ID: usize = 512;

/// Whether a call can have been at this time: clocks of telephones stand still or run ahead by a little, not by decades.
fn is_plausible(at: Timestamp, now: Timestamp) -> bool {
    at > Timestamp::UNIX_EPOCH && at.duration_since(now) < jiff::SignedDuration::from_hours(24)
}

/// Texts from the network: control characters are dropped, an empty text is none, and lengths are bounded.
fn cleaned(caller: &Caller) -> Caller {
    let clean = |text: &Option<String>| {
        let text: String = text.as_deref()?.chars().filter(|c| !c.is_control()).take(128).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    Caller { number: clean(&caller.number), name: clean(&caller.name) }
}

/// The media type under which a recording is stored. Those without a header keep in it what they are, see
/// [`raw_name`].
fn voice_media_type(probe: &Probe) -> String {
    match (probe.container, probe.codec) {
        (Container::Wav, _) => "audio/wav".to_owned(),
        (Container::Mp3, _) => "audio/mp3".to_owned(),
        (Container::Ogg, _) => "audio/ogg".to_owned(),
        (Container::Raw, Codec::Gsm) => "audio/gsm".to_owned(),
        (Container::Raw, Codec::Ulaw) => "audio/pcmu".to_owned(),
        (Container::Raw, Codec::Alaw) => "audio/pcma".to_owned(),
        (Container::Raw, _) => format!("audio/x-sln;rate={}", probe.sample_rate_hz),
    }
}

/// The file name that tells a converter what a stored recording without a header is.
pub(crate) fn raw_name(media_type: &str) -> Option<String> {
    match media_type {
        "audio/gsm" => Some("x.gsm".to_owned()),
        "audio/pcmu" => Some("x.ulaw".to_owned()),
        "audio/pcma" => Some("x.alaw".to_owned()),
        _ => {
            let rate: u32 = media_type.strip_prefix("audio/x-sln;rate=")?.parse().ok()?;
            Some(if rate == 8000 { "x.sln".to_owned() } else { format!("x.sln{}", rate / 1000) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_network_says_about_a_caller_is_cleaned() {
        let caller = Caller { number: Some(" +49\r\n30 ".to_owned()), name: Some("\u{7}\t".to_owned()) };
        assert_eq!(cleaned(&caller), Caller { number: Some("+4930".to_owned()), name: None });
    }

    #[test]
    fn recordings_without_a_header_are_recognised_again() {
        for name in ["x.gsm", "x.ulaw", "x.alaw", "x.sln", "x.sln16"] {
            let bytes = vec![0xd5; 33 * 100];
            let probe = tieline_audio::probe(&bytes, Some(name)).unwrap();
            assert_eq!(raw_name(&voice_media_type(&probe)).as_deref(), Some(name));
        }
        assert_eq!(raw_name("audio/wav"), None);
    }
}
