//! What a delivered message looks like: subject line and HTML body. Everything that came from outside is escaped.

use jiff::tz::TimeZone;
use tieline_model::{Mailbox, Message, MessageKind};

/// The longest subject line, in characters; Exchange takes 255.
const SUBJECT: usize = 255;

/// The subject line: `{kind}`, `{caller}`, `{name}`, `{number}` and `{duration}` are replaced once, so that a caller
/// cannot smuggle a placeholder in.
pub(crate) fn subject(template: &str, message: &Message) -> String {
    let mut subject = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        subject.push_str(before);
        let close = from.find('}');
        let value = close.and_then(|close| from.get(1..close)).and_then(|name| placeholder(name, message));
        match (value, close) {
            (Some(value), Some(close)) => {
                subject.push_str(&value);
                rest = from.get(close + 1..).unwrap_or_default();
            }
            _ => {
                subject.push('{');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    subject.push_str(rest);
    let line: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT).collect();
    line.trim().to_owned()
}

fn placeholder(name: &str, message: &Message) -> Option<String> {
    let caller = &message.caller;
    Some(match name {
        "kind" => message.kind.label().to_owned(),
        "caller" => caller.label().to_owned(),
        "name" => caller.name.clone().unwrap_or_default(),
        "number" => caller.number.clone().unwrap_or_default(),
        "duration" => extent(message),
        _ => return None,
    })
}

/// How long it is, as people say it: `0:12`, `2 pages`, `46 characters`.
pub(crate) fn extent(message: &Message) -> String {
    let many = |count: usize, one: &str| {
        if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
    };
    match message.kind {
        MessageKind::Voice => {
            let seconds = seconds(message);
            format!("{}:{:02}", seconds / 60, seconds % 60)
        }
        MessageKind::Fax => many(message.pages as usize, "page"),
        MessageKind::Text => many(message.text.chars().count(), "character"),
    }
}

/// The duration in whole seconds, rounded, at least one for a recording.
pub(crate) fn seconds(message: &Message) -> u32 {
    if message.kind != MessageKind::Voice {
        return 0;
    }
    u32::try_from((message.duration_ms.saturating_add(500) / 1000).max(1)).unwrap_or(u32::MAX)
}

/// The body as HTML.
pub(crate) fn html(message: &Message, mailbox: &Mailbox, zone: &TimeZone) -> String {
    let at = message.received.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    let caller = &message.caller;
    let mut rows = vec![("From", caller.name.clone().unwrap_or_else(|| caller.label().to_owned()))];
    if let Some(number) = &caller.number {
        rows.push(("Number", number.clone()));
    }
    rows.push(("To", mailbox.number.clone()));
    rows.push(("Received", at));
    rows.push((if message.kind == MessageKind::Voice { "Duration" } else { "Length" }, extent(message)));
    let rows: String = rows
        .iter()
        .map(|(name, value)| {
            format!("<tr><th align=\"left\">{name}</th><td>{}</td></tr>\r\n", escaped(value))
        })
        .collect();
    let text = match message.kind {
        MessageKind::Text => {
            let lines: Vec<String> = message.text.lines().map(escaped).collect();
            format!("<p>{}</p>\r\n", lines.join("<br>\r\n"))
        }
        MessageKind::Voice => "<p>The recording is attached.</p>\r\n".to_owned(),
        MessageKind::Fax => "<p>The fax is attached.</p>\r\n".to_owned(),
    };
    let title = message.kind.label();
    format!(
        "<html><head><meta charset=\"utf-8\"><title>{title}</title></head><body>\r\n\
         <p><b>{title}</b></p>\r\n{text}<table cellpadding=\"3\">\r\n{rows}</table>\r\n</body></html>\r\n"
    )
}

/// For HTML text and quoted attributes; control characters other than tabs become spaces.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() && c != '\t' => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{alice, message};
    use tieline_model::Caller;

    fn voice() -> Message {
        let mut message = message(MessageKind::Voice);
        message.caller =
            Caller { number: Some("+4930123".to_owned()), name: Some("Bob <&> \"B\"".to_owned()) };
        message.duration_ms = 61_499;
        message
    }

    /// Covers: AV-87 (subject)
    #[test]
    fn the_subject_follows_its_template_and_nothing_else() {
        let mut message = voice();
        let default = tieline_model::settings::DEFAULT_SUBJECT;
        assert_eq!(subject(default, &message), "Voice message from Bob <&> \"B\" (1:01)");
        assert_eq!(subject("{number} {unknown} {", &message), "+4930123 {unknown} {");
        message.caller.name = Some("{duration}\r\nBcc: x@y".to_owned());
        assert_eq!(subject("{caller}!", &message), "{duration}  Bcc: x@y!");
        message.caller = Caller::default();
        assert_eq!(subject("{caller}{name}{number}", &message), "unknown caller");
        assert_eq!(subject(&"é".repeat(400), &message).chars().count(), 255);
    }

    #[test]
    fn the_body_escapes_what_came_from_outside() {
        let mut message = voice();
        let body = html(&message, &alice(), &TimeZone::UTC);
        assert!(body.contains("Bob &lt;&amp;&gt; &quot;B&quot;"), "{body}");
        assert!(body.contains("1:01") && body.contains("+4930123") && body.contains("UTC"), "{body}");
        message.kind = MessageKind::Text;
        message.text = "<script>\nalert('1')".to_owned();
        let body = html(&message, &alice(), &TimeZone::UTC);
        assert!(body.contains("&lt;script&gt;<br>\r\nalert(&#39;1&#39;)"), "{body}");
    }
}
