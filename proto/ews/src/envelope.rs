//! The SOAP 1.1 envelope around every message, its headers and faults.
//!
//! <https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxwscdata/> section 2.2.3

use crate::Error;
use crate::encoded::Encoded;
use crate::exchange_version::ExchangeVersion;
use crate::fault::Fault;
use crate::operation::{Body, Operation};
use crate::time_zone::TimeZoneDefinition;
use crate::xml::{Limits, Ns, Reader, Sequence, Start, Writer, choice, open_enum, sequence};

sequence! {
    /// `t:RequestServerVersion`: the schema version a request is written in.
    pub struct RequestServerVersion in Types {
        required_attribute b"Version" => version: ExchangeVersion,
    }
}

choice! {
    /// Whom to act as: `t:ConnectingSID` and its alternatives.
    pub enum ConnectingSid in Types {
        b"PrincipalName" => PrincipalName(String),
        b"SID" => Sid(String),
        b"PrimarySmtpAddress" => PrimarySmtpAddress(String),
        b"SmtpAddress" => SmtpAddress(String),
    }
}

sequence! {
    /// `t:ExchangeImpersonation`: act as another user.
    pub struct ExchangeImpersonation in Types {
        required_array b"ConnectingSID" => connecting_sid: Option<ConnectingSid>,
    }
}

sequence! {
    /// `t:TimeZoneContext`: the zone of times without offset, and of times in the answer.
    pub struct TimeZoneContext in Types {
        required b"TimeZoneDefinition" => time_zone_definition: TimeZoneDefinition,
    }
}

open_enum! {
    /// Resolution of times in the answer.
    pub enum DateTimePrecision { Seconds, Milliseconds }
}

sequence! {
    /// `t:SerializedSecurityContext`: a server vouching for a user. Only its presence is noted, so that it can be refused.
    pub struct SerializedSecurityContext in Types {}
}

sequence! {
    /// The header of a request. Everything is optional; what is unknown was skipped.
    pub struct RequestHeader in Types {
        element b"RequestServerVersion" => request_server_version: Option<RequestServerVersion>,
        element b"ExchangeImpersonation" => exchange_impersonation: Option<ExchangeImpersonation>,
        element b"MailboxCulture" => mailbox_culture: Option<String>,
        element b"TimeZoneContext" => time_zone_context: Option<TimeZoneContext>,
        element b"DateTimePrecision" => date_time_precision: Option<DateTimePrecision>,
        element b"SerializedSecurityContext" => serialized_security_context: Option<SerializedSecurityContext>,
    }
}

impl RequestHeader {
    /// A header that names the schema version only.
    pub fn new(version: ExchangeVersion) -> Self {
        Self { request_server_version: Some(RequestServerVersion { version }), ..Self::default() }
    }

    /// Acts as `who`.
    #[must_use]
    pub fn impersonating(mut self, who: ConnectingSid) -> Self {
        self.exchange_impersonation = Some(ExchangeImpersonation { connecting_sid: Some(who) });
        self
    }

    /// The version asked for, if any.
    pub fn version(&self) -> Option<&ExchangeVersion> {
        self.request_server_version.as_ref().map(|v| &v.version)
    }

    /// Whom the request acts as, if it impersonates.
    pub fn impersonated(&self) -> Option<&ConnectingSid> {
        self.exchange_impersonation.as_ref()?.connecting_sid.as_ref()
    }
}

sequence! {
    /// `t:ServerVersionInfo`: what answered. `version` may be an internal name that is not legal in a request.
    pub struct ServerVersionInfo in Types {
        attribute b"MajorVersion" => major_version: Option<i32>,
        attribute b"MinorVersion" => minor_version: Option<i32>,
        attribute b"MajorBuildNumber" => major_build_number: Option<i32>,
        attribute b"MinorBuildNumber" => minor_build_number: Option<i32>,
        attribute b"Version" => version: Option<String>,
    }
}

sequence! {
    /// The header of an answer.
    pub struct ResponseHeader in Types {
        element b"ServerVersionInfo" => server_version_info: Option<ServerVersionInfo>,
    }
}

/// An answer: its header, and the operation's response or a fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply<R> {
    /// The header; faults usually come without content in it.
    pub header: ResponseHeader,
    /// The response, or the SOAP fault sent instead (HTTP status 500).
    pub body: Result<R, Fault>,
}

/// Writes a request (client).
pub fn encode_request<O: Operation>(header: &RequestHeader, operation: &O) -> Vec<u8> {
    envelope(|w| header.write_children(w), |w| operation.write_body(w, O::REQUEST, O::MESSAGE))
}

