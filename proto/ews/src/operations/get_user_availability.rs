use crate::calendar_item::LegacyFreeBusyStatus;
use crate::date_time::DateTime;
use crate::operation::{NoPayload, Operation, ResponseMessage};
use crate::operations::get_user_oof_settings::{AvailabilityAddress, Duration};
use crate::time_zone::SerializableTimeZone;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:MeetingAttendeeType`.
    #[derive(Default)]
    pub enum MeetingAttendeeType { Organizer, #[default] Required, Optional, Room, Resource }
}

open_enum! {
    /// `t:FreeBusyViewType`: how much is asked for, and how much one was allowed to see.
    #[derive(Default)]
    pub enum FreeBusyViewType {
        #[default]
        None,
        MergedOnly,
        FreeBusy,
        FreeBusyMerged,
        Detailed,
        DetailedMerged,
    }
}

sequence! {
    /// `t:MailboxData`: whose time is asked for.
    pub struct MailboxData in Types {
        required b"Email" => email: AvailabilityAddress,
        required b"AttendeeType" => attendee_type: MeetingAttendeeType,
        element b"ExcludeConflicts" => exclude_conflicts: Option<bool>,
    }
}

sequence! {
    /// `t:FreeBusyViewOptionsType`.
    pub struct FreeBusyViewOptions in Types {
        required b"TimeWindow" => time_window: Duration,
        /// 5 to 1440; 30 where absent.
        element b"MergedFreeBusyIntervalInMinutes" => merged_free_busy_interval_in_minutes: Option<i32>,
        element b"RequestedView" => requested_view: Option<FreeBusyViewType>,
    }
}

sequence! {
    /// `t:SuggestionsViewOptionsType`.
    pub struct SuggestionsViewOptions in Types {
        element b"GoodThreshold" => good_threshold: Option<i32>,
        element b"MaximumResultsByDay" => maximum_results_by_day: Option<i32>,
        element b"MaximumNonWorkHourResultsByDay" => maximum_non_work_hour_results_by_day: Option<i32>,
        element b"MeetingDurationInMinutes" => meeting_duration_in_minutes: Option<i32>,
        element b"MinimumSuggestionQuality" => minimum_suggestion_quality: Option<String>,
        required b"DetailedSuggestionsWindow" => detailed_suggestions_window: Duration,
        element b"CurrentMeetingTime" => current_meeting_time: Option<DateTime>,
        element b"GlobalObjectId" => global_object_id: Option<String>,
    }
}

sequence! {
    /// When people are free, busy and at work.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwavls/> section 3.1.4.1
    pub struct GetUserAvailability in Messages {
        /// Required by servers, though not by the schema.
        element Types b"TimeZone" => time_zone: Option<SerializableTimeZone>,
        required_list b"MailboxDataArray" / b"MailboxData" => mailbox_data_array: Vec<MailboxData>,
        element Types b"FreeBusyViewOptions" => free_busy_view_options: Option<FreeBusyViewOptions>,
        element Types b"SuggestionsViewOptions" => suggestions_view_options: Option<SuggestionsViewOptions>,
    }
}

impl Operation for GetUserAvailability {
    const REQUEST: &'static str = "GetUserAvailabilityRequest";
    const RESPONSE: &'static str = "GetUserAvailabilityResponse";
    const MESSAGE: &'static str = "ResponseMessage";
    type Response = GetUserAvailabilityResponse;
}

sequence! {
    /// `t:CalendarEventDetails`.
    pub struct CalendarEventDetails in Types {
        element b"ID" => id: Option<String>,
        element b"Subject" => subject: Option<String>,
        element b"Location" => location: Option<String>,
        required b"IsMeeting" => is_meeting: bool,
        required b"IsRecurring" => is_recurring: bool,
        required b"IsException" => is_exception: bool,
        required b"IsReminderSet" => is_reminder_set: bool,
        required b"IsPrivate" => is_private: bool,
    }
}

sequence! {
    /// `t:CalendarEvent`; times are in the request's zone, without offset.
    pub struct CalendarEvent in Types {
        element b"StartTime" => start_time: Option<DateTime>,
        element b"EndTime" => end_time: Option<DateTime>,
        element b"BusyType" => busy_type: Option<LegacyFreeBusyStatus>,
        element b"CalendarEventDetails" => calendar_event_details: Option<CalendarEventDetails>,
    }
}

sequence! {
    /// `t:WorkingPeriod`; the days are names separated by blanks.
    pub struct WorkingPeriod in Types {
        required b"DayOfWeek" => day_of_week: String,
        required b"StartTimeInMinutes" => start_time_in_minutes: i32,
        required b"EndTimeInMinutes" => end_time_in_minutes: i32,
    }
}

sequence! {
    /// `t:WorkingHours`.
    pub struct WorkingHours in Types {
        required b"TimeZone" => time_zone: SerializableTimeZone,
        required_list b"WorkingPeriodArray" / b"WorkingPeriod" => working_period_array: Vec<WorkingPeriod>,
    }
}

sequence! {
    /// `t:FreeBusyView`.
    pub struct FreeBusyView in Types {
        /// What one was allowed to see; perhaps less than asked for.
        required b"FreeBusyViewType" => free_busy_view_type: FreeBusyViewType,
        /// A digit for each interval: 0 free, 1 tentative, 2 busy, 3 out of office, 4 no data or working elsewhere.
        element b"MergedFreeBusy" => merged_free_busy: Option<String>,
        list b"CalendarEventArray" / b"CalendarEvent" => calendar_event_array: Vec<CalendarEvent>,
        element b"WorkingHours" => working_hours: Option<WorkingHours>,
    }
}

sequence! {
    /// `m:FreeBusyResponseType`: one mailbox.
    pub struct FreeBusyResponse in Messages {
        element b"ResponseMessage" => response_message: Option<ResponseMessage<NoPayload>>,
        element b"FreeBusyView" => free_busy_view: Option<FreeBusyView>,
    }
}

sequence! {
    /// `m:ArrayOfFreeBusyResponse`: one for each mailbox, in the order of the request.
    pub struct FreeBusyResponses in Messages {
        element b"FreeBusyResponse" => responses: Vec<FreeBusyResponse>,
    }
}

sequence! {
    /// `t:Suggestion`: a time to meet.
    pub struct Suggestion in Types {
        element b"MeetingTime" => meeting_time: Option<DateTime>,
        required b"IsWorkTime" => is_work_time: bool,
        required b"SuggestionQuality" => suggestion_quality: String,
    }
}

sequence! {
    /// `t:SuggestionDayResult`.
    pub struct SuggestionDayResult in Types {
        element b"Date" => date: Option<DateTime>,
        required b"DayQuality" => day_quality: String,
        required_list b"SuggestionArray" / b"Suggestion" => suggestion_array: Vec<Suggestion>,
    }
}

sequence! {
    /// `m:SuggestionsResponseType`.
    pub struct SuggestionsResponse in Messages {
        element b"ResponseMessage" => response_message: Option<ResponseMessage<NoPayload>>,
        list b"SuggestionDayResultArray" / b"SuggestionDayResult" => suggestion_day_result_array: Vec<SuggestionDayResult>,
    }
}

sequence! {
    /// `m:GetUserAvailabilityResponseType`.
    pub struct GetUserAvailabilityResponse in Messages {
        element b"FreeBusyResponseArray" => free_busy_response_array: Option<FreeBusyResponses>,
        element b"SuggestionsResponse" => suggestions_response: Option<SuggestionsResponse>,
    }
}
