//! `application/simple-message-summary` bodies (RFC 3842 section 5.2).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, malformed};

/// No body larger than this is read, in bytes.
const MAX_BODY: usize = 16 * 1024;
/// No more lines than this are read.
const MAX_LINES: usize = 256;

/// A `message-context-class` (RFC 3458).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageClass {
    /// Voice messages.
    VoiceMessage,
    /// Faxes.
    FaxMessage,
    /// Pager messages.
    PagerMessage,
    /// Multimedia messages.
    MultimediaMessage,
    /// Text messages.
    TextMessage,
    /// Messages without a class.
    None,
}

impl MessageClass {
    /// Every class, in the order in which lines are written.
    pub const ALL: [Self; 6] = [
        Self::VoiceMessage,
        Self::FaxMessage,
        Self::PagerMessage,
        Self::MultimediaMessage,
        Self::TextMessage,
        Self::None,
    ];

    /// As on the wire, in the case that RFC 3842's examples use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VoiceMessage => "Voice-Message",
            Self::FaxMessage => "Fax-Message",
            Self::PagerMessage => "Pager-Message",
            Self::MultimediaMessage => "Multimedia-Message",
            Self::TextMessage => "Text-Message",
            Self::None => "None",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str().eq_ignore_ascii_case(name))
    }
}

/// Messages of one class. Counts cannot be negative; on reading they saturate at 2^32 - 1, which RFC 3842 names as
/// the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Not yet read.
    pub new: u32,
    /// Read.
    pub old: u32,
    /// How many of them are urgent: (new, old). `None` is "not said", which differs from none.
    pub urgent: Option<(u32, u32)>,
}

impl Counts {
    /// Counts without a word on urgency.
    #[must_use]
    pub const fn new(new: u32, old: u32) -> Self {
        Self { new, old, urgent: None }
    }
}

/// A summary of one mailbox (or of one account of it).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MessageSummary {
    /// `Messages-Waiting`.
    pub waiting: bool,
    /// `Message-Account`: whose messages these are; needed where one subscription covers several.
    pub account: Option<String>,
    /// One entry a class, in the order of [`MessageClass::ALL`] when written by us.
    pub counts: Vec<(MessageClass, Counts)>,
    /// Header blocks of single messages (`opt-msg-headers`), one vector a message.
    pub messages: Vec<Vec<(String, String)>>,
}

impl MessageSummary {
    /// A summary whose `Messages-Waiting` follows from the counts, so that the two cannot disagree.
    #[must_use]
    pub fn of(account: Option<&str>, counts: impl IntoIterator<Item = (MessageClass, Counts)>) -> Self {
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(class, _)| *class);
        counts.dedup_by_key(|(class, _)| *class);
        let waiting = counts.iter().any(|(_, c)| c.new > 0);
        Self { waiting, account: account.map(str::to_owned), counts, messages: Vec::new() }
    }

    /// The counts of a class, when the body states them.
    #[must_use]
    pub fn class(&self, class: MessageClass) -> Option<Counts> {
        self.counts.iter().find(|(c, _)| *c == class).map(|(_, counts)| *counts)
    }

    /// Reads a body. Leniencies: bare LF as line end, no line end at the end, any case, white space around `:` and
    /// `/`, lines in any order, unknown classes left aside, `Messages-Waiting` missing where counts are given.
    ///
    /// # Errors
    /// [`Error::Malformed`] when nothing says whether messages wait, or a count is no number. A negative count, as
    /// Asterisk once sent when its mail server was away, is an error and never a count; [`Error::TooLarge`].
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        if body.len() > MAX_BODY {
            return Err(Error::TooLarge { what: "message summary", limit: MAX_BODY });
        }
        let text = std::str::from_utf8(body).map_err(|_| malformed("message summary", "not UTF-8"))?;
        let mut summary = Self::default();
        let mut waiting = None;
        let mut blocks = 0_usize;
        let mut after_blank = false;
        for (number, line) in text.lines().enumerate() {
            if number >= MAX_LINES {
                return Err(Error::TooLarge { what: "number of message summary lines", limit: MAX_LINES });
            }
            let line = line.trim();
            if line.is_empty() {
                after_blank = waiting.is_some() || !summary.counts.is_empty();
                continue;
            }
            let (name, value) =
                line.split_once(':').ok_or_else(|| malformed("message summary", "a line without a colon"))?;
            let (name, value) = (name.trim(), value.trim());
            if after_blank || blocks > 0 {
                if std::mem::take(&mut after_blank) {
                    blocks += 1;
                    summary.messages.push(Vec::new());
                }
                if let Some(block) = summary.messages.last_mut() {
                    block.push((name.to_owned(), value.to_owned()));
                }
            } else if name.eq_ignore_ascii_case("Messages-Waiting") {
                waiting = Some(parse_status(value)?);
            } else if name.eq_ignore_ascii_case("Message-Account") {
                summary.account = (!value.is_empty()).then(|| value.to_owned());
            } else if let Some(class) = MessageClass::parse(name)
                && summary.class(class).is_none()
            {
                summary.counts.push((class, parse_counts(value)?));
            }
        }
        let counted = (!summary.counts.is_empty()).then(|| summary.counts.iter().any(|(_, c)| c.new > 0));
        summary.waiting = waiting
            .or(counted)
            .ok_or_else(|| malformed("message summary", "neither Messages-Waiting nor counts"))?;
        Ok(summary)
    }

    /// The body, with CRLF line ends.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

fn parse_status(value: &str) -> Result<bool, Error> {
    match value {
        v if v.eq_ignore_ascii_case("yes") => Ok(true),
        v if v.eq_ignore_ascii_case("no") => Ok(false),
        _ => Err(malformed("Messages-Waiting", "neither yes nor no")),
    }
}

