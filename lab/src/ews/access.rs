//! Whose mailbox a request works on: impersonation, and the versions the server takes.

use tieline_proto_ews::{ConnectingSid, ExchangeVersion, Fault as SoapFault, RequestHeader, ResponseCode};

use super::Answer;
use crate::{
    account::Account,
    server::Server,
    settings::ServerVersion,
    version::{self, Release, Violation},
};

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
        Some(account) if account.address == caller.address => Ok(account.clone()),
        Some(account) if caller.may_impersonate && in_scope(server, account) => Ok(account.clone()),
        found if found.is_some() || !caller.may_impersonate => Err(Answer::refused(
            ResponseCode::ErrorImpersonateUserDenied,
            "The account does not have permission to impersonate the requested user.",
        )),
        _ => Err(Answer::refused(
            ResponseCode::ErrorNonExistentMailbox,
            "The SMTP address has no mailbox associated with it.",
        )),
    }
}

/// Whether the role of the service account reaches this mailbox.
fn in_scope(server: &Server, account: &Account) -> bool {
    let changed = server.accounts.settings().impersonation_scope;
    let scope = changed.as_ref().or(server.settings.impersonation_scope.as_ref());
    scope.is_none_or(|scope| scope.iter().any(|known| known.eq_ignore_ascii_case(&account.address)))
}

/// Whether a server of this version takes requests of that one.
fn offers(server: &ServerVersion, wanted: &ExchangeVersion) -> bool {
    match (Release::of_schema(wanted.as_str()), Release::of_schema(&server.schema)) {
        (Some(wanted), Some(newest)) => wanted <= newest,
        _ => false,
    }
}

/// Whether the server, and the version that the request asks for, know what the request holds.
pub(super) fn check_version(
    server: &Server,
    header: &RequestHeader,
    operation: &str,
    document: &[u8],
) -> Result<Option<Release>, Answer> {
    let newest = Release::of_schema(&server.settings.version.schema).unwrap_or(Release::Exchange2016);
    let asked = header.version().and_then(|version| Release::of_schema(version.as_str()));
    if let Some((_, since, until)) = version::availability(operation) {
        if *since > newest || until.is_some_and(|until| until <= newest) {
            let text = format!("This version of Exchange does not have the operation {operation}.");
            return Err(Answer::refused(ResponseCode::ErrorInvalidRequest, &text));
        }
        if asked.is_some_and(|asked| *since > asked) {
            return Err(Answer::refused(
                ResponseCode::ErrorInvalidServerVersion,
                "The operation is not part of the server version that the request asks for.",
            ));
        }
    }
    // The newest schema has everything; only older ones are looked at closely.
    let Some(asked) = asked.filter(|asked| *asked < Release::Exchange2016) else { return Ok(None) };
    let text = std::str::from_utf8(document).unwrap_or_default();
    match version::violation(text, asked) {
        Some(found) => Err(Answer::fault(schema_violation(&found))),
        None => Ok(Some(asked)),
    }
}

fn schema_violation(found: &Violation) -> SoapFault {
    let text = format!("The request failed schema validation: {}", found.text);
    let mut fault = SoapFault::new(ResponseCode::ErrorSchemaValidation, text);
    fault.xml.elements = vec![
        ("LineNumber".to_owned(), found.line.to_string()),
        ("LinePosition".to_owned(), found.position.to_string()),
        ("Violation".to_owned(), found.text.clone()),
    ];
    fault
}
