//! Request methods (RFC 3261 section 7.1 and its extensions), compared whole and with regard to case.

use std::fmt;

/// A request method.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Method {
    /// RFC 3261.
    Ack,
    /// RFC 3261.
    Bye,
    /// RFC 3261.
    Cancel,
    /// RFC 3261.
    Invite,
    /// RFC 3428.
    Message,
    /// RFC 6665.
    Notify,
    /// RFC 3261.
    Options,
    /// RFC 3903.
    Publish,
    /// RFC 3261.
    Register,
    /// RFC 6665.
    Subscribe,
    /// Any other token.
    Other(String),
}

impl Method {
    /// As on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Invite => "INVITE",
            Self::Message => "MESSAGE",
            Self::Notify => "NOTIFY",
            Self::Options => "OPTIONS",
            Self::Publish => "PUBLISH",
            Self::Register => "REGISTER",
            Self::Subscribe => "SUBSCRIBE",
            Self::Other(other) => other,
        }
    }
}

impl From<&str> for Method {
    fn from(token: &str) -> Self {
        match token {
            "ACK" => Self::Ack,
            "BYE" => Self::Bye,
            "CANCEL" => Self::Cancel,
            "INVITE" => Self::Invite,
            "MESSAGE" => Self::Message,
            "NOTIFY" => Self::Notify,
            "OPTIONS" => Self::Options,
            "PUBLISH" => Self::Publish,
            "REGISTER" => Self::Register,
            "SUBSCRIBE" => Self::Subscribe,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_name_is_not_matched_by_its_prefix() {
        assert_eq!(Method::from("NOTIFYZ"), Method::Other("NOTIFYZ".into()));
        assert_eq!(Method::from("notify"), Method::Other("notify".into()));
        assert_eq!(Method::from("NOTIFY"), Method::Notify);
        assert_eq!(Method::from("BENOTIFY").as_str(), "BENOTIFY");
    }
}
