//! The lab's token issuer: the client-credentials flow (RFC 6749 section 4.4) as Microsoft's directory offers it, at
//! `/{tenant}/oauth2/v2.0/token`, with that directory's errors.

use http::{Method, Response, StatusCode};
use serde_json::json;

use super::token::{CLIENT_ID, CLIENT_SECRET, Claims, RESOURCE, TENANT};
use crate::{
    account::DOMAIN,
    http::Body,
    server::{Server, typed},
};

/// Another resource whose tokens one may have, and which are no good here.
const OTHER_RESOURCE: &str = "https://graph.microsoft.com";

/// Answers a request for a token. `tenant` is the first part of the path.
pub(crate) fn issue(server: &Server, method: &Method, tenant: &str, body: &[u8]) -> Response<Body> {
    match answer(server, method, tenant, body) {
        Ok(response) | Err(response) => response,
    }
}

fn answer(
    server: &Server,
    method: &Method,
    tenant: &str,
    body: &[u8],
) -> Result<Response<Body>, Response<Body>> {
    if method != Method::POST {
        return Err(refusal(StatusCode::BAD_REQUEST, "invalid_request", 900_561, "Only POST is accepted."));
    }
    if tenant != TENANT && tenant != DOMAIN {
        let text = format!("Tenant '{}' not found.", shown(tenant));
        return Err(refusal(StatusCode::BAD_REQUEST, "invalid_request", 90_002, &text));
    }
    let form: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let value = |name: &str| {
        let found = form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        found.ok_or_else(|| {
            let text = format!("The request body must contain the following parameter: '{name}'.");
            refusal(StatusCode::BAD_REQUEST, "invalid_request", 900_144, &text)
        })
    };
    let grant = value("grant_type")?;
    if grant != "client_credentials" {
        let text = format!("The app requested an unsupported grant type '{}'.", shown(grant));
        return Err(refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type", 70_003, &text));
    }
    let client = value("client_id")?;
    if client != CLIENT_ID {
        let text =
            format!("Application with identifier '{}' was not found in the directory 'Lab'.", shown(client));
        return Err(refusal(StatusCode::BAD_REQUEST, "unauthorized_client", 700_016, &text));
    }
    if value("client_secret")? != CLIENT_SECRET {
        let text = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret \
                    value, not the client secret ID.";
        return Err(refusal(StatusCode::UNAUTHORIZED, "invalid_client", 7_000_215, text));
    }
    let scope = value("scope")?;
    let Some(resource) = scope.strip_suffix("/.default") else {
        let text = format!(
            "The provided value for scope {} is not valid. Client credential flows must have a scope \
                            value with /.default suffixed to the resource identifier.",
            shown(scope)
        );
        return Err(refusal(StatusCode::BAD_REQUEST, "invalid_scope", 1_002_012, &text));
    };
    if ![RESOURCE, OTHER_RESOURCE].contains(&resource.trim_end_matches('/')) {
        let text = format!(
            "The resource principal named {} was not found in the tenant named Lab.",
            shown(resource)
        );
        return Err(refusal(StatusCode::BAD_REQUEST, "invalid_resource", 500_011, &text));
    }
    let lifetime = i64::try_from(server.settings.token_lifetime.as_secs()).unwrap_or(i64::MAX);
    let claims = Claims::new(resource, server.clock.now().as_second(), lifetime);
    let token = server.signing_key.sign(&claims).unwrap_or_default();
    let granted = json!({
        "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token,
    });
    Ok(typed(StatusCode::OK, "application/json; charset=utf-8", granted.to_string()))
}

fn refusal(status: StatusCode, error: &str, number: u32, text: &str) -> Response<Body> {
    let body = json!({
        "error": error,
        "error_description": format!("AADSTS{number}: {text}"),
        "error_codes": [number],
    });
    typed(status, "application/json; charset=utf-8", body.to_string())
}

/// A client's text in an answer: short.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
