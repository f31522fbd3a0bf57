use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tieline_model::Refusal;
use tieline_quick_call::kit::{Bits, ClientVersion, Hive, Kit};
use utoipa::IntoParams;

use crate::extract::{Asked, Segment};
use crate::problem::{Refused, bad_request};
use crate::web::Web;

/// What is rolled out, and to whom.
#[derive(Debug, Deserialize, IntoParams)]
pub(super) struct KitQuery {
    /// How technicians' browsers reach Tieline: `https://tieline.corp.example`.
    address: String,
    /// Names or ids of targets, separated by commas; all of them unless said otherwise.
    #[serde(default)]
    targets: String,
    /// lync-2010, lync-2013, sfb-2015 and sfb-2016, separated by commas; all of them unless said otherwise.
    #[serde(default)]
    clients: String,
    /// machine or user.
    hive: Option<String>,
    /// both, native (64-bit clients and 32-bit Windows) or wow64 (32-bit clients on 64-bit Windows).
    bits: Option<String>,
    /// The entry's address also says who the client's user is. It is recorded and never believed.
    #[serde(default)]
    with_user: bool,
}

/// A file of the roll-out kit: reg, reg-removal, admx, adml-en, adml-de or powershell.
#[utoipa::path(get, path = "/quick-call/kit/{file}", tag = "quick call",
    params(("file" = String, Path, description = "reg, reg-removal, admx, adml-en, adml-de or powershell"), KitQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
pub(super) async fn kit(
    State(web): State<Arc<Web>>,
    Segment(file): Segment,
    Asked(asked): Asked<KitQuery>,
) -> Result<Response, Refused> {
    let kit = wanted(&web, &asked).await?;
    let found = match file.as_str() {
        "reg" => Some(kit.reg()),
        "reg-removal" => Some(kit.reg_removal()),
        "powershell" => Some(kit.powershell()),
        "admx" => kit.admx().into_iter().find(|file| file.name.ends_with(".admx")),
        "adml-en" => kit.admx().into_iter().find(|file| file.name.starts_with("en-US/")),
        "adml-de" => kit.admx().into_iter().find(|file| file.name.starts_with("de-DE/")),
        _ => None,
    };
    let found = found.ok_or_else(|| {
        let next = "choose reg, reg-removal, admx, adml-en, adml-de or powershell";
        Refusal::permanent("unknown-kit-file", "there is no such file in the kit", next)
    })?;
    let name = found.name.rsplit('/').next().unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from(found.content)).into_response())
}

async fn wanted(web: &Web, asked: &KitQuery) -> Result<Kit, Refused> {
    let mut targets = web.store.quick_call_targets().await?;
    let names: Vec<&str> = listed(&asked.targets).collect();
    if let Some(missing) =
        names.iter().find(|name| !targets.iter().any(|t| t.name == **name || t.id.to_string() == **name))
    {
        return Err(crate::api::v1::unknown("quick-call target", missing));
    }
    targets.retain(|t| {
        names.is_empty() || names.iter().any(|name| t.name == *name || t.id.to_string() == *name)
    });
    if targets.is_empty() {
        let next = "tieline quick-call target add NAME --ready easyvista --host companyname.easyvista.com";
        return Err(Refusal::permanent(
            "unknown-quick-call-target",
            "there are no quick-call targets yet",
            next,
        )
        .into());
    }
    let clients: Option<Vec<ClientVersion>> = listed(&asked.clients).map(ClientVersion::named).collect();
    let clients =
        clients.ok_or_else(|| bad_request("clients are lync-2010, lync-2013, sfb-2015 and sfb-2016"))?;
    let hive = match asked.hive.as_deref() {
        None | Some("machine") => Hive::Machine,
        Some("user") => Hive::User,
        Some(_) => return Err(bad_request("hive is machine or user")),
    };
    let bits = match asked.bits.as_deref() {
        None | Some("both") => Bits::Both,
        Some("native") => Bits::Native,
        Some("wow64") => Bits::Wow64,
        Some(_) => return Err(bad_request("bits is both, native or wow64")),
    };
    Ok(Kit::new(&targets, &asked.address, asked.with_user, &clients, hive, bits)?)
}

fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}
