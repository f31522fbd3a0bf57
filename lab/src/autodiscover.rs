//! Autodiscover, POX and SOAP: where a mailbox's EWS is.

use http::{Response, StatusCode};
use roxmltree::{Document as Tree, Node};

use crate::{
    account::Account,
    document::escape,
    http::Body,
    server::{Server, typed},
};

const POX_REQUEST: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
const POX_RESPONSE: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
const POX_OUTLOOK: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const AUTODISCOVER: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";

fn xml(body: String) -> Response<Body> {
    typed(StatusCode::OK, "text/xml; charset=utf-8", body)
}

fn legacy_dn(account: &Account) -> String {
    format!("/o=Lab/ou=Exchange Administrative Group/cn=Recipients/cn={}", account.alias)
}

/// Answers a POST to `autodiscover.xml`.
pub(crate) fn pox(server: &Server, base: &str, body: &[u8]) -> Response<Body> {
    let text = String::from_utf8_lossy(body);
    let Ok(tree) = Tree::parse(&text) else { return pox_error(600, "Invalid Request") };
    let value = |name: &str| {
        let wanted = |node: &Node<'_, '_>| node.tag_name().name() == name;
        tree.descendants().find(wanted).and_then(|node| node.text()).map(str::trim)
    };
    if tree.root_element().tag_name().namespace() != Some(POX_REQUEST) {
        return pox_error(600, "Invalid Request");
    }
    if value("AcceptableResponseSchema") != Some(POX_OUTLOOK) {
        return pox_error(601, "Requested schema version not supported");
    }
    let by_dn = |dn: &str| server.directory.accounts().iter().find(|account| legacy_dn(account) == dn);
    let account = match (value("EMailAddress"), value("LegacyDN")) {
        (Some(address), _) => server.directory.by_address(address),
        (None, Some(dn)) => by_dn(dn),
        (None, None) => return pox_error(600, "Invalid Request"),
    };
    let Some(account) = account else { return pox_error(500, "The email address can't be found.") };
    let ews = format!("{base}/EWS/Exchange.asmx");
    let protocol = |kind: &str| {
        format!(
            "<Protocol><Type>{kind}</Type><Server>mail.lab.example</Server><ServerDN>/o=Lab/ou=Exchange Administrative \
             Group/cn=Configuration/cn=Servers/cn=LAB-BE1</ServerDN><ServerVersion>73C189CB</ServerVersion>\
             <AuthPackage>Basic</AuthPackage><ASUrl>{ews}</ASUrl><EwsUrl>{ews}</EwsUrl><EmwsUrl>{ews}</EmwsUrl>\
             <OOFUrl>{ews}</OOFUrl></Protocol>"
        )
    };
    xml(format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"{POX_RESPONSE}\"><Response xmlns=\"{POX_OUTLOOK}\">\
         <User><DisplayName>{}</DisplayName><LegacyDN>{}</LegacyDN><AutoDiscoverSMTPAddress>{}</AutoDiscoverSMTPAddress>\
         <DeploymentId>1b7e4d5c-0000-4000-8000-6c61622e6578</DeploymentId></User>\
         <Account><AccountType>email</AccountType><Action>settings</Action>{}{}</Account></Response></Autodiscover>",
        escape(&account.display_name),
        escape(&legacy_dn(account)),
        account.address,
        protocol("EXCH"),
        protocol("EXPR"),
    ))
}

fn pox_error(code: u16, message: &str) -> Response<Body> {
    xml(format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"{POX_RESPONSE}\"><Response>\
         <Error Time=\"00:00:00.0000000\" Id=\"1\"><ErrorCode>{code}</ErrorCode><Message>{message}</Message><DebugData/>\
         </Error></Response></Autodiscover>"
    ))
}

