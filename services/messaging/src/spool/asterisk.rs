//! The description that Asterisk's voicemail writes beside a recording: `key=value` lines in a section `[message]`.

use jiff::Timestamp;
use tieline_model::{Caller, Refusal};

/// The largest description, in bytes.
pub(super) const LIMIT: u64 = 64 * 1024;

/// What is of use in a description.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Description {
    /// Who called.
    pub(super) caller: Caller,
    /// When.
    pub(super) received: Option<Timestamp>,
    /// The message's id, from Asterisk 11 on.
    pub(super) msg_id: Option<String>,
}

impl Description {
    /// Reads it; bytes that are not UTF-8 are replaced, unknown keys ignored.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let text = String::from_utf8_lossy(bytes);
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(';'));
        if !lines().any(|line| line.eq_ignore_ascii_case("[message]")) {
            return Err(Refusal::permanent(
                "spool-description-broken",
                "the description has no section [message]",
                "look at the file; the recording beside it can be deposited by tieline voicemail deposit",
            ));
        }
        let value = |key: &str| {
            lines()
                .filter_map(|line| line.split_once('='))
                .find(|(name, _)| name.trim().eq_ignore_ascii_case(key))
                .map(|(_, value)| value.trim())
                .filter(|value| !value.is_empty())
        };
        let msg_id = value("msg_id").filter(|id| id.len() <= 128).map(str::to_owned);
        let received = value("origtime")
            .and_then(|time| time.parse().ok())
            .and_then(|at| Timestamp::from_second(at).ok());
        Ok(Self { caller: value("callerid").map(caller).unwrap_or_default(), received, msg_id })
    }
}

/// `"Bob" <1000>`, `Bob <1000>`, `<1000>`, `1000`, or a word such as `Unknown` for nobody.
fn caller(text: &str) -> Caller {
    let is_number = |text: &str| {
        text.chars().any(|c| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || "+*#-. ()".contains(c))
    };
    let known = |text: &str| {
        let text = text.trim().trim_matches('"').trim();
        let nobody = ["unknown", "anonymous", "asterisk", "private", "unavailable"];
        (!text.is_empty() && !nobody.contains(&text.to_lowercase().as_str())).then(|| text.to_owned())
    };
    match text.rsplit_once('<') {
        Some((name, number)) => Caller {
            name: known(name).filter(|name| !is_number(name)),
            number: known(number.trim_end().trim_end_matches('>')),
        },
        None => match known(text) {
            Some(text) if is_number(&text) => Caller { number: Some(text), name: None },
            name => Caller { number: None, name },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = ";\n; Message Information file\n;\n[message]\norigmailbox=1001\ncontext=default\n\
        macrocontext=\nexten=s\nrdnis=unknown\npriority=2\ncallerchan=SIP/1000-00000007\n\
        callerid=\"Bob Jones\" <+49301234>\norigdate=Mon Nov 23 09:00:00 AM UTC 2026\norigtime=1795424400\n\
        category=\nmsg_id=1795424400-00000003\nflag=\nduration=5\n";

    #[test]
    fn a_description_is_read() {
        let described = Description::parse(WRITTEN.as_bytes()).unwrap();
        let caller = Caller { number: Some("+49301234".to_owned()), name: Some("Bob Jones".to_owned()) };
        assert_eq!(described.caller, caller);
        assert_eq!(described.received.unwrap().as_second(), 1_795_424_400);
        assert_eq!(described.msg_id.as_deref(), Some("1795424400-00000003"));
    }

    #[test]
    fn callers_are_read_as_pbxes_write_them() {
        let pairs = [
            ("1000", Some("1000"), None),
            ("<1000>", Some("1000"), None),
            ("Bob <1000>", Some("1000"), Some("Bob")),
            ("\"1000\" <1000>", Some("1000"), None),
            ("Unknown", None, None),
            ("\"\" <>", None, None),
            ("Bob", None, Some("Bob")),
        ];
        for (text, number, name) in pairs {
            let expected = Caller { number: number.map(str::to_owned), name: name.map(str::to_owned) };
            assert_eq!(caller(text), expected, "{text}");
        }
    }

    #[test]
    fn broken_descriptions_are_refused_and_odd_values_ignored() {
        assert_eq!(Description::parse(b"\xff\xfe").unwrap_err().code, "spool-description-broken");
        let odd = Description::parse(b"[message]\norigtime=never\nmsg_id=\n=\n").unwrap();
        assert_eq!((odd.received, odd.msg_id), (None, None));
    }
}
