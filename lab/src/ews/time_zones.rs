//! GetServerTimeZones: every zone that Windows has a name for.

use tieline_proto_ews::{
    ResponseMessage, ResponseMessages,
    operations::{GetServerTimeZones, GetServerTimeZonesMessage},
    time_zone::TimeZoneDefinition,
};

use super::context::Context;
use crate::calendar::zone;

/// Names that people see, where they are not made of the id.
const SHOWN: [(&str, &str); 12] = [
    ("UTC", "(UTC) Coordinated Universal Time"),
    ("GMT Standard Time", "(UTC+00:00) Dublin, Edinburgh, Lisbon, London"),
    ("W. Europe Standard Time", "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna"),
    ("Romance Standard Time", "(UTC+01:00) Brussels, Copenhagen, Madrid, Paris"),
    ("Central Europe Standard Time", "(UTC+01:00) Belgrade, Bratislava, Budapest, Ljubljana, Prague"),
    ("FLE Standard Time", "(UTC+02:00) Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius"),
    ("Eastern Standard Time", "(UTC-05:00) Eastern Time (US & Canada)"),
    ("Central Standard Time", "(UTC-06:00) Central Time (US & Canada)"),
    ("Mountain Standard Time", "(UTC-07:00) Mountain Time (US & Canada)"),
    ("Pacific Standard Time", "(UTC-08:00) Pacific Time (US & Canada)"),
    ("India Standard Time", "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi"),
    ("Tokyo Standard Time", "(UTC+09:00) Osaka, Sapporo, Tokyo"),
];

/// GetServerTimeZones. Ids that nobody knows are left out, as Exchange does.
pub(crate) async fn get(
    cx: &mut Context,
    request: GetServerTimeZones,
) -> Result<ResponseMessages<GetServerTimeZonesMessage>, sqlx::Error> {
    let full = request.return_full_time_zone_data != Some(false);
    let year = jiff::Timestamp::from_millisecond(cx.now_ms).unwrap_or_default().strftime("%Y").to_string();
    let year = year.parse().unwrap_or(1970);
    let wanted =
        |id: &str| request.ids.is_empty() || request.ids.iter().any(|one| one.eq_ignore_ascii_case(id));
    let zones = zone::windows_zones().into_iter().filter(|(id, _)| wanted(id));
    let time_zone_definitions = zones
        .map(|(id, found)| {
            let whole = zone::definition(&found, id, year);
            let known = SHOWN.iter().find(|(known, _)| *known == id).map(|(_, name)| (*name).to_owned());
            let name = known.or_else(|| whole.name.clone());
            match full {
                true => TimeZoneDefinition { name, ..whole },
                false => TimeZoneDefinition { name, ..TimeZoneDefinition::by_id(id) },
            }
        })
        .collect();
    Ok(ResponseMessages::one(ResponseMessage::success(GetServerTimeZonesMessage { time_zone_definitions })))
}
