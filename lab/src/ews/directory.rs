//! ConvertId and GetServerTimeZones: what is not about one mailbox's contents.

use base64::{Engine, engine::general_purpose::STANDARD};
use tieline_proto_ews::{
    ResponseCode, ResponseMessage, ResponseMessages,
    operations::{
        AlternateId, ConvertId, ConvertIdMessage, GetServerTimeZones, GetServerTimeZonesMessage, IdFormat,
        SourceId,
    },
    time_zone::{
        AnyTransition, Period, RecurringDayTransition, TimeZoneDefinition, Transition, TransitionTarget,
        TransitionTargetKind, Transitions,
    },
};
use uuid::Uuid;

use super::context::{Context, Failure, malformed, message, refuse};
use crate::{id::Id, store::mailbox};

/// ConvertId.
pub(crate) async fn convert_id(
    cx: &mut Context,
    request: ConvertId,
) -> Result<ResponseMessages<ConvertIdMessage>, sqlx::Error> {
    let mut messages = Vec::new();
    for source in &request.source_ids {
        let outcome = convert_one(cx, source, &request.destination_format).await;
        messages.push(message(outcome)?);
    }
    Ok(ResponseMessages::new(messages))
}

async fn convert_one(
    cx: &mut Context,
    source: &SourceId,
    to: &IdFormat,
) -> Result<ConvertIdMessage, Failure> {
    let SourceId::Mailbox(source) = source else {
        return Err(refuse(ResponseCode::ErrorInvalidOperation, "The lab has no public folders."));
    };
    let id = read_id(&source.format, &source.id).ok_or_else(malformed)?;
    // The mailbox in the request is not looked at; the answer names the owner. Clients find their address so.
    let owner = mailbox::by_guid(&mut cx.tx, id.mailbox).await?.ok_or_else(malformed)?;
    let converted =
        AlternateId { format: to.clone(), id: write_id(to, &id), mailbox: owner.address, is_archive: None };
    Ok(ConvertIdMessage { alternate_id: Some(SourceId::Mailbox(converted)) })
}

fn read_id(format: &IdFormat, text: &str) -> Option<Id> {
    match format {
        IdFormat::EwsId | IdFormat::EwsLegacyId => Id::decode(text),
        IdFormat::OwaId => Id::decode(&text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")),
        IdFormat::HexEntryId => {
            let digits = text.as_bytes().chunks(2);
            let bytes: Option<Vec<u8>> =
                digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
            from_entry_id(&bytes?)
        }
        _ => from_entry_id(&STANDARD.decode(text).ok()?),
    }
}

fn write_id(format: &IdFormat, id: &Id) -> String {
    match format {
        IdFormat::EwsId | IdFormat::EwsLegacyId => id.encode(),
        IdFormat::OwaId => id.encode().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
        IdFormat::HexEntryId => entry_id(id).iter().map(|byte| format!("{byte:02X}")).collect(),
        _ => STANDARD.encode(entry_id(id)),
    }
}

/// A MAPI entry id: flags, the store's GUID, then what the EWS id says in binary.
fn entry_id(id: &Id) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend_from_slice(id.mailbox.as_bytes());
    let text = STANDARD.decode(id.encode()).unwrap_or_default();
    bytes.extend(text.iter().skip(39));
    bytes
}

fn from_entry_id(bytes: &[u8]) -> Option<Id> {
    let (guid, rest) = bytes.strip_prefix(&[0; 4])?.split_at_checked(16)?;
    let mut text = vec![0, 3, 36];
    text.extend_from_slice(Uuid::from_slice(guid).ok()?.hyphenated().to_string().as_bytes());
    text.extend_from_slice(rest);
    Id::decode(&STANDARD.encode(text))
}

