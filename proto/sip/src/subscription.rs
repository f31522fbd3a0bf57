//! One watcher of one mailbox, seen from the notifier (RFC 6665 section 4.2, package of RFC 3842).
//!
//! **Unknown is not a count.** RFC 6665 demands a NOTIFY right after SUBSCRIBE even when the state is not known, and
//! allows an empty body there (section 4.2.1.2): that is what is sent. It makes no statement, so a telephone keeps
//! the lamp it has. A mailbox that *becomes* unknown sends nothing.

use serde::{Deserialize, Serialize};

use crate::{
    Dialog, Error, MESSAGE_SUMMARY_EVENT, MESSAGE_SUMMARY_TYPE, MessageSummary, Method, Name, Params,
    Request, Uri, list,
};

/// How long subscriptions may last, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiryPolicy {
    /// Shorter wishes are answered 423.
    pub min: u32,
    /// Longer wishes are shortened.
    pub max: u32,
    /// When the watcher names none. RFC 3842 recommends an hour or more.
    pub default: u32,
}

impl Default for ExpiryPolicy {
    fn default() -> Self {
        Self { min: 60, max: 86_400, default: 3_600 }
    }
}

impl ExpiryPolicy {
    /// What is granted for a wish; 0 ends a subscription.
    fn grant(&self, wish: Option<u32>) -> Result<u32, Rejection> {
        let min = self.min.min(3_600);
        match wish.unwrap_or(self.default) {
            0 => Ok(0),
            wish if wish < min => Err(Rejection::with(423, Name::MIN_EXPIRES, min.to_string())),
            wish => Ok(wish.min(self.max.max(min))),
        }
    }
}

/// Why a SUBSCRIBE is not accepted, ready to be answered.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// The status code.
    pub code: u16,
    /// A header that tells the peer what would be accepted.
    pub header: Option<(Name, String)>,
}

impl Rejection {
    /// A bare rejection.
    #[must_use]
    pub const fn new(code: u16) -> Self {
        Self { code, header: None }
    }

    /// One with a header.
    #[must_use]
    pub const fn with(code: u16, name: Name, value: String) -> Self {
        Self { code, header: Some((name, value)) }
    }
}

impl From<Error> for Rejection {
    fn from(_: Error) -> Self {
        Self::new(400)
    }
}

/// Why a subscription ends (RFC 6665 section 4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionEnd {
    /// Its time is over, or the watcher asked for its end.
    Timeout,
    /// The watcher should subscribe again at once, here or at another node.
    Deactivated,
    /// The mailbox is no more.
    NoResource,
    /// The watcher may not watch it any longer.
    Rejected,
}

impl SubscriptionEnd {
    /// As on the wire.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Deactivated => "deactivated",
            Self::NoResource => "noresource",
            Self::Rejected => "rejected",
        }
    }
}

/// What the answer to a NOTIFY means for its subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifyVerdict {
    /// The watcher has it.
    Delivered,
    /// Try again later.
    Later,
    /// The watcher is gone or wants no more: forget it (RFC 6665 section 4.2.2).
    Gone,
}

/// A subscription. Serialise it after every change and it survives a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The dialog it lives in.
    pub dialog: Dialog,
    /// The mailbox watched, in the words of whoever accepted it.
    pub account: String,
    /// The `id` parameter of Event, given back in every NOTIFY.
    pub event_id: Option<String>,
    /// End, in ms since the epoch.
    pub expires_at: i64,
}

/// Refuses another package, or a watcher that cannot read our body.
fn check_package(request: &Request) -> Result<(), Rejection> {
    let allowed = || Rejection::with(489, Name::ALLOW_EVENTS, MESSAGE_SUMMARY_EVENT.to_owned());
    let (package, _) = request.event().ok_or_else(allowed)?;
    if !package.eq_ignore_ascii_case(MESSAGE_SUMMARY_EVENT) {
        return Err(allowed());
    }
    let mut accepts = request.headers.all(Name::ACCEPT).flat_map(list).map(|a| Params::of(a).0).peekable();
    let readable = accepts.peek().is_none()
        || accepts.any(|a| {
            [MESSAGE_SUMMARY_TYPE, "application/*", "*/*"].iter().any(|t| a.eq_ignore_ascii_case(t))
        });
    if readable { Ok(()) } else { Err(Rejection::with(406, Name::ACCEPT, MESSAGE_SUMMARY_TYPE.to_owned())) }
}

impl Subscription {
    /// Accepts a SUBSCRIBE outside any dialog. Whether the watcher may is the caller's question, asked before.
    /// `Expires: 0` makes a subscription that is over at once: a fetch, answered by one NOTIFY (section 4.4.3).
    ///
    /// # Errors
    /// 489 for another package, 406 when the body would not be understood, 423 for too short a time, 400 for
    /// malformed fields.
    pub fn accept(
        request: &Request,
        account: &str,
        policy: &ExpiryPolicy,
        local_tag: &str,
        now: i64,
    ) -> Result<Self, Rejection> {
        check_package(request)?;
        let granted = policy.grant(request.expires())?;
        let dialog = Dialog::answering(request, local_tag)?;
        let event_id = request.event().and_then(|(_, id)| id).map(str::to_owned);
        Ok(Self { dialog, account: account.to_owned(), event_id, expires_at: end(now, granted) })
    }

