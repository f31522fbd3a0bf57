//! Quick call: targets, a test, the reconcile report, and what puts the command into the client's menu.

mod change;
mod check;
mod create;
mod kit;
mod list;
mod reconcile;
mod remove;
mod show;
mod test;

use std::sync::Arc;

use serde::Serialize;
use tieline_model::{Hosting, QuickCallTarget, Refusal, TargetKind, TlsTrust, UnknownPerson};
use tieline_quick_call::{QuickCall, kit::menu_guid};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schema;
use crate::problem::Refused;
use crate::target_body::TargetBody;
use crate::web::Web;

pub(super) fn routes() -> OpenApiRouter<Arc<Web>> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(show::show, change::change, remove::remove))
        .routes(routes!(check::check))
        .routes(routes!(test::test))
        .routes(routes!(reconcile::reconcile))
        .routes(routes!(kit::kit))
}

/// Where a quick call leads. Links and tokens are never shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TargetView {
    /// `qt_…`
    id: String,
    /// What people call it.
    name: String,
    /// The menu's text.
    menu_text: String,
    /// production or sandbox.
    environment: &'static str,
    /// saas or on-premises.
    hosting: &'static str,
    /// The product's version on premises, by its year.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<u16>,
    /// method1, method2 or template.
    way: &'static str,
    /// The form's address without the person; absent for method 2, whose link is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    url: Option<String>,
    /// The hosts that technicians may be sent to.
    hosts: Vec<String>,
    /// mail, sip or login.
    person_key: &'static str,
    /// Where people who are nobody are sent; absent: a page that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    log_in_url: Option<String>,
    /// Its REST API.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    api: Option<TargetApi>,
    /// Whether an auto connection link is stored.
    link_stored: bool,
    /// Whether the API's token is stored.
    token_stored: bool,
    /// The menu entry's GUID.
    menu_guid: String,
}

/// A ticket system's REST API.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TargetApi {
    /// glpi or zammad.
    product: &'static str,
    /// Where the product answers.
    url: String,
    /// How its certificate is trusted.
    #[schema(value_type = schema::Trust)]
    tls: TlsTrust,
    /// A person's latest tickets come before the form.
    tickets_first: bool,
}

impl TargetView {
    /// `secrets`: the names of everything that is stored as one.
    fn new(target: &QuickCallTarget, secrets: &[String]) -> Self {
        let stored = |name: String| secrets.contains(&name);
        Self {
            id: target.id.to_string(),
            name: target.name.clone(),
            menu_text: target.menu_text.clone(),
            environment: target.environment.name(),
            hosting: target.hosting.name(),
            version: match target.hosting {
                Hosting::OnPremises { version } => version,
                Hosting::Saas => None,
            },
            way: target.kind.name(),
            url: match &target.kind {
                TargetKind::Method1 { base_url } => Some(base_url.clone()),
                TargetKind::Template { url } => Some(url.clone()),
                TargetKind::Method2 => None,
            },
            hosts: target.hosts.clone(),
            person_key: target.person_key.name(),
            log_in_url: match &target.unknown {
                UnknownPerson::LogIn { url } => Some(url.clone()),
                UnknownPerson::Page => None,
            },
            api: target.api.as_ref().map(|api| TargetApi {
                product: api.product.name(),
                url: api.url.clone(),
                tls: api.tls.clone(),
                tickets_first: api.tickets_first,
            }),
            link_stored: stored(QuickCallTarget::link_secret(target.id)),
            token_stored: stored(QuickCallTarget::token_secret(target.id)),
            menu_guid: menu_guid(target.id).to_string(),
        }
    }
}

impl Web {
    /// The job; without a directory there is none.
    fn quick_calls(&self) -> Result<&QuickCall, Refused> {
        self.quick_call.as_ref().ok_or_else(|| {
            let next = "add the section [directory] to the configuration and start Tieline again";
            Refusal::operator("no-directory", "quick calls need a directory, and none is configured", next)
                .into()
        })
    }

    async fn secret_names(&self) -> Result<Vec<String>, Refused> {
        Ok(self.store.secrets().await?.into_iter().map(|secret| secret.name).collect())
    }
}
