//! Autodiscover with SOAP, `/autodiscover/autodiscover.svc`.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwsadisc/> section 3.1.4

use crate::Error;
use crate::envelope::{envelope_in, open, unexpected};
use crate::fault::Fault;
use crate::xml::{Limits, Ns, Reader, Sequence, Start, Value as _, Writer, open_enum, sequence};

/// The `wsa:Action` of `GetUserSettings`.
pub const GET_USER_SETTINGS: &str =
    "http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings";

sequence! {
    /// The header of a request.
    #[derive(Eq)]
    pub struct RequestHeader in Autodiscover {
        element b"RequestedServerVersion" => requested_server_version: Option<String>,
        element Addressing b"Action" => action: Option<String>,
        element Addressing b"To" => to: Option<String>,
    }
}

sequence! {
    /// The header of an answer; unlike that of EWS, the parts of the version are elements.
    #[derive(Eq)]
    pub struct ServerVersionInfo in Autodiscover {
        required b"MajorVersion" => major_version: i32,
        required b"MinorVersion" => minor_version: i32,
        required b"MajorBuildNumber" => major_build_number: i32,
        required b"MinorBuildNumber" => minor_build_number: i32,
        element b"Version" => version: Option<String>,
    }
}

sequence! {
    /// The header of an answer.
    #[derive(Eq)]
    pub struct ResponseHeader in Autodiscover {
        element Addressing b"Action" => action: Option<String>,
        element b"ServerVersionInfo" => server_version_info: Option<ServerVersionInfo>,
    }
}

sequence! {
    /// A user by address.
    #[derive(Eq)]
    pub struct User in Autodiscover {
        required b"Mailbox" => mailbox: String,
    }
}

sequence! {
    /// Which settings of which users.
    #[derive(Eq)]
    pub struct GetUserSettings in Autodiscover {
        required_list b"Users" / b"User" => users: Vec<User>,
        required_list b"RequestedSettings" / b"Setting" => requested_settings: Vec<String>,
        element b"RequestedVersion" => requested_version: Option<String>,
    }
}

open_enum! {
    /// The outcome for the request or for one user.
    #[derive(Default)]
    pub enum ErrorCode {
        #[default]
        NoError,
        RedirectAddress,
        RedirectUrl,
        InvalidUser,
        InvalidRequest,
        InvalidSetting,
        SettingIsNotAvailable,
        ServerBusy,
        InvalidDomain,
        NotFederated,
        InternalServerError,
    }
}

sequence! {
    /// A setting that could not be had.
    #[derive(Eq)]
    pub struct UserSettingError in Autodiscover {
        required b"ErrorCode" => error_code: ErrorCode,
        element b"ErrorMessage" => error_message: Option<String>,
        required b"SettingName" => setting_name: String,
    }
}

/// A setting: its name, and its value if it is a single text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserSetting {
    /// `ExternalEwsUrl` and others.
    pub name: String,
    /// The text; settings with several values have none here.
    pub value: Option<String>,
}

