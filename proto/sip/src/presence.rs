//! Presence documents: who is where and does what (PIDF with the rich presence extensions).
//!
//! RFC 3863 is the document, RFC 4479 the person in it, RFC 4480 activities and places, RFC 4589 the names of places. A
//! person's whereabouts say nothing about who can be reached, so no tuple is written.

use std::fmt;

/// The event package (RFC 3856).
pub const PRESENCE_EVENT: &str = "presence";
/// The document's media type (RFC 3863 section 5).
pub const PRESENCE_TYPE: &str = "application/pidf+xml";

/// What a person does (RFC 4480 section 3.2); those that are needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// Not at work, or not for work.
    Away,
    /// In a meeting.
    Meeting,
    /// On a journey.
    Travel,
    /// On holiday.
    Vacation,
}

impl Activity {
    const fn element(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Meeting => "meeting",
            Self::Travel => "travel",
            Self::Vacation => "vacation",
        }
    }
}

/// The kind of place where a person is (RFC 4589); those that are needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceType {
    /// Business premises.
    Office,
    /// A home.
    Residence,
}

impl PlaceType {
    const fn element(self) -> &'static str {
        match self {
            Self::Office => "office",
            Self::Residence => "residence",
        }
    }
}

/// One person's presence. [`fmt::Display`] writes the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Whose, as `sip:1001@pbx.example`.
    pub entity: String,
    /// What they do.
    pub activity: Option<Activity>,
    /// Where.
    pub place: Option<PlaceType>,
    /// In words.
    pub note: String,
    /// Since when, as RFC 3339 writes it.
    pub since: String,
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n")?;
        f.write_str("<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" ")?;
        f.write_str("xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" ")?;
        f.write_str("xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" ")?;
        f.write_str("xmlns:lt=\"urn:ietf:params:xml:ns:location-type\" ")?;
        writeln!(f, "entity=\"{}\"><dm:person id=\"whereabouts\">", Escaped(&self.entity))?;
        if let Some(activity) = self.activity {
            writeln!(f, "<rpid:activities><rpid:{}/></rpid:activities>", activity.element())?;
        }
        if let Some(place) = self.place {
            writeln!(f, "<rpid:place-type><lt:{}/></rpid:place-type>", place.element())?;
        }
        writeln!(f, "<dm:note>{}</dm:note>", Escaped(&self.note))?;
        writeln!(f, "<dm:timestamp>{}</dm:timestamp>", Escaped(&self.since))?;
        f.write_str("</dm:person></presence>\r\n")
    }
}

/// Text for XML; characters that XML cannot hold are left out.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\t' | '\n' => write!(f, "{c}")?,
                c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_says_who_where_and_since_when() {
        let presence = Presence {
            entity: "sip:1001@pbx.example".to_owned(),
            activity: Some(Activity::Meeting),
            place: Some(PlaceType::Office),
            note: "R&D <\u{7}>".to_owned(),
            since: "2026-11-23T09:00:00Z".to_owned(),
        };
        let text = presence.to_string();
        for part in [
            "entity=\"sip:1001@pbx.example\"",
            "<rpid:activities><rpid:meeting/></rpid:activities>",
            "<rpid:place-type><lt:office/></rpid:place-type>",
            "<dm:note>R&amp;D &lt;&gt;</dm:note>",
            "<dm:timestamp>2026-11-23T09:00:00Z</dm:timestamp>",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
