//! What contacts and events have in common: named fields that are compared, merged and explained one by one.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display, Write};
use std::hash::Hash;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What is synchronized besides messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// Contacts.
    Contacts,
    /// Calendar events.
    Calendar,
}

impl RecordKind {
    /// As printed: `contacts`, `calendar`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Calendar => "calendar",
        }
    }
}

/// Who may see the details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// Everybody who sees the folder.
    #[default]
    Normal,
    /// Not for work.
    Personal,
    /// The owner only.
    Private,
    /// Not to be told.
    Confidential,
}

impl Sensitivity {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Normal => "",
            Self::Personal => "personal",
            Self::Private => "private",
            Self::Confidential => "confidential",
        }
    }

    /// Details are not shown to others.
    #[must_use]
    pub const fn hides_details(self) -> bool {
        matches!(self, Self::Private | Self::Confidential | Self::Personal)
    }
}

/// By what two items made on both sides are recognised as one, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatchKey {
    /// The event's or contact's UID.
    Uid(String),
    /// A SIP address.
    Sip(String),
    /// A mail address.
    Mail(String),
    /// Name and telephone number, for people without addresses.
    NameAndPhone(String),
}

impl MatchKey {
    /// For an index: `uid:…`, `sip:…`.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Uid(key) => format!("uid:{key}"),
            Self::Sip(key) => format!("sip:{key}"),
            Self::Mail(key) => format!("mail:{key}"),
            Self::NameAndPhone(key) => format!("name:{key}"),
        }
    }
}

/// The name of a field, the same in stores, explanations and reports.
pub trait FieldId:
    Copy + Ord + Hash + Debug + Display + FromStr + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

/// A contact or an event.
pub trait Record: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its fields.
    type Field: FieldId;
    /// What it is.
    const KIND: RecordKind;

    /// All fields, in a fixed order.
    fn fields() -> &'static [Self::Field];

    /// The field's value in the form in which both sides are compared; empty when it is absent. It does not change
    /// when a server trims blanks, changes line ends, reorders lists, or renames a zone.
    fn canonical(&self, field: Self::Field) -> String;

    /// Takes one field from another record.
    fn copy_field(&mut self, field: Self::Field, from: &Self);

    /// By what it is recognised on the other side.
    fn match_keys(&self) -> Vec<MatchKey>;

    /// Whether both may be the same thing, when a match key says so: one mail address may belong to a family.
    fn may_be(&self, other: &Self) -> bool;

    /// Whether the key is proof by itself.
    fn is_proof(key: &MatchKey) -> bool {
        matches!(key, MatchKey::Uid(_))
    }

    /// A few words for people; nothing that its sensitivity hides.
    fn headline(&self) -> String;

    /// Joins two edits of one field, when nothing is lost by it: the record returned holds the joined field.
    fn join(_field: Self::Field, _base: (&Self, &Self), _left: &Self, _right: &Self) -> Option<Self> {
        None
    }

    /// Whether a field is the same in both, as both sides are compared.
    fn same(&self, other: &Self, field: Self::Field) -> bool {
        self.canonical(field) == other.canonical(field)
    }

    /// The fields that differ.
    fn differences(&self, other: &Self) -> Vec<Self::Field> {
        if self == other {
            return Vec::new();
        }
        Self::fields().iter().copied().filter(|field| !self.same(other, *field)).collect()
    }

    /// The same for records that are the same.
    fn hash(&self) -> RecordHash {
        let mut digest = Sha256::new();
        for field in Self::fields() {
            let value = self.canonical(*field);
            if !value.is_empty() {
                digest.update(format!("{field}\u{0}{}\u{0}", value.len()));
                digest.update(value);
            }
        }
        RecordHash::finish(digest)
    }
}

/// 16 bytes of a SHA-256, as hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordHash(String);

impl RecordHash {
    /// Of any text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// Of any bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut digest = Sha256::new();
        digest.update(bytes);
        Self::finish(digest)
    }

    fn finish(digest: Sha256) -> Self {
        let mut text = String::with_capacity(32);
        for byte in digest.finalize().iter().take(16) {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// As hex.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One line: blanks at the ends go, runs of blanks are one blank.
pub(crate) fn line(text: &str) -> String {
    let mut blank = true;
    // Most texts are so already.
    let is_normal = text.bytes().all(|byte| {
        let normal = byte.is_ascii_graphic() || (byte == b' ' && !blank);
        blank = byte == b' ';
        normal
    });
    if is_normal && (text.is_empty() || !blank) {
        return text.to_owned();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Several lines: line ends are `\n`, blanks at the ends of lines and empty lines at the end go.
pub(crate) fn lines(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}'], "\n");
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim_end()).collect();
    lines.join("\n").trim().to_owned()
}

/// A set of names, whatever their order and case.
pub(crate) fn names<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let set: BTreeSet<String> =
        names.into_iter().map(|name| line(name).to_lowercase()).filter(|name| !name.is_empty()).collect();
    set.into_iter().collect::<Vec<_>>().join("\n")
}

/// What both sides added stays, what either removed goes. Names differing in case only are one.
pub(crate) fn join_names(
    base: (&BTreeSet<String>, &BTreeSet<String>),
    left: &BTreeSet<String>,
    right: &BTreeSet<String>,
) -> BTreeSet<String> {
    let has = |set: &BTreeSet<String>, name: &str| {
        set.iter().any(|other| line(other).to_lowercase() == line(name).to_lowercase())
    };
    let mut joined = BTreeSet::new();
    for name in left.iter().chain(right) {
        let keep = match (has(left, name), has(right, name)) {
            (true, true) => true,
            (true, false) => !has(base.1, name),
            (false, _) => !has(base.0, name),
        };
        if keep && !has(&joined, name) {
            joined.insert(name.clone());
        }
    }
    joined
}

/// The names of a type's values, both ways, and serde by name.
macro_rules! by_name {
    ($name:ident, $noun:literal, $all:expr) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                $all.iter()
                    .copied()
                    .find(|value| value.to_string() == text)
                    .ok_or_else(|| format!("{text:?} is not {}", $noun))
            }
        }
    };
}

/// A plain enum whose values have names.
macro_rules! named_values {
    ($(#[$doc:meta])* $name:ident, $noun:literal; $($(#[$value_doc:meta])* $value:ident = $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$value_doc])* $value),+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// Its name, the same everywhere.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$value => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        $crate::record::by_name!($name, $noun, $name::ALL);
    };
}

pub(crate) use by_name;
pub(crate) use named_values;
