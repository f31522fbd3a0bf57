//! What can go wrong, and who must act.

use std::net::SocketAddr;
use std::time::Duration;

use tieline_proto_sip::{Response, Transport};

/// Why the stack could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listener could not be opened.
    #[error("cannot listen for SIP over {} on {address}: {source}; free the address or configure another", .transport.via_name())]
    Listen {
        /// The transport.
        transport: Transport,
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A setting makes no sense.
    #[error("SIP setting {setting}: {why}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Stored subscriptions could not be read.
    #[error(
        "cannot read stored SIP subscriptions: {0}; repair the store, or telephones stay dark until they subscribe again"
    )]
    Store(StoreError),
}

/// An error of whoever keeps subscriptions.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// Who must act on a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nobody: try again.
    Transient,
    /// Nobody can: this peer will never take it.
    Permanent,
    /// The administrator: credentials, certificates, settings of the peer.
    Operator,
}

/// A request that did not achieve its purpose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method} to {peer}: {why}; {next}")]
pub struct Failure {
    /// Who must act.
    pub class: Class,
    /// The final status code, when one came.
    pub code: Option<u16>,
    /// The peer's wish when to try again.
    pub retry_after: Option<Duration>,
    /// The request's method.
    pub method: &'static str,
    /// Where it went.
    pub peer: String,
    /// What happened.
    pub why: String,
    /// What to do about it.
    pub next: &'static str,
}

/// Longest wish of a peer that is honoured.
const MAX_RETRY_AFTER: u32 = 3_600;

impl Failure {
    pub(crate) fn new(class: Class, method: &'static str, peer: &str, why: impl Into<String>) -> Self {
        let next = match class {
            Class::Transient => "it will be tried again",
            Class::Permanent => "remove this target or correct its address",
            Class::Operator => "check the peer's settings, certificates and credentials",
        };
        Self { class, code: None, retry_after: None, method, peer: peer.to_owned(), why: why.into(), next }
    }

    /// What a final answer other than 2xx means.
    pub(crate) fn answered(method: &'static str, peer: &str, response: &Response) -> Self {
        let (class, next) = classify(response.code);
        let retry_after = response.retry_after().map(|s| Duration::from_secs(s.min(MAX_RETRY_AFTER).into()));
        Self {
            class,
            code: Some(response.code),
            retry_after,
            method,
            peer: peer.to_owned(),
            why: format!("{} {}", response.code, response.reason),
            next,
        }
    }
}

const fn classify(code: u16) -> (Class, &'static str) {
    match code {
        300..=399 => (Class::Operator, "configure the address that it points to"),
        401 | 407 => (Class::Operator, "enter the user name and password that the peer expects"),
        403 => (Class::Operator, "allow Tieline's address or user at the peer"),
        404 | 410 | 484 | 485 | 604 => {
            (Class::Permanent, "the peer does not know this user: correct its address")
        }
        481 => {
            (Class::Permanent, "the peer takes no NOTIFY without a subscription: let it subscribe instead")
        }
        489 => (Class::Permanent, "the peer does not know message-summary: switch message waiting on there"),
        405 | 501 => (Class::Permanent, "the peer does not take this method: use another way to reach it"),
        408 | 480 | 486 | 500 | 502..=504 | 600 => (Class::Transient, "it will be tried again"),
        _ => (Class::Operator, "look up the code in the peer's manual and logs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tieline_proto_sip::{Method, Name, Request};

    fn answered(code: u16) -> Failure {
        let mut response = Request::new(Method::Notify, "sip:a").respond(code, "t");
        response.headers.push(Name::RETRY_AFTER, "99999999999");
        Failure::answered("NOTIFY", "sip:a", &response)
    }

    /// Covers: AV-13 (typed errors)
    #[test]
    fn every_answer_says_who_must_act() {
        let of = |class| (300..700).filter(|c| answered(*c).class == class).collect::<Vec<_>>();
        assert_eq!(of(Class::Transient), [408, 480, 486, 500, 502, 503, 504, 600]);
        assert_eq!(of(Class::Permanent), [404, 405, 410, 481, 484, 485, 489, 501, 604]);
        assert_eq!(answered(503).retry_after, Some(Duration::from_secs(3_600)));
        let text = answered(489).to_string();
        assert_eq!(
            text,
            "NOTIFY to sip:a: 489 Bad Event; the peer does not know message-summary: switch message waiting on there"
        );
    }
}
