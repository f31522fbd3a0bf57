use crate::date_time::DateTime;
use crate::item::Item;
use crate::item_id::ItemId;
use crate::mailbox::{EmailAddress, SingleRecipient};
use crate::recurrence::Recurrence;
use crate::time_zone::{MeetingTimeZone, TimeZoneDefinition};
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:LegacyFreeBusyType`: how the time shows to others.
    pub enum LegacyFreeBusyStatus {
        Free,
        Tentative,
        Busy,
        Oof = "OOF",
        WorkingElsewhere,
        NoData,
    }
}

open_enum! {
    /// `t:CalendarItemTypeType`: the item's place in a series.
    pub enum CalendarItemType { Single, Occurrence, Exception, RecurringMaster }
}

open_enum! {
    /// `t:ResponseTypeType`: an attendee's answer.
    pub enum ResponseType { Unknown, Organizer, Tentative, Accept, Decline, NoResponseReceived }
}

sequence! {
    /// `t:AttendeeType`.
    pub struct Attendee in Types {
        required b"Mailbox" => mailbox: EmailAddress,
        element b"ResponseType" => response_type: Option<ResponseType>,
        element b"LastResponseTime" => last_response_time: Option<DateTime>,
        element b"ProposedStart" => proposed_start: Option<DateTime>,
        element b"ProposedEnd" => proposed_end: Option<DateTime>,
    }
}

sequence! {
    /// `t:OccurrenceInfoType`: an occurrence that differs from its series, or the first or last one.
    pub struct OccurrenceInfo in Types {
        required b"ItemId" => item_id: ItemId,
        element b"Start" => start: Option<DateTime>,
        element b"End" => end: Option<DateTime>,
        element b"OriginalStart" => original_start: Option<DateTime>,
    }
}

sequence! {
    /// `t:DeletedOccurrenceInfoType`: the original start of an occurrence that was deleted.
    pub struct DeletedOccurrence in Types {
        element b"Start" => start: Option<DateTime>,
    }
}

sequence! {
    /// `t:PersonaPostalAddressType`.
    pub struct PostalAddress in Types {
        element b"Street" => street: Option<String>,
        element b"City" => city: Option<String>,
        element b"State" => state: Option<String>,
        element b"Country" => country: Option<String>,
        element b"PostalCode" => postal_code: Option<String>,
        element b"PostOfficeBox" => post_office_box: Option<String>,
        element b"Type" => address_type: Option<String>,
        element b"Latitude" => latitude: Option<f64>,
        element b"Longitude" => longitude: Option<f64>,
        element b"Accuracy" => accuracy: Option<f64>,
        element b"Altitude" => altitude: Option<f64>,
        element b"AltitudeAccuracy" => altitude_accuracy: Option<f64>,
        element b"FormattedAddress" => formatted_address: Option<String>,
        element b"LocationUri" => location_uri: Option<String>,
        element b"LocationSource" => location_source: Option<String>,
    }
}

sequence! {
    /// `t:EnhancedLocationType`: a place with its address.
    pub struct EnhancedLocation in Types {
        required b"DisplayName" => display_name: String,
        element b"Annotation" => annotation: Option<String>,
        element b"PostalAddress" => postal_address: Option<PostalAddress>,
    }
}

sequence! {
    /// `t:OnlineMeetingSettingsType`.
    pub struct OnlineMeetingSettings in Types {
        required b"LobbyBypass" => lobby_bypass: String,
        required b"AccessLevel" => access_level: String,
        required b"Presenters" => presenters: String,
    }
}

sequence! {
    /// `t:CalendarItemType`: what calendar items have beyond items.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsmtgs/> section 2.2.4.9
    pub struct CalendarItem in Types {
        element b"UID" => uid: Option<String>,
        element b"RecurrenceId" => recurrence_id: Option<DateTime>,
        element b"DateTimeStamp" => date_time_stamp: Option<DateTime>,
        element b"Start" => start: Option<DateTime>,
        element b"End" => end: Option<DateTime>,
        element b"OriginalStart" => original_start: Option<DateTime>,
        element b"IsAllDayEvent" => is_all_day_event: Option<bool>,
        element b"LegacyFreeBusyStatus" => legacy_free_busy_status: Option<LegacyFreeBusyStatus>,
        element b"Location" => location: Option<String>,
        element b"When" => when: Option<String>,
        element b"IsMeeting" => is_meeting: Option<bool>,
        element b"IsCancelled" => is_cancelled: Option<bool>,
        element b"IsRecurring" => is_recurring: Option<bool>,
        element b"MeetingRequestWasSent" => meeting_request_was_sent: Option<bool>,
        element b"IsResponseRequested" => is_response_requested: Option<bool>,
        element b"CalendarItemType" => calendar_item_type: Option<CalendarItemType>,
        element b"MyResponseType" => my_response_type: Option<ResponseType>,
        element b"Organizer" => organizer: Option<SingleRecipient>,
        list b"RequiredAttendees" / b"Attendee" => required_attendees: Vec<Attendee>,
        list b"OptionalAttendees" / b"Attendee" => optional_attendees: Vec<Attendee>,
        list b"Resources" / b"Attendee" => resources: Vec<Attendee>,
        element b"ConflictingMeetingCount" => conflicting_meeting_count: Option<i32>,
        element b"AdjacentMeetingCount" => adjacent_meeting_count: Option<i32>,
        array b"ConflictingMeetings" => conflicting_meetings: Vec<Item>,
        array b"AdjacentMeetings" => adjacent_meetings: Vec<Item>,
        element b"Duration" => duration: Option<String>,
        element b"TimeZone" => time_zone: Option<String>,
        element b"AppointmentReplyTime" => appointment_reply_time: Option<DateTime>,
        element b"AppointmentSequenceNumber" => appointment_sequence_number: Option<i32>,
        element b"AppointmentState" => appointment_state: Option<i32>,
        element b"Recurrence" => recurrence: Option<Recurrence>,
        element b"FirstOccurrence" => first_occurrence: Option<OccurrenceInfo>,
        element b"LastOccurrence" => last_occurrence: Option<OccurrenceInfo>,
        list b"ModifiedOccurrences" / b"Occurrence" => modified_occurrences: Vec<OccurrenceInfo>,
        list b"DeletedOccurrences" / b"DeletedOccurrence" => deleted_occurrences: Vec<DeletedOccurrence>,
        element b"MeetingTimeZone" => meeting_time_zone: Option<MeetingTimeZone>,
        element b"StartTimeZone" => start_time_zone: Option<TimeZoneDefinition>,
        element b"EndTimeZone" => end_time_zone: Option<TimeZoneDefinition>,
        element b"ConferenceType" => conference_type: Option<i32>,
        element b"AllowNewTimeProposal" => allow_new_time_proposal: Option<bool>,
        element b"IsOnlineMeeting" => is_online_meeting: Option<bool>,
        element b"MeetingWorkspaceUrl" => meeting_workspace_url: Option<String>,
        element b"NetShowUrl" => net_show_url: Option<String>,
        element b"EnhancedLocation" => enhanced_location: Option<EnhancedLocation>,
        element b"StartWallClock" => start_wall_clock: Option<DateTime>,
        element b"EndWallClock" => end_wall_clock: Option<DateTime>,
        element b"StartTimeZoneId" => start_time_zone_id: Option<String>,
        element b"EndTimeZoneId" => end_time_zone_id: Option<String>,
        element b"IntendedFreeBusyStatus" => intended_free_busy_status: Option<LegacyFreeBusyStatus>,
        element b"JoinOnlineMeetingUrl" => join_online_meeting_url: Option<String>,
        element b"OnlineMeetingSettings" => online_meeting_settings: Option<OnlineMeetingSettings>,
        element b"IsOrganizer" => is_organizer: Option<bool>,
        element b"DoNotForwardMeeting" => do_not_forward_meeting: Option<bool>,
    }
}
