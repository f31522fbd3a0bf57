//! Whose mailbox a request works on: impersonation, and the versions the server takes.

use tieline_proto_ews::{ConnectingSid, ExchangeVersion, RequestHeader, ResponseCode};

use super::Answer;
use crate::{account::Account, server::Server, settings::ServerVersion};

/// Whose mailbox the request works on, or why it may not.
pub(super) fn whose(server: &Server, caller: &Account, header: &RequestHeader) -> Result<Account, Answer> {
    if let Some(version) = header.version()
        && !offers(&server.settings.version, version)
    {
        return Err(Answer::refused(
            ResponseCode::ErrorInvalidServerVersion,
            "The specified server version is invalid.",
        ));
    }
    if header.serialized_security_context.is_some() {
        return Err(Answer::refused(
            ResponseCode::ErrorAccessDenied,
            "Only servers may send a serialized security context.",
        ));
    }
    if header.exchange_impersonation.is_none() && caller.app_only {
        return Err(Answer::refused(
            ResponseCode::ErrorInvalidExchangeImpersonationHeaderData,
            "ExchangeImpersonation SOAP header must be present for this type of OAuth token.",
        ));
    }
    if header.exchange_impersonation.is_none() {
        return Ok(caller.clone());
    }
    let address = match header.impersonated() {
        Some(
            ConnectingSid::PrincipalName(name)
            | ConnectingSid::PrimarySmtpAddress(name)
            | ConnectingSid::SmtpAddress(name),
        ) => name,
        _ => {
            return Err(Answer::refused(
                ResponseCode::ErrorInvalidExchangeImpersonationHeaderData,
                "ExchangeImpersonation SOAP header must be a valid one.",
            ));
        }
    };
    match server.directory.by_address(address) {
        Some(account) if caller.may_impersonate || account.address == caller.address => Ok(account.clone()),
        _ if !caller.may_impersonate => Err(Answer::refused(
            ResponseCode::ErrorImpersonateUserDenied,
            "The account does not have permission to impersonate the requested user.",
        )),
        _ => Err(Answer::refused(
            ResponseCode::ErrorNonExistentMailbox,
            "The SMTP address has no mailbox associated with it.",
        )),
    }
}

const VERSIONS: [&str; 11] = [
    "Exchange2007",
    "Exchange2007_SP1",
    "Exchange2009",
    "Exchange2010",
    "Exchange2010_SP1",
    "Exchange2010_SP2",
    "Exchange2012",
    "Exchange2013",
    "Exchange2013_SP1",
    "Exchange2015",
    "Exchange2016",
];

/// Whether a server of this version takes requests of that one.
fn offers(server: &ServerVersion, wanted: &ExchangeVersion) -> bool {
    let rank = |name: &str| VERSIONS.iter().position(|known| *known == name);
    match (rank(wanted.as_str()), rank(&server.schema)) {
        (Some(wanted), Some(newest)) => wanted <= newest,
        _ => false,
    }
}
