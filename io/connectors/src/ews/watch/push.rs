//! The push mode: Exchange posts what happens to an address of ours, one for each mailbox.

use futures_util::StreamExt;
use tieline_model::Refusal;
use tieline_ports::{MailTarget, PortError};
use tieline_proto_ews::operations::{PushSubscription, Subscribe, Subscription};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::PushPolicy;
use super::group::{EVENTS, Group, back_off};
use super::inbox::{Address, Posted};
use crate::ews::failure::Stated;

/// How far a push subscription has been followed.
struct Place {
    subscription: String,
    watermark: Option<String>,
}

/// What a notification brought.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// It only says that the subscription lives.
    Alive,
    /// Something happened, or something was missed.
    Something,
    /// The subscription is void.
    Over,
    /// Meant for another subscription: not a sign of anything.
    Foreign,
}

impl Group {
    /// Is told about all members until nothing gets through to us.
    pub(super) async fn push(&self, policy: &PushPolicy) {
        let unreachable = CancellationToken::new();
        let members = futures_util::stream::iter(&self.members);
        let told = members.for_each_concurrent(None, |member| {
            let unreachable = &unreachable;
            async move {
                if self.push_member(policy, &member.target).await.is_err() {
                    unreachable.cancel();
                }
            }
        });
        tokio::select! {
            () = unreachable.cancelled() => {}
            () = told => {}
        }
    }

    /// Ends with an error when Exchange subscribed us and then could not reach us.
    async fn push_member(&self, policy: &PushPolicy, target: &MailTarget) -> Result<(), PortError> {
        let mut pause = self.options().first_pause;
        loop {
            let wait = match self.push_once(policy, target).await {
                Ok(()) => {
                    pause = self.options().first_pause;
                    pause
                }
                Err(error) if error.refusal().code == UNREACHED => return Err(error),
                Err(error) => {
                    tracing::info!(mailbox = %target.address, %error, "ews.watch: not subscribed by push");
                    let wait = back_off(error).unwrap_or_default().max(pause);
                    pause = (pause * 2).min(self.options().max_pause);
                    wait
                }
            };
            // Something may have been missed, and syncing may work although notifications do not.
            self.hint(target.mailbox).await;
            tokio::time::sleep(wait).await;
        }
    }

    /// One subscription, from its beginning to its end.
    async fn push_once(&self, policy: &PushPolicy, target: &MailTarget) -> Result<(), PortError> {
        let mut address = self.shared.inbox.open(&*self.shared.ids);
        let mut place = self.subscribe_push(policy, target, &address).await?;
        self.hint(target.mailbox).await;
        // Exchange posts a status at once, to see whether somebody listens.
        let mut deadline = Instant::now() + self.options().first_sign;
        let mut heard = false;
        loop {
            let posted = match timeout_at(deadline, address.next()).await {
                Ok(Some(posted)) => posted,
                Ok(None) => return Ok(()),
                Err(_) if heard => return Ok(()),
                Err(_) => return Err(unreached()),
            };
            match place.take(&posted) {
                Told::Foreign => continue,
                Told::Over => return Ok(()),
                Told::Alive => {}
                Told::Something => {
                    self.hint(target.mailbox).await;
                    if self.rest(target, &mut address, &mut place).await {
                        return Ok(());
                    }
                }
            }
            heard = true;
            deadline = Instant::now() + policy.silence();
        }
    }

    /// What else comes in the next moment is one more hint. Whether the subscription ended meanwhile.
    async fn rest(&self, target: &MailTarget, address: &mut Address, place: &mut Place) -> bool {
        tokio::time::sleep(self.options().coalesce).await;
        let mut more = false;
        while let Some(posted) = address.waiting() {
            match place.take(&posted) {
                Told::Over => return true,
                Told::Something => more = true,
                Told::Alive | Told::Foreign => {}
            }
        }
        if more {
            self.hint(target.mailbox).await;
        }
        false
    }

    async fn subscribe_push(
        &self,
        policy: &PushPolicy,
        target: &MailTarget,
        address: &Address,
    ) -> Result<Place, PortError> {
        let session = self.shared.session_of(target)?;
        let call = self.call(&session, &target.address);
        let request = Subscribe {
            subscription: Some(Subscription::Push(PushSubscription {
                subscribe_to_all_folders: Some(true),
                event_types: EVENTS.to_vec(),
                status_frequency: policy.status_minutes.clamp(1, 1440),
                url: address.url(&policy.base),
                ..PushSubscription::default()
            })),
        };
        let mut answer = call.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(call.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&call.at(), None));
        }
        let subscription = message.payload.subscription_id.ok_or_else(|| call.short())?;
        Ok(Place { subscription, watermark: message.payload.watermark })
    }
}

/// The code of [`unreached`].
const UNREACHED: &str = "push-unreached";

fn unreached() -> PortError {
    PortError::refused(Refusal::operator(
        UNREACHED,
        "Exchange took the push subscription and posted nothing",
        "check that the Exchange servers reach the address that is set for notifications",
    ))
}

impl Place {
    /// Watermarks make a chain: a notification that does not begin where the last ended has lost something before it.
    fn take(&mut self, posted: &Posted) -> Told {
        if Stated::message(posted).is_some() {
            return Told::Over;
        }
        let Some(notification) = &posted.payload.notification else { return Told::Foreign };
        if notification.subscription_id != self.subscription {
            return Told::Foreign;
        }
        let previous = notification.previous_watermark.as_deref();
        let gap = previous.is_some() && self.watermark.is_some() && previous != self.watermark.as_deref();
        if let Some(last) = notification.events.iter().rev().find_map(|event| event.watermark()) {
            self.watermark = Some(last.to_owned());
        }
        if gap || notification.events.iter().any(|event| event.object().is_some()) {
            Told::Something
        } else {
            Told::Alive
        }
    }
}
