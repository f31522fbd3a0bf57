//! What the OpenAPI document says of an event's fields, whose types belong to another crate. Nothing here is ever built.

#![expect(dead_code, reason = "describes JSON in the OpenAPI document")]

use utoipa::ToSchema;

/// A calendar time.
#[derive(ToSchema)]
pub(super) struct When {
    /// On the wall, as 2026-03-02T09:00:00.
    local: String,
    /// Whose wall.
    zone: Zone,
}

/// A time zone.
#[derive(ToSchema)]
pub(super) struct Zone {
    /// A Windows id, an IANA id, or whatever a program made up.
    id: String,
    /// Rules, where they came with it.
    #[schema(value_type = Object, required = false, nullable = false)]
    rules: Option<serde_json::Value>,
}

/// When an event takes place.
#[derive(ToSchema)]
pub(super) struct Schedule {
    start: When,
    end: When,
    all_day: bool,
    /// Pattern, end, exceptions and cancelled occurrences of a series.
    #[schema(value_type = Option<Object>)]
    recurrence: Option<serde_json::Value>,
}

/// An event's fields.
#[derive(ToSchema)]
pub(super) struct Event {
    uid: Option<String>,
    subject: String,
    body: String,
    schedule: Schedule,
    location: String,
    /// office, meeting, home, mobile, travel, out-of-office or vacation; null is the default.
    uc_location: Option<String>,
    /// free, working-elsewhere, tentative, busy or out-of-office.
    busy: String,
    /// normal, personal, private or confidential.
    sensitivity: String,
    /// Minutes before the start.
    reminder: Option<u32>,
    organizer: Option<String>,
    #[schema(value_type = Vec<Object>)]
    attendees: Vec<serde_json::Value>,
    categories: Vec<String>,
    cancelled: bool,
}

/// What is said of an event; null removes.
#[derive(ToSchema)]
#[schema(value_type = Object)]
pub(super) struct EventBody(serde_json::Value);
