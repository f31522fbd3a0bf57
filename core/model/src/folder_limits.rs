//! How many items a folder may hold before Exchange slows down (AV-91 to AV-97), as data.

use serde::{Deserialize, Serialize};

/// Exchange versions by their major and minor build numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExchangeVersion {
    /// 8.x
    Exchange2007,
    /// 14.x
    Exchange2010,
    /// 15.0
    Exchange2013,
    /// 15.1
    Exchange2016,
    /// 15.2, also Subscription Edition.
    Exchange2019,
}

impl ExchangeVersion {
    /// By the build numbers that a server states; `None` for what is older than 2007. Newer ones count as the newest.
    #[must_use]
    pub const fn from_build(major: u16, minor: u16) -> Option<Self> {
        match (major, minor) {
            (0..=7, _) => None,
            (8..=13, _) => Some(Self::Exchange2007),
            (14, _) => Some(Self::Exchange2010),
            (15, 0) => Some(Self::Exchange2013),
            (15, 1) => Some(Self::Exchange2016),
            _ => Some(Self::Exchange2019),
        }
    }

    /// The product's name.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Exchange2007 => "Exchange 2007",
            Self::Exchange2010 => "Exchange 2010",
            Self::Exchange2013 => "Exchange 2013",
            Self::Exchange2016 => "Exchange 2016",
            Self::Exchange2019 => "Exchange 2019",
        }
    }
}

/// What a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FolderNoun {
    /// Messages.
    Messages,
    /// Contacts or calendar entries.
    ContactsOrCalendar,
}

/// A folder must hold fewer items than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// The number that must not be reached.
    pub items: u32,
    /// The manuals say nothing about this version: the number is taken from its neighbour.
    pub assumed: bool,
}

/// One line of the table: version, noun, limit, assumed.
const TABLE: [(ExchangeVersion, FolderNoun, u32, bool); 10] = {
    use ExchangeVersion as V;
    use FolderNoun::{ContactsOrCalendar, Messages};
    [
        (V::Exchange2007, Messages, 20_000, false),
        (V::Exchange2010, Messages, 20_000, true),
        (V::Exchange2013, Messages, 100_000, false),
        (V::Exchange2016, Messages, 100_000, false),
        (V::Exchange2019, Messages, 100_000, true),
        (V::Exchange2007, ContactsOrCalendar, 5_000, false),
        (V::Exchange2010, ContactsOrCalendar, 5_000, true),
        (V::Exchange2013, ContactsOrCalendar, 10_000, false),
        (V::Exchange2016, ContactsOrCalendar, 10_000, false),
        (V::Exchange2019, ContactsOrCalendar, 10_000, true),
    ]
};

/// How full a folder is, measured against its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FolderLoad {
    /// Below 80 %.
    Ok,
    /// From 80 % on: a warning.
    Warning,
    /// From 100 % on: an alarm.
    Alarm,
}

impl Limit {
    /// The limit for a folder of a server.
    #[must_use]
    pub fn of(version: ExchangeVersion, noun: FolderNoun) -> Self {
        TABLE
            .iter()
            .find(|row| row.0 == version && row.1 == noun)
            .map_or(Self { items: 20_000, assumed: true }, |row| Self { items: row.2, assumed: row.3 })
    }

    /// How full a folder with so many items is.
    #[must_use]
    pub fn load(self, items: u32) -> FolderLoad {
        if items >= self.items {
            FolderLoad::Alarm
        } else if u64::from(items) * 100 >= u64::from(self.items) * 80 {
            FolderLoad::Warning
        } else {
            FolderLoad::Ok
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AV-92, AV-93, AV-94, AV-95, AV-96, AV-97
    #[test]
    fn the_table_says_what_the_manual_says() {
        for (version, messages, others) in [
            (ExchangeVersion::Exchange2007, 20_000, 5_000),
            (ExchangeVersion::Exchange2013, 100_000, 10_000),
            (ExchangeVersion::Exchange2016, 100_000, 10_000),
        ] {
            assert_eq!(Limit::of(version, FolderNoun::Messages), Limit { items: messages, assumed: false });
            assert_eq!(
                Limit::of(version, FolderNoun::ContactsOrCalendar),
                Limit { items: others, assumed: false }
            );
        }
        assert!(TABLE.iter().all(|row| Limit::of(row.0, row.1) == Limit { items: row.2, assumed: row.3 }));
    }

    ///
    #[test]
    fn what_the_manual_does_not_say_is_marked_as_assumed() {
        let assumed = |version| Limit::of(version, FolderNoun::Messages).assumed;
        assert!(assumed(ExchangeVersion::Exchange2010) && assumed(ExchangeVersion::Exchange2019));
        assert_eq!(ExchangeVersion::from_build(15, 2), Some(ExchangeVersion::Exchange2019));
        assert_eq!(ExchangeVersion::from_build(6, 5), None);
    }

    /// Covers: AV-91
    #[test]
    fn a_folder_warns_at_80_percent_and_alarms_at_100() {
        let limit = Limit::of(ExchangeVersion::Exchange2016, FolderNoun::Messages);
        for (items, load) in [
            (0, FolderLoad::Ok),
            (79_999, FolderLoad::Ok),
            (80_000, FolderLoad::Warning),
            (99_999, FolderLoad::Warning),
            (100_000, FolderLoad::Alarm),
            (u32::MAX, FolderLoad::Alarm),
        ] {
            assert_eq!(limit.load(items), load, "{items}");
        }
    }
}
