//! Recurring calendar items and tasks.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscdata/> section 2.2.4

use crate::date_time::Date;
use crate::xml::{choice, sequence};

sequence! {
    /// `t:RelativeYearlyRecurrencePatternType`: the last Sunday of March. Names of days and months are English.
    pub struct RelativeYearly in Types {
        required b"DaysOfWeek" => days_of_week: String,
        required b"DayOfWeekIndex" => day_of_week_index: String,
        required b"Month" => month: String,
    }
}

sequence! {
    /// `t:AbsoluteYearlyRecurrencePatternType`.
    pub struct AbsoluteYearly in Types {
        required b"DayOfMonth" => day_of_month: i32,
        required b"Month" => month: String,
    }
}

sequence! {
    /// `t:RelativeMonthlyRecurrencePatternType`.
    pub struct RelativeMonthly in Types {
        required b"Interval" => interval: i32,
        required b"DaysOfWeek" => days_of_week: String,
        required b"DayOfWeekIndex" => day_of_week_index: String,
    }
}

sequence! {
    /// `t:AbsoluteMonthlyRecurrencePatternType`.
    pub struct AbsoluteMonthly in Types {
        required b"Interval" => interval: i32,
        required b"DayOfMonth" => day_of_month: i32,
    }
}

sequence! {
    /// `t:WeeklyRecurrencePatternType`; the days are names separated by blanks.
    pub struct Weekly in Types {
        required b"Interval" => interval: i32,
        required b"DaysOfWeek" => days_of_week: String,
        element b"FirstDayOfWeek" => first_day_of_week: Option<String>,
    }
}

sequence! {
    /// `t:IntervalRecurrencePatternBaseType`: every so many days, weeks, months or years.
    pub struct Interval in Types {
        required b"Interval" => interval: i32,
    }
}

choice! {
    /// How a series repeats. The regenerating patterns are for tasks only.
    pub enum RecurrencePattern in Types {
        b"RelativeYearlyRecurrence" => RelativeYearly(RelativeYearly),
        b"AbsoluteYearlyRecurrence" => AbsoluteYearly(AbsoluteYearly),
        b"RelativeMonthlyRecurrence" => RelativeMonthly(RelativeMonthly),
        b"AbsoluteMonthlyRecurrence" => AbsoluteMonthly(AbsoluteMonthly),
        b"WeeklyRecurrence" => Weekly(Weekly),
        b"DailyRecurrence" => Daily(Interval),
        b"DailyRegeneration" => DailyRegeneration(Interval),
        b"WeeklyRegeneration" => WeeklyRegeneration(Interval),
        b"MonthlyRegeneration" => MonthlyRegeneration(Interval),
        b"YearlyRegeneration" => YearlyRegeneration(Interval),
    }
}

sequence! {
    /// `t:NoEndRecurrenceRangeType`.
    pub struct NoEnd in Types {
        element b"StartDate" => start_date: Option<Date>,
    }
}

sequence! {
    /// `t:EndDateRecurrenceRangeType`.
    pub struct EndDate in Types {
        element b"StartDate" => start_date: Option<Date>,
        element b"EndDate" => end_date: Option<Date>,
    }
}

sequence! {
    /// `t:NumberedRecurrenceRangeType`.
    pub struct Numbered in Types {
        element b"StartDate" => start_date: Option<Date>,
        required b"NumberOfOccurrences" => number_of_occurrences: i32,
    }
}

choice! {
    /// When a series begins and ends.
    pub enum RecurrenceRange in Types {
        b"NoEndRecurrence" => NoEnd(NoEnd),
        b"EndDateRecurrence" => EndDate(EndDate),
        b"NumberedRecurrence" => Numbered(Numbered),
    }
}

sequence! {
    /// `t:RecurrenceType` and `t:TaskRecurrenceType`.
    pub struct Recurrence in Types {
        choice b"(pattern)" => pattern: Option<RecurrencePattern>,
        choice b"(range)" => range: Option<RecurrenceRange>,
    }
}
