//! One streaming connection: a single answer that goes on for minutes, a sequence of complete envelopes.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use http::{StatusCode, header};
use tieline_model::{MailboxId, Refusal};
use tieline_ports::PortError;
use tieline_proto_ews::operations::{ConnectionStatus, GetStreamingEvents};
use tieline_proto_ews::{EnvelopeSplitter, Limits, Remedy, ResponseCode, decode_response};
use tieline_transport::{Body, Outcome};
use tokio::time::Instant;

use super::coalesce::Coalesce;
use super::group::{Ended, Group};
use crate::ews::account::Session;
use crate::ews::failure::{self, Stated};

/// What one envelope brought.
#[derive(Debug, Default)]
pub(in crate::ews) struct Envelope {
    pub(in crate::ews) changed: HashSet<String>,
    pub(in crate::ews) ended: Option<Ended>,
}

impl Group {
    /// Listens until the connection ends, however it does.
    pub(super) async fn stream(&self, session: &Session) -> Ended {
        match self.connect(session).await {
            Ok(body) => self.listen(body).await,
            Err(error) => Ended::Broken { alive: false, error },
        }
    }

    async fn connect(&self, session: &Session) -> Result<Body, PortError> {
        // In the name of the first subscribed member: one of its subscriptions is on this connection.
        let subscribed = self.members.iter().find(|member| member.subscription.is_some());
        let Some(anchor) = subscribed.map(|member| &member.target.address) else {
            return Err(PortError::NotFound);
        };
        let call = self.call(session, anchor);
        let (permit, _trial) = call.permit().await?;
        let request = GetStreamingEvents {
            subscription_ids: self.members.iter().filter_map(|member| member.subscription.clone()).collect(),
            connection_timeout: self.options().connection_minutes,
        };
        let mut request = call.request(&request)?;
        // Compressed, an event would wait in the server's buffer for others to fill it.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
        let response = session
            .client
            .send(request, self.options().first_sign)
            .await
            .map_err(|error| failure::transport(&error))?;
        if response.status == StatusCode::OK {
            session.accepted();
            // A connection that hangs has a limit of its own; it takes no place from the others.
            permit.finish(&call.charge(), Outcome::Served);
            return Ok(response.into_body());
        }
        let (status, headers) = (response.status, response.headers.clone());
        let body = response
            .collect(self.shared.options.response_limit, self.options().first_sign)
            .await
            .map_err(|error| failure::transport(&error))?;
        let (outcome, error) = call.read_refusal::<GetStreamingEvents, _>(status, &headers, &body);
        permit.finish(&call.charge(), outcome);
        Err(error)
    }

    async fn listen(&self, mut body: Body) -> Ended {
        let options = self.options();
        let mailboxes: HashMap<&str, MailboxId> = self
            .members
            .iter()
            .filter_map(|member| Some((member.subscription.as_deref()?, member.target.mailbox)))
            .collect();
        let all_subscribed = mailboxes.len() == self.members.len();
        let mut splitter = EnvelopeSplitter::new(Limits::DEFAULT.bytes);
        let mut coalesce = Coalesce::new(options.coalesce);
        let begun = Instant::now();
        let agreed = Duration::from_secs(60 * (options.connection_minutes.max(1) as u64 + 1));
        let mut heard = None;
        loop {
            let deadline = match heard {
                None => begun + options.first_sign,
                Some(last) => last + options.silence,
            };
            let retry = begun + options.retry_member;
            let due = coalesce.next().map(Instant::from_std);
            tokio::select! {
                piece = body.chunk(deadline.saturating_duration_since(Instant::now())) => match piece {
                    Err(error) => {
                        return Ended::Broken { alive: heard.is_some(), error: failure::transport(&error) };
                    }
                    Ok(None) => return if heard.is_some() { Ended::Closed } else { broken(false, "ended at once") },
                    Ok(Some(piece)) => if let Err(error) = splitter.push(&piece) {
                        return broken(heard.is_some(), &error.to_string());
                    },
                },
                () = tokio::time::sleep_until(due.unwrap_or(deadline)), if due.is_some() => {}
                () = tokio::time::sleep_until(retry), if !all_subscribed => {
                    self.hint_unsubscribed().await;
                    return Ended::Interrupted;
                }
                () = tokio::time::sleep_until(begun + agreed) => return broken(heard.is_some(), "lasted longer than agreed"),
            }
            loop {
                let envelope = match splitter.next() {
                    Ok(Some(envelope)) => envelope,
                    Ok(None) => break,
                    Err(error) => return broken(heard.is_some(), &error.to_string()),
                };
                heard = Some(Instant::now());
                let envelope = read(&envelope);
                for id in &envelope.changed {
                    if let Some(mailbox) = mailboxes.get(id.as_str())
                        && coalesce.event(Instant::now().into_std(), *mailbox)
                    {
                        self.hint(*mailbox).await;
                    }
                }
                if let Some(ended) = envelope.ended {
                    return ended;
                }
            }
            for mailbox in coalesce.due(Instant::now().into_std()) {
                self.hint(mailbox).await;
            }
        }
    }
}

/// One envelope of the sequence. One that cannot be read ends the connection: what it said is then found by asking.
pub(in crate::ews) fn read(envelope: &[u8]) -> Envelope {
    let limits = Limits { bytes: envelope.len(), ..Limits::DEFAULT };
    let reply = match decode_response::<GetStreamingEvents>(envelope, &limits) {
        Ok(reply) => reply,
        Err(error) => {
            return Envelope { ended: Some(broken(true, &error.to_string())), ..Envelope::default() };
        }
    };
    let messages = match reply.body {
        Ok(messages) => messages.messages,
        Err(fault) => {
            let error = Stated::fault(&fault).into_error("GetStreamingEvents", None);
            return Envelope { ended: Some(Ended::Broken { alive: true, error }), ..Envelope::default() };
        }
    };
    let mut read = Envelope::default();
    for message in messages {
        for notification in &message.payload.notifications {
            if notification.events.iter().any(|event| event.object().is_some()) {
                read.changed.insert(notification.subscription_id.clone());
            }
        }
        if let Some(stated) = Stated::message(&message) {
            // A mailbox that moves or is carried over to another server leaves its subscriptions behind.
            let forgotten = stated.code.remedy() == Remedy::Resubscribe
                || matches!(
                    stated.code,
                    ResponseCode::ErrorMailboxMoveInProgress | ResponseCode::ErrorMailboxFailover
                );
            read.ended = Some(match forgotten {
                true => Ended::Forgotten(message.payload.error_subscription_ids.iter().cloned().collect()),
                false => Ended::Broken { alive: true, error: stated.into_error("GetStreamingEvents", None) },
            });
        } else if message.payload.connection_status == Some(ConnectionStatus::Closed) {
            read.ended = Some(Ended::Closed);
        }
    }
    read
}

fn broken(alive: bool, why: &str) -> Ended {
    let error = PortError::refused(Refusal::transient(
        "stream-broken",
        format!("the streaming connection {why}"),
        "nothing; Tieline connects again",
    ));
    Ended::Broken { alive, error }
}