/// Answers a POST to `autodiscover.svc`: `GetUserSettings`.
pub(crate) fn soap(server: &Server, base: &str, body: &[u8]) -> Response<Body> {
    let text = String::from_utf8_lossy(body);
    let Ok(tree) = Tree::parse(&text) else {
        return typed(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", "");
    };
    let named = |name: &'static str| {
        tree.descendants().filter(move |node| {
            node.tag_name().name() == name && node.tag_name().namespace() == Some(AUTODISCOVER)
        })
    };
    if named("GetUserSettingsRequestMessage").next().is_none() {
        return soap_response(
            server,
            "<ErrorCode>InvalidRequest</ErrorCode><ErrorMessage>The lab offers GetUserSettings.</ErrorMessage>",
        );
    }
    let wanted: Vec<&str> = named("Setting").filter_map(|node| node.text()).map(str::trim).collect();
    let users: String = named("Mailbox")
        .filter_map(|node| node.text())
        .map(|address| user_response(server, base, address.trim(), &wanted))
        .collect();
    soap_response(
        server,
        &format!("<ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses>{users}</UserResponses>"),
    )
}

fn user_response(server: &Server, base: &str, address: &str, wanted: &[&str]) -> String {
    let Some(account) = server.directory.by_address(address) else {
        return "<UserResponse><ErrorCode>InvalidUser</ErrorCode><ErrorMessage>The user was not found.</ErrorMessage>\
                <RedirectTarget i:nil=\"true\"/><UserSettingErrors/><UserSettings/></UserResponse>"
            .to_owned();
    };
    let version = &server.settings.version;
    let value = |name: &str| -> Option<String> {
        Some(match name {
            "ExternalEwsUrl" | "InternalEwsUrl" | "ExternalUMUrl" | "InternalUMUrl" => {
                format!("{base}/EWS/Exchange.asmx")
            }
            "ExternalEwsVersion" | "InternalEwsVersion" | "CasVersion" => {
                format!("{}.{:02}.{:04}.{:03}", version.major, version.minor, version.major_build, version.minor_build)
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
            "UserDeploymentId" => "1b7e4d5c-0000-4000-8000-6c61622e6578".to_owned(),
            _ => return None,
        })
    };
    let (mut settings, mut errors) = (String::new(), String::new());
    for name in wanted {
        match value(name) {
            Some(value) => settings.push_str(&format!(
                "<UserSetting i:type=\"StringSetting\"><Name>{}</Name><Value>{}</Value></UserSetting>",
                escape(name),
                escape(&value)
            )),
            None => errors.push_str(&format!(
                "<UserSettingError><ErrorCode>SettingIsNotAvailable</ErrorCode><ErrorMessage>Setting is not available.\
                 </ErrorMessage><SettingName>{}</SettingName></UserSettingError>",
                escape(name)
            )),
        }
    }
    format!(
        "<UserResponse><ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage><RedirectTarget i:nil=\"true\"/>\
         <UserSettingErrors>{errors}</UserSettingErrors><UserSettings>{settings}</UserSettings></UserResponse>"
    )
}

fn soap_response(server: &Server, response: &str) -> Response<Body> {
    let version = &server.settings.version;
    xml(format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\"><s:Header>\
         <a:Action s:mustUnderstand=\"1\">{AUTODISCOVER}/Autodiscover/GetUserSettingsResponse</a:Action>\
         <h:ServerVersionInfo xmlns:h=\"{AUTODISCOVER}\"><h:MajorVersion>{}</h:MajorVersion>\
         <h:MinorVersion>{}</h:MinorVersion><h:MajorBuildNumber>{}</h:MajorBuildNumber>\
         <h:MinorBuildNumber>{}</h:MinorBuildNumber><h:Version>{}</h:Version></h:ServerVersionInfo></s:Header><s:Body>\
         <GetUserSettingsResponseMessage xmlns=\"{AUTODISCOVER}\">\
         <Response xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">{response}</Response>\
         </GetUserSettingsResponseMessage></s:Body></s:Envelope>",
        version.major, version.minor, version.major_build, version.minor_build, version.schema
    ))
}
