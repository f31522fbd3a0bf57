use crate::date_time::DateTime;
use crate::recurrence::Recurrence;
use crate::xml::{open_enum, sequence};

open_enum! {
    /// `t:TaskStatusType`.
    pub enum TaskStatus { NotStarted, InProgress, Completed, WaitingOnOthers, Deferred }
}

sequence! {
    /// `t:TaskType`: what tasks have beyond items.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwstask/> section 2.2.4
    pub struct Task in Types {
        element b"ActualWork" => actual_work: Option<i32>,
        element b"AssignedTime" => assigned_time: Option<DateTime>,
        element b"BillingInformation" => billing_information: Option<String>,
        element b"ChangeCount" => change_count: Option<i32>,
        list b"Companies" / b"String" => companies: Vec<String>,
        element b"CompleteDate" => complete_date: Option<DateTime>,
        list b"Contacts" / b"String" => contacts: Vec<String>,
        element b"DelegationState" => delegation_state: Option<String>,
        element b"Delegator" => delegator: Option<String>,
        element b"DueDate" => due_date: Option<DateTime>,
        element b"IsAssignmentEditable" => is_assignment_editable: Option<i32>,
        element b"IsComplete" => is_complete: Option<bool>,
        element b"IsRecurring" => is_recurring: Option<bool>,
        element b"IsTeamTask" => is_team_task: Option<bool>,
        element b"Mileage" => mileage: Option<String>,
        element b"Owner" => owner: Option<String>,
        element b"PercentComplete" => percent_complete: Option<f64>,
        element b"Recurrence" => recurrence: Option<Recurrence>,
        element b"StartDate" => start_date: Option<DateTime>,
        element b"Status" => status: Option<TaskStatus>,
        element b"StatusDescription" => status_description: Option<String>,
        element b"TotalWork" => total_work: Option<i32>,
    }
}
