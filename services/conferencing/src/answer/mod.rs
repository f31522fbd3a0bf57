//! What the organizer is told, in the organizer's language: as text, and as HTML with links.

mod join;
mod phrases;

use std::fmt::Write;

use tieline_model::{
    Alternative, Invitation, Language, PasscodeFault, Passcodes, Problem, Reason, RoomKind, Schedule,
    SmtpAddress, Span, Verdict,
};

pub use join::{Bridge, Join};

use phrases::Phrases;

/// An answer's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Plain.
    pub text: String,
    /// The same as HTML; everything that came from outside is escaped.
    pub html: String,
}

/// A piece of a text.
enum Part {
    Paragraph(String),
    List(Vec<String>),
    /// Words and where they lead.
    Link(String, String),
    /// Label, value, link.
    Fields(Vec<(String, String, Option<String>)>),
}

/// The answer to an invitation. `forward` is a mail that is ready to be sent on, for attendees who have no join data yet;
/// `None` when they stand in the meeting itself. `link` is the meeting's own page.
#[must_use]
pub fn reply(
    verdict: &Verdict,
    invitation: &Invitation,
    bridge: &Bridge,
    link: Option<&str>,
    forward: Option<&str>,
) -> Reply {
    let say = Phrases::of(invitation.language);
    let mut parts = Vec::new();
    match verdict {
        Verdict::Accepted { number, passcodes } => {
            parts.push(Part::Paragraph(say.say("accepted", &[("number", number.as_str())])));
            let join = bridge.join(number, passcodes, link);
            parts.extend(join_parts(&join, say));
            if let Some(code) = &passcodes.chairperson {
                let label = say.say("chairperson", &[]);
                parts.push(Part::Fields(vec![(label, code.reveal().to_owned(), None)]));
            }
            if let Some(forward) = forward {
                parts.push(Part::Paragraph(say.say("no-link-yet", &[])));
                parts.push(Part::Link(say.say("forward-ready", &[]), forward.to_owned()));
            } else {
                parts.push(Part::Paragraph(say.say("attendees-have-it", &[])));
            }
        }
        Verdict::Declined { reasons, alternatives } => {
            let heading = if reasons.len() == 1 { "declined-one" } else { "declined-many" };
            parts.push(Part::Paragraph(say.say(heading, &[])));
            let schedule = invitation.schedule.as_ref();
            parts.push(Part::List(reasons.iter().map(|one| reason(one, schedule, say)).collect()));
            if !alternatives.is_empty() {
                let heading = if alternatives.len() == 1 { "alternatives-one" } else { "alternatives-many" };
                parts.push(Part::Paragraph(say.say(heading, &[])));
                parts.push(Part::List(alternatives.iter().map(|one| alternative(one, say)).collect()));
            }
        }
    }
    rendered(&parts)
}

/// The join data for everybody who is invited, to stand in the meeting itself.
#[must_use]
pub fn for_attendees(join: &Join, language: Language) -> Reply {
    rendered(&join_parts(join, Phrases::of(language)).collect::<Vec<_>>())
}

/// What an organizer is told who asked for a room and did not invite the conference mailbox: subject and text.
#[must_use]
pub fn forgotten(invitation: &Invitation, mailbox: &SmtpAddress) -> (String, Reply) {
    let say = Phrases::of(invitation.language);
    let about = [("subject", invitation.subject.as_str()), ("mailbox", mailbox.as_str())];
    let parts = ["forgotten-what", "forgotten-next"].map(|name| Part::Paragraph(say.say(name, &about)));
    (one_line(&say.say("forgotten-subject", &about)), rendered(&parts))
}

/// The words of a meeting's own page, in one language.
#[derive(Clone, Copy)]
pub struct JoinWords(Language);

impl JoinWords {
    /// In this language.
    #[must_use]
    pub const fn of(language: Language) -> Self {
        Self(language)
    }

    /// A sentence of the page, with its places filled in.
    #[must_use]
    pub fn say(self, name: &str, values: &[(&str, &str)]) -> String {
        Phrases::of(self.0).say(name, values)
    }
}

fn join_parts(join: &Join, say: Phrases) -> impl Iterator<Item = Part> {
    let mut fields = vec![(say.say("room", &[]), join.number.to_string(), None)];
    fields.extend(join.sip.iter().map(|sip| (say.say("sip", &[]), sip.clone(), Some(sip.clone()))));
    fields.extend(join.h323.iter().map(|h323| {
        let link = h323.starts_with("h323:").then(|| h323.clone());
        (say.say("h323", &[]), h323.clone(), link)
    }));
    fields.extend(
        join.telephones
            .iter()
            .map(|(uri, shown)| (say.say("telephone", &[]), shown.clone(), Some(uri.clone()))),
    );
    fields.extend(join.web.iter().map(|web| (say.say("web", &[]), web.clone(), Some(web.clone()))));
    fields.extend(join.passcode.iter().map(|code| (say.say("passcode", &[]), code.clone(), None)));
    [
        Part::Paragraph(format!("{}:", say.say("join", &[]))),
        Part::Fields(fields),
        Part::Paragraph(say.say("block-note", &[])),
        Part::Paragraph(join.block()),
    ]
    .into_iter()
}

