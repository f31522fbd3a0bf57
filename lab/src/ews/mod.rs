//! The EWS endpoint: reading the request, who may do what, the operations, and the answer.

mod access;
mod answer_zone;
mod appointment;
mod attachment;
mod availability;
pub(crate) mod calamity;
mod calendar_facts;
mod calendar_view;
pub(crate) mod context;
mod directory;
mod dispatch;
mod folder;
mod folder_find;
mod grouping;
mod guest;
mod item_create;
mod item_delete;
mod item_get;
mod item_source;
mod item_update;
mod meeting_answer;
mod notification;
mod reply;
pub(crate) mod services;
mod streaming;
mod sync;
mod time_zones;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tieline_proto_ews::{
    Encoded, Fault as SoapFault, MessageXml, Request, RequestHeader, ResponseClass, ResponseCode,
    ResponseHeader, ResponseMessage, ServerVersionInfo, encode_fault,
};

pub use self::calamity::NotArmed;
pub(crate) use self::dispatch::begin;
use self::{
    access::{check_version, whose},
    context::Asked,
    dispatch::execute,
};
pub(crate) use self::{
    calamity::Backends,
    notification::{Batch, collect, notification},
    streaming::Streams,
};
use crate::{
    account::Account,
    fault::FaultKind,
    http::{Body, Cut, in_pieces},
    journal::RequestRecord,
    server::{Server, forbidden, found_at, plain, typed, unauthorized, unavailable},
};

/// A POST to the endpoint, read and signed in.
pub(crate) struct Post {
    pub(crate) record: RequestRecord,
    pub(crate) begun: Instant,
    pub(crate) caller: Account,
    /// What the SOAP header says; of an empty one until the request is read.
    pub(crate) asked: Asked,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Post {
    pub(crate) fn new(
        record: RequestRecord,
        begun: Instant,
        caller: Account,
        headers: HeaderMap,
        body: Bytes,
    ) -> Self {
        Self { record, begun, caller, asked: Asked::of(&RequestHeader::default()), headers, body }
    }
}

/// What came of an operation: the document and the first code in it that tells of trouble.
struct Answer {
    status: StatusCode,
    document: Encoded,
    code: Option<String>,
}

impl Answer {
    fn fault(fault: SoapFault) -> Self {
        let code = Some(fault.code().as_str().to_owned());
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, document: encode_fault(&fault).into(), code }
    }

    /// Writes the document anew.
    fn rewrite(&mut self, anew: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        self.document = anew(std::mem::take(&mut self.document).into_bytes().into()).into();
    }

    fn refused(code: ResponseCode, text: &str) -> Self {
        Self::fault(SoapFault::new(code, text))
    }
}

/// Answers a POST; an error closes the connection.
pub(crate) async fn answer(server: Arc<Server>, mut post: Post) -> Result<Response<Body>, Cut> {
    let (header, request) = match Request::parse(&post.body) {
        Ok(parsed) => parsed,
        Err(error) => {
            tracing::debug!(%error, "lab: unreadable request");
            let fault = SoapFault {
                fault_code: "Client".to_owned(),
                response_code: None,
                ..SoapFault::new(ResponseCode::ErrorSchemaValidation, error.to_string())
            };
            let answer = Answer { status: StatusCode::BAD_REQUEST, ..Answer::fault(fault) };
            return Ok(deliver(&server, post, "Unreadable", answer, None).await);
        }
    };
    post.asked = Asked::of(&header);
    let operation = request.name().to_owned();
    post.record.operation = Some(operation.clone());
    if let Some(recorder) = &server.recorder {
        recorder.write(post.record.seq, &operation, "request", &post.body).await;
    }
    let account = match whose(&server, &post.caller, &header) {
        Ok(account) => account,
        Err(answer) => return Ok(deliver(&server, post, &operation, answer, None).await),
    };
    let older = match check_version(&server, &header, &operation, &post.body) {
        Ok(older) => older,
        Err(answer) => return Ok(deliver(&server, post, &operation, answer, None).await),
    };
    if account.address != post.caller.address {
        post.record.impersonated = Some(account.address.clone());
    }
    let fault = server.faults.strike(Some(&post.caller.address), Some(&account.address), &operation);
    post.record.fault = fault.as_ref().map(|fault| fault.name().to_owned());
    let fault = match calamity::befall(&server, &account, fault).await {
        Ok(fault) => fault,
        Err(error) => {
            let answer = Answer::refused(ResponseCode::ErrorInternalServerError, &error.to_string());
            return Ok(deliver(&server, post, &operation, answer, None).await);
        }
    };
    if let Some(fault) = &fault {
        match before(fault) {
            Before::Answer(answer) => return Ok(deliver(&server, post, &operation, answer, None).await),
            Before::Response(response) => return Ok(server.finish(post.record, post.begun, response)),
            Before::Cut => {
                server.drop_connection(post.record, post.begun);
                return Err(Cut);
            }
            Before::Later(delay) => {
                let (late_server, caller) = (Arc::clone(&server), post.caller.clone());
                let asked = post.asked.clone();
                server.tasks.spawn(async move {
                    tokio::time::sleep(delay).await;
                    execute(&late_server, caller, account, asked, request, None).await;
                });
                server.drop_connection(post.record, post.begun);
                return Err(Cut);
            }
            Before::Nothing => {}
        }
    }
    if let Request::GetStreamingEvents(request) = request {
        return streaming::answer(server, post, account, request, fault).await;
    }
    let mut answer =
        execute(&server, post.caller.clone(), account, post.asked.clone(), request, fault.clone()).await;
    if let Some(older) = older {
        answer.rewrite(|document| crate::version::without_newer(document, older));
    }
    if let Some(zone) = &post.asked.answer_zone {
        answer.rewrite(|document| answer_zone::in_zone(document, zone));
    }
    match &fault {
        Some(FaultKind::LostResponse) => {
            server.drop_connection(post.record, post.begun);
            return Err(Cut);
        }
        Some(FaultKind::Slow { delay_ms }) => {
            let delay = Duration::from_millis(*delay_ms);
            let slept = Instant::now();
            tokio::time::sleep(delay).await;
            post.record.injected_us = u64::try_from(slept.elapsed().as_micros()).unwrap_or(u64::MAX);
        }
        _ => {}
    }
    Ok(deliver(&server, post, &operation, answer, fault.as_ref()).await)
}

