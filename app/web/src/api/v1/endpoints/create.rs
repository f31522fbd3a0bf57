use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use tieline_model::{Endpoint, EndpointId, Refusal, ServerAddress, TlsTrust, VoiceFormat};
use tieline_store::Edit;

use super::{EndpointBody, EndpointView, probe};
use crate::access::Caller;
use crate::extract::Body;
use crate::problem::Refused;
use crate::web::Web;

/// Adds a mail server. It is reached first; one that does not speak EWS is refused.
#[utoipa::path(post, path = "/endpoints", tag = "endpoints", request_body = EndpointBody,
    responses((status = 201, body = EndpointView)))]
pub(super) async fn create(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<EndpointBody>,
) -> Result<(StatusCode, Json<EndpointView>), Refused> {
    let missing =
        |field: &str, next: &str| Refusal::permanent("bad-request", format!("the {field} is missing"), next);
    let name = body.name.clone().ok_or_else(|| missing("name", "say what people call the server"))?;
    let address =
        body.address.as_deref().ok_or_else(|| missing("address", "write it as ews:mail.corp.example"))?;
    let address: ServerAddress = address.parse().map_err(|error: tieline_model::ServerAddressError| {
        Refusal::permanent("bad-server-address", error.to_string(), "write it as ews:mail.corp.example")
    })?;
    let mut endpoint = Endpoint {
        id: EndpointId::from_uuid(web.ids.uuid()),
        name,
        address,
        port: Endpoint::DEFAULT_PORT,
        https: true,
        path: Endpoint::DEFAULT_PATH.to_owned(),
        tls: TlsTrust::default(),
        authentication: Default::default(),
        voice_format: VoiceFormat::default(),
        server_version: None,
    };
    body.apply(&mut endpoint)?;
    if !body.unchecked {
        probe(&web, &mut endpoint).await?;
    }
    let note = format!("endpoint {} added", endpoint.name);
    let receipt = web.configure(&caller, note, vec![Edit::PutEndpoint(endpoint.clone())]).await?;
    Ok((StatusCode::CREATED, Json(EndpointView::new(endpoint, receipt.warnings))))
}