fn parse_count(text: &str) -> Result<u32, Error> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed("message count", "not a number from 0"));
    }
    Ok(text.parse().unwrap_or(u32::MAX))
}

fn parse_pair(text: &str) -> Result<(u32, u32), Error> {
    let (new, old) = text.split_once('/').ok_or_else(|| malformed("message count", "not new/old"))?;
    Ok((parse_count(new)?, parse_count(old)?))
}

fn parse_counts(value: &str) -> Result<Counts, Error> {
    let (plain, urgent) = match value.split_once('(') {
        Some((plain, rest)) => {
            let inside = rest
                .trim()
                .strip_suffix(')')
                .ok_or_else(|| malformed("message count", "no closing bracket"))?;
            (plain, Some(parse_pair(inside)?))
        }
        None => (value, None),
    };
    let (new, old) = parse_pair(plain)?;
    Ok(Counts { new, old, urgent })
}

/// One line's text: control characters would start another line.
fn clean(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for MessageSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Messages-Waiting: {}\r\n", if self.waiting { "yes" } else { "no" })?;
        if let Some(account) = self.account.as_deref().map(clean).filter(|a| !a.is_empty()) {
            write!(f, "Message-Account: {account}\r\n")?;
        }
        for (class, Counts { new, old, urgent }) in &self.counts {
            write!(f, "{}: {new}/{old}", class.as_str())?;
            match urgent {
                Some((new, old)) => write!(f, " ({new}/{old})\r\n")?,
                None => f.write_str("\r\n")?,
            }
        }
        for block in self.messages.iter().filter(|block| !block.is_empty()) {
            f.write_str("\r\n")?;
            for (name, value) in block {
                write!(f, "{}: {}\r\n", clean(name), clean(value))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3842's example without optional message headers.
    #[test]
    fn rfc_3842_example_with_counts() {
        let body = "Messages-Waiting: yes\r\n\
            Message-Account: sip:alice@vmail.example.com\r\n\
            Voice-Message: 2/8 (0/2)\r\n";
        let summary = MessageSummary::parse(body.as_bytes()).unwrap();
        assert!(summary.waiting);
        assert_eq!(summary.account.as_deref(), Some("sip:alice@vmail.example.com"));
        let voice = summary.class(MessageClass::VoiceMessage).unwrap();
        assert_eq!(voice, Counts { new: 2, old: 8, urgent: Some((0, 2)) });
        assert_eq!(summary.to_string(), body);
    }

    /// RFC 3842's example with message headers in blocks.
    #[test]
    fn rfc_3842_example_with_message_headers() {
        let body = "Messages-Waiting: yes\r\n\
            Message-Account: sip:alice@vmail.example.com\r\n\
            Voice-Message: 4/8 (1/2)\r\n\r\n\
            To: <alice@atlanta.example.com>\r\nFrom: <bob@biloxi.example.com>\r\n\
            Subject: carpool tomorrow?\r\nDate: Sun, 09 Jul 2000 21:23:01 -0700\r\nPriority: normal\r\n\
            Message-ID: 13784434989@vmail.example.com\r\n\r\n\
            To: <alice@example.com>\r\nFrom: <cathy-the-bob@example.com>\r\n\
            Subject: HELP! at home ill, present for me please\r\n\
            Date: Sun, 09 Jul 2000 21:25:12 -0700\r\nPriority: urgent\r\n\
            Message-ID: 13684434990@vmail.example.com\r\n";
        let summary = MessageSummary::parse(body.as_bytes()).unwrap();
        assert_eq!(summary.messages.len(), 2);
        assert_eq!(summary.messages[1][4], ("Priority".into(), "urgent".into()));
        assert_eq!(summary.to_string(), body);
    }

    #[test]
    fn lenient_in() {
        let summary =
            MessageSummary::parse(b"fax-message : 1 / 0\nX-New: 3/4\nVOICE-MESSAGE:99999999999/2(1/0)")
                .unwrap();
        assert!(summary.waiting);
        assert_eq!(summary.class(MessageClass::VoiceMessage).unwrap().new, u32::MAX);
        assert_eq!(summary.class(MessageClass::FaxMessage).unwrap(), Counts::new(1, 0));
        let plain = MessageSummary::parse(b"messages-waiting: NO").unwrap();
        assert!(!plain.waiting && plain.counts.is_empty());
    }

    /// Covers: LY-02 (a failed look-up is no count)
    #[test]
    fn a_negative_or_missing_count_is_never_a_count() {
        for bad in [
            "Voice-Message: -1/0",
            "Messages-Waiting: yes\r\nVoice-Message: 1",
            "",
            "Messages-Waiting: maybe",
            "Voice-Message: 1/2 (3/4",
            "Voice-Message: /",
            "Voice-Message: +1/0",
            "no colon",
            "Subject: x",
        ] {
            assert!(MessageSummary::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_status_follows_from_the_counts() {
        let of = |new| MessageSummary::of(None, [(MessageClass::VoiceMessage, Counts::new(new, 3))]);
        assert_eq!(of(0).to_string(), "Messages-Waiting: no\r\nVoice-Message: 0/3\r\n");
        assert_eq!(of(1).to_string(), "Messages-Waiting: yes\r\nVoice-Message: 1/3\r\n");
    }

    #[test]
    fn an_account_cannot_add_a_line() {
        let summary = MessageSummary::of(Some("sip:a@b\r\nVoice-Message: 9/9"), []);
        assert_eq!(summary.to_string().lines().count(), 2);
    }
}
