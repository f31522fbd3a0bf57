//! Synchronization settings and how a mailbox inherits them from its feature group.
//!
//! A feature group's and a mailbox's [`SyncSettings`] hold only what was said there. [`effective`] lays them over the
//! defaults and keeps the [`Origin`] of each value, so that every page can show where a value comes from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{FeatureGroup, Mailbox, MessageKind, Refusal};

/// Where an effective value was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", content = "name", rename_all = "kebab-case")]
pub enum Origin {
    /// Nobody said it: Tieline's default.
    Default,
    /// The feature group with this name.
    FeatureGroup(String),
    /// The mailbox itself.
    Mailbox,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::FeatureGroup(name) => write!(f, "from feature group {name}"),
            Self::Mailbox => f.write_str("set on the mailbox"),
        }
    }
}

/// A value together with where it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effective<T> {
    /// What holds.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

/// "Calendar Mode". Both labels of the source document name the same mode (X-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalendarMode {
    /// The calendar stays as it is: "None".
    #[default]
    #[serde(alias = "None")]
    None,
    /// "Sync with Mail Server", "Sync with Mail Server Calendar".
    #[serde(alias = "Sync with Mail Server", alias = "Sync with Mail Server Calendar")]
    SyncWithMailServer,
}

/// What is synchronized, in any combination (AV-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncKinds {
    /// Voice messages, fax and text messages go to the mail server; their state comes back.
    pub messages: bool,
    /// Contacts, both ways.
    pub contacts: bool,
    /// Calendar events, both ways.
    pub calendar: bool,
}

impl Default for SyncKinds {
    fn default() -> Self {
        Self { messages: true, contacts: false, calendar: false }
    }
}

/// A folder of a mailbox: a distinguished name such as `inbox`, or one with sub-folders below it, `inbox/Voice mail`.
/// The sub-folders are made when missing; afterwards the folder is known by its id, so that renaming it in Outlook
/// moves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FolderPath {
    root: String,
    below: Vec<String>,
}

impl FolderPath {
    /// Roots that a message may be put under; Exchange's distinguished folder ids.
    pub const ROOTS: [&'static str; 5] =
        ["inbox", "msgfolderroot", "drafts", "archivemsgfolderroot", "junkemail"];

    /// The Inbox itself.
    #[must_use]
    pub fn inbox() -> Self {
        Self { root: "inbox".to_owned(), below: Vec::new() }
    }

    /// The distinguished folder at the top.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Display names from the top down.
    #[must_use]
    pub fn below(&self) -> &[String] {
        &self.below
    }
}

impl FromStr for FolderPath {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let bad = |what: String| {
            Refusal::permanent(
                "bad-folder",
                what,
                "write inbox, or inbox/Voice mail for a folder below the Inbox",
            )
        };
        let mut parts = text.split('/');
        let root = parts.next().unwrap_or_default().to_lowercase();
        if !Self::ROOTS.contains(&root.as_str()) {
            let roots = Self::ROOTS.join(", ");
            return Err(bad(format!("{:?} does not begin with one of {roots}", shown(text))));
        }
        let below: Vec<String> = parts.map(|part| part.trim().to_owned()).collect();
        if below.len() > 8
            || below.iter().any(|p| p.is_empty() || p.len() > 255 || p.chars().any(char::is_control))
        {
            return Err(bad(format!("{:?} has a folder name that is empty or too long", shown(text))));
        }
        Ok(Self { root, below })
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        self.below.iter().try_for_each(|part| write!(f, "/{part}"))
    }
}

