//! `/addin/`: the Outlook add-in that puts a conference into a meeting: its manifest, its task pane, its icons.
//!
//! The task pane is a form. Inside Outlook a small script puts what it says into the meeting; anywhere else, and wherever
//! Office's library does not load, the form comes to the server, which shows the line to be copied. That library is
//! Microsoft's and must come from there: it is the one thing on all pages that does.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tieline_model::Refusal;

use super::{Notice, Shell};
use crate::web::Web;

const PANE: &str = include_str!("pane.js");
const SCRIPT: &str = "/addin/pane.js";

pub(super) fn routes() -> Router<Arc<Web>> {
    Router::new()
        .route("/addin/", get(pane))
        .route("/addin/manifest.xml", get(manifest))
        .route(SCRIPT, get(script))
        .route("/addin/{icon}", get(icon))
}

/// What the form says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    /// `1` inside Outlook: then Office's library is asked for.
    office: String,
    /// The form was sent.
    show: String,
    number: String,
    passcode: String,
    chairperson: String,
}

async fn script() -> Response {
    let mut response = PANE.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn icon(Path(name): Path<String>) -> Response {
    let icon: &'static [u8] = match name.as_str() {
        "icon-16.png" => include_bytes!("icon-16.png"),
        "icon-32.png" => include_bytes!("icon-32.png"),
        "icon-64.png" => include_bytes!("icon-64.png"),
        "icon-80.png" => include_bytes!("icon-80.png"),
        "icon-128.png" => include_bytes!("icon-128.png"),
        _ => {
            let next = "begin at the start page";
            return super::lost(&Refusal::permanent("not-found", "there is nothing at this address", next));
        }
    };
    let mut response = icon.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    response
}

/// The line that stands in the meeting's text; `None` when something in it is no number.
fn block(typed: &Typed) -> Option<String> {
    let parts =
        [("number", &typed.number), ("passcode", &typed.passcode), ("chairperson", &typed.chairperson)];
    let said: Vec<(&str, &str)> = parts
        .iter()
        .map(|(name, value)| (*name, value.trim()))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let digits = |value: &str| value.len() <= 64 && value.bytes().all(|byte| byte.is_ascii_digit());
    if !said.iter().all(|(_, value)| digits(value)) {
        return None;
    }
    let said: Vec<String> = said.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Some(if said.is_empty() { "@vmr".to_owned() } else { format!("[tieline-conference {}]", said.join(" ")) })
}

/// `GET /addin/`.
async fn pane(State(web): State<Arc<Web>>, typed: Result<Query<Typed>, QueryRejection>) -> Response {
    let Query(typed) = typed.unwrap_or_default();
    let conferencing = match web.conferences() {
        Ok(conferencing) => conferencing,
        Err(refused) => return Notice::new(&refused.0).into_response(),
    };
    let settings = &conferencing.settings;
    let inside = typed.office == "1";
    let mailbox = settings.mailbox.as_str();
    let content = html! {
        @if !typed.show.is_empty() { (shown(block(&typed).as_deref(), mailbox)) }
        form.sheet #conference method="get" action="/addin/" autocomplete="off" data-mailbox=(mailbox) {
            input type="hidden" name="show" value="1";
            (field("number", "Room", "Its number; empty for any free room."))
            (field("passcode", "Passcode", "Digits that everybody enters; empty for none."))
            (field("chairperson", "Chairperson passcode", "Digits for who leads; empty for none."))
            p.actions { button.primary #into type="submit" { "Show the line to copy" } }
            p #said role="status" {}
        }
        @if inside {
            script src=(settings.office_library) {}
            script src=(SCRIPT) {}
        }
    };
    let shell = Shell::bare("Add a conference").about("A room for this meeting, with everything to join.");
    let mut response = shell.around(&content).into_response();
    guard(response.headers_mut(), &settings.office_library, &settings.outlook_hosts, inside);
    response
}

fn field(name: &str, label: &str, hint: &str) -> Markup {
    let hint_id = format!("{name}-hint");
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) inputmode="numeric" maxlength="64" aria-describedby=(hint_id);
            p.hint id=(hint_id) { (hint) }
        }
    }
}

