//! Zammad's `/api/v1` with a personal access token (permissions `ticket.agent` and `admin.user`, or `ticket.agent`
//! alone without the reconcile report).

use http::{StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tieline_model::SmtpAddress;
use tieline_ports::{ItsmPage, ItsmPerson, ItsmTicket, PortError};

use crate::call::{Connection, encoded, id, text, time};

/// People that are read at once.
const PAGE: u64 = 200;

pub(crate) async fn people_with(
    connection: &Connection,
    mail: &SmtpAddress,
) -> Result<Vec<ItsmPerson>, PortError> {
    // Quotation marks cannot stand in an address, so the term cannot end early.
    let query = encoded(&format!("email:\"{mail}\""));
    let body = get(connection, &format!("/api/v1/users/search?query={query}&limit=10")).await?;
    // The search is a full-text one: whoever has another address is not whom we asked for.
    let mut people = people_in(&body);
    people.retain(|person| person.mail.iter().any(|own| own.eq_ignore_ascii_case(mail.as_str())));
    Ok(people)
}

pub(crate) async fn latest_tickets(
    connection: &Connection,
    person: &ItsmPerson,
    limit: usize,
) -> Result<Vec<ItsmTicket>, PortError> {
    let query = encoded(&format!("customer.id:{}", person.id));
    let path = format!(
        "/api/v1/tickets/search?query={query}&sort_by=updated_at&order_by=desc&limit={limit}&expand=true"
    );
    let body = get(connection, &path).await?;
    let tickets = body.as_array().into_iter().flatten().filter_map(|row| {
        let number = id(row.get("id"))?;
        let state = text(row.get("state"));
        let open = !matches!(state.as_str(), "closed" | "merged" | "removed");
        Some(ItsmTicket {
            number: text(row.get("number")),
            title: text(row.get("title")),
            state,
            open,
            changed: time(row.get("updated_at")),
            url: format!("{}/#ticket/zoom/{number}", connection.web),
        })
    });
    Ok(tickets.take(limit).collect())
}

/// `place` counts pages.
pub(crate) async fn people(connection: &Connection, place: u64) -> Result<ItsmPage, PortError> {
    let body = get(connection, &format!("/api/v1/users?page={}&per_page={PAGE}", place + 1)).await?;
    let full = body.as_array().is_some_and(|rows| rows.len() as u64 >= PAGE);
    Ok(ItsmPage { people: people_in(&body), next: full.then_some(place + 1) })
}

fn people_in(body: &Value) -> Vec<ItsmPerson> {
    let person = |row: &Value| {
        let name = format!("{} {}", text(row.get("firstname")), text(row.get("lastname")));
        let mail = text(row.get("email"));
        Some(ItsmPerson {
            id: id(row.get("id"))?.to_string(),
            name: name.trim().to_owned(),
            mail: if mail.is_empty() { Vec::new() } else { vec![mail] },
        })
    };
    body.as_array().into_iter().flatten().filter_map(person).collect()
}

async fn get(connection: &Connection, path: &str) -> Result<Value, PortError> {
    let token = SecretString::from(format!("Token token={}", connection.token.expose_secret().trim()));
    let reply = connection.get(path, &[(header::AUTHORIZATION, token)]).await?;
    match reply.status {
        StatusCode::OK if reply.body.is_array() => Ok(reply.body),
        StatusCode::OK => Err(connection.odd("a list was expected")),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(connection.bad_token()),
        other => Err(connection.odd(&format!("HTTP {other}"))),
    }
}
