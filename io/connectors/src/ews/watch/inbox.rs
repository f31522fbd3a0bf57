//! Where push notifications come in. A subscription has an address of its own, with a token that nobody can guess;
//! the answer goes out at once, and what was said waits for the task of the subscription.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tieline_model::Ids;
use tieline_ports::{PushListener, Pushed};
use tieline_proto_ews::operations::{
    SendNotification, SendNotificationMessage, SendNotificationResult, SubscriptionStatus,
};
use tieline_proto_ews::{Limits, ResponseHeader, ResponseMessage, decode_request, encode_response};
use tokio::sync::mpsc;

use crate::ews::Exchange;

/// Notifications that may wait for their task. Events are hints, so that of more than these one is as good as another.
const WAITING: usize = 16;

/// One message of a POST.
pub(in crate::ews) type Posted = ResponseMessage<SendNotificationMessage>;

/// The open subscriptions by their tokens.
#[derive(Debug, Default)]
pub(in crate::ews) struct Inbox {
    open: Mutex<HashMap<String, mpsc::Sender<Posted>>>,
}

/// An address that is listened at until this is dropped. After that Exchange is told to end the subscription when it
/// posts again, which is the only way to end one.
#[derive(Debug)]
pub(in crate::ews) struct Address {
    inbox: Arc<Inbox>,
    token: String,
    posted: mpsc::Receiver<Posted>,
}

impl Inbox {
    /// Begins to listen at a new address.
    pub(in crate::ews) fn open(self: &Arc<Self>, ids: &dyn Ids) -> Address {
        // Two ids hold more than 128 random bits between them.
        let token = format!("{}{}", ids.uuid().simple(), ids.uuid().simple());
        let (sender, posted) = mpsc::channel(WAITING);
        self.lock().insert(token.clone(), sender);
        Address { inbox: Arc::clone(self), token, posted }
    }

    fn take(&self, token: &str, body: &[u8]) -> Pushed {
        // Unknown tokens are answered without a look at what they bring.
        let Some(to) = self.lock().get(token).cloned() else {
            return answer(SubscriptionStatus::Unsubscribe);
        };
        let limits = Limits { bytes: body.len(), ..Limits::DEFAULT };
        let Ok((_, posted)) = decode_request::<SendNotification>(body, &limits) else {
            return Pushed::Unreadable;
        };
        for message in posted.messages {
            to.try_send(message).ok();
        }
        answer(SubscriptionStatus::Ok)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<Posted>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Address {
    /// The address below what the administrator says of this server's own.
    pub(in crate::ews) fn url(&self, base: &str) -> String {
        format!("{}/ews/push/{}", base.trim_end_matches('/'), self.token)
    }

    /// The next message; `None` never comes as long as this lives.
    pub(in crate::ews) async fn next(&mut self) -> Option<Posted> {
        self.posted.recv().await
    }

    /// What has come by now.
    pub(in crate::ews) fn waiting(&mut self) -> Option<Posted> {
        self.posted.try_recv().ok()
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        self.inbox.lock().remove(&self.token);
    }
}

fn answer(subscription_status: SubscriptionStatus) -> Pushed {
    let result = SendNotificationResult { subscription_status };
    Pushed::Answer(encode_response::<SendNotification>(&ResponseHeader::default(), &result))
}

impl PushListener for Exchange {
    fn pushed(&self, token: &str, body: &[u8]) -> Pushed {
        self.shared.inbox.take(token, body)
    }
}
