//! `/itsm/...`: a ticket system to call: the form pages of a quick call, which show the fields they were opened with,
//! and as much of GLPI's and Zammad's REST APIs as looking up a person and their tickets takes.
//!
//! It knows everybody of the lab but `carol`, and one person whom the directory does not know, so that there is
//! something to reconcile. Like the lab's passwords, its tokens are public.

use http::{HeaderMap, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    account::{Account, Directory},
    http::Body,
    server::typed,
};

/// GLPI's user token.
pub const GLPI_TOKEN: &str = "lab-glpi-user-token";
/// Zammad's access token.
pub const ZAMMAD_TOKEN: &str = "lab-zammad-token";
/// What stands in an auto connection link of the lab before the person, in this order and spelling.
pub const LINK_FIELDS: &str = "field1=5C0F051E580F056F19&field2=&field4=%7B90D54E77-40A5-4F0F-8029-5A7A05F5814D%7D&field5=ViewDialog&field6=";

const GLPI_SESSION: &str = "lab-glpi-session";
/// In the directory and not here.
const MISSING: &str = "carol";

/// A person of the ticket system; ids count from 1.
struct Known {
    id: usize,
    name: String,
    mail: String,
}

fn people(directory: &Directory) -> Vec<Known> {
    let known = |account: &Account| (account.display_name.clone(), account.address.clone());
    let here = directory.accounts().iter().filter(|account| account.alias != MISSING).map(known);
    let ghost = ("Gus Former".to_owned(), "gus.former@lab.example".to_owned());
    here.chain([ghost]).enumerate().map(|(at, (name, mail))| Known { id: at + 1, name, mail }).collect()
}

/// Tickets: two of everybody whose id is odd. Number, title, open, time of the last change.
fn tickets(person: usize) -> Vec<(usize, &'static str, bool, &'static str)> {
    if person.is_multiple_of(2) {
        return Vec::new();
    }
    vec![
        (person * 10 + 1, "Headset without sound", true, "2026-11-20T09:30:00Z"),
        (person * 10, "New mobile phone", false, "2026-10-02T14:00:00Z"),
    ]
}

/// Answers one request to `/itsm/...`; `path` is in lower case, `query` as it came.
pub(crate) fn answer(directory: &Directory, headers: &HeaderMap, path: &str, query: &str) -> Response<Body> {
    let people = people(directory);
    let path = path.strip_prefix("/itsm").unwrap_or(path);
    if let Some(call) = path.strip_prefix("/glpi/apirest.php/") {
        return glpi(&people, headers, call, query);
    }
    if let Some(call) = path.strip_prefix("/zammad/api/v1/") {
        return zammad(&people, headers, call, query);
    }
    let by_mail = |mail: &str| people.iter().find(|person| person.mail.eq_ignore_ascii_case(mail));
    let by_id =
        |id: &str| id.parse::<usize>().ok().and_then(|id| people.iter().find(|person| person.id == id));
    let named = |name: &str| parameter(query, name).unwrap_or_default();
    match path {
        "/sso_samlindexlync.php" if named("do_quickcall") == "1" => {
            form("production", by_mail(&named("url_requestor")), &named("url_requestor"))
        }
        "/sso_samlindexlyncsbox.php" if named("do_quickcall") == "1" => {
            form("sandbox", by_mail(&named("url_requestor")), &named("url_requestor"))
        }
        "/autoconnect_mail.php" => match query.strip_prefix(LINK_FIELDS) {
            Some(_) => form("production", by_mail(&named("field6")), &named("field6")),
            None => {
                page(StatusCode::FORBIDDEN, "Link refused", "<p>This is not the link that was generated.</p>")
            }
        },
        "/sso_samlindex.php" | "/sso_samlindexsbox.php" => {
            page(StatusCode::OK, "Log in", "<form><label>User <input name=user></label></form>")
        }
        "/glpi/front/ticket.form.php" if parameter(query, "id").is_some() => ticket(&named("id")),
        "/glpi/front/ticket.form.php" => {
            let id = named("_users_id_requester");
            form("production", by_id(&id), &id)
        }
        // What stands behind # is not sent: the page's script would read it.
        "/zammad/" | "/zammad" => page(StatusCode::OK, "Zammad", "<p id=app>Tickets</p>"),
        _ => page(StatusCode::NOT_FOUND, "Nothing here", "<p>The lab's ticket system has no such page.</p>"),
    }
}

/// The quick-call screen: every field as it was filled in.
fn form(environment: &str, person: Option<&Known>, asked: &str) -> Response<Body> {
    let Some(person) = person else {
        let body = format!(
            "<p id=environment>{environment}</p><p id=unknown>Nobody is known as <q>{}</q>.</p>",
            escaped(asked)
        );
        return page(StatusCode::OK, "Quick call", &body);
    };
    let body = format!(
        "<p id=environment>{environment}</p><form>\
         <label>Requestor <input id=requestor name=requestor value=\"{}\"></label>\
         <label>E-mail <input id=mail name=mail value=\"{}\"></label>\
         <label>Subject <input id=subject name=subject value=\"\"></label>\
         <button>Create ticket</button></form>",
        escaped(&person.name),
        escaped(&person.mail)
    );
    page(StatusCode::OK, "Quick call", &body)
}

