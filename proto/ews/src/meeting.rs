//! Messages about meetings.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsmtgs/> section 2.2.4

use crate::calendar_item::{
    Attendee, CalendarItemType, DeletedOccurrence, EnhancedLocation, LegacyFreeBusyStatus, OccurrenceInfo,
    ResponseType,
};
use crate::date_time::DateTime;
use crate::item::Item;
use crate::item_id::ItemId;
use crate::mailbox::SingleRecipient;
use crate::message::Message;
use crate::recurrence::Recurrence;
use crate::time_zone::{MeetingTimeZone, TimeZoneDefinition};
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:MeetingRequestTypeType`: what a request is about.
    pub enum MeetingRequestType {
        None,
        FullUpdate,
        InformationalUpdate,
        NewMeetingRequest,
        Outdated,
        SilentUpdate,
        PrincipalWantsCopy,
    }
}

sequence! {
    /// `t:ChangeHighlightsType`: what an update changed.
    pub struct ChangeHighlights in Types {
        element b"HasLocationChanged" => has_location_changed: Option<bool>,
        element b"Location" => location: Option<String>,
        element b"HasStartTimeChanged" => has_start_time_changed: Option<bool>,
        element b"Start" => start: Option<DateTime>,
        element b"HasEndTimeChanged" => has_end_time_changed: Option<bool>,
        element b"End" => end: Option<DateTime>,
    }
}

sequence! {
    /// `t:MeetingMessageType`: what messages about meetings have beyond messages.
    pub struct MeetingMessage in Types {
        base b"(message)" => message: Message,
        element b"AssociatedCalendarItemId" => associated_calendar_item_id: Option<ItemId>,
        element b"IsDelegated" => is_delegated: Option<bool>,
        element b"IsOutOfDate" => is_out_of_date: Option<bool>,
        element b"HasBeenProcessed" => has_been_processed: Option<bool>,
        element b"ResponseType" => response_type: Option<ResponseType>,
        element b"UID" => uid: Option<String>,
        element b"RecurrenceId" => recurrence_id: Option<DateTime>,
        element b"DateTimeStamp" => date_time_stamp: Option<DateTime>,
        element b"IsOrganizer" => is_organizer: Option<bool>,
    }
}

sequence! {
    /// `t:MeetingRequestMessageType`: an invitation or its update.
    pub struct MeetingRequest in Types {
        base b"(meeting)" => meeting: MeetingMessage,
        element b"MeetingRequestType" => meeting_request_type: Option<MeetingRequestType>,
        element b"IntendedFreeBusyStatus" => intended_free_busy_status: Option<LegacyFreeBusyStatus>,
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
        element b"ChangeHighlights" => change_highlights: Option<ChangeHighlights>,
        element b"StartWallClock" => start_wall_clock: Option<DateTime>,
        element b"EndWallClock" => end_wall_clock: Option<DateTime>,
        element b"StartTimeZoneId" => start_time_zone_id: Option<String>,
        element b"EndTimeZoneId" => end_time_zone_id: Option<String>,
        element b"DoNotForwardMeeting" => do_not_forward_meeting: Option<bool>,
    }
}

sequence! {
    /// `t:MeetingResponseMessageType`: an attendee's answer.
    pub struct MeetingResponse in Types {
        base b"(meeting)" => meeting: MeetingMessage,
        element b"Start" => start: Option<DateTime>,
        element b"End" => end: Option<DateTime>,
        element b"Location" => location: Option<String>,
        element b"Recurrence" => recurrence: Option<Recurrence>,
        element b"CalendarItemType" => calendar_item_type: Option<String>,
        element b"ProposedStart" => proposed_start: Option<DateTime>,
        element b"ProposedEnd" => proposed_end: Option<DateTime>,
        element b"EnhancedLocation" => enhanced_location: Option<EnhancedLocation>,
    }
}

sequence! {
    /// `t:MeetingCancellationMessageType`.
    pub struct MeetingCancellation in Types {
        base b"(meeting)" => meeting: MeetingMessage,
        element b"Start" => start: Option<DateTime>,
        element b"End" => end: Option<DateTime>,
        element b"Location" => location: Option<String>,
        element b"Recurrence" => recurrence: Option<Recurrence>,
        element b"CalendarItemType" => calendar_item_type: Option<String>,
        element b"EnhancedLocation" => enhanced_location: Option<EnhancedLocation>,
        element b"DoNotForwardMeeting" => do_not_forward_meeting: Option<bool>,
    }
}