impl Sequence for UserSetting {
    fn read_attribute(&mut self, _: &str, _: std::borrow::Cow<'_, str>) {}
    fn read_child(&mut self, r: &mut Reader<'_>, child: &Start<'_>) -> Result<bool, Error> {
        match child.local() {
            "Name" => self.name = r.text(child)?.into_owned(),
            "Value" => self.value = Some(r.text(child)?.into_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }
    fn write_attributes(&self, w: &mut Writer) {
        w.attribute_text(b"i:type", "a:StringSetting");
    }
    fn write_children(&self, w: &mut Writer) {
        w.element(Ns::Autodiscover, b"Name", &self.name);
        if let Some(value) = &self.value {
            w.element(Ns::Autodiscover, b"Value", value);
        }
    }
}

sequence! {
    /// The settings of one user.
    #[derive(Eq)]
    pub struct UserResponse in Autodiscover {
        required b"ErrorCode" => error_code: ErrorCode,
        element b"ErrorMessage" => error_message: Option<String>,
        /// An address or a URL, where the code is a redirection.
        element b"RedirectTarget" => redirect_target: Option<String>,
        required_list b"UserSettingErrors" / b"UserSettingError" => user_setting_errors: Vec<UserSettingError>,
        required_list b"UserSettings" / b"UserSetting" => user_settings: Vec<UserSetting>,
    }
}

impl UserResponse {
    /// The value of a setting.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.user_settings.iter().find(|setting| setting.name == name)?.value.as_deref()
    }
}

sequence! {
    /// The answer: one entry for each user, in the order of the request.
    #[derive(Eq)]
    pub struct GetUserSettingsResponse in Autodiscover {
        required b"ErrorCode" => error_code: ErrorCode,
        element b"ErrorMessage" => error_message: Option<String>,
        required_list b"UserResponses" / b"UserResponse" => user_responses: Vec<UserResponse>,
    }
}

/// What a client asks of the SOAP endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `GetUserSettings`.
    GetUserSettings(GetUserSettings),
    /// Another operation, by the local name of its element.
    Unknown(String),
}

impl Request {
    /// Reads a request (server).
    pub fn parse(document: &[u8], limits: &Limits) -> Result<(RequestHeader, Self), Error> {
        open(document, limits, |r, body| {
            if body.local() != "GetUserSettingsRequestMessage" {
                let name = body.any_local().chars().take(80).collect();
                r.skip(body)?;
                return Ok(Self::Unknown(name));
            }
            let mut request = GetUserSettings::default();
            while let Some(child) = r.child(body)? {
                if child.local() == "Request" {
                    request.read_into(r, &child)?;
                } else {
                    r.skip(&child)?;
                }
            }
            Ok(Self::GetUserSettings(request))
        })
    }
}

const NAMESPACES: [Ns; 4] = [Ns::Soap, Ns::Autodiscover, Ns::Addressing, Ns::SchemaInstance];

/// Writes a request to `endpoint` (client). The version is that of the schema, such as `Exchange2013`.
pub fn encode_request(endpoint: &str, version: &str, request: &GetUserSettings) -> Vec<u8> {
    let header = RequestHeader {
        requested_server_version: Some(version.to_owned()),
        action: Some(GET_USER_SETTINGS.to_owned()),
        to: Some(endpoint.to_owned()),
    };
    envelope_in(
        &NAMESPACES,
        |w| header.write_children(w),
        |w| {
            w.start(Ns::Autodiscover, b"GetUserSettingsRequestMessage");
            request.write(w, Ns::Autodiscover, b"Request");
            w.end(Ns::Autodiscover, b"GetUserSettingsRequestMessage");
        },
    )
}

/// Writes an answer (server).
pub fn encode_response(version: ServerVersionInfo, response: &GetUserSettingsResponse) -> Vec<u8> {
    let header = ResponseHeader {
        action: Some(format!("{GET_USER_SETTINGS}Response")),
        server_version_info: Some(version),
    };
    envelope_in(
        &NAMESPACES,
        |w| header.write_children(w),
        |w| {
            w.start(Ns::Autodiscover, b"GetUserSettingsResponseMessage");
            response.write(w, Ns::Autodiscover, b"Response");
            w.end(Ns::Autodiscover, b"GetUserSettingsResponseMessage");
        },
    )
}

/// Reads an answer (client).
pub fn decode_response(
    document: &[u8],
    limits: &Limits,
) -> Result<(ResponseHeader, Result<GetUserSettingsResponse, Fault>), Error> {
    open(document, limits, |r, body| {
        if body.ns() == Ns::Soap && body.local() == "Fault" {
            return Fault::read(r, body).map(Err);
        }
        if body.local() != "GetUserSettingsResponseMessage" {
            return Err(unexpected("GetUserSettingsResponseMessage", body));
        }
        let mut response = GetUserSettingsResponse::default();
        while let Some(child) = r.child(body)? {
            if child.local() == "Response" {
                response.read_into(r, &child)?;
            } else {
                r.skip(&child)?;
            }
        }
        Ok(Ok(response))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_round() {
        let request = GetUserSettings {
            users: vec![User { mailbox: "alice@lab.example".to_owned() }],
            requested_settings: vec!["ExternalEwsUrl".to_owned()],
            requested_version: None,
        };
        let document =
            encode_request("https://lab.example/autodiscover/autodiscover.svc", "Exchange2013", &request);
        let (header, read) = Request::parse(&document, &Limits::DEFAULT).unwrap();
        assert_eq!(header.action.as_deref(), Some(GET_USER_SETTINGS));
        assert_eq!(header.requested_server_version.as_deref(), Some("Exchange2013"));
        assert_eq!(read, Request::GetUserSettings(request));
    }

    #[test]
    fn answers_go_round() {
        let response = GetUserSettingsResponse {
            user_responses: vec![UserResponse {
                user_settings: vec![UserSetting {
                    name: "ExternalEwsUrl".to_owned(),
                    value: Some("https://lab.example/EWS/Exchange.asmx".to_owned()),
                }],
                ..UserResponse::default()
            }],
            ..GetUserSettingsResponse::default()
        };
        let document = encode_response(ServerVersionInfo::default(), &response);
        let (header, read) = decode_response(&document, &Limits::DEFAULT).unwrap();
        assert_eq!(header.server_version_info, Some(ServerVersionInfo::default()));
        let read = read.unwrap();
        assert_eq!(
            read.user_responses[0].setting("ExternalEwsUrl"),
            Some("https://lab.example/EWS/Exchange.asmx")
        );
        assert_eq!(read, response);
    }
}
