//! Notifications that a mail system posts to Tieline.

/// What to answer a POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// HTTP 200 with this body, `text/xml; charset=utf-8`.
    Answer(Vec<u8>),
    /// HTTP 400: no notification.
    Unreadable,
}

/// Takes what a mail system posts to `/ews/push/{token}`. Whoever holds the socket bounds the body and hands it on; the
/// token in the address is all that proves the sender, so it is never logged.
pub trait PushListener: Send + Sync {
    /// Takes one POST. Quick, since the sender waits: work is done after the answer.
    fn pushed(&self, token: &str, body: &[u8]) -> Pushed;
}
