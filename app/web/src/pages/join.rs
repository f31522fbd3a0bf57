//! `/join/{token}`: the meeting's own page, for whoever has its link. It needs no account, no script and no client.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use tieline_conferencing::Joining;
use tieline_conferencing::answer::{Join, JoinWords};
use tieline_model::{Language, Span, Zone};

use super::{Notice, Shell};
use crate::web::Web;

/// `GET /join/{token}`.
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let language = language(&headers);
    let words = JoinWords::of(language);
    let joining = match &web.conferencing {
        None => Ok(Joining::Forged),
        Some(conferencing) => conferencing.joining(&token).await,
    };
    let joining = match joining {
        Ok(joining) => joining,
        Err(refusal) => return Notice::new(&refusal).into_response(),
    };
    let (status, title, content) = page(&joining, words);
    let shell = Shell::bare(&title).spoken(language.name());
    let mut response = (status, shell.around(&content)).into_response();
    // The address is a key: no search engine keeps it, and no other site learns it.
    let headers = response.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    response
}

fn page(joining: &Joining, words: JoinWords) -> (StatusCode, String, Markup) {
    let closed = |status: StatusCode, name: &str| {
        let next = words.say(&format!("{name}-next"), &[]);
        (status, words.say(name, &[]), html! { p role="status" { (next) } })
    };
    match joining {
        Joining::Open { subject, span, zone, join } => {
            let title = subject.clone().unwrap_or_else(|| words.say("page-private", &[]));
            (StatusCode::OK, title, open(join, *span, zone, words))
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

fn open(join: &Join, span: Span, zone: &Zone, words: JoinWords) -> Markup {
    let end = zone.resolve().map(|resolved| resolved.to_datetime(span.end).strftime("%H:%M").to_string());
    let time = match end {
        Ok(end) => format!("{} – {end}", shown(span.start, zone)),
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
        p.actions {
            @if let Some(web) = &join.web { a.button.primary href=(web) rel="noreferrer" { (words.say("page-browser", &[])) } }
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