/// Writes a request whose large contents are encoded while it is sent (client).
pub fn encode_request_in_chunks<O: Operation>(header: &RequestHeader, operation: &O) -> Encoded {
    let body = |w: &mut Writer| operation.write_body(w, O::REQUEST, O::MESSAGE);
    written(Writer::setting_aside(2048), &NAMESPACES, |w| header.write_children(w), body).finish_encoded()
}

/// Reads a request that can only be operation `O`: a listener for notifications takes nothing else.
pub fn decode_request<O: Operation>(document: &[u8], limits: &Limits) -> Result<(RequestHeader, O), Error> {
    open(document, limits, |r, body| {
        if body.local() != O::REQUEST {
            return Err(unexpected(O::REQUEST, body));
        }
        O::read_body(r, body, O::MESSAGE)
    })
}

/// Reads the answer to operation `O` (client).
pub fn decode_response<O: Operation>(document: &[u8], limits: &Limits) -> Result<Reply<O::Response>, Error> {
    let (header, body) = open(document, limits, |r, body| {
        if body.ns() == Ns::Soap && body.local() == "Fault" {
            return Fault::read(r, body).map(Err);
        }
        if body.local() != O::RESPONSE {
            return Err(unexpected(O::RESPONSE, body));
        }
        O::Response::read_body(r, body, O::MESSAGE).map(Ok)
    })?;
    Ok(Reply { header, body })
}

/// Writes the answer to operation `O` (server).
pub fn encode_response<O: Operation>(header: &ResponseHeader, response: &O::Response) -> Vec<u8> {
    envelope(|w| header.write_children(w), |w| response.write_body(w, O::RESPONSE, O::MESSAGE))
}

/// Writes the answer to operation `O`, whose large contents are encoded while it is sent (server).
pub fn encode_response_in_chunks<O: Operation>(header: &ResponseHeader, response: &O::Response) -> Encoded {
    let body = |w: &mut Writer| response.write_body(w, O::RESPONSE, O::MESSAGE);
    written(Writer::setting_aside(2048), &NAMESPACES, |w| header.write_children(w), body).finish_encoded()
}

/// Writes a SOAP fault (server); send it with HTTP status 500.
pub fn encode_fault(fault: &Fault) -> Vec<u8> {
    envelope(|_| {}, |w| fault.write(w))
}

pub(crate) fn unexpected(expected: &'static str, found: &Start<'_>) -> Error {
    Error::Unexpected { expected, found: found.any_local().chars().take(80).collect() }
}

/// Reads an envelope: its header as `H`, and the first element of its body by `read`.
pub(crate) fn open<H: Sequence, T>(
    document: &[u8],
    limits: &Limits,
    read: impl FnOnce(&mut Reader<'_>, &Start<'_>) -> Result<T, Error>,
) -> Result<(H, T), Error> {
    let mut r = Reader::new(document, limits)?;
    let root = r.root()?;
    if root.ns() != Ns::Soap || root.local() != "Envelope" {
        return Err(unexpected("a SOAP 1.1 Envelope", &root));
    }
    let mut header = H::default();
    let mut read = Some(read);
    let mut content = None;
    while let Some(part) = r.child(&root)? {
        match (part.ns(), part.local()) {
            (Ns::Soap, "Header") => header.read_into(&mut r, &part)?,
            (Ns::Soap, "Body") => {
                while let Some(child) = r.child(&part)? {
                    match read.take() {
                        Some(read) => content = Some(read(&mut r, &child)?),
                        None => r.skip(&child)?,
                    }
                }
            }
            _ => r.skip(&part)?,
        }
    }
    content.map(|content| (header, content)).ok_or(Error::EmptyBody)
}

const NAMESPACES: [Ns; 3] = [Ns::Soap, Ns::Messages, Ns::Types];

fn envelope(header: impl FnOnce(&mut Writer), body: impl FnOnce(&mut Writer)) -> Vec<u8> {
    envelope_in(&NAMESPACES, header, body)
}

/// Writes an envelope that declares these namespaces.
pub(crate) fn envelope_in(
    namespaces: &[Ns],
    header: impl FnOnce(&mut Writer),
    body: impl FnOnce(&mut Writer),
) -> Vec<u8> {
    written(Writer::with_capacity(2048), namespaces, header, body).finish()
}

fn written(
    mut w: Writer,
    namespaces: &[Ns],
    header: impl FnOnce(&mut Writer),
    body: impl FnOnce(&mut Writer),
) -> Writer {
    w.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?>");
    w.start(Ns::Soap, b"Envelope");
    for ns in namespaces {
        w.declare(*ns);
    }
    w.start(Ns::Soap, b"Header");
    header(&mut w);
    w.end(Ns::Soap, b"Header");
    w.start(Ns::Soap, b"Body");
    body(&mut w);
    w.end(Ns::Soap, b"Body");
    w.end(Ns::Soap, b"Envelope");
    w
}