impl TryFrom<String> for FolderPath {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

impl From<FolderPath> for String {
    fn from(path: FolderPath) -> Self {
        path.to_string()
    }
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Which kinds of message are delivered, and into which folder ("Inbox Folder and the other fields", AV-72).
/// `None` as a folder: this kind is not delivered and stays in Tieline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindRules {
    /// Voice messages.
    pub voice: Option<FolderPath>,
    /// Fax.
    pub fax: Option<FolderPath>,
    /// Text messages.
    pub text: Option<FolderPath>,
}

impl KindRules {
    /// The folder for a kind, if it is delivered at all.
    #[must_use]
    pub const fn folder(&self, kind: MessageKind) -> Option<&FolderPath> {
        match kind {
            MessageKind::Voice => self.voice.as_ref(),
            MessageKind::Fax => self.fax.as_ref(),
            MessageKind::Text => self.text.as_ref(),
        }
    }
}

impl Default for KindRules {
    fn default() -> Self {
        Self {
            voice: Some(FolderPath::inbox()),
            fax: Some(FolderPath::inbox()),
            text: Some(FolderPath::inbox()),
        }
    }
}

/// What a feature group or a mailbox says about synchronization; `None` means that it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyncSettings {
    /// "Synchronization Settings".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<SyncKinds>,
    /// "Calendar Mode".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar_mode: Option<CalendarMode>,
    /// "Inbox Folder" and its like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folders: Option<KindRules>,
    /// "Change Location" (tab Mailbox Options): a calendar event moves the user's UC location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_location: Option<bool>,
    /// "Save Lync contacts in Outlook": people of the directory may be saved as contacts, which then follow it. Off, nothing
    /// is saved, refreshed or deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save_contacts: Option<bool>,
    /// The subject line; `{kind}`, `{caller}` and `{duration}` are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// Everything that holds for a mailbox, with origins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveSettings {
    /// What is synchronized.
    pub kinds: Effective<SyncKinds>,
    /// Whether the calendar is.
    pub calendar_mode: Effective<CalendarMode>,
    /// Where messages go.
    pub folders: Effective<KindRules>,
    /// Whether events move the location.
    pub change_location: Effective<bool>,
    /// Whether people of the directory are saved as contacts that follow it.
    pub save_contacts: Effective<bool>,
    /// The subject line's template.
    pub subject: Effective<String>,
}

/// The subject line when nobody said otherwise.
pub const DEFAULT_SUBJECT: &str = "{kind} from {caller} ({duration})";

