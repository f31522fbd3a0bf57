//! A record small enough for many histories.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tieline_model::{FieldId, MatchKey, Record, RecordKind};

use crate::sim_record::{SimRecord, cut};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum CardField {
    Lineage,
    Title,
    Company,
    Notes,
    Tags,
}

impl fmt::Display for CardField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl FromStr for CardField {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Card::fields().iter().copied().find(|field| field.to_string() == text).ok_or(())
    }
}

impl FieldId for CardField {}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Card {
    lineage: u64,
    title: String,
    company: String,
    notes: String,
    tags: BTreeSet<String>,
}

impl Record for Card {
    type Field = CardField;
    const KIND: RecordKind = RecordKind::Contacts;

    fn fields() -> &'static [CardField] {
        &[CardField::Lineage, CardField::Title, CardField::Company, CardField::Notes, CardField::Tags]
    }

    fn canonical(&self, field: CardField) -> String {
        match field {
            CardField::Lineage => self.lineage.to_string(),
            CardField::Title => self.title.trim().to_owned(),
            CardField::Company => self.company.trim().to_owned(),
            CardField::Notes => self.notes.trim().to_owned(),
            CardField::Tags => self.tags.iter().cloned().collect::<Vec<_>>().join(" "),
        }
    }

    fn copy_field(&mut self, field: CardField, from: &Self) {
        match field {
            CardField::Lineage => self.lineage = from.lineage,
            CardField::Title => self.title.clone_from(&from.title),
            CardField::Company => self.company.clone_from(&from.company),
            CardField::Notes => self.notes.clone_from(&from.notes),
            CardField::Tags => self.tags.clone_from(&from.tags),
        }
    }

    fn match_keys(&self) -> Vec<MatchKey> {
        vec![MatchKey::Mail(format!("p{}", self.lineage))]
    }

    fn may_be(&self, other: &Self) -> bool {
        self.lineage == other.lineage
    }

    fn headline(&self) -> String {
        format!("card {}", self.lineage)
    }

    fn join(field: CardField, base: (&Self, &Self), left: &Self, right: &Self) -> Option<Self> {
        (field == CardField::Tags).then(|| {
            let all: BTreeSet<&String> = left.tags.union(&right.tags).collect();
            let keep = |tag: &&&String| match (left.tags.contains(**tag), right.tags.contains(**tag)) {
                (true, false) => !base.1.tags.contains(**tag),
                (false, true) => !base.0.tags.contains(**tag),
                _ => true,
            };
            Self { tags: all.iter().filter(keep).map(|tag| (*tag).clone()).collect(), ..left.clone() }
        })
    }
}

impl SimRecord for Card {
    fn make(lineage: u64) -> Self {
        Self { lineage, ..Self::default() }
    }

    fn lineage(&self) -> u64 {
        self.lineage
    }

    fn with_lineage(&self, lineage: u64) -> Self {
        Self { lineage, ..self.clone() }
    }

    fn edit(&mut self, which: u32, word: &str) {
        match which % 4 {
            0 => self.title = word.to_owned(),
            1 => self.company = format!(" {word}  "),
            2 => self.notes = format!("{word} and a long text that servers cut"),
            _ => drop(self.tags.insert(word.to_owned())),
        }
    }

    fn normalised(&self) -> Self {
        let mut card = self.rendered();
        card.company = card.company.trim().to_owned();
        if !card.title.is_empty() && !card.title.ends_with('.') {
            card.title.push('.');
        }
        card
    }

    fn rendered(&self) -> Self {
        Self { notes: cut(&self.notes), ..self.clone() }
    }
}
