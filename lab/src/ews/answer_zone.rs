//! Times of an answer in the zone that the request's `TimeZoneContext` names.
//!
//! Exchange answers points in time in UTC unless the header names a zone: then with the offset that the zone has at that
//! time. The header came with Exchange 2010; requests in the schema of 2007 get UTC always. Extended properties, wall
//! clocks, availability and automatic replies have times of their own kind and stay as they are.
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/timezonecontext>

use jiff::{Timestamp, tz::TimeZone};

/// Elements whose times follow the header.
const TIMES: [&str; 26] = [
    "AppointmentReplyTime",
    "AssignedTime",
    "CompleteDate",
    "DateTimeCreated",
    "DateTimeReceived",
    "DateTimeSent",
    "DateTimeStamp",
    "DueDate",
    "End",
    "GlobalLastDeliveryTime",
    "LastDeliveryTime",
    "LastModifiedTime",
    "OriginalStart",
    "PostedTime",
    "ProposedEnd",
    "ProposedStart",
    "ReceivedTime",
    "RecurrenceId",
    "ReminderDueBy",
    "ReminderNextTime",
    "RetentionDate",
    "SentTime",
    "Start",
    "StartDate",
    "SubmitTime",
    "SubmittedTime",
];

/// The document with its times in `zone`.
pub(super) fn in_zone(document: Vec<u8>, zone: &TimeZone) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&document) else { return document };
    let mut written = String::with_capacity(text.len() + text.len() / 16);
    let mut from = 0;
    for (at, _) in text.match_indices("Z</t:") {
        let name = text.get(at + 5..).and_then(|rest| rest.split('>').next()).unwrap_or_default();
        if !TIMES.contains(&name) {
            continue;
        }
        let Some(begins) = text.get(..at).and_then(|before| before.rfind('>')).map(|end| end + 1) else {
            continue;
        };
        // A day without a time ends in `Z`, too; it is the same day in every zone.
        let Some(time) = text.get(begins..=at).filter(|time| time.contains('T')) else { continue };
        let Ok(time) = time.parse::<Timestamp>() else { continue };
        written.push_str(text.get(from..begins).unwrap_or_default());
        written.push_str(&time.display_with_offset(zone.to_offset(time)).to_string());
        from = at + 1;
    }
    if from == 0 {
        return document;
    }
    written.push_str(text.get(from..).unwrap_or_default());
    written.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin(answer: &str) -> String {
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        String::from_utf8(in_zone(answer.as_bytes().to_vec(), &zone)).expect("UTF-8")
    }

    #[test]
    fn points_in_time_get_the_offset_that_holds_then() {
        let summer = berlin("<t:Start>2026-07-01T10:00:00Z</t:Start><t:End>2026-12-01T10:00:00Z</t:End>");
        assert_eq!(
            summer,
            "<t:Start>2026-07-01T12:00:00+02:00</t:Start><t:End>2026-12-01T11:00:00+01:00</t:End>"
        );
    }

    #[test]
    fn what_is_no_point_in_time_stays() {
        for answer in [
            "<t:Value>2026-07-01T10:00:00Z</t:Value>",
            "<t:StartWallClock>2026-07-01T10:00:00Z</t:StartWallClock>",
            "<t:Subject>Z</t:Subject>",
            "<t:StartDate>2026-07-01Z</t:StartDate>",
            "<t:Start/>Z</t:Start>",
            "Z</t:Start>",
        ] {
            assert_eq!(berlin(answer), answer);
        }
    }
}
