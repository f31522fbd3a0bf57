//! Autodiscover, POX and SOAP: where a mailbox's EWS is.

use http::{Response, StatusCode};
use tieline_proto_ews::{
    Limits,
    autodiscover::{pox, soap},
};

use crate::{
    account::Account,
    fault::FaultKind,
    http::Body,
    server::{Server, typed},
};

const OUTLOOK: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
const DEPLOYMENT: &str = "1b7e4d5c-0000-4000-8000-6c61622e6578";

fn xml(body: Vec<u8>) -> Response<Body> {
    typed(StatusCode::OK, "text/xml; charset=utf-8", body)
}

fn ews_url(base: &str) -> String {
    format!("{base}/EWS/Exchange.asmx")
}

fn legacy_dn(account: &Account) -> String {
    format!("/o=Lab/ou=Exchange Administrative Group/cn=Recipients/cn={}", account.alias)
}

/// Answers a POST to `autodiscover.xml`.
pub(crate) fn pox(server: &Server, base: &str, body: &[u8], fault: Option<&FaultKind>) -> Response<Body> {
    xml(pox_answer(server, base, body, fault).encode())
}

fn pox_answer(server: &Server, base: &str, body: &[u8], fault: Option<&FaultKind>) -> pox::Response {
    let Ok(request) = pox::Request::parse(body, &Limits::DEFAULT) else {
        return pox_error(600, "Invalid Request");
    };
    if request.acceptable_response_schema.as_deref().map(str::trim) != Some(OUTLOOK) {
        return pox_error(601, "Requested schema version not supported");
    }
    let by_dn = |dn: &str| server.directory.accounts().iter().find(|account| legacy_dn(account) == dn);
    let found = match (&request.email_address, &request.legacy_dn) {
        (Some(address), _) => server.directory.by_address(address.trim()),
        (None, Some(dn)) => by_dn(dn.trim()),
        (None, None) => return pox_error(600, "Invalid Request"),
    };
    let Some(account) = found else { return pox_error(500, "The email address can't be found.") };
    let elsewhere = |action: &str| pox::Account {
        account_type: Some("email".to_owned()),
        action: Some(action.to_owned()),
        ..pox::Account::default()
    };
    let account_element = match fault {
        Some(FaultKind::RedirectUrl { to }) => {
            pox::Account { redirect_url: Some(to.clone()), ..elsewhere("redirectUrl") }
        }
        Some(FaultKind::RedirectAddress { to }) => {
            pox::Account { redirect_addr: Some(to.clone()), ..elsewhere("redirectAddr") }
        }
        _ => pox::Account {
            protocols: ["EXCH", "EXPR"].map(|kind| protocol(kind, base)).into(),
            ..elsewhere("settings")
        },
    };
    pox::Response {
        user: Some(pox::User {
            display_name: Some(account.display_name.clone()),
            legacy_dn: Some(legacy_dn(account)),
            auto_discover_smtp_address: Some(account.address.clone()),
            deployment_id: Some(DEPLOYMENT.to_owned()),
        }),
        account: Some(account_element),
        error: None,
    }
}

fn protocol(kind: &str, base: &str) -> pox::Protocol {
    let dn = "/o=Lab/ou=Exchange Administrative Group/cn=Configuration/cn=Servers/cn=LAB-BE1";
    pox::Protocol {
        protocol_type: Some(kind.to_owned()),
        server: Some("mail.lab.example".to_owned()),
        server_dn: Some(dn.to_owned()),
        server_version: Some("73C189CB".to_owned()),
        auth_package: Some("Ntlm".to_owned()),
        as_url: Some(ews_url(base)),
        ews_url: Some(ews_url(base)),
        emws_url: Some(ews_url(base)),
        oof_url: Some(ews_url(base)),
        ..pox::Protocol::default()
    }
}

fn pox_error(code: i32, message: &str) -> pox::Response {
    pox::Response {
        error: Some(pox::Refusal {
            time: Some("00:00:00.0000000".to_owned()),
            id: Some("1".to_owned()),
            error_code: code,
            message: Some(message.to_owned()),
            debug_data: Some(String::new()),
        }),
        ..pox::Response::default()
    }
}

