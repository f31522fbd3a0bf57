//! What the simulated users and server do to a record.

use tieline_model::{Contact, ContactText, Event, MailEntry, PhoneKind, Record, Slot, Zone};

/// A record with a lineage that nobody edits, and fields that users fill with words that occur once in a history.
pub(crate) trait SimRecord: Record {
    fn make(lineage: u64) -> Self;
    fn lineage(&self) -> u64;
    /// A user's copy: another item from then on.
    fn with_lineage(&self, lineage: u64) -> Self;
    /// A user edits one of the fields.
    fn edit(&mut self, which: u32, word: &str);
    /// As the server writes it. Doing it twice changes nothing.
    fn normalised(&self) -> Self;
    /// What the server's map says of that; the rest is its own secret.
    fn rendered(&self) -> Self;
    /// Every word in it.
    fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for field in Self::fields() {
            let value = self.canonical(*field);
            words.extend(
                value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| is_word(w)).map(str::to_owned),
            );
        }
        words
    }
}

/// `w12`: lower case, because servers change that.
fn is_word(text: &str) -> bool {
    text.strip_prefix('w').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}

/// Servers cut long texts.
pub(crate) fn cut(text: &str) -> String {
    text.trim().chars().take(24).collect::<String>().trim().to_owned()
}

impl SimRecord for Contact {
    fn make(lineage: u64) -> Self {
        let mut contact = Self { nickname: format!("n{lineage}"), ..Self::default() };
        contact
            .mails
            .insert(Slot::First, MailEntry { address: format!("p{lineage}@x.example"), name: String::new() });
        contact
    }

    fn lineage(&self) -> u64 {
        self.nickname.trim_start_matches('n').parse().unwrap()
    }

    fn with_lineage(&self, lineage: u64) -> Self {
        let made = Self::make(lineage);
        Self { nickname: made.nickname, mails: made.mails, ..self.clone() }
    }

    fn edit(&mut self, which: u32, word: &str) {
        match which % 6 {
            0 => self.company = format!("  {word} "),
            1 => drop(self.phones.insert(PhoneKind::Mobile, format!("+49 {word}"))),
            2 => self.notes = format!("{word}\r\nand a second line that is rather long\r\n"),
            3 => drop(self.categories.insert(word.to_owned())),
            4 => drop(self.ims.insert(Slot::Second, format!("sip:{word}@x.example"))),
            _ => self.title = word.to_owned(),
        }
    }

    fn normalised(&self) -> Self {
        let mut contact = self.rendered();
        for text in ContactText::ALL {
            *contact.text_mut(*text) = contact.text(*text).trim().to_owned();
        }
        contact.notes = contact.notes.replace("\r\n", "\n").trim().to_owned();
        // Nobody was told that this server adds a full stop.
        if !contact.title.is_empty() && !contact.title.ends_with('.') {
            contact.title.push('.');
        }
        contact
    }

    fn rendered(&self) -> Self {
        Self { notes: cut(&self.notes.replace("\r\n", "\n")), ..self.clone() }
    }
}

impl SimRecord for Event {
    fn make(lineage: u64) -> Self {
        let zone = Zone::named(["Europe/Berlin", "America/New_York", "Asia/Kolkata"][lineage as usize % 3]);
        let (start, end) = ("2026-03-25T09:00".parse().unwrap(), "2026-03-25T10:00".parse().unwrap());
        let mut event = Self::new("meeting", start, end, &zone);
        event.uid = Some(format!("u{lineage}@x"));
        event.organizer = Some(format!("n{lineage}@x.example"));
        if lineage.is_multiple_of(2) {
            let pattern = tieline_model::Pattern::Daily { interval: 7 };
            let series = tieline_model::Recurrence::new(pattern, tieline_model::Ends::After(9));
            event.schedule.recurrence = Some(series);
        }
        event
    }

    fn lineage(&self) -> u64 {
        let organizer = self.organizer.as_deref().unwrap();
        organizer.trim_start_matches('n').trim_end_matches("@x.example").parse().unwrap()
    }

    fn with_lineage(&self, lineage: u64) -> Self {
        let made = Self::make(lineage);
        Self { uid: made.uid, organizer: made.organizer, ..self.clone() }
    }

    fn edit(&mut self, which: u32, word: &str) {
        let number: i64 = word.trim_start_matches('w').parse().unwrap();
        match (which % 5, &mut self.schedule.recurrence) {
            (0, _) => self.subject = format!(" {word}  x"),
            (1, _) => self.body = format!("{word}\r\nand a second line that is rather long\r\n"),
            (2, _) => self.location = word.to_owned(),
            (3, Some(series)) => {
                let original = self
                    .schedule
                    .start
                    .local
                    .checked_add(jiff::SignedDuration::from_hours(24 * 7 * (number % 9)))
                    .unwrap();
                if number % 3 == 0 {
                    series.exceptions.remove(&original);
                    series.cancelled.insert(original);
                } else {
                    series.cancelled.remove(&original);
                    let changed = tieline_model::Exception {
                        start: original,
                        end: original,
                        subject: Some(word.to_owned()),
                        ..Default::default()
                    };
                    series.exceptions.insert(original, changed);
                }
            }
            _ => drop(self.categories.insert(word.to_owned())),
        }
    }

    fn normalised(&self) -> Self {
        let mut event = self.rendered();
        event.subject = event.subject.trim().to_owned();
        for when in [&mut event.schedule.start, &mut event.schedule.end] {
            if let Some(windows) = when.zone.windows_id() {
                when.zone = Zone::named(windows);
            }
        }
        event
    }

    fn rendered(&self) -> Self {
        Self { body: cut(&self.body.replace("\r\n", "\n")), ..self.clone() }
    }
}
