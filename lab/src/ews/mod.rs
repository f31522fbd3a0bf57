//! The EWS endpoint: reading the request, who may do what, the operations, and the answer.

mod attachment;
pub(crate) mod context;
mod directory;
mod folder;
mod item_create;
mod item_delete;
mod item_get;
mod item_update;
mod notification;
mod reply;
mod streaming;
mod sync;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tieline_proto_ews::{
    ConnectingSid, ExchangeVersion, Fault as SoapFault, MessageXml, Operation, Request, RequestHeader,
    ResponseClass, ResponseCode, ResponseHeader, ResponseMessage, ResponseMessages, ServerVersionInfo,
    encode_fault, encode_response,
    operations::{GetDelegate, GetRoomLists, GetRooms, RoomLists},
};

use self::context::Context;
pub(crate) use self::{
    notification::{Batch, collect, notification},
    streaming::Streams,
};
use crate::{
    account::Account,
    fault::FaultKind,
    http::{Body, Cut},
    journal::RequestRecord,
    server::{Server, plain, typed, unauthorized, unavailable},
    settings::ServerVersion,
    store::{item, mailbox},
};

/// A POST to the endpoint, read and signed in.
pub(crate) struct Post {
    pub(crate) record: RequestRecord,
    pub(crate) begun: Instant,
    pub(crate) caller: Account,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What came of an operation: the document and the first code in it that tells of trouble.
struct Answer {
    status: StatusCode,
    document: Vec<u8>,
    code: Option<String>,
}

impl Answer {
    fn fault(fault: SoapFault) -> Self {
        let code = Some(fault.code().as_str().to_owned());
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, document: encode_fault(&fault), code }
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
    let operation = request.name().to_owned();
    post.record.operation = Some(operation.clone());
    if let Some(recorder) = &server.recorder {
        recorder.write(post.record.seq, &operation, "request", &post.body).await;
    }
    let account = match whose(&server, &post.caller, &header) {
        Ok(account) => account,
        Err(answer) => return Ok(deliver(&server, post, &operation, answer, None).await),
    };
    if account.address != post.caller.address {
        post.record.impersonated = Some(account.address.clone());
    }
    let fault = server.faults.strike(Some(&post.caller.address), Some(&account.address), &operation);
    post.record.fault = fault.as_ref().map(|fault| fault.name().to_owned());
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
                server.tasks.spawn(async move {
                    tokio::time::sleep(delay).await;
                    execute(&late_server, caller, account, request, None).await;
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
    let answer = execute(&server, post.caller.clone(), account, request, fault.clone()).await;
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
        FaultKind::Unauthorized => Before::Response(unauthorized()),
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

/// Whose mailbox the request works on, or why it may not.
fn whose(server: &Server, caller: &Account, header: &RequestHeader) -> Result<Account, Answer> {
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

/// Operations that write nothing, and so need not wait for each other.
fn reads_only(request: &Request) -> bool {
    matches!(
        request,
        Request::ConvertId(_)
            | Request::GetFolder(_)
            | Request::FindFolder(_)
            | Request::FindItem(_)
            | Request::GetItem(_)
            | Request::GetAttachment(_)
            | Request::SyncFolderItems(_)
            | Request::SyncFolderHierarchy(_)
            | Request::ResolveNames(_)
            | Request::GetServerTimeZones(_)
    )
}

async fn execute(
    server: &Arc<Server>,
    caller: Account,
    account: Account,
    request: Request,
    fault: Option<FaultKind>,
) -> Answer {
    match attempt(server, caller, account, request, fault).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "lab: the store failed");
            Answer::refused(ResponseCode::ErrorInternalServerError, &error.to_string())
        }
    }
}

/// Begins a request's work for an account.
pub(crate) async fn context(
    server: &Arc<Server>,
    caller: Account,
    account: Account,
    write: bool,
    fault: Option<FaultKind>,
) -> Result<Context, sqlx::Error> {
    let mut tx = if write { server.store.write().await? } else { server.store.read().await? };
    let mailbox = mailbox::by_address(&mut tx, &account.address).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(Context {
        now_ms: server.clock.now_ms(),
        server: Arc::clone(server),
        tx,
        caller,
        account,
        mailbox,
        fault,
        saved: Vec::new(),
    })
}

async fn attempt(
    server: &Arc<Server>,
    caller: Account,
    account: Account,
    request: Request,
    fault: Option<FaultKind>,
) -> Result<Answer, sqlx::Error> {
    let write = !reads_only(&request);
    let mut cx = context(server, caller, account, write, fault).await?;
    macro_rules! run {
        ($operation:ident, $request:expr, $handler:path) => {{
            let response = $handler(&mut cx, $request).await?;
            finish::<tieline_proto_ews::operations::$operation, _>(cx, response, write).await
        }};
    }
    match request {
        Request::ConvertId(request) => run!(ConvertId, request, directory::convert_id),
        Request::ResolveNames(request) => run!(ResolveNames, request, directory::resolve_names),
        Request::ExpandDL(request) => run!(ExpandDL, request, directory::expand_dl),
        Request::GetUserConfiguration(request) => {
            run!(GetUserConfiguration, request, directory::user_configuration)
        }
        Request::GetRoomLists(_) => {
            Ok(single::<GetRoomLists, _>(server, ResponseMessage::success(RoomLists::default())))
        }
        Request::GetRooms(_) => Ok(single::<GetRooms, _>(server, directory::no_such_list())),
        Request::GetDelegate(_) => Ok(single::<GetDelegate, _>(server, directory::no_delegates())),
        Request::GetServerTimeZones(request) => run!(GetServerTimeZones, request, directory::time_zones),
        Request::GetFolder(request) => run!(GetFolder, request, folder::get),
        Request::FindFolder(request) => run!(FindFolder, request, folder::find),
        Request::CreateFolder(request) => run!(CreateFolder, request, folder::create),
        Request::UpdateFolder(request) => run!(UpdateFolder, request, folder::update),
        Request::CopyFolder(request) => run!(CopyFolder, request, folder::copy_to),
        Request::MoveFolder(request) => run!(MoveFolder, request, folder::move_to),
        Request::DeleteFolder(request) => run!(DeleteFolder, request, folder::delete),
        Request::EmptyFolder(request) => run!(EmptyFolder, request, folder::empty_all),
        Request::MarkAllItemsAsRead(request) => run!(MarkAllItemsAsRead, request, folder::mark_all),
        Request::FindItem(request) => run!(FindItem, request, item_get::find),
        Request::GetItem(request) => run!(GetItem, request, item_get::get),
        Request::CreateItem(request) => run!(CreateItem, request, item_create::create),
        Request::SendItem(request) => run!(SendItem, request, item_create::send_saved),
        Request::UpdateItem(request) => run!(UpdateItem, request, item_update::update),
        Request::DeleteItem(request) => run!(DeleteItem, request, item_delete::delete),
        Request::MoveItem(request) => run!(MoveItem, request, item_delete::move_to),
        Request::CopyItem(request) => run!(CopyItem, request, item_delete::copy),
        Request::CreateAttachment(request) => run!(CreateAttachment, request, attachment::create),
        Request::GetAttachment(request) => run!(GetAttachment, request, attachment::get),
        Request::DeleteAttachment(request) => run!(DeleteAttachment, request, attachment::delete),
        Request::SyncFolderItems(request) => run!(SyncFolderItems, request, sync::items),
        Request::SyncFolderHierarchy(request) => run!(SyncFolderHierarchy, request, sync::hierarchy),
        Request::Subscribe(request) => {
            let answer = run!(Subscribe, request, notification::subscribe);
            server.subscribed.notify_one();
            answer
        }
        Request::GetEvents(request) => run!(GetEvents, request, notification::events),
        Request::Unsubscribe(request) => run!(Unsubscribe, request, notification::unsubscribe),
        other => Ok(Answer::refused(
            ResponseCode::ErrorInvalidRequest,
            &format!("The lab does not offer the operation {}.", other.name()),
        )),
    }
}

/// Makes the effects durable and the answer ready; with some faults, undoes them and says why.
async fn finish<O, P>(
    cx: Context,
    mut response: ResponseMessages<P>,
    write: bool,
) -> Result<Answer, sqlx::Error>
where
    O: Operation<Response = ResponseMessages<P>>,
    P: Default,
{
    let Context { server, tx, fault, mailbox, saved, .. } = cx;
    match error_for_all(fault.as_ref()) {
        Some((code, xml)) => {
            for message in &mut response.messages {
                let text = "The server cannot service this request right now. Try again later.";
                *message = ResponseMessage::error(code.clone(), text);
                message.xml = xml.clone();
            }
            tx.rollback().await?;
        }
        None if write => {
            server.store.commit(tx).await?;
            touch_later(&server, mailbox.mailbox, saved);
        }
        None => tx.rollback().await?,
    }
    let trouble = response.messages.iter().find(|message| message.code != ResponseCode::NoError);
    let code = trouble.map_or("NoError", |message| message.code.as_str()).to_owned();
    let document = sync::with_changes(encode_response::<O>(&response_header(&server), &response));
    Ok(Answer { status: StatusCode::OK, document, code: Some(code) })
}

/// The answer of an operation whose response is one message itself.
fn single<O, P>(server: &Server, response: ResponseMessage<P>) -> Answer
where
    O: Operation<Response = ResponseMessage<P>>,
{
    let code = Some(noted(&response));
    let document = encode_response::<O>(&response_header(server), &response);
    Answer { status: StatusCode::OK, document, code }
}

/// Changes the change keys of new items a moment later, as Exchange does, where the settings say so.
fn touch_later(server: &Arc<Server>, mailbox: i64, saved: Vec<i64>) {
    let Some(delay) = server.settings.touch_after_create.filter(|_| !saved.is_empty()) else { return };
    let touching = Arc::clone(server);
    server.tasks.spawn(async move {
        tokio::time::sleep(delay).await;
        if let Err(error) = touch(&touching, mailbox, &saved).await {
            tracing::error!(%error, "lab: new items could not be touched");
        }
    });
}

async fn touch(server: &Server, mailbox: i64, items: &[i64]) -> Result<(), sqlx::Error> {
    let mut tx = server.store.write().await?;
    for item in items {
        item::touch_version(&mut tx, mailbox, *item, server.clock.now_ms()).await?;
    }
    server.store.commit(tx).await
}

fn error_for_all(fault: Option<&FaultKind>) -> Option<(ResponseCode, MessageXml)> {
    let back_off = |ms: u64| MessageXml::with_back_off(Duration::from_millis(ms));
    match fault? {
        FaultKind::MessageBusy { back_off_ms } => {
            Some((ResponseCode::ErrorServerBusy, back_off(*back_off_ms)))
        }
        FaultKind::InnerBusy { back_off_ms } => {
            let mut xml = back_off(*back_off_ms);
            xml.values.push(("InnerErrorResponseCode".to_owned(), "ErrorServerBusy".to_owned()));
            xml.values.push(("InnerErrorMessageText".to_owned(), "The server is busy.".to_owned()));
            xml.values.push(("InnerErrorDescriptiveLinkKey".to_owned(), "0".to_owned()));
            Some((ResponseCode::ErrorInternalServerError, xml))
        }
        FaultKind::Error { code } => Some((ResponseCode::from(code.as_str()), MessageXml::default())),
        _ => None,
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
    let mut truncated = None;
    match fault {
        Some(FaultKind::IllegalCharacters) => answer.document = with_illegal_characters(&answer.document),
        Some(FaultKind::TruncatedBody) => truncated = Some(answer.document.len() / 2),
        _ => {}
    }
    if let (Some(recorder), None | Some(FaultKind::Slow { .. })) = (&server.recorder, fault) {
        recorder.write(post.record.seq, operation, "response", &answer.document).await;
    }
    if let Some(length) = truncated {
        answer.document.truncate(length);
    }
    post.record.response_bytes = answer.document.len() as u64;
    let mut response = match answer.status {
        StatusCode::BAD_REQUEST => plain(StatusCode::BAD_REQUEST, ""),
        status => typed(status, "text/xml; charset=utf-8", answer.document),
    };
    decorate(&post.headers, operation, &mut response);
    server.finish(post.record, post.begun, response)
}

/// Headers that Exchange puts on its answers.
pub(crate) fn decorate(request: &HeaderMap, operation: &str, response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.insert("x-feserver", HeaderValue::from_static("LAB-FE1"));
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
        headers.insert(
            header::SET_COOKIE,
            HeaderValue::from_static("X-BackEndOverrideCookie=LAB-BE1~1943310282; path=/; HttpOnly"),
        );
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