/// Answers a POST to `autodiscover.svc`: `GetUserSettings`.
pub(crate) fn soap(server: &Server, base: &str, body: &[u8], fault: Option<&FaultKind>) -> Response<Body> {
    let Ok((_, request)) = soap::Request::parse(body, &Limits::DEFAULT) else {
        return typed(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", "");
    };
    let answer = match request {
        soap::Request::GetUserSettings(wanted) => soap::GetUserSettingsResponse {
            error_message: Some(String::new()),
            user_responses: wanted
                .users
                .iter()
                .map(|user| {
                    user_response(server, base, user.mailbox.trim(), &wanted.requested_settings, fault)
                })
                .collect(),
            ..soap::GetUserSettingsResponse::default()
        },
        soap::Request::Unknown(_) => soap::GetUserSettingsResponse {
            error_code: soap::ErrorCode::InvalidRequest,
            error_message: Some("The lab offers GetUserSettings.".to_owned()),
            ..soap::GetUserSettingsResponse::default()
        },
    };
    let version = &server.settings.version;
    let number = |number: u32| i32::try_from(number).unwrap_or_default();
    let version = soap::ServerVersionInfo {
        major_version: number(version.major),
        minor_version: number(version.minor),
        major_build_number: number(version.major_build),
        minor_build_number: number(version.minor_build),
        version: Some(version.schema.clone()),
    };
    xml(soap::encode_response(version, &answer))
}

fn user_response(
    server: &Server,
    base: &str,
    address: &str,
    wanted: &[String],
    fault: Option<&FaultKind>,
) -> soap::UserResponse {
    let said = |error_code, text: &str| soap::UserResponse {
        error_code,
        error_message: Some(text.to_owned()),
        ..soap::UserResponse::default()
    };
    let redirected = |error_code, to: &str| soap::UserResponse {
        redirect_target: Some(to.to_owned()),
        ..said(error_code, "Redirection.")
    };
    match fault {
        Some(FaultKind::RedirectUrl { to }) => return redirected(soap::ErrorCode::RedirectUrl, to),
        Some(FaultKind::RedirectAddress { to }) => return redirected(soap::ErrorCode::RedirectAddress, to),
        _ => {}
    }
    let Some(account) = server.directory.by_address(address) else {
        return said(soap::ErrorCode::InvalidUser, "The user was not found.");
    };
    let mut response = said(soap::ErrorCode::NoError, "No error.");
    for name in wanted.iter().map(|name| name.trim()) {
        match setting(server, base, account, name) {
            Some(value) => {
                response.user_settings.push(soap::UserSetting { name: name.to_owned(), value: Some(value) })
            }
            None => response.user_setting_errors.push(soap::UserSettingError {
                error_code: soap::ErrorCode::SettingIsNotAvailable,
                error_message: Some("Setting is not available.".to_owned()),
                setting_name: name.to_owned(),
            }),
        }
    }
    response
}

fn setting(server: &Server, base: &str, account: &Account, name: &str) -> Option<String> {
    let version = &server.settings.version;
    Some(match name {
        "ExternalEwsUrl" | "InternalEwsUrl" | "ExternalUMUrl" | "InternalUMUrl" => ews_url(base),
        "ExternalEwsVersion" | "InternalEwsVersion" | "CasVersion" => {
            format!(
                "{}.{:02}.{:04}.{:03}",
                version.major, version.minor, version.major_build, version.minor_build
            )
        }
        "EwsSupportedSchemas" => {
            "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2, Exchange2013, \
             Exchange2013_SP1, Exchange2015, Exchange2016"
                .to_owned()
        }
        "UserDisplayName" => account.display_name.clone(),
        "UserDN" | "MailboxDN" => legacy_dn(account),
        "AutoDiscoverSMTPAddress" => account.address.clone(),
        "GroupingInformation" => "LAB-SITE1".to_owned(),
        "UserDeploymentId" => DEPLOYMENT.to_owned(),
        _ => return None,
    })
}
