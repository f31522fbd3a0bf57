//! Time zones: by Windows id, with their rules, and the form of Exchange 2007.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsgtz/> section 2.2.4

use crate::date_time::{Date, DateTime};
use crate::recurrence::RelativeYearly;
use crate::xml::{choice, open_enum, sequence};

sequence! {
    /// `t:PeriodType`: standard or daylight time. The bias is an `xs:duration`, UTC less local time.
    #[derive(Eq)]
    pub struct Period in Types {
        required_attribute b"Bias" => bias: String,
        required_attribute b"Name" => name: String,
        required_attribute b"Id" => id: String,
    }
}

open_enum! {
    /// `t:TransitionTargetKindType`.
    #[derive(Default)]
    pub enum TransitionTargetKind { #[default] Period, Group }
}

sequence! {
    /// `t:TransitionTargetType`: the period or group a transition leads to, by id.
    #[derive(Eq)]
    pub struct TransitionTarget in Types {
        required_attribute b"Kind" => kind: TransitionTargetKind,
        text b"(id)" => id: String,
    }
}

sequence! {
    /// `t:TransitionType`: from the beginning of time.
    pub struct Transition in Types {
        required b"To" => to: TransitionTarget,
    }
}

sequence! {
    /// `t:AbsoluteDateTransitionType`: once.
    pub struct AbsoluteDateTransition in Types {
        required b"To" => to: TransitionTarget,
        element b"DateTime" => date_time: Option<DateTime>,
    }
}

sequence! {
    /// `t:RecurringDayTransitionType`: each year on a weekday of a month; occurrence -1 is the last.
    pub struct RecurringDayTransition in Types {
        required b"To" => to: TransitionTarget,
        /// `xs:duration` since midnight.
        required b"TimeOffset" => time_offset: String,
        required b"Month" => month: i32,
        required b"DayOfWeek" => day_of_week: String,
        required b"Occurrence" => occurrence: i32,
    }
}

sequence! {
    /// `t:RecurringDateTransitionType`: each year on a date.
    pub struct RecurringDateTransition in Types {
        required b"To" => to: TransitionTarget,
        /// `xs:duration` since midnight.
        required b"TimeOffset" => time_offset: String,
        required b"Month" => month: i32,
        required b"Day" => day: i32,
    }
}

choice! {
    /// A change from one period or group to another.
    pub enum AnyTransition in Types {
        b"Transition" => Transition(Transition),
        b"AbsoluteDateTransition" => AbsoluteDate(AbsoluteDateTransition),
        b"RecurringDayTransition" => RecurringDay(RecurringDayTransition),
        b"RecurringDateTransition" => RecurringDate(RecurringDateTransition),
    }
}

sequence! {
    /// `t:ArrayOfTransitionsType`: the transitions within a year (a group), or between groups.
    pub struct Transitions in Types {
        attribute b"Id" => id: Option<String>,
        choice b"(transitions)" => transitions: Vec<AnyTransition>,
    }
}

sequence! {
    /// `t:TimeZoneDefinitionType`. The id is a Windows zone name, but wild ones exist: then use the periods.
    pub struct TimeZoneDefinition in Types {
        attribute b"Id" => id: Option<String>,
        attribute b"Name" => name: Option<String>,
        list b"Periods" / b"Period" => periods: Vec<Period>,
        list b"TransitionsGroups" / b"TransitionsGroup" => transitions_groups: Vec<Transitions>,
        element b"Transitions" => transitions: Option<Transitions>,
    }
}

impl TimeZoneDefinition {
    /// A zone by id alone.
    pub fn by_id(id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }
}

sequence! {
    /// `t:TimeChangeType`: when standard or daylight time begins.
    pub struct TimeChange in Types {
        attribute b"TimeZoneName" => time_zone_name: Option<String>,
        /// `xs:duration`.
        required b"Offset" => offset: String,
        element b"RelativeYearlyRecurrence" => relative_yearly_recurrence: Option<RelativeYearly>,
        element b"AbsoluteDate" => absolute_date: Option<Date>,
        /// `xs:time`.
        required b"Time" => time: String,
    }
}

sequence! {
    /// `t:TimeZoneType`: `MeetingTimeZone` of Exchange 2007.
    pub struct MeetingTimeZone in Types {
        attribute b"TimeZoneName" => time_zone_name: Option<String>,
        /// `xs:duration`.
        element b"BaseOffset" => base_offset: Option<String>,
        element b"Standard" => standard: Option<TimeChange>,
        element b"Daylight" => daylight: Option<TimeChange>,
    }
}

sequence! {
    /// `t:SerializableTimeZoneTime`: when standard or daylight time begins, for availability.
    pub struct SerializableTimeZoneTime in Types {
        /// Minutes, added to the zone's.
        required b"Bias" => bias: i32,
        required b"Time" => time: String,
        /// Week of the month, 5 the last; 0 with month 0 where there is no change.
        required b"DayOrder" => day_order: i32,
        required b"Month" => month: i32,
        required b"DayOfWeek" => day_of_week: String,
        element b"Year" => year: Option<String>,
    }
}

sequence! {
    /// `t:SerializableTimeZone`, for availability: UTC is local time plus the bias.
    pub struct SerializableTimeZone in Types {
        /// Minutes.
        required b"Bias" => bias: i32,
        required b"StandardTime" => standard_time: SerializableTimeZoneTime,
        required b"DaylightTime" => daylight_time: SerializableTimeZoneTime,
    }
}