/// One reason as a sentence. Times are the invitation's.
fn reason(reason: &Reason, schedule: Option<&Schedule>, say: Phrases) -> String {
    match reason {
        Reason::NumberInUse { number, by, times, collisions } => {
            let shown = times_shown(times, *collisions, schedule, say);
            let name = match by {
                RoomKind::Calendared => "in-use-calendared",
                RoomKind::Enterprise => "in-use-enterprise",
                RoomKind::Custom => "in-use-custom",
            };
            say.say(name, &[("number", number.as_str()), ("times", &shown)])
        }
        Reason::NoRoomFree => say.say("no-room-free", &[]),
        Reason::SenderUnknown { addresses } => {
            let all: Vec<&str> = addresses.iter().map(SmtpAddress::as_str).collect();
            say.say("sender-unknown", &[("addresses", &all.join(", "))])
        }
        Reason::InvalidData { problem } => self::problem(problem, say),
        Reason::TooLong { minutes, limit_minutes } => {
            say.say("too-long", &[("minutes", &minutes.to_string()), ("limit", &limit_minutes.to_string())])
        }
        Reason::ConferencePasscode { fault } => {
            say.say("conference-passcode", &[("fault", &self::fault(*fault, say))])
        }
        Reason::ChairpersonPasscode { fault } => {
            say.say("chairperson-passcode", &[("fault", &self::fault(*fault, say))])
        }
    }
}

fn fault(fault: PasscodeFault, say: Phrases) -> String {
    say.say(&format!("fault-{fault}"), &[])
}

fn problem(problem: &Problem, say: Phrases) -> String {
    match problem {
        Problem::Uid => say.say("invalid-uid", &[]),
        Problem::Start => say.say("invalid-start", &[]),
        Problem::End => say.say("invalid-end", &[]),
        Problem::EndBeforeStart => say.say("invalid-order", &[]),
        Problem::Zone { zone } if zone.is_empty() => say.say("invalid-no-zone", &[]),
        Problem::Zone { zone } => say.say("invalid-zone", &[("zone", zone)]),
        Problem::NoOccurrence => say.say("invalid-no-occurrence", &[]),
        Problem::Past => say.say("invalid-past", &[]),
        Problem::Number { text } => say.say("invalid-number", &[("text", text)]),
        Problem::SeveralNumbers { numbers } => {
            let all: Vec<&str> = numbers.iter().map(tieline_model::RoomNumber::as_str).collect();
            say.say("invalid-several", &[("numbers", &all.join(", "))])
        }
        Problem::UnknownNumber { number } => {
            say.say("invalid-unknown-number", &[("number", number.as_str())])
        }
    }
}

fn times_shown(times: &[Span], collisions: usize, schedule: Option<&Schedule>, say: Phrases) -> String {
    let zone = schedule.map(|schedule| &schedule.start.zone);
    let resolved = zone.and_then(|zone| zone.resolve().ok());
    let one = |span: &Span| match (&resolved, zone) {
        (Some(resolved), Some(zone)) => {
            let (start, end) = (resolved.to_datetime(span.start), resolved.to_datetime(span.end));
            format!("{}-{} ({})", start.strftime("%Y-%m-%d %H:%M"), end.strftime("%H:%M"), zone.id)
        }
        _ => format!("{} - {}", span.start, span.end),
    };
    let shown: Vec<String> = times.iter().map(one).collect();
    let shown = shown.join(", ");
    match collisions.saturating_sub(times.len()) {
        0 => shown,
        more => say.say("in-use-more", &[("times", &shown), ("more", &more.to_string())]),
    }
}

fn alternative(change: &Alternative, say: Phrases) -> String {
    let mut parts = Vec::new();
    if let Some(number) = &change.number {
        parts.push(say.say("alternative-number", &[("number", number.as_str())]));
    }
    if let Some(start) = &change.start {
        let shown = format!("{} ({})", start.local.strftime("%Y-%m-%d %H:%M"), start.zone.id);
        parts.push(say.say("alternative-start", &[("start", &shown)]));
    }
    if let Some(minutes) = change.minutes {
        parts.push(say.say("alternative-minutes", &[("minutes", &minutes.to_string())]));
    }
    if let Some(Passcodes { conference, chairperson }) = &change.passcodes {
        let codes = [("alternative-passcode", conference), ("alternative-chairperson", chairperson)];
        parts.extend(
            codes
                .into_iter()
                .filter_map(|(name, code)| Some(say.say(name, &[("code", code.as_ref()?.reveal())]))),
        );
    }
    parts.join(", ")
}

fn rendered(parts: &[Part]) -> Reply {
    let (mut text, mut html) = (String::new(), String::new());
    for part in parts {
        if !text.is_empty() {
            text.push('\n');
        }
        match part {
            Part::Paragraph(line) => {
                let _ = writeln!(text, "{}", one_line(line));
                let _ = write!(html, "<p>{}</p>", escaped(line));
            }
            Part::Link(words, link) => {
                let _ = writeln!(text, "{}", one_line(words));
                let _ = write!(html, "<p><a href=\"{}\">{}</a></p>", escaped(link), escaped(words));
            }
            Part::List(items) => {
                html.push_str("<ul>");
                for item in items {
                    let _ = writeln!(text, "- {}", one_line(item));
                    let _ = write!(html, "<li>{}</li>", escaped(item));
                }
                html.push_str("</ul>");
            }
            Part::Fields(fields) => {
                html.push_str("<p>");
                for (label, value, link) in fields {
                    let _ = writeln!(text, "{}: {}", one_line(label), one_line(value));
                    let shown = match link {
                        Some(link) => format!("<a href=\"{}\">{}</a>", escaped(link), escaped(value)),
                        None => escaped(value),
                    };
                    let _ = write!(html, "{}: {shown}<br>", escaped(label));
                }
                html.push_str("</p>");
            }
        }
    }
    Reply { text, html }
}

/// What came from outside cannot begin a line of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