/// Lays a mailbox's and its group's settings over the defaults. "Use Feature Group settings for IMAP" decides whether
/// the group's values hold (AV-47): when on, the mailbox's own values are kept but do not count; when off, the
/// mailbox's own values count and what it does not say is the default.
#[must_use]
pub fn effective(mailbox: &Mailbox, group: &FeatureGroup) -> EffectiveSettings {
    let (said, origin) = if mailbox.use_group_settings {
        (&group.settings, Origin::FeatureGroup(group.name.clone()))
    } else {
        (&mailbox.settings, Origin::Mailbox)
    };
    fn pick<T: Clone>(said: Option<&T>, origin: &Origin, default: T) -> Effective<T> {
        match said {
            Some(value) => Effective { value: value.clone(), origin: origin.clone() },
            None => Effective { value: default, origin: Origin::Default },
        }
    }
    EffectiveSettings {
        kinds: pick(said.kinds.as_ref(), &origin, SyncKinds::default()),
        calendar_mode: pick(said.calendar_mode.as_ref(), &origin, CalendarMode::default()),
        folders: pick(said.folders.as_ref(), &origin, KindRules::default()),
        change_location: pick(said.change_location.as_ref(), &origin, false),
        save_contacts: pick(said.save_contacts.as_ref(), &origin, true),
        subject: pick(said.subject.as_ref(), &origin, DEFAULT_SUBJECT.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::tests::{group, mailbox};

    /// Covers: AV-43, X-05
    #[test]
    fn both_labels_of_the_calendar_mode_mean_the_same() {
        for label in ["Sync with Mail Server", "Sync with Mail Server Calendar", "sync-with-mail-server"] {
            let said: SyncSettings =
                serde_json::from_value(serde_json::json!({"calendar_mode": label})).unwrap();
            assert_eq!(said.calendar_mode, Some(CalendarMode::SyncWithMailServer), "{label}");
            let written = serde_json::to_value(&said).unwrap();
            assert_eq!(
                written,
                serde_json::json!({"calendar_mode": "sync-with-mail-server"}),
                "one meaning, one word"
            );
        }
        for label in ["None", "none"] {
            let said: SyncSettings =
                serde_json::from_value(serde_json::json!({"calendar_mode": label})).unwrap();
            assert_eq!(said.calendar_mode, Some(CalendarMode::None), "{label}");
        }
        assert!(
            serde_json::from_value::<SyncSettings>(serde_json::json!({"calendar_mode": "Sync"})).is_err()
        );
    }

    /// Covers: AV-39, AV-69
    #[test]
    fn a_mailbox_follows_its_group_and_shows_where_the_value_comes_from() {
        let mut group = group("Sales");
        let mailbox = mailbox(&group);
        group.settings.change_location = Some(true);
        group.settings.kinds = Some(SyncKinds { messages: true, contacts: true, calendar: false });
        let effective = effective(&mailbox, &group);
        assert_eq!(effective.kinds.origin.to_string(), "from feature group Sales");
        assert!(effective.kinds.value.contacts);
        assert!(effective.change_location.value, "Mailbox Options are on the same page of settings");
        assert_eq!(effective.folders.origin, Origin::Default);
    }

    /// Covers: AV-47
    #[test]
    fn with_group_settings_off_the_mailboxs_own_values_count_and_the_groups_do_not() {
        let mut group = group("Sales");
        group.settings.calendar_mode = Some(CalendarMode::SyncWithMailServer);
        let mut mailbox = mailbox(&group);
        mailbox.settings.folders =
            Some(KindRules { voice: Some("inbox/Voice mail".parse().unwrap()), fax: None, text: None });
        assert_eq!(effective(&mailbox, &group).folders.origin, Origin::Default);
        assert_eq!(effective(&mailbox, &group).calendar_mode.value, CalendarMode::SyncWithMailServer);

        mailbox.use_group_settings = false;
        let own = effective(&mailbox, &group);
        assert_eq!(own.folders.origin, Origin::Mailbox);
        assert_eq!(own.folders.value.folder(MessageKind::Voice).unwrap().to_string(), "inbox/Voice mail");
        assert_eq!(own.folders.value.folder(MessageKind::Fax), None);
        assert_eq!(
            (own.calendar_mode.value, own.calendar_mode.origin),
            (CalendarMode::None, Origin::Default)
        );
    }

    /// Covers: AV-11 (messages), AV-44 (messages)
    #[test]
    fn every_combination_of_kinds_can_be_said_and_read_back() {
        for bits in 0..8_u8 {
            let kinds = SyncKinds { messages: bits & 1 > 0, contacts: bits & 2 > 0, calendar: bits & 4 > 0 };
            let said = SyncSettings { kinds: Some(kinds), ..SyncSettings::default() };
            let json = serde_json::to_string(&said).unwrap();
            assert_eq!(serde_json::from_str::<SyncSettings>(&json).unwrap().kinds, Some(kinds));
        }
    }

    #[test]
    fn both_labels_of_the_calendar_mode_are_read() {
        for label in ["Sync with Mail Server", "Sync with Mail Server Calendar", "sync-with-mail-server"] {
            let mode: CalendarMode = serde_json::from_value(label.into()).unwrap();
            assert_eq!(mode, CalendarMode::SyncWithMailServer);
        }
    }

    #[test]
    fn folders_are_checked_when_said() {
        assert_eq!("Inbox/Voice mail".parse::<FolderPath>().unwrap().below(), ["Voice mail"]);
        for bad in ["", "sent", "inbox//x", "inbox/a\u{7}", "inbox/1/2/3/4/5/6/7/8/9"] {
            assert!(bad.parse::<FolderPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_mistyped_setting_is_not_ignored() {
        assert!(serde_json::from_str::<SyncSettings>(r#"{"kind":{}}"#).is_err());
    }
}
