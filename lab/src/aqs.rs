//! Advanced Query Syntax as clients use it in `QueryString`: words, phrases in quotes, `property:value`, `NOT`, `OR`.
//!
//! Known properties: `subject` (also `title`), `from`, `to`, `cc`, `bcc`, `participants`, `body`, `attachment`,
//! `category`, `importance`, `size`, `kind`, `isread`, `hasattachment`, `received`, `sent`. Other properties hold for
//! nothing. Days and months are those of UTC.

use jiff::{Timestamp, ToSpan, Zoned, civil::Date, tz::TimeZone};

use crate::view::View;

/// A query taken apart: one of the alternatives must hold, and of it all terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    alternatives: Vec<Vec<Term>>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    negated: bool,
    /// Lower case; empty for words that may stand anywhere.
    property: String,
    /// Lower case, quotes off.
    value: String,
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let mut alternatives = vec![Vec::new()];
        let mut negated = false;
        for word in words(text) {
            match word.as_str() {
                "OR" => alternatives.push(Vec::new()),
                "AND" => {}
                "NOT" => negated = true,
                _ => {
                    let (sign, word) = match word.strip_prefix('-') {
                        Some(rest) if !rest.is_empty() => (true, rest),
                        _ => (false, word.as_str()),
                    };
                    let (property, value) = match word.split_once(':') {
                        Some((property, value)) if !property.contains('"') => (property, value),
                        _ => ("", word),
                    };
                    let value = value.trim_matches(['"', '(', ')']).to_lowercase();
                    let term = Term { negated: negated || sign, property: property.to_lowercase(), value };
                    alternatives.last_mut().into_iter().for_each(|terms| terms.push(term.clone()));
                    negated = false;
                }
            }
        }
        Self { alternatives }
    }

    /// Whether an item is found, at this time.
    pub(crate) fn matches(&self, view: &View<'_>, now_ms: i64) -> bool {
        let holds = |term: &Term| term.matches(view, now_ms) != term.negated;
        self.alternatives.iter().any(|terms| terms.iter().all(holds))
    }
}

/// Splits at blanks outside quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                words.last_mut().into_iter().for_each(|word| word.push(c));
            }
            c if c.is_whitespace() && !quoted => words.push(String::new()),
            c => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

impl Term {
    fn matches(&self, view: &View<'_>, now_ms: i64) -> bool {
        let value = self.value.as_str();
        let has = |text: Option<String>| text.is_some_and(|text| text.to_lowercase().contains(value));
        let people =
            |list: &str| Some(view.document().texts_below(list, &["Name", "EmailAddress"]).join(" "));
        match self.property.as_str() {
            "" => {
                ["From", "ToRecipients", "CcRecipients"].iter().any(|list| has(people(list)))
                    || has(view.row.subject.clone())
                    || has(view.body_text())
            }
            "subject" | "title" => has(view.row.subject.clone()),
            "from" => has(people("From")),
            "to" => has(people("ToRecipients")),
            "cc" => has(people("CcRecipients")),
            "bcc" => has(people("BccRecipients")),
            "participants" => {
                ["From", "ToRecipients", "CcRecipients", "BccRecipients"].iter().any(|list| has(people(list)))
            }
            "body" | "content" => has(view.body_text()),
            "category" | "keywords" => {
                has(Some(view.document().texts_below("Categories", &["String"]).join("\n")))
            }
            "importance" => {
                let importance = view.document().text("Importance").unwrap_or_else(|| "Normal".to_owned());
                importance.eq_ignore_ascii_case(value)
            }
            "isread" | "read" => yes(value) == Some(view.row.is_read),
            "hasattachment" | "hasattachments" => yes(value) == Some(view.row.has_attachments),
            "size" => size(value).is_some_and(|range| within(view.row.size, range)),
            "kind" => is_kind(view, value),
            "received" => days(value, now_ms).is_some_and(|range| within(view.row.received_ms, range)),
            "sent" => {
                let sent = view.row.sent_ms;
                days(value, now_ms).zip(sent).is_some_and(|(range, sent)| within(sent, range))
            }
            _ => false,
        }
    }
}

