//! What the OpenAPI document says of values whose types belong to other crates. Nothing here is ever built: the judge
//! of the REST API compares each with what is really sent.

#![expect(dead_code, reason = "describes JSON in the OpenAPI document")]

use utoipa::ToSchema;

/// Synchronization Options and Mailbox Options, as far as they were said here.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// "Synchronization Settings".
    kinds: Option<Kinds>,
    /// "Calendar Mode": none or sync-with-mail-server.
    calendar_mode: Option<String>,
    /// "Inbox Folder" and its like.
    folders: Option<Folders>,
    /// "Change Location": a calendar event moves the user's location.
    change_location: Option<bool>,
    /// "Save Lync contacts in Outlook": people of the directory may be saved as contacts, which then follow it.
    save_contacts: Option<bool>,
    /// The subject line; `{kind}`, `{caller}` and `{duration}` are replaced.
    subject: Option<String>,
}

/// What is synchronized.
#[derive(ToSchema)]
pub(crate) struct Kinds {
    /// Voice messages, fax and text messages.
    messages: bool,
    /// Contacts, both ways.
    contacts: bool,
    /// Calendar events, both ways.
    calendar: bool,
}

/// Where each kind of message goes, as `inbox` or `inbox/Voice mail`; null: it stays in Tieline.
#[derive(ToSchema)]
pub(crate) struct Folders {
    /// Voice messages.
    voice: Option<String>,
    /// Fax.
    fax: Option<String>,
    /// Text messages.
    text: Option<String>,
}

/// What holds for a mailbox.
#[derive(ToSchema)]
pub(super) struct EffectiveSettings {
    kinds: Effective<Kinds>,
    calendar_mode: Effective<String>,
    folders: Effective<Folders>,
    change_location: Effective<bool>,
    save_contacts: Effective<bool>,
    subject: Effective<String>,
}

/// A value together with where it was said.
#[derive(ToSchema)]
pub(super) struct Effective<T: ToSchema> {
    /// What holds.
    value: T,
    /// Who said so.
    origin: Origin,
}

/// Where a value was said.
#[derive(ToSchema)]
pub(super) struct Origin {
    /// default, feature-group or mailbox.
    from: String,
    /// The feature group's name.
    #[schema(nullable = false)]
    name: Option<String>,
}

/// How a server's certificate is trusted.
#[derive(ToSchema)]
pub(crate) struct Trust {
    /// system: the operating system's authorities; ca: `pem` in addition; pinned: exactly `sha256`.
    trust: String,
    /// One or more certificates in PEM form.
    #[schema(nullable = false)]
    pem: Option<String>,
    /// 64 hex digits.
    #[schema(nullable = false)]
    sha256: Option<String>,
}

/// How the service accounts of a server sign in.
#[derive(ToSchema)]
pub(super) struct Authentication {
    /// automatic: Basic, or NTLM where there is no Basic; basic; ntlm; oauth2: tokens for an application.
    kind: String,
    /// Where tokens are issued.
    #[schema(nullable = false)]
    token_url: Option<String>,
    /// The application; its secret is the password of the feature group.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// What tokens are for.
    #[schema(nullable = false)]
    scope: Option<String>,
}

/// Who called; a withheld number is no number.
#[derive(ToSchema)]
pub(super) struct Caller {
    /// The telephone number as the network gave it.
    number: Option<String>,
    /// The name as the network or a directory gave it.
    name: Option<String>,
}

/// How far a delivery is.
#[derive(ToSchema)]
pub(super) struct Delivery {
    /// waiting, delivering, delivered, quarantined or kept.
    state: String,
    /// When it was delivered, or is tried next.
    #[schema(nullable = false, format = DateTime)]
    at: Option<String>,
    /// How often it was tried, while it is not delivered.
    attempts: u32,
    /// Why it is not delivered, with the next step.
    #[schema(nullable = false)]
    cause: Option<String>,
    /// Its item's id in the mail system.
    #[schema(nullable = false)]
    item: Option<String>,
}

/// How a mailbox fares.
#[derive(ToSchema)]
pub(super) struct Health {
    /// ok, pending, degraded, paused, refused or unknown.
    state: String,
    /// Since when.
    since: Option<String>,
    /// When it was last looked at.
    checked: Option<String>,
    /// Why, with the next step.
    cause: Option<String>,
}

/// What lamps should show.
#[derive(ToSchema)]
pub(super) struct Light {
    /// on, off or unknown.
    light: String,
    /// Unread voice messages; absent while the light is unknown.
    #[schema(nullable = false)]
    new: Option<u32>,
    /// Read voice messages; absent while the light is unknown.
    #[schema(nullable = false)]
    old: Option<u32>,
}

/// Undeleted messages of one kind.
#[derive(ToSchema)]
pub(super) struct Counts {
    /// Unread.
    new: u32,
    /// Read.
    old: u32,
}

/// Undeleted messages, by kind.
#[derive(ToSchema)]
pub(super) struct KindCounts {
    voice: Counts,
    fax: Counts,
    text: Counts,
}

/// How long one step of a journey takes, over the last thousand.
#[derive(ToSchema)]
pub(super) struct Lag {
    /// How many were measured.
    count: u64,
    /// Half take at most so many milliseconds.
    p50_ms: u64,
    /// Ninety-nine of a hundred take at most so many milliseconds.
    p99_ms: u64,
}

/// A counted folder against its limit.
#[derive(ToSchema)]
pub(super) struct Folder {
    /// `mb_…`
    mailbox: String,
    /// Its path.
    folder: String,
    /// How many items it holds.
    items: u64,
    /// The number that must not be reached.
    limit: u32,
    /// The limit is not in the manuals for this version, but taken from its neighbour.
    assumed: bool,
    /// ok, warning or alarm.
    load: String,
    /// When it was counted.
    at: String,
}

/// What happened, where, and what to do next.
#[derive(ToSchema)]
pub(super) struct Refusal {
    /// A stable name for programs.
    code: String,
    /// What happened.
    what: String,
    /// Mailbox, server, item, or file and line.
    #[serde(rename = "where")]
    #[schema(nullable = false)]
    place: Option<String>,
    /// One step that helps.
    next: String,
    /// Who must act: transient, permanent or operator.
    class: String,
}
