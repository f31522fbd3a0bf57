//! `/lab/...`: the lab's own control surface. JSON, no authentication; the lab listens on loopback only.

use std::collections::BTreeMap;

use http::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{
    account_policy::AccountSettings,
    calendar::Processing,
    ews::calamity,
    fault::Fault,
    http::Body,
    server::{Server, typed},
    store::mailbox,
};

#[derive(Deserialize)]
#[serde(untagged)]
enum Faults {
    One(Fault),
    Many(Vec<Fault>),
}

/// Answers one request to `/lab/...`; `path` is in lower case.
pub(crate) async fn answer(server: &Server, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
    match (method, path) {
        (&Method::GET, "/lab/faults") => json(StatusCode::OK, &server.faults.list()),
        (&Method::POST, "/lab/faults") => arm(server, body).await,
        (&Method::DELETE, "/lab/faults") => {
            server.faults.clear();
            empty(StatusCode::NO_CONTENT)
        }
        (&Method::DELETE, _) if path.starts_with("/lab/faults/") => {
            let id = path.trim_start_matches("/lab/faults/").parse();
            let gone = id.is_ok_and(|id| server.faults.remove(id));
            empty(if gone { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
        }
        (&Method::GET, "/lab/requests") => json(StatusCode::OK, &server.journal.records()),
        (&Method::DELETE, "/lab/requests") => {
            server.journal.clear();
            empty(StatusCode::NO_CONTENT)
        }
        (&Method::GET, "/lab/phones") => {
            let phones: Vec<_> = server.phones.iter().map(|phone| phone.status()).collect();
            json(StatusCode::OK, &phones)
        }
        (&Method::GET, "/lab/calendars") => json(StatusCode::OK, &server.calendars.all()),
        (&Method::POST, "/lab/calendars") => process(server, body),
        (&Method::GET, "/lab/accounts") => json(StatusCode::OK, &server.accounts.settings()),
        (&Method::POST, "/lab/accounts") => accounts(server, body),
        (&Method::POST, "/lab/archives") => archives(server, body).await,
        (
            _,
            "/lab/faults" | "/lab/requests" | "/lab/phones" | "/lab/calendars" | "/lab/accounts"
            | "/lab/archives",
        ) => empty(StatusCode::METHOD_NOT_ALLOWED),
        _ => problem(
            StatusCode::NOT_FOUND,
            "The lab offers /lab/faults, /lab/requests, /lab/phones, /lab/calendars, /lab/accounts and /lab/archives.",
        ),
    }
}

/// `{"room@lab.example": "auto-accept"}`: what mailboxes do by themselves from now on.
fn process(server: &Server, body: &[u8]) -> Response<Body> {
    match serde_json::from_slice::<BTreeMap<String, Processing>>(body) {
        Ok(settings) => {
            settings.iter().for_each(|(address, processing)| server.calendars.set(address, *processing));
            empty(StatusCode::NO_CONTENT)
        }
        Err(error) => problem(
            StatusCode::BAD_REQUEST,
            &format!(
                "Not a setting: {error}. Example: {{\"carol@lab.example\":\"auto-accept\"}}; also auto-update, none"
            ),
        ),
    }
}

/// `{"impersonation_scope": ["alice@lab.example"]}`: what holds for accounts from now on.
fn accounts(server: &Server, body: &[u8]) -> Response<Body> {
    let said = match serde_json::from_slice::<AccountSettings>(body) {
        Ok(said) => said,
        Err(error) => {
            let text = format!(
                "Not a setting: {error}. Example: {{\"impersonation_scope\":[\"alice@lab.example\"]}}"
            );
            return problem(StatusCode::BAD_REQUEST, &text);
        }
    };
    for (alias, attributes) in &said.attributes {
        for (name, values) in attributes {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            if !server.ldap.as_ref().is_some_and(|ldap| ldap.change(alias, name, &values)) {
                return problem(StatusCode::BAD_REQUEST, &format!("The directory has no {alias}."));
            }
        }
    }
    server.accounts.change(said);
    empty(StatusCode::NO_CONTENT)
}

/// `["alice@lab.example"]`: who has an archive mailbox from now on.
async fn archives(server: &Server, body: &[u8]) -> Response<Body> {
    let addresses = match serde_json::from_slice::<Vec<String>>(body) {
        Ok(addresses) => addresses,
        Err(error) => {
            let text = format!("Not a list of addresses: {error}. Example: [\"alice@lab.example\"]");
            return problem(StatusCode::BAD_REQUEST, &text);
        }
    };
    match archive(server, &addresses).await {
        Ok(None) => empty(StatusCode::NO_CONTENT),
        Ok(Some(nobody)) => problem(StatusCode::BAD_REQUEST, &format!("{nobody} has no mailbox.")),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// Gives these an archive, or says who has no mailbox.
async fn archive(server: &Server, addresses: &[String]) -> Result<Option<String>, sqlx::Error> {
    let mut tx = server.store.write().await?;
    for address in addresses {
        let Some(found) = mailbox::by_address(&mut tx, &address.to_ascii_lowercase()).await? else {
            return Ok(Some(address.clone()));
        };
        mailbox::provision_archive(&mut tx, found.mailbox, server.clock.now_ms()).await?;
    }
    server.store.commit(tx).await?;
    Ok(None)
}

async fn arm(server: &Server, body: &[u8]) -> Response<Body> {
    let faults = match serde_json::from_slice(body) {
        Ok(Faults::One(fault)) => vec![fault],
        Ok(Faults::Many(faults)) => faults,
        Err(error) => {
            return problem(
                StatusCode::BAD_REQUEST,
                &format!(
                    "Not a fault: {error}. Example: {{\"fault\":\"server-busy\",\"back_off_ms\":500,\"count\":1}}"
                ),
            );
        }
    };
    let mut ids = Vec::new();
    for fault in faults {
        match calamity::arm(server, fault).await {
            Ok(id) => ids.push(id),
            Err(error) => return problem(StatusCode::BAD_REQUEST, &format!("Not armed: {error}")),
        }
    }
    json(StatusCode::CREATED, &ids)
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => typed(status, "application/json", bytes),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn problem(status: StatusCode, detail: &str) -> Response<Body> {
    let body = serde_json::json!({ "status": status.as_u16(), "detail": detail });
    typed(status, "application/problem+json", body.to_string())
}

fn empty(status: StatusCode) -> Response<Body> {
    typed(status, "application/json", "")
}