/// One end of summer time: month, day of the week, which one of the month (-1 the last), hour.
type Turn = (i32, &'static str, i32, i32);

/// Id, name, minutes ahead of UTC, and for zones with summer time its two ends.
type Zone = (&'static str, &'static str, i32, Option<[Turn; 2]>);

const fn europe(hour: i32) -> Option<[Turn; 2]> {
    Some([(3, "Sunday", -1, hour), (10, "Sunday", -1, hour + 1)])
}

const AMERICA: Option<[Turn; 2]> = Some([(3, "Sunday", 2, 2), (11, "Sunday", 1, 2)]);

fn zones() -> Vec<Zone> {
    vec![
        ("UTC", "(UTC) Coordinated Universal Time", 0, None),
        ("GMT Standard Time", "(UTC+00:00) Dublin, Edinburgh, Lisbon, London", 0, europe(1)),
        (
            "W. Europe Standard Time",
            "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
            60,
            europe(2),
        ),
        ("Romance Standard Time", "(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", 60, europe(2)),
        (
            "Central Europe Standard Time",
            "(UTC+01:00) Belgrade, Bratislava, Budapest, Ljubljana, Prague",
            60,
            europe(2),
        ),
        ("FLE Standard Time", "(UTC+02:00) Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius", 120, europe(3)),
        ("Eastern Standard Time", "(UTC-05:00) Eastern Time (US & Canada)", -300, AMERICA),
        ("Central Standard Time", "(UTC-06:00) Central Time (US & Canada)", -360, AMERICA),
        ("Pacific Standard Time", "(UTC-08:00) Pacific Time (US & Canada)", -480, AMERICA),
        ("India Standard Time", "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", 330, None),
        ("Tokyo Standard Time", "(UTC+09:00) Osaka, Sapporo, Tokyo", 540, None),
    ]
}

/// GetServerTimeZones.
pub(crate) async fn time_zones(
    _: &mut Context,
    request: GetServerTimeZones,
) -> Result<ResponseMessages<GetServerTimeZonesMessage>, sqlx::Error> {
    let full = request.return_full_time_zone_data != Some(false);
    let wanted = |zone: &Zone| request.ids.is_empty() || request.ids.iter().any(|id| id == zone.0);
    let time_zone_definitions =
        zones().into_iter().filter(wanted).map(|zone| definition(&zone, full)).collect();
    Ok(ResponseMessages::one(ResponseMessage::success(GetServerTimeZonesMessage { time_zone_definitions })))
}

fn definition((id, name, minutes, summer): &Zone, full: bool) -> TimeZoneDefinition {
    let mut definition = TimeZoneDefinition::by_id(*id);
    definition.name = Some((*name).to_owned());
    if !full {
        return definition;
    }
    let period = |name: &str, minutes: i32| Period {
        bias: bias(minutes),
        name: name.to_owned(),
        id: format!("trule:Microsoft/Registry/{id}-{name}"),
    };
    let to = |kind, id: String| TransitionTarget { kind, id };
    let mut transitions = Vec::new();
    definition.periods.push(period("Standard", *minutes));
    match summer {
        None => transitions.push(AnyTransition::Transition(Transition {
            to: to(TransitionTargetKind::Period, period("Standard", *minutes).id),
        })),
        Some([begin, end]) => {
            definition.periods.push(period("Daylight", minutes + 60));
            for (name, (month, day, occurrence, hour)) in [("Daylight", begin), ("Standard", end)] {
                transitions.push(AnyTransition::RecurringDay(RecurringDayTransition {
                    to: to(TransitionTargetKind::Period, period(name, 0).id),
                    time_offset: format!("PT{hour}H"),
                    month: *month,
                    day_of_week: (*day).to_owned(),
                    occurrence: *occurrence,
                }));
            }
        }
    }
    definition.transitions_groups.push(Transitions { id: Some("0".to_owned()), transitions });
    definition.transitions = Some(Transitions {
        id: None,
        transitions: vec![AnyTransition::Transition(Transition {
            to: to(TransitionTargetKind::Group, "0".to_owned()),
        })],
    });
    definition
}

/// `xs:duration` of UTC less local time.
fn bias(minutes: i32) -> String {
    let sign = if minutes > 0 { "-" } else { "" };
    match (minutes.abs() / 60, minutes.abs() % 60) {
        (0, 0) => "PT0S".to_owned(),
        (hours, 0) => format!("{sign}PT{hours}H"),
        (hours, rest) => format!("{sign}PT{hours}H{rest}M"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Named;

    #[test]
    fn ids_convert_through_every_format() {
        let id = Id { mailbox: Uuid::from_u128(7), named: Named::Item(12) };
        for format in
            [IdFormat::EwsId, IdFormat::EntryId, IdFormat::HexEntryId, IdFormat::StoreId, IdFormat::OwaId]
        {
            assert_eq!(read_id(&format, &write_id(&format, &id)), Some(id), "{format}");
        }
        assert_eq!(read_id(&IdFormat::EwsId, "DUMMY"), None);
        assert_eq!(read_id(&IdFormat::HexEntryId, "zz"), None);
    }

    #[test]
    fn biases_are_utc_less_local() {
        assert_eq!(bias(60), "-PT1H");
        assert_eq!(bias(-300), "PT5H");
        assert_eq!(bias(330), "-PT5H30M");
        assert_eq!(bias(0), "PT0S");
    }
}