fn yes(value: &str) -> Option<bool> {
    match value {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

fn is_kind(view: &View<'_>, kind: &str) -> bool {
    let class = view.row.class.to_ascii_lowercase();
    let element = view.document().kind.as_str();
    match kind {
        "email" => {
            class == "ipm.note" || class.starts_with("ipm.note.smime") || class.starts_with("ipm.schedule")
        }
        "im" => class.starts_with("ipm.note.microsoft.conversation"),
        "voicemail" => class.starts_with("ipm.note.microsoft.voicemail"),
        "faxes" | "fax" => class.starts_with("ipm.note.microsoft.fax"),
        "contacts" | "contact" => element == "Contact" || element == "DistributionList",
        "meetings" | "meeting" => element == "CalendarItem" || class.starts_with("ipm.schedule"),
        "tasks" | "task" => element == "Task",
        "notes" | "note" => class.starts_with("ipm.stickynote"),
        "journals" | "journal" => class.starts_with("ipm.activity"),
        "posts" | "post" => element == "PostItem",
        _ => false,
    }
}

/// From the first number, up to but not with the second.
type Range = (i64, i64);

fn within(number: i64, (from, to): Range) -> bool {
    from <= number && number < to
}

/// `>10kb`, `<1mb`, `5000`.
fn size(value: &str) -> Option<Range> {
    let (sign, number) = split_sign(value);
    let digits = number.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match number.get(digits.len()..)? {
        "" | "b" => 1,
        "kb" | "k" => 1024,
        "mb" | "m" => 1024 * 1024,
        _ => return None,
    };
    let bytes = digits.parse::<i64>().ok()?.checked_mul(unit)?;
    Some(open_range(sign, bytes, bytes.checked_add(1)?))
}

fn split_sign(value: &str) -> (&str, &str) {
    let number = value.trim_start_matches(['<', '>', '=']);
    (value.get(..value.len() - number.len()).unwrap_or_default(), number)
}

/// A span that begins at `from` and ends before `to`, or what lies on one side of it.
fn open_range(sign: &str, from: i64, to: i64) -> Range {
    match sign {
        ">" => (to, i64::MAX),
        ">=" => (from, i64::MAX),
        "<" => (i64::MIN, from),
        "<=" => (i64::MIN, to),
        _ => (from, to),
    }
}

/// `today`, `yesterday`, `this week`, `last month`, `2026-11-23`, `11/23/2026`, with `<` and `>` before, or `a..b`.
fn days(value: &str, now_ms: i64) -> Option<Range> {
    if let Some((from, to)) = value.split_once("..") {
        let (from, to) = (span(from, now_ms)?, span(to, now_ms)?);
        return Some((from.0, to.1));
    }
    let (sign, name) = split_sign(value);
    let (from, to) = span(name, now_ms)?;
    Some(open_range(sign, from, to))
}

fn span(name: &str, now_ms: i64) -> Option<Range> {
    let now: Zoned = Timestamp::from_millisecond(now_ms).ok()?.to_zoned(TimeZone::UTC);
    let today = now.date();
    let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
    let first = today.first_of_month();
    let year = Date::new(today.year(), 1, 1).ok()?;
    let (from, to) = match name.trim() {
        "today" => (today, today.checked_add(1.day()).ok()?),
        "yesterday" => (today.checked_sub(1.day()).ok()?, today),
        "tomorrow" => (today.checked_add(1.day()).ok()?, today.checked_add(2.days()).ok()?),
        "this week" | "thisweek" => (monday, monday.checked_add(1.week()).ok()?),
        "last week" | "lastweek" => (monday.checked_sub(1.week()).ok()?, monday),
        "this month" | "thismonth" => (first, first.checked_add(1.month()).ok()?),
        "last month" | "lastmonth" => (first.checked_sub(1.month()).ok()?, first),
        "this year" | "thisyear" => (year, year.checked_add(1.year()).ok()?),
        "last year" | "lastyear" => (year.checked_sub(1.year()).ok()?, year),
        text => {
            let day = date(text)?;
            (day, day.checked_add(1.day()).ok()?)
        }
    };
    let ms = |day: Date| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond());
    Some((ms(from)?, ms(to)?))
}

fn date(text: &str) -> Option<Date> {
    if let Some((month, rest)) = text.split_once('/') {
        let (day, year) = rest.split_once('/')?;
        return Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok();
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T12:00:00Z, a Monday.
    const NOW: i64 = 1_795_435_200_000;
    const DAY: i64 = 86_400_000;
    const MIDNIGHT: i64 = NOW - DAY / 2;

    #[test]
    fn queries_are_taken_apart() {
        let query = Query::parse(r#"subject:"two words" NOT from:bob OR -kind:im plain"#);
        let term = |negated, property: &str, value: &str| Term {
            negated,
            property: property.to_owned(),
            value: value.to_owned(),
        };
        assert_eq!(
            query.alternatives,
            [
                vec![term(false, "subject", "two words"), term(true, "from", "bob")],
                vec![term(true, "kind", "im"), term(false, "", "plain")],
            ]
        );
    }

    #[test]
    fn days_and_sizes_are_ranges() {
        assert_eq!(days("today", NOW), Some((MIDNIGHT, MIDNIGHT + DAY)));
        assert_eq!(days("yesterday", NOW), Some((MIDNIGHT - DAY, MIDNIGHT)));
        assert_eq!(days("this week", NOW), Some((MIDNIGHT, MIDNIGHT + 7 * DAY)));
        assert_eq!(days(">=11/22/2026", NOW), Some((MIDNIGHT - DAY, i64::MAX)));
        assert_eq!(days("<2026-11-23", NOW), Some((i64::MIN, MIDNIGHT)));
        assert_eq!(days("2026-11-22..today", NOW), Some((MIDNIGHT - DAY, MIDNIGHT + DAY)));
        assert_eq!(days("someday", NOW), None);
        assert_eq!(size(">10kb"), Some((10_241, i64::MAX)));
        assert_eq!(size("<=1mb"), Some((i64::MIN, 1_048_577)));
        assert_eq!(size("many"), None);
    }
}