fn ticket(number: &str) -> Response<Body> {
    page(StatusCode::OK, "Ticket", &format!("<p id=ticket>Ticket {}</p>", escaped(number)))
}

fn page(status: StatusCode, title: &str, body: &str) -> Response<Body> {
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title} - Lab ITSM</title><h1>{title}</h1>{body}</html>"
    );
    typed(status, "text/html; charset=utf-8", html)
}

fn glpi(people: &[Known], headers: &HeaderMap, call: &str, query: &str) -> Response<Body> {
    let shown = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if call == "initsession" {
        return if shown("authorization") == format!("user_token {GLPI_TOKEN}") {
            answer_json(StatusCode::OK, &json!({ "session_token": GLPI_SESSION }))
        } else {
            answer_json(StatusCode::UNAUTHORIZED, &json!(["ERROR_GLPI_LOGIN_USER_TOKEN", "wrong token"]))
        };
    }
    if shown("session-token") != GLPI_SESSION {
        return answer_json(StatusCode::UNAUTHORIZED, &json!(["ERROR_SESSION_TOKEN_INVALID", "no session"]));
    }
    let wanted = parameter(query, "criteria[0][value]");
    let rows: Vec<Value> = match call {
        "search/user" => {
            let mail = wanted.map(|value| value.trim_start_matches('^').trim_end_matches('$').to_lowercase());
            let here = people.iter().filter(|person| mail.as_ref().is_none_or(|mail| *mail == person.mail));
            here.map(|person| json!({ "1": person.name, "2": person.id, "5": person.mail })).collect()
        }
        "search/ticket" => {
            let person = wanted.and_then(|value| value.parse().ok()).unwrap_or(0);
            let row = |(number, title, open, at): (usize, &str, bool, &str)| {
                let at = at.replace('T', " ").replace('Z', "");
                json!({ "1": title, "2": number, "12": if open { 2 } else { 6 }, "19": at })
            };
            tickets(person).into_iter().map(row).collect()
        }
        _ => {
            return answer_json(StatusCode::BAD_REQUEST, &json!(["ERROR_RESOURCE_NOT_FOUND_NOR_COMMONDBTM"]));
        }
    };
    let range = parameter(query, "range").unwrap_or_else(|| "0-49".to_owned());
    let (from, to) = range.split_once('-').unwrap_or(("0", "49"));
    let (from, to) = (from.parse().unwrap_or(0_usize), to.parse().unwrap_or(49_usize));
    if from > 0 && from >= rows.len() {
        return answer_json(StatusCode::BAD_REQUEST, &json!(["ERROR_RANGE_EXCEED_TOTAL", "range"]));
    }
    let total = rows.len();
    let part: Vec<Value> = rows.into_iter().skip(from).take(to.saturating_sub(from) + 1).collect();
    let status = if part.len() < total { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut body = json!({ "totalcount": total, "count": part.len() });
    if !part.is_empty()
        && let Some(body) = body.as_object_mut()
    {
        // GLPI leaves the list out when it is empty.
        body.insert("data".to_owned(), Value::Array(part));
    }
    answer_json(status, &body)
}

fn zammad(people: &[Known], headers: &HeaderMap, call: &str, query: &str) -> Response<Body> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if shown != format!("Token token={ZAMMAD_TOKEN}") {
        return answer_json(StatusCode::UNAUTHORIZED, &json!({ "error": "authentication failed" }));
    }
    let user = |person: &Known| {
        let (first, last) = person.name.split_once(' ').unwrap_or((&person.name, ""));
        json!({ "id": person.id, "firstname": first, "lastname": last, "email": person.mail })
    };
    let asked = parameter(query, "query").unwrap_or_default();
    let rows: Vec<Value> = match call {
        "users/search" => {
            let mail = asked.trim_start_matches("email:").trim_matches('"').to_lowercase();
            people.iter().filter(|person| person.mail == mail).map(user).collect()
        }
        "users" => {
            let number =
                |name: &str, or: usize| parameter(query, name).and_then(|n| n.parse().ok()).unwrap_or(or);
            let (page, size) = (number("page", 1), number("per_page", 50).clamp(1, 500));
            people.iter().skip(page.saturating_sub(1) * size).take(size).map(user).collect()
        }
        "tickets/search" => {
            let person = asked.trim_start_matches("customer.id:").parse().unwrap_or(0);
            let row = |(number, title, open, at): (usize, &str, bool, &str)| {
                let state = if open { "open" } else { "closed" };
                json!({ "id": number, "number": format!("{}", 44000 + number), "title": title, "state": state, "updated_at": at })
            };
            tickets(person).into_iter().map(row).collect()
        }
        _ => return answer_json(StatusCode::NOT_FOUND, &json!({ "error": "not found" })),
    };
    answer_json(StatusCode::OK, &Value::Array(rows))
}

fn answer_json(status: StatusCode, value: &Value) -> Response<Body> {
    typed(status, "application/json", value.to_string())
}

/// A parameter of a query, percent-decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter(|(key, _)| decoded(key) == name).map(|(_, value)| decoded(value));
    values.next()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let escape = behind.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match escape.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(escaped) if byte == b'%' => {
                bytes.push(escaped);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(if byte == b'+' { b' ' } else { byte });
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
