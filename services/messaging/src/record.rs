//! What is written down beside an effect: events for listeners, decisions for `explain`, who impersonated whom.

use serde_json::{Value, json};
use tieline_model::{Decision, Mailbox, MailboxId, Message, MessageState, TraceId};
use tieline_store::{NewEvent, StateOrigin, Write};

use crate::Messaging;
use crate::reach::Reach;

/// Something happened to a message: topic `message`.
pub(crate) fn message_event(message: &Message, what: &str, state: MessageState) -> Write {
    Write::Event(NewEvent {
        topic: "message".to_owned(),
        subject: message.id.to_string(),
        payload: json!({
            "what": what,
            "mailbox": message.mailbox,
            "kind": message.kind,
            "state": state,
            "trace": message.trace,
        }),
    })
}

/// Something happened to a mailbox: topic `mailbox`.
pub(crate) fn mailbox_event(mailbox: MailboxId, what: &str, more: Value) -> Write {
    let mut payload = json!({ "what": what });
    if let (Value::Object(payload), Value::Object(more)) = (&mut payload, more) {
        payload.extend(more);
    }
    Write::Event(NewEvent { topic: "mailbox".to_owned(), subject: mailbox.to_string(), payload })
}

impl Messaging {
    pub(crate) fn decision(
        &self,
        trace: TraceId,
        subject: impl ToString,
        rule: &str,
        outcome: String,
    ) -> Decision {
        Decision::new(trace, subject, self.now(), rule, outcome)
    }

    /// A message's state changes: the state, the event, the reason, and the light.
    pub(crate) fn state_writes(
        &self,
        message: &Message,
        state: MessageState,
        by: StateOrigin,
        decision: Decision,
    ) -> Vec<Write> {
        let decision = decision
            .input("before", message.state.name())
            .input("after", state.name())
            .input("said by", by.name());
        vec![
            Write::MessageState { message: message.id, state, by },
            message_event(message, "state", state),
            Write::Decision(decision),
            self.light_job(message.mailbox, message.trace, Some(self.now())),
        ]
    }
}

/// The service account acted for a user (AV-30). Calls that changed nothing are only logged.
pub(crate) fn impersonated(reach: &Reach, mailbox: &Mailbox, action: &str, trace: TraceId) -> Write {
    Write::Audit {
        who: reach.group.account.to_string(),
        action: action.to_owned(),
        subject: mailbox.id.to_string(),
        detail: format!("acting for {} ({trace})", mailbox.address),
    }
}
