use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use tieline_model::{
    Environment, Hosting, PersonKey, QuickCallTarget, QuickCallTargetId, Refusal, TargetKind, UnknownPerson,
};

use super::{TargetBody, TargetView};
use crate::access::Caller;
use crate::extract::Body;
use crate::problem::Refused;
use crate::web::Web;

/// Adds a target: a form that comes ready, method 1, method 2 (a pasted link) or a template.
#[utoipa::path(post, path = "/quick-call/targets", tag = "quick call", request_body = TargetBody,
    responses((status = 201, body = TargetView)))]
pub(super) async fn create(
    State(web): State<Arc<Web>>,
    Extension(caller): Extension<Caller>,
    Body(body): Body<TargetBody>,
) -> Result<(StatusCode, Json<TargetView>), Refused> {
    let service = web.quick_calls()?;
    let name = body.name.clone().ok_or_else(|| {
        Refusal::permanent("bad-request", "the name is missing", "say what people call the target")
    })?;
    let mut target = QuickCallTarget {
        id: QuickCallTargetId::from_uuid(web.ids.uuid()),
        name,
        menu_text: String::new(),
        environment: Environment::default(),
        hosting: Hosting::default(),
        kind: TargetKind::Template { url: String::new() },
        hosts: Vec::new(),
        person_key: PersonKey::default(),
        unknown: UnknownPerson::default(),
        api: None,
    };
    body.apply(&mut target)?;
    if target.kind == (TargetKind::Template { url: String::new() }) {
        let next = "say --ready NAME --host HOST, --method1 URL, --link-file FILE or --template URL";
        return Err(Refusal::permanent("bad-request", "it was not said which form is opened", next).into());
    }
    if target.menu_text.is_empty() {
        target.menu_text.clone_from(&target.name);
    }
    service.save(&mut target, body.secrets(), &caller.name).await?;
    Ok((StatusCode::CREATED, Json(TargetView::new(&target, &web.secret_names().await?))))
}
