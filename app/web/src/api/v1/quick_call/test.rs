use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tieline_model::Refusal;
use tieline_quick_call::Resolution;
use utoipa::ToSchema;

use crate::api::v1::schema;
use crate::extract::Body;
use crate::problem::Refused;
use crate::web::Web;

/// A quick call to be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CallBody {
    /// As the client writes it, `Contacts=<sip:a@b>`, or a bare address.
    contact: String,
    /// The target's name or id; may be left out when there is only one.
    #[serde(default)]
    target: String,
}

/// Where a quick call would lead.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CallTested {
    /// What was looked at, in order.
    steps: Vec<CallStep>,
    /// form, tickets, choice, unknown, log-in or refused.
    outcome: &'static str,
    /// The form's address, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    url: Option<String>,
    /// What the technician would choose from: people, tickets, or names that are alike.
    choices: Vec<String>,
    /// Why it leads nowhere.
    #[schema(value_type = Option<schema::Refusal>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
struct CallStep {
    /// What was looked at.
    name: &'static str,
    /// What came of it.
    detail: String,
}

/// Tries a quick call: nobody is sent anywhere, and nothing is recorded.
#[utoipa::path(post, path = "/quick-call/test", tag = "quick call", request_body = CallBody,
    responses((status = 200, body = CallTested)))]
pub(super) async fn test(
    State(web): State<Arc<Web>>,
    Body(body): Body<CallBody>,
) -> Result<Json<CallTested>, Refused> {
    let tested = web.quick_calls()?.test(&body.target, &body.contact).await;
    let url = tested.masked_url().map(str::to_owned);
    let steps =
        tested.steps.into_iter().map(|step| CallStep { name: step.name, detail: step.detail }).collect();
    let (outcome, choices, refusal) = match tested.resolution {
        Ok(Resolution::Redirect { .. }) => ("form", Vec::new(), None),
        Ok(Resolution::Tickets { tickets, .. }) => (
            "tickets",
            tickets.iter().map(|t| format!("{} {} ({})", t.number, t.title, t.state)).collect(),
            None,
        ),
        Ok(Resolution::Choose { choices, .. }) => {
            let named = |choice: &tieline_quick_call::Choice| {
                let name =
                    choice.person.as_ref().map_or("not in the directory", |person| &person.display_name);
                format!("{name} ({})", choice.address)
            };
            ("choice", choices.iter().map(named).collect(), None)
        }
        Ok(Resolution::Unknown { nearest, login_url, reason, .. }) => {
            let outcome = if login_url.is_some() { "log-in" } else { "unknown" };
            (outcome, nearest.into_iter().map(|person| person.display_name).collect(), reason)
        }
        Err(refusal) => ("refused", Vec::new(), Some(refusal)),
    };
    Ok(Json(CallTested { steps, outcome, url, choices, refusal }))
}
