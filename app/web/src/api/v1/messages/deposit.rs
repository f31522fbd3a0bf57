use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use serde::Deserialize;
use tieline_messaging::Deposit;
use tieline_model::{Caller, MessageKind, Refusal};
use utoipa::ToSchema;

use super::{MessageView, find};
use crate::api::v1::{mailboxes, schema};
use crate::extract::{Body, object};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

/// What is left for whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageBody {
    /// The mailbox, by number, address or id.
    mailbox: String,
    /// voice, fax or text; voice unless said otherwise.
    #[schema(value_type = Option<String>)]
    kind: Option<MessageKind>,
    /// Who called.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<schema::Caller>)]
    caller: Option<Caller>,
    /// When it came in; now, unless said otherwise.
    #[schema(value_type = Option<String>)]
    received: Option<Timestamp>,
    /// The text of a text message.
    #[serde(default)]
    text: String,
    /// How many pages a fax has.
    #[serde(default)]
    pages: u32,
    /// The id that makes the same deposit, made twice, one message. The header Idempotency-Key says the same.
    source_id: Option<String>,
}

/// The form that recordings are uploaded with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document")]
struct MessageForm {
    /// JSON.
    message: MessageBody,
    /// The recording or fax.
    #[schema(value_type = String, format = Binary)]
    content: Vec<u8>,
}

/// Leaves a message. The answer comes when it cannot be lost any more: 201 for a new one, 200 when the same deposit
/// was made before.
#[utoipa::path(post, path = "/messages", tag = "messages",
    request_body(content((MessageForm = "multipart/form-data"), (MessageBody = "application/json"))),
    params(("idempotency-key" = Option<String>, Header, description = "The depositing system's id")),
    responses((status = 200, body = MessageView), (status = 201, body = MessageView)))]
pub(super) async fn deposit(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    request: Request,
) -> Result<(StatusCode, Json<MessageView>), Refused> {
    let form = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/form-data"));
    let (body, file_name, content) = if form {
        read_form(
            Multipart::from_request(request, &web).await.map_err(|error| bad_request(error.body_text()))?,
        )
        .await?
    } else {
        let Body(body) = Body::<MessageBody>::from_request(request, &web).await?;
        (body, None, Bytes::new())
    };
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let deposit = Deposit {
        mailbox: mailboxes::find(&web, &body.mailbox).await?.id,
        kind: body.kind.unwrap_or(MessageKind::Voice),
        caller: body.caller.unwrap_or_default(),
        received: body.received,
        text: body.text,
        pages: body.pages,
        file_name,
        content,
        source_id: body.source_id.or(key),
    };
    let deposited = web.messaging.deposit(deposit).await?;
    let status = if deposited.new { StatusCode::CREATED } else { StatusCode::OK };
    let stored = find(&web, &deposited.id.to_string()).await?;
    Ok((status, Json(MessageView::new(&web, stored).await?)))
}

/// The parts `message` and `content`, in any order, once each.
async fn read_form(mut form: Multipart) -> Result<(MessageBody, Option<String>, Bytes), Refused> {
    let mut message = None;
    let mut file = None;
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("message") if message.is_none() => {
                let text = read_field(field).await?;
                let parsed = serde_json::from_slice(&text);
                message = Some(parsed.map_err(|error| bad_request(format!("part message: {error}")))?);
            }
            Some("content") if file.is_none() => {
                let name = field.file_name().map(str::to_owned);
                file = Some((name, read_field(field).await?));
            }
            other => {
                let name: String = other.unwrap_or("without a name").chars().take(40).collect();
                return Err(bad_request(format!("the form has a part {name:?} that is not expected here")));
            }
        }
    }
    let message = message.ok_or_else(|| bad_request("the form has no part message"))?;
    let (name, content) = file.unwrap_or_default();
    Ok((message, name, content))
}

async fn read_field(mut field: Field<'_>) -> Result<Bytes, Refused> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

fn broken(error: MultipartError) -> Refused {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let next = "send a shorter recording, or raise [limits] recording_bytes";
        return Refusal::permanent("too-large", "the recording is larger than this server takes", next)
            .into();
    }
    bad_request(error.body_text())
}
