use crate::operation::{ResponseMessages, operation};
use crate::time_zone::TimeZoneDefinition;
use crate::xml::sequence;

sequence! {
    /// The time zones the server knows.
    ///
    /// <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsgtz/> section 3.1.4.1
    pub struct GetServerTimeZones in Messages {
        attribute b"ReturnFullTimeZoneData" => return_full_time_zone_data: Option<bool>,
        list b"Ids" / b"Id" => ids: Vec<String>,
    }
}

operation!(GetServerTimeZones, "GetServerTimeZones" -> ResponseMessages<GetServerTimeZonesMessage>);

sequence! {
    /// `m:GetServerTimeZonesResponseMessageType`.
    pub struct GetServerTimeZonesMessage in Messages {
        required_list b"TimeZoneDefinitions" / b"TimeZoneDefinition" => time_zone_definitions: Vec<TimeZoneDefinition>,
    }
}