fn shown(block: Option<&str>, mailbox: &str) -> Markup {
    html! {
        @match block {
            Some(block) => {
                div.done role="status" {
                    p { "Put this line into the text of the meeting, and " b { (mailbox) } " among the attendees:" }
                    p { code { (block) } }
                }
            },
            None => { (super::notice::block(&Refusal::permanent("bad-number", "rooms and passcodes have digits only", "correct the fields"))) },
        }
    }
}

/// As for every page, but Outlook may show it in a frame, and inside of it Office's library may run.
fn guard(headers: &mut HeaderMap, library: &str, hosts: &[String], inside: bool) {
    let origin = library.split('/').take(3).collect::<Vec<_>>().join("/");
    let scripts =
        if inside { format!("script-src 'self' {origin}; connect-src {origin}; ") } else { String::new() };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; {scripts}\
         frame-ancestors 'self' {}",
        hosts.join(" ")
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// `GET /addin/manifest.xml`: what Outlook is given to know the add-in.
async fn manifest(State(web): State<Arc<Web>>) -> Response {
    let address = web.conferences().map_err(|refused| refused.0).and_then(|job| {
        let address = job.settings.public_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        address.filter(|address| address.starts_with("https://")).ok_or_else(|| {
            let next =
                "set [sign_in] public_url to the https address that browsers use, and start Tieline again";
            Refusal::operator("no-public-url", "Outlook takes an add-in from an https address only", next)
        })
    });
    match address {
        Err(refusal) => Notice::new(&refusal).into_response(),
        Ok(address) => {
            let mut response = xml(&address).into_response();
            let kind = HeaderValue::from_static("application/xml; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
    }
}

/// One id for each address, the same whenever it is asked for.
fn id(address: &str) -> uuid::Uuid {
    let hash = Sha256::digest(format!("tieline add-in {address}"));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// The manifest, format 1.1 with commands for appointments.
fn xml(address: &str) -> String {
    let url = |path: &str| html! { (format!("{address}{path}")) }.into_string();
    let mut text = include_str!("manifest.xml").replace("{id}", &id(address).to_string());
    for (place, path) in [
        ("{icon-16}", "/addin/icon-16.png"),
        ("{icon-32}", "/addin/icon-32.png"),
        ("{icon-64}", "/addin/icon-64.png"),
        ("{icon-80}", "/addin/icon-80.png"),
        ("{icon-128}", "/addin/icon-128.png"),
        ("{pane}", "/addin/?office=1"),
        ("{support}", "/addin/"),
        ("{address}", ""),
    ] {
        text = text.replace(place, &url(path));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(number: &str, passcode: &str, chairperson: &str) -> Typed {
        let [number, passcode, chairperson] = [number, passcode, chairperson].map(str::to_owned);
        Typed { number, passcode, chairperson, ..Typed::default() }
    }

    #[test]
    fn the_line_is_the_one_that_invitations_are_read_by() {
        assert_eq!(
            block(&typed("7042", " 1234 ", "")).unwrap(),
            "[tieline-conference number=7042 passcode=1234]"
        );
        assert_eq!(block(&typed("", "", "99")).unwrap(), "[tieline-conference chairperson=99]");
        assert_eq!(block(&typed("", "", "")).unwrap(), "@vmr");
        assert_eq!(block(&typed("7042] <b>", "", "")), None);
    }

    #[test]
    fn every_place_of_the_manifest_is_filled_and_its_id_stays() {
        let text = xml("https://tieline.example");
        assert!(!text.contains('{') && text.contains("https://tieline.example/addin/?office=1"), "{text}");
        assert_eq!(id("https://a.example"), id("https://a.example"));
        assert_ne!(id("https://a.example"), id("https://b.example"));
    }

    #[test]
    fn nobody_but_outlook_frames_the_pane_and_the_library_runs_inside_of_it_only() {
        let mut headers = HeaderMap::new();
        let hosts = ["https://outlook.office.com".to_owned()];
        guard(&mut headers, "https://office.example/lib/office.js", &hosts, true);
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.contains("script-src 'self' https://office.example;"), "{policy}");
        assert!(policy.ends_with("frame-ancestors 'self' https://outlook.office.com"), "{policy}");
        guard(&mut headers, "https://office.example/lib/office.js", &hosts, false);
        assert!(!headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src"));
    }
}
