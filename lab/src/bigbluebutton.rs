//! `/bigbluebutton/api/...`: a conference server's REST API to call, with its checksums: `create`, `join`,
//! `isMeetingRunning` and `end`, as far as a client can tell.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::{Response, StatusCode};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

use crate::{http::Body, server::typed};

/// What is shared with whoever may call.
pub const BIGBLUEBUTTON_SECRET: &str = "lab-bridge-secret";

/// A conference that was created.
#[derive(Clone, Debug, Default)]
struct Conference {
    attendee: String,
    moderator: String,
    voice_bridge: String,
    joined: Vec<String>,
}

/// The conferences, by their id.
#[derive(Debug, Default)]
pub(crate) struct Conferences(Mutex<BTreeMap<String, Conference>>);

/// Answers one request; `path` and `query` as they came.
pub(crate) fn answer(conferences: &Conferences, path: &str, query: &str) -> Response<Body> {
    let call = path.rsplit('/').next().unwrap_or_default();
    let (signed, sum) = query.rsplit_once("&checksum=").unwrap_or((query, ""));
    let text = format!("{call}{signed}{BIGBLUEBUTTON_SECRET}");
    let good = match sum.len() {
        40 => sum == hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref()),
        64 => sum == hex(digest(&SHA256, text.as_bytes()).as_ref()),
        _ => false,
    };
    if !good {
        return failed("checksumError", "Checksums do not match");
    }
    let fields: BTreeMap<String, String> = form_urlencoded::parse(signed.as_bytes()).into_owned().collect();
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let id = field("meetingID");
    let mut all = conferences.0.lock().unwrap_or_else(PoisonError::into_inner);
    match call {
        "create" if id.is_empty() => failed("validationError", "You must provide a meeting ID"),
        "create" => {
            let (attendee, moderator) = (field("attendeePW"), field("moderatorPW"));
            let known = all.get(&id).cloned();
            if known.as_ref().is_some_and(|one| one.attendee != attendee || one.moderator != moderator) {
                return failed("idNotUnique", "A meeting already exists with that meeting ID");
            }
            let again = known.is_some();
            let voice_bridge = field("voiceBridge");
            all.entry(id.clone()).or_insert(Conference {
                attendee,
                moderator,
                voice_bridge: voice_bridge.clone(),
                joined: Vec::new(),
            });
            let key = if again { "duplicateWarning" } else { "" };
            let body = format!(
                "<meetingID>{}</meetingID><voiceBridge>{}</voiceBridge><messageKey>{key}</messageKey>",
                escaped(&id),
                escaped(&voice_bridge)
            );
            succeeded(&body)
        }
        "join" => match all.get_mut(&id) {
            None => failed("notFound", "We could not find a meeting with that meeting ID"),
            Some(one) => {
                let password = field("password");
                let role = if password == one.moderator {
                    "MODERATOR"
                } else if password == one.attendee {
                    "VIEWER"
                } else {
                    return failed("invalidPassword", "You either did not supply a password or it is wrong");
                };
                let name = field("fullName");
                one.joined.push(name.clone());
                let body = format!(
                    "<!doctype html><title>Lab conference</title><p id=room>{}</p><p id=name>{}</p><p id=role>{role}</p>",
                    escaped(&one.voice_bridge),
                    escaped(&name)
                );
                typed(StatusCode::OK, "text/html; charset=utf-8", body)
            }
        },
        "isMeetingRunning" => {
            let running = all.get(&id).is_some_and(|one| !one.joined.is_empty());
            succeeded(&format!("<running>{running}</running>"))
        }
        "end" => match all.remove(&id) {
            Some(_) => succeeded("<messageKey>sentEndMeetingRequest</messageKey>"),
            None => failed("notFound", "We could not find a meeting with that meeting ID"),
        },
        _ => failed("unsupportedRequest", "This request is not supported."),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn succeeded(body: &str) -> Response<Body> {
    xml(&format!("<response><returncode>SUCCESS</returncode>{body}</response>"))
}

fn failed(key: &str, message: &str) -> Response<Body> {
    xml(&format!(
        "<response><returncode>FAILED</returncode><messageKey>{key}</messageKey><message>{message}</message></response>"
    ))
}

fn xml(text: &str) -> Response<Body> {
    typed(StatusCode::OK, "text/xml; charset=utf-8", text.to_owned())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
