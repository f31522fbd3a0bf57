//! The interval mode: each mailbox is asked for its events every few seconds (`GetEvents`).

use std::time::Duration;

use futures_util::StreamExt;
use tieline_ports::{MailTarget, PortError};
use tieline_proto_ews::Remedy;
use tieline_proto_ews::operations::{GetEvents, PullSubscription, Subscribe, Subscription};
use tokio::time::Instant;

use super::group::{EVENTS, Group, back_off};
use crate::ews::account::Session;
use crate::ews::call::Call;
use crate::ews::failure::Stated;

/// Exchange keeps a subscription that nobody asks for this long, in minutes.
pub(in crate::ews) const TIMEOUT_MINUTES: i32 = 10;

/// A pull subscription and how far it was read.
pub(in crate::ews) struct Place {
    pub(in crate::ews) subscription: String,
    pub(in crate::ews) watermark: String,
}

/// What a question brought.
pub(in crate::ews) enum Asked {
    Nothing,
    Something,
    /// The subscription is void.
    Forgotten,
}

impl Group {
    /// Asks for all members in turn until `period` is over.
    pub(super) async fn pull(&self, period: Duration) {
        let end = Instant::now() + period;
        let members = futures_util::stream::iter(&self.members);
        members.for_each_concurrent(None, |member| self.pull_member(&member.target, end)).await;
    }

    async fn pull_member(&self, target: &MailTarget, end: Instant) {
        let mut place = None;
        while Instant::now() < end {
            let wait = match self.pull_once(target, &mut place).await {
                Ok(()) => None,
                Err(error) => {
                    tracing::info!(mailbox = %target.address, %error, "ews.watch: not asked");
                    // Syncing may work although notifications do not.
                    self.hint(target.mailbox).await;
                    back_off(error)
                }
            };
            let interval = self.options().pull_interval;
            tokio::time::sleep_until(end.min(Instant::now() + wait.unwrap_or(interval).max(interval))).await;
        }
    }

    async fn pull_once(&self, target: &MailTarget, place: &mut Option<Place>) -> Result<(), PortError> {
        let session = self.shared.session_of(target)?;
        if let Some(known) = place {
            match self.call(&session, &target.address).events(known).await? {
                Asked::Nothing => return Ok(()),
                Asked::Something => {
                    self.hint(target.mailbox).await;
                    return Ok(());
                }
                Asked::Forgotten => *place = None,
            }
        }
        *place = Some(self.subscribe_pull(&session, target).await?);
        self.hint(target.mailbox).await;
        Ok(())
    }

    async fn subscribe_pull(&self, session: &Session, target: &MailTarget) -> Result<Place, PortError> {
        let call = self.call(session, &target.address);
        let request = Subscribe {
            subscription: Some(Subscription::Pull(PullSubscription {
                subscribe_to_all_folders: Some(true),
                event_types: EVENTS.to_vec(),
                timeout: TIMEOUT_MINUTES,
                ..PullSubscription::default()
            })),
        };
        let mut answer = call.send(&request).await?;
        let Some(message) = answer.messages.pop() else { return Err(call.short()) };
        if let Some(stated) = Stated::message(&message) {
            return Err(stated.into_error(&call.at(), None));
        }
        match (message.payload.subscription_id, message.payload.watermark) {
            (Some(subscription), Some(watermark)) => Ok(Place { subscription, watermark }),
            _ => Err(call.short()),
        }
    }
}

impl Call<'_> {
    /// Reads all events that wait, and remembers how far.
    pub(in crate::ews) async fn events(&self, place: &mut Place) -> Result<Asked, PortError> {
        let mut asked = Asked::Nothing;
        loop {
            let request =
                GetEvents { subscription_id: place.subscription.clone(), watermark: place.watermark.clone() };
            let mut answer = self.send(&request).await?;
            let Some(message) = answer.messages.pop() else { return Err(self.short()) };
            if let Some(stated) = Stated::message(&message) {
                return match stated.code.remedy() {
                    Remedy::Resubscribe => Ok(Asked::Forgotten),
                    _ => Err(stated.into_error(&self.at(), None)),
                };
            }
            let Some(notification) = message.payload.notification else { return Err(self.short()) };
            let before = place.watermark.clone();
            for event in &notification.events {
                if let Some(watermark) = event.watermark() {
                    watermark.clone_into(&mut place.watermark);
                }
                if event.object().is_some() {
                    asked = Asked::Something;
                }
            }
            // A server that has more but does not move on would keep us here for ever.
            if notification.more_events != Some(true) || place.watermark == before {
                return Ok(asked);
            }
        }
    }
}