/// What a fault does before the operation.
enum Before {
    Answer(Answer),
    Response(Response<Body>),
    Cut,
    Later(Duration),
    Nothing,
}

fn before(fault: &FaultKind) -> Before {
    let busy = |back_off_ms: u64| {
        let text = "The server cannot service this request right now. Try again later.";
        let mut fault = SoapFault::new(ResponseCode::ErrorServerBusy, text);
        fault.xml = MessageXml::with_back_off(Duration::from_millis(back_off_ms));
        Before::Answer(Answer::fault(fault))
    };
    match fault {
        FaultKind::Http503 { retry_after_s } => Before::Response(unavailable(*retry_after_s)),
        FaultKind::HttpStatus { status } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Before::Response(plain(status, ""))
        }
        FaultKind::Unauthorized => Before::Response(unauthorized()),
        FaultKind::HttpRedirect { to } => Before::Response(found_at(to)),
        FaultKind::Forbidden => Before::Response(forbidden()),
        FaultKind::ServerBusy { back_off_ms } => busy(*back_off_ms),
        FaultKind::ConnectionCount => Before::Answer(Answer::refused(
            ResponseCode::ErrorExceededConnectionCount,
            "You have exceeded the available concurrent connections for your account. Try again once your other \
             requests have completed.",
        )),
        FaultKind::LostRequest => Before::Cut,
        FaultKind::LateEffect { delay_ms } => Before::Later(Duration::from_millis(*delay_ms)),
        _ => Before::Nothing,
    }
}

/// The header of every answer.
pub(crate) fn response_header(server: &Server) -> ResponseHeader {
    let version = &server.settings.version;
    let number = |number: u32| i32::try_from(number).ok();
    ResponseHeader {
        server_version_info: Some(ServerVersionInfo {
            major_version: number(version.major),
            minor_version: number(version.minor),
            major_build_number: number(version.major_build),
            minor_build_number: number(version.minor_build),
            version: Some(version.schema.clone()),
        }),
    }
}

/// Records, journals and sends an answer.
async fn deliver(
    server: &Arc<Server>,
    mut post: Post,
    operation: &str,
    mut answer: Answer,
    fault: Option<&FaultKind>,
) -> Response<Body> {
    post.record.response_code = answer.code.take();
    if let Some(recorder) = &server.recorder {
        recorder.write(post.record.seq, operation, "response", &answer.document.clone().into_bytes()).await;
    }
    // Only what a fault makes of it is no answer of Exchange's schema.
    match fault {
        Some(FaultKind::IllegalCharacters) => answer.rewrite(|whole| with_illegal_characters(&whole)),
        Some(FaultKind::TruncatedBody) => answer.rewrite(|mut whole| {
            whole.truncate(whole.len() / 2);
            whole
        }),
        _ => {}
    }
    post.record.response_bytes = answer.document.len() as u64;
    let mut response = match answer.status {
        StatusCode::BAD_REQUEST => plain(StatusCode::BAD_REQUEST, ""),
        status => sent(status, answer.document),
    };
    decorate(server, &post, operation, &mut response);
    server.finish(post.record, post.begun, response)
}

/// A document on its way; one with large contents is encoded while it goes.
fn sent(status: StatusCode, document: Encoded) -> Response<Body> {
    let content_type = "text/xml; charset=utf-8";
    match document.is_whole() {
        true => typed(status, content_type, document.into_bytes()),
        false => {
            let mut response = typed(status, content_type, Bytes::new());
            *response.body_mut() = in_pieces(document.chunks());
            response
        }
    }
}

/// Headers that Exchange puts on its answers.
pub(crate) fn decorate(server: &Server, post: &Post, operation: &str, response: &mut Response<Body>) {
    let (request, headers) = (&post.headers, response.headers_mut());
    let backend = server.backends.of(post.record.impersonated.as_ref().unwrap_or(&post.caller.address));
    headers.insert("x-feserver", HeaderValue::from_static("LAB-FE1"));
    if let Ok(backend) = HeaderValue::from_str(&backend) {
        headers.insert("x-beserver", backend);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    if let Ok(id) = HeaderValue::from_str(&crate::id::random_uuid().to_string()) {
        headers.insert("request-id", id);
    }
    let wanted =
        |name: &str| request.get(name).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    if wanted("return-client-request-id")
        && let Some(id) = request.get("client-request-id")
    {
        headers.insert("client-request-id", id.clone());
    }
    if operation == "Subscribe" && wanted("x-preferserveraffinity") {
        let cookie = format!("X-BackEndOverrideCookie={backend}~1943310282; path=/; HttpOnly");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.insert(header::SET_COOKIE, cookie);
        }
    }
}

/// Puts a character reference that XML 1.0 forbids into every subject.
fn with_illegal_characters(document: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(document).replace("</t:Subject>", "&#x1F;</t:Subject>").into_bytes()
}

/// The outcome of one response message as the journal notes it.
pub(crate) fn noted<P>(message: &ResponseMessage<P>) -> String {
    match message.class {
        ResponseClass::Success => "NoError".to_owned(),
        _ => message.code.as_str().to_owned(),
    }
}
