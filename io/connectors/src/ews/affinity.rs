//! Which server behind a load balancer a request meets. `X-AnchorMailbox` names the mailbox whose server is meant; the
//! cookies of an answer name the server that was found, and spare the next request the search.
//!
//! * A single request carries the `X-BackEndCookie` that its mailbox was last given.
//! * Subscriptions of a group live in the memory of one server: `X-PreferServerAffinity` asks for an
//!   `X-BackEndOverrideCookie`, which leads every later request of the group there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue, header};
use tieline_model::SmtpAddress;

/// A cookie longer than this is none of Exchange's.
const LONGEST: usize = 2048;

/// Leads requests that belong together to the same server.
#[derive(Debug, Default)]
pub(super) struct Affinity {
    /// The mailbox whose server all requests go to.
    pub(super) anchor: Option<SmtpAddress>,
    /// `X-BackEndOverrideCookie` of the first answer.
    pub(super) cookie: Option<String>,
}

impl Affinity {
    /// The cookie that an answer sets, as it is to be sent back.
    pub(super) fn cookie_of(headers: &HeaderMap) -> Option<String> {
        named(headers, "X-BackEndOverrideCookie=")
    }

    pub(super) fn headers(&self) -> Vec<(&'static str, HeaderValue)> {
        let mut headers = vec![("X-PreferServerAffinity", HeaderValue::from_static("true"))];
        let cookie = self.cookie.as_deref().and_then(|cookie| HeaderValue::from_str(cookie).ok());
        headers.extend(cookie.map(|cookie| ("Cookie", cookie)));
        headers
    }
}

/// The servers that the mailboxes of one account were last found on.
#[derive(Debug, Default)]
pub(super) struct BackEnds {
    known: Mutex<HashMap<String, String>>,
}

impl BackEnds {
    /// The cookie for requests about this mailbox.
    pub(super) fn cookie(&self, mailbox: &str) -> Option<HeaderValue> {
        HeaderValue::from_str(self.lock().get(mailbox)?).ok()
    }

    /// Takes what an answer says. A cookie with nothing in it is taken back.
    pub(super) fn learn(&self, mailbox: &str, headers: &HeaderMap) {
        match named(headers, "X-BackEndCookie=") {
            Some(cookie) if !cookie.ends_with('=') || cookie.matches('=').count() > 1 => {
                let mut known = self.lock();
                // Most answers repeat what is known.
                if known.get(mailbox) != Some(&cookie) {
                    known.insert(mailbox.to_owned(), cookie);
                }
            }
            Some(_) => self.forget(mailbox),
            None => {}
        }
    }

    /// The server failed: let the load balancer find another.
    pub(super) fn forget(&self, mailbox: &str) {
        self.lock().remove(mailbox);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `name=value` of the cookie that begins so.
fn named(headers: &HeaderMap, begin: &str) -> Option<String> {
    let set = headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = set.filter_map(|value| value.split(';').next()).map(str::trim);
    pairs.find(|pair| pair.starts_with(begin) && pair.len() <= LONGEST).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|cookie| (header::SET_COOKIE, HeaderValue::from_static(cookie))).collect()
    }

    #[test]
    fn a_mailbox_keeps_its_back_end_until_it_fails() {
        let back_ends = BackEnds::default();
        back_ends.learn("alice", &set(&["exchangecookie=1; path=/", "X-BackEndCookie=S-1-5=u56a==; secure"]));
        assert_eq!(back_ends.cookie("alice").unwrap(), "X-BackEndCookie=S-1-5=u56a==");
        assert_eq!(back_ends.cookie("bob"), None);
        back_ends.learn("alice", &set(&["exchangecookie=2"]));
        assert!(back_ends.cookie("alice").is_some());
        back_ends.learn("alice", &set(&["X-BackEndCookie=; expires=Thu, 01 Jan 1970 00:00:00 GMT"]));
        assert_eq!(back_ends.cookie("alice"), None);
        back_ends.learn("alice", &set(&["X-BackEndCookie=b"]));
        back_ends.forget("alice");
        assert_eq!(back_ends.cookie("alice"), None);
    }

    #[test]
    fn a_group_asks_for_one_server_and_keeps_it() {
        let headers = set(&["X-BackEndCookie=a; path=/EWS", "X-BackEndOverrideCookie=mb1~1; path=/; secure"]);
        let affinity = Affinity { anchor: None, cookie: Affinity::cookie_of(&headers) };
        let sent = affinity.headers();
        assert_eq!(sent[0], ("X-PreferServerAffinity", HeaderValue::from_static("true")));
        assert_eq!(sent[1], ("Cookie", HeaderValue::from_static("X-BackEndOverrideCookie=mb1~1")));
    }
}
