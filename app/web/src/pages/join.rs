//! `/join/{token}`: the meeting's own page, for whoever has its link. It needs no account, no script and no client.
//!
//! Where the bridge has pages of its own, each who takes part says a name here and is led to a link that is theirs alone:
//! to take part, or with the chairperson's code to lead.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{ConnectInfo, Extension, Form, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use tieline_conferencing::answer::{Join, JoinWords};
use tieline_conferencing::{Closed, Guest, Joining};
use tieline_model::{Language, Passcode, Refusal, Span, Zone};

use super::{Notice, Shell};
use crate::connection::Peer;
use crate::sign_in::client_address;
use crate::web::Web;

/// A name as others see it is no longer, in characters.
const LONGEST_NAME: usize = 80;

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    name: String,
    code: String,
}

/// What the form says about what was typed before.
#[derive(Debug, Default)]
struct Before {
    name: String,
    /// The name of the sentence that says what was wrong.
    wrong: Option<&'static str>,
}

/// `GET /join/{token}`.
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let language = language(&headers);
    match led(&web, &token).await {
        Ok(joining) => shown_as(&joining, language, &Before::default(), StatusCode::OK),
        Err(refusal) => Notice::new(&refusal).into_response(),
    }
}

/// `POST /join/{token}`: into the conference by a browser.
pub(super) async fn enter(
    State(web): State<Arc<Web>>,
    Path(token): Path<String>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    headers: HeaderMap,
    typed: Result<Form<Typed>, FormRejection>,
) -> Response {
    let language = language(&headers);
    let Form(typed) = typed.unwrap_or_default();
    let name: String = typed.name.trim().chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let from = client_address(&web, peer.map(|Extension(ConnectInfo(peer))| peer.0), &headers);
    let joining = match led(&web, &token).await {
        Ok(joining) => joining,
        Err(refusal) => return Notice::new(&refusal).into_response(),
    };
    let (Some(conferencing), Joining::Open { by_browser: true, .. }) = (&web.conferencing, &joining) else {
        return shown_as(&joining, language, &Before::default(), StatusCode::OK);
    };
    let again = |wrong, status| {
        shown_as(&joining, language, &Before { name: name.clone(), wrong: Some(wrong) }, status)
    };
    if name.is_empty() {
        return again("page-name-missing", StatusCode::BAD_REQUEST);
    }
    let code = Some(typed.code.trim()).filter(|code| !code.is_empty()).map(Passcode::new);
    let guest = Guest { name: name.clone(), code, from: from.to_string() };
    match conferencing.enter_by_link(&token, guest).await {
        Ok(entrance) => match entrance.web {
            Some(address) => onward(&address, language),
            None => again("page-bridge", StatusCode::SERVICE_UNAVAILABLE),
        },
        Err(Closed::PasscodeWrong) => again("page-code-wrong", StatusCode::FORBIDDEN),
        Err(Closed::TooManyGuesses) => again("page-too-many", StatusCode::TOO_MANY_REQUESTS),
        Err(Closed::Bridge(refusal) | Closed::NotKnown(refusal)) => {
            tracing::warn!(%refusal, "somebody with a link cannot be led to the bridge");
            again("page-bridge", StatusCode::SERVICE_UNAVAILABLE)
        }
        // The door was closed in the moment between.
        Err(_) => match led(&web, &token).await {
            Ok(joining) => shown_as(&joining, language, &Before::default(), StatusCode::OK),
            Err(refusal) => Notice::new(&refusal).into_response(),
        },
    }
}

/// What the link leads to.
async fn led(web: &Web, token: &str) -> Result<Joining, Refusal> {
    match &web.conferencing {
        None => Ok(Joining::Forged),
        Some(conferencing) => conferencing.joining(token).await,
    }
}

/// `status` is that of an open page.
fn shown_as(joining: &Joining, language: Language, before: &Before, status: StatusCode) -> Response {
    let (closed, title, content) = page(joining, JoinWords::of(language), before);
    let status = if closed == StatusCode::OK { status } else { closed };
    let shell = Shell::bare(&title).spoken(language.name());
    kept_close((status, shell.around(&content)).into_response())
}

/// To the bridge. A redirect would count as the form's own, and browsers would not follow it to another server.
fn onward(address: &str, language: Language) -> Response {
    let words = JoinWords::of(language);
    let (title, about) = (words.say("page-open", &[]), words.say("page-opens", &[]));
    let content = html! { p { a href=(address) rel="noreferrer" { (words.say("page-go-on", &[])) } } };
    let shell = Shell::bare(&title).spoken(language.name()).about(&about).opens(address);
    kept_close(shell.around(&content).into_response())
}

/// The address is a key: no search engine keeps it, and no other site learns it.
fn kept_close(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response
}

