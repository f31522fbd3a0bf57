//! GLPI's `apirest.php`: a session from a user token, then searches by the numbers of GLPI's search options.

use http::{HeaderName, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tieline_model::SmtpAddress;
use tieline_ports::{ItsmPage, ItsmPerson, ItsmTicket, PortError};

use crate::call::{Connection, Reply, encoded, id, text, time};

const SESSION_TOKEN: HeaderName = HeaderName::from_static("session-token");
const APP_TOKEN: HeaderName = HeaderName::from_static("app-token");
/// People that are read at once.
const PAGE: u64 = 500;

// Search options: User 1 login, 2 id, 5 mail; Ticket 1 title, 2 id, 4 requester, 12 status, 19 last change.

pub(crate) async fn people_with(
    connection: &Connection,
    mail: &SmtpAddress,
) -> Result<Vec<ItsmPerson>, PortError> {
    // "contains" with anchors is GLPI's way to say "is".
    let value = encoded(&format!("^{mail}$"));
    let path = format!(
        "/apirest.php/search/User?criteria%5B0%5D%5Bfield%5D=5&criteria%5B0%5D%5Bsearchtype%5D=contains&\
         criteria%5B0%5D%5Bvalue%5D={value}&forcedisplay%5B0%5D=2&forcedisplay%5B1%5D=1&forcedisplay%5B2%5D=5&range=0-9"
    );
    let found = people_in(&search(connection, &path).await?);
    // GLPI's anchors are not those of every version: what has another address is not whom we asked for.
    Ok(found
        .into_iter()
        .filter(|person| person.mail.iter().any(|own| own.eq_ignore_ascii_case(mail.as_str())))
        .collect())
}

pub(crate) async fn latest_tickets(
    connection: &Connection,
    person: &ItsmPerson,
    limit: usize,
) -> Result<Vec<ItsmTicket>, PortError> {
    let path = format!(
        "/apirest.php/search/Ticket?criteria%5B0%5D%5Bfield%5D=4&criteria%5B0%5D%5Bsearchtype%5D=equals&\
         criteria%5B0%5D%5Bvalue%5D={}&forcedisplay%5B0%5D=2&forcedisplay%5B1%5D=1&forcedisplay%5B2%5D=12&\
         forcedisplay%5B3%5D=19&sort=19&order=DESC&range=0-{}",
        encoded(&person.id),
        limit.saturating_sub(1)
    );
    let body = search(connection, &path).await?;
    let tickets = rows(&body).filter_map(|row| {
        let number = id(row.get("2"))?;
        let (state, open) = state(id(row.get("12")).unwrap_or(0));
        Some(ItsmTicket {
            number: number.to_string(),
            title: text(row.get("1")),
            state: state.to_owned(),
            open,
            changed: time(row.get("19")),
            url: format!("{}/front/ticket.form.php?id={number}", connection.web),
        })
    });
    Ok(tickets.take(limit).collect())
}

pub(crate) async fn people(connection: &Connection, place: u64) -> Result<ItsmPage, PortError> {
    let path = format!(
        "/apirest.php/search/User?forcedisplay%5B0%5D=2&forcedisplay%5B1%5D=1&forcedisplay%5B2%5D=5&sort=2&\
         range={place}-{}",
        place + PAGE - 1
    );
    let body = search(connection, &path).await?;
    let total = id(body.get("totalcount")).unwrap_or(0);
    let people = people_in(&body);
    let next = place + PAGE;
    Ok(ItsmPage { people, next: (next < total).then_some(next) })
}

/// GLPI's own numbers for where a ticket stands.
const fn state(number: u64) -> (&'static str, bool) {
    match number {
        1 => ("new", true),
        2 => ("assigned", true),
        3 => ("planned", true),
        4 => ("pending", true),
        5 => ("solved", false),
        6 => ("closed", false),
        _ => ("unknown", true),
    }
}

fn rows(body: &Value) -> impl Iterator<Item = &Value> {
    body.get("data").and_then(Value::as_array).into_iter().flatten()
}

fn people_in(body: &Value) -> Vec<ItsmPerson> {
    let person = |row: &Value| {
        let mail = match row.get("5") {
            Some(Value::Array(several)) => several.iter().map(|one| text(Some(one))).collect(),
            // Several addresses come in one text, parted by GLPI's own sign.
            one => text(one).split("$$##$$").map(str::to_owned).collect::<Vec<_>>(),
        };
        Some(ItsmPerson {
            id: id(row.get("2"))?.to_string(),
            name: text(row.get("1")),
            mail: mail.into_iter().filter(|mail| !mail.is_empty()).collect(),
        })
    };
    rows(body).filter_map(person).collect()
}

/// A search; a session that has ended is begun anew once.
async fn search(connection: &Connection, path: &str) -> Result<Value, PortError> {
    for _ in 0..2 {
        let session = session(connection).await?;
        let mut headers = vec![(SESSION_TOKEN, session)];
        headers.extend(app_token(connection).map(|token| (APP_TOKEN, token)));
        let Reply { status, body } = connection.get(path, &headers).await?;
        match status {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => return Ok(body),
            StatusCode::UNAUTHORIZED => *connection.session.lock().await = None,
            // A range behind the end.
            StatusCode::BAD_REQUEST
                if body.get(0).and_then(Value::as_str) == Some("ERROR_RANGE_EXCEED_TOTAL") =>
            {
                return Ok(Value::Null);
            }
            StatusCode::FORBIDDEN => return Err(connection.bad_token()),
            other => return Err(connection.odd(&format!("HTTP {other}"))),
        }
    }
    Err(connection.bad_token())
}

async fn session(connection: &Connection) -> Result<SecretString, PortError> {
    let mut session = connection.session.lock().await;
    if let Some(session) = &*session {
        return Ok(session.clone());
    }
    let user = user_token(connection);
    let mut headers = vec![(header::AUTHORIZATION, SecretString::from(format!("user_token {user}")))];
    headers.extend(app_token(connection).map(|token| (APP_TOKEN, token)));
    let Reply { status, body } = connection.get("/apirest.php/initSession", &headers).await?;
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST) {
        return Err(connection.bad_token());
    }
    let token = body.get("session_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| connection.odd(&format!("HTTP {status} without a session_token")))?;
    let token = SecretString::from(token.to_owned());
    *session = Some(token.clone());
    Ok(token)
}

/// `app_token:user_token`, or the user's alone.
fn user_token(connection: &Connection) -> &str {
    let token = connection.token.expose_secret().trim();
    token.split_once(':').map_or(token, |(_, user)| user)
}

fn app_token(connection: &Connection) -> Option<SecretString> {
    let (app, _) = connection.token.expose_secret().trim().split_once(':')?;
    Some(SecretString::from(app.to_owned()))
}