    /// Takes in a SUBSCRIBE inside the dialog: a refresh, or the end with `Expires: 0`.
    ///
    /// # Errors
    /// 481 when it is over already, 500 when its CSeq does not rise, otherwise as [`Subscription::accept`]. The
    /// subscription is then unchanged.
    pub fn refresh(&mut self, request: &Request, policy: &ExpiryPolicy, now: i64) -> Result<(), Rejection> {
        check_package(request)?;
        let event_id = request.event().and_then(|(_, id)| id);
        if self.is_over(now) || event_id != self.event_id.as_deref() {
            return Err(Rejection::new(481));
        }
        let granted = policy.grant(request.expires())?;
        if request.cseq()?.0 <= self.dialog.remote_cseq {
            return Err(Rejection::new(500));
        }
        self.dialog.receive(request)?;
        self.expires_at = end(now, granted);
        Ok(())
    }

    /// Whether its time is over.
    #[must_use]
    pub const fn is_over(&self, now: i64) -> bool {
        self.expires_at <= now
    }

    /// Whole seconds left.
    #[must_use]
    pub fn seconds_left(&self, now: i64) -> u32 {
        u32::try_from(self.expires_at.saturating_sub(now).max(0) / 1000).unwrap_or(u32::MAX)
    }

    /// The next NOTIFY. Without `summary` the body is empty and claims nothing. `end` ends the subscription; one whose
    /// time is over ends by [`SubscriptionEnd::Timeout`] on its own.
    pub fn notify(
        &mut self,
        summary: Option<&MessageSummary>,
        end: Option<SubscriptionEnd>,
        contact: &str,
        now: i64,
    ) -> Request {
        let mut request = self.dialog.request(Method::Notify);
        request.headers.push(Name::CONTACT, format!("<{contact}>"));
        let event = match &self.event_id {
            Some(id) => format!("{MESSAGE_SUMMARY_EVENT};id={id}"),
            None => MESSAGE_SUMMARY_EVENT.to_owned(),
        };
        request.headers.push(Name::EVENT, event);
        let end = end.or_else(|| self.is_over(now).then_some(SubscriptionEnd::Timeout));
        let state = match end {
            Some(end) => format!("terminated;reason={}", end.reason()),
            None => format!("active;expires={}", self.seconds_left(now)),
        };
        request.headers.push(Name::SUBSCRIPTION_STATE, state);
        put_body(&mut request, summary);
        request
    }

    /// What a final answer means; `None` is no answer within the transaction's time.
    #[must_use]
    pub const fn judge(code: Option<u16>) -> NotifyVerdict {
        match code {
            Some(200..=299) => NotifyVerdict::Delivered,
            Some(480 | 486 | 500 | 503 | 504 | 600) => NotifyVerdict::Later,
            _ => NotifyVerdict::Gone,
        }
    }
}

fn end(now: i64, seconds: u32) -> i64 {
    now.saturating_add(i64::from(seconds).saturating_mul(1000))
}

fn put_body(request: &mut Request, summary: Option<&MessageSummary>) {
    if let Some(summary) = summary {
        request.headers.push(Name::CONTENT_TYPE, MESSAGE_SUMMARY_TYPE);
        request.body = summary.to_bytes();
    }
}

/// A NOTIFY outside any subscription, as many telephones and PBXs expect it. `user` is the address of record whose
/// lamp is meant (it becomes To); `target` is where the request goes; `from` is our address.
#[must_use]
pub fn notify_unsolicited(
    target: &Uri,
    user: &Uri,
    from: &str,
    (call_id, tag): (&str, &str),
    contact: &str,
    summary: &MessageSummary,
) -> Request {
    let mut request = Request::new(Method::Notify, target.as_str());
    request.headers.push(Name::MAX_FORWARDS, "70");
    request.headers.push(Name::FROM, format!("<{from}>;tag={tag}"));
    request.headers.push(Name::TO, format!("<{}>", user.address_of_record()));
    request.headers.push(Name::CALL_ID, call_id);
    request.headers.push(Name::CSEQ, "1 NOTIFY");
    request.headers.push(Name::CONTACT, format!("<{contact}>"));
    request.headers.push(Name::EVENT, MESSAGE_SUMMARY_EVENT);
    request.headers.push(Name::SUBSCRIPTION_STATE, "active");
    put_body(&mut request, Some(summary));
    request
}

/// A watcher's SUBSCRIBE outside any dialog: the other side of [`Subscription::accept`].
#[must_use]
pub fn subscribe(
    mailbox: &Uri,
    watcher: &str,
    (call_id, tag): (&str, &str),
    cseq: u32,
    contact: &str,
    expires: u32,
) -> Request {
    let mut request = Request::new(Method::Subscribe, mailbox.as_str());
    request.headers.push(Name::MAX_FORWARDS, "70");
    request.headers.push(Name::FROM, format!("<{watcher}>;tag={tag}"));
    request.headers.push(Name::TO, format!("<{mailbox}>"));
    request.headers.push(Name::CALL_ID, call_id);
    request.headers.push(Name::CSEQ, format!("{cseq} SUBSCRIBE"));
    request.headers.push(Name::CONTACT, format!("<{contact}>"));
    request.headers.push(Name::EVENT, MESSAGE_SUMMARY_EVENT);
    request.headers.push(Name::ACCEPT, MESSAGE_SUMMARY_TYPE);
    request.headers.push(Name::EXPIRES, expires.to_string());
    request
}

#[cfg(test)]
mod tests;