fn page(joining: &Joining, words: JoinWords, before: &Before) -> (StatusCode, String, Markup) {
    let closed = |status: StatusCode, name: &str| {
        let next = words.say(&format!("{name}-next"), &[]);
        (status, words.say(name, &[]), html! { p role="status" { (next) } })
    };
    match joining {
        Joining::Open { subject, span, zone, join, by_browser, chairperson } => {
            let title = subject.clone().unwrap_or_else(|| words.say("page-private", &[]));
            let form = by_browser.then(|| form(*chairperson, words, before));
            (StatusCode::OK, title, open(join, *span, zone, words, form.as_ref()))
        }
        Joining::NotYet { opens, span, zone } => {
            let (begins, opens) = (shown(span.start, zone), shown(*opens, zone));
            let next = words.say("page-not-yet-next", &[("begins", &begins), ("opens", &opens)]);
            (StatusCode::OK, words.say("page-not-yet", &[]), html! { p role="status" { (next) } })
        }
        Joining::Over => closed(StatusCode::GONE, "page-over"),
        Joining::CalledOff => closed(StatusCode::GONE, "page-called-off"),
        Joining::Expired => closed(StatusCode::GONE, "page-expired"),
        Joining::Forged => closed(StatusCode::NOT_FOUND, "page-forged"),
    }
}

fn open(join: &Join, span: Span, zone: &Zone, words: JoinWords, form: Option<&Markup>) -> Markup {
    let time = match zone.resolve() {
        Ok(resolved) => {
            let (start, end) = (resolved.to_datetime(span.start), resolved.to_datetime(span.end));
            format!("{} – {} ({})", start.strftime("%Y-%m-%d %H:%M"), end.strftime("%H:%M"), zone.id)
        }
        Err(_) => shown(span.start, zone),
    };
    let row = |name: &str, value: &str, link: Option<&str>| {
        html! {
            dt { (words.say(name, &[])) }
            dd { @match link { Some(link) => { a href=(link) { (value) } }, None => { span.id { (value) } } } }
        }
    };
    html! {
        p.quiet { (time) }
        @if let Some(form) = form { (form) }
        p.actions {
            @if let Some(web) = join.web.as_ref().filter(|_| form.is_none()) { a.button.primary href=(web) rel="noreferrer" { (words.say("page-browser", &[])) } }
            @if let Some(sip) = &join.sip { a.button href=(sip) { (words.say("page-app", &[])) } }
        }
        dl.steps {
            (row("room", join.number.as_str(), None))
            @if let Some(sip) = &join.sip { (row("sip", sip, Some(sip))) }
            @if let Some(h323) = &join.h323 { (row("h323", h323, None)) }
            @for (link, text) in &join.telephones { (row("telephone", text, Some(link))) }
            @if let Some(code) = &join.passcode { (row("passcode", code, None)) }
        }
    }
}

/// Into the bridge's own page: everybody with a name, and who leads with a code.
fn form(chairperson: bool, words: JoinWords, before: &Before) -> Markup {
    let wrong = before.wrong.map(|name| words.say(name, &[]));
    html! {
        @if let Some(wrong) = &wrong { div.notice role="alert" { p.what { (wrong) } } }
        form.entry method="post" {
            div.field {
                label for="name" { (words.say("page-name", &[])) }
                input id="name" name="name" value=(before.name) maxlength=(LONGEST_NAME) required autocomplete="name";
            }
            @if chairperson {
                div.field {
                    label for="code" { (words.say("page-chairperson", &[])) }
                    input id="code" name="code" inputmode="numeric" maxlength="64" autocomplete="off";
                }
            }
            p.actions { button.primary type="submit" { (words.say("page-browser", &[])) } }
        }
    }
}

/// In the meeting's own zone.
fn shown(at: Timestamp, zone: &Zone) -> String {
    match zone.resolve() {
        Ok(resolved) => format!("{} ({})", resolved.to_datetime(at).strftime("%Y-%m-%d %H:%M"), zone.id),
        Err(_) => at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    }
}

/// The first language of the browser that there is, in its order; weights are as the browser sorted them.
fn language(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|line| line.to_str().ok()).unwrap_or_default();
    let tags = wanted.split(',').take(20).filter_map(|part| part.split(';').next());
    tags.map(str::trim).find_map(Language::of_tag).unwrap_or(Language::English)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepting(line: &'static str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(line));
        language(&headers)
    }

    #[test]
    fn the_browser_is_answered_in_its_language_where_there_is_one() {
        assert_eq!(accepting("de-CH,de;q=0.9,en;q=0.8"), Language::German);
        assert_eq!(accepting("tlh, fr;q=0.5"), Language::French);
        assert_eq!(accepting("*"), Language::English);
        assert_eq!(language(&HeaderMap::new()), Language::English);
    }
}
