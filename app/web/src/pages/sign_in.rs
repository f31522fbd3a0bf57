//! Signing in and out.

use std::sync::Arc;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{ConnectInfo, Extension, Form, FromRequestParts, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use secrecy::SecretString;
use serde::Deserialize;
use tieline_model::Refusal;
use tieline_store::{Batch, BrowserToken, PendingSignIn, Write};

use super::Page;
use super::notice::{Notice, block};
use super::shell::Shell;
use crate::connection::Peer;
use crate::sign_in::{Cookie, Proven, SignedIn, Visit, check_form, client_address};
use crate::url;
use crate::web::Web;

pub(crate) use crate::sign_in::page;

/// Which sign-in goes on.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asking {
    #[serde(default)]
    pending: String,
}

/// `GET /sign-in`: the ways there are.
pub(crate) async fn show(
    State(web): State<Arc<Web>>,
    Extension(visit): Extension<Visit>,
    asking: Result<Query<Asking>, QueryRejection>,
    request: Request,
) -> Page {
    let pending = asking.map(|Query(asking)| asking.pending).unwrap_or_default();
    let (parts, _) = request.into_parts();
    let signed_in = SignedIn::find(&web, &parts).await.map_err(notice)?;
    let known = find(&web, &pending, &visit).await.map_err(notice)?;
    if signed_in.is_some() {
        return Ok(Redirect::to(target(known.as_ref().map(|(_, pending)| pending))).into_response());
    }
    Ok(ways(&web, &visit, &pending, None, StatusCode::OK))
}

/// The card with the ways to sign in; a refusal on top, if the last try had one.
fn ways(web: &Web, visit: &Visit, pending: &str, refusal: Option<&Refusal>, status: StatusCode) -> Response {
    let kept = BrowserToken::parse(pending).map(|state| state.expose().to_owned()).unwrap_or_default();
    let openid = web.sign_in.openid.as_ref();
    let content = html! {
        @if let Some(refusal) = refusal { (block(refusal)) }
        @if let Some(openid) = openid {
            p.actions { a.button.wide href=(openid_address(&kept)) { (openid.label()) } }
        }
        @if openid.is_some() && web.sign_in.policy.local { p.or { span { "or with an account of this server" } } }
        @if web.sign_in.policy.local { (local_form(visit, &kept, openid.is_none())) }
        @if openid.is_none() && !web.sign_in.policy.local {
            p { "People sign in at the reverse proxy in front of this server. It named nobody with this request." }
            p.next { b { "Next: " } "Open the address that your administrator gave you." }
        }
    };
    (status, Shell::bare("Sign in").around(&content)).into_response()
}

fn local_form(visit: &Visit, pending: &str, first: bool) -> Markup {
    html! {
        form method="post" action="/sign-in" {
            input type="hidden" name="form_token" value=(visit.token.derive("form"));
            input type="hidden" name="pending" value=(pending);
            label for="name" { "Name" }
            input #name name="name" autocomplete="username" autocapitalize="none" spellcheck="false"
                maxlength="256" required autofocus[first];
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete="current-password" maxlength="1024" required;
            button.wide.primary[first] type="submit" { "Sign in" }
        }
    }
}

fn openid_address(pending: &str) -> String {
    if pending.is_empty() {
        "/sign-in/openid".to_owned()
    } else {
        format!("/sign-in/openid?{}", url::query(&[("pending", pending)]))
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    form_token: String,
    #[serde(default)]
    pending: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
}

/// `POST /sign-in`: a local account.
pub(crate) async fn local(
    State(web): State<Arc<Web>>,
    Extension(visit): Extension<Visit>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    headers: HeaderMap,
    typed: Result<Form<Typed>, FormRejection>,
) -> Page {
    let Ok(Form(typed)) = typed else { return Err(notice(unreadable())) };
    let again = |refusal: Refusal| {
        let status = crate::problem::status(&refusal);
        tracing::info!(%refusal, "sign-in refused");
        ways(&web, &visit, &typed.pending, Some(&refusal), status)
    };
    if !web.sign_in.policy.local {
        let next = "choose one of the other ways";
        return Err(again(Refusal::permanent(
            "not-allowed",
            "accounts of this server are switched off",
            next,
        )));
    }
    check_form(&web.sign_in.policy, &headers, &visit.token.derive("form"), &typed.form_token)
        .map_err(&again)?;
    let client = client_address(&web, peer.map(|Extension(ConnectInfo(peer))| peer.0), &headers);
    let proven =
        web.sign_in.local(&web.store, client, &typed.name, SecretString::from(typed.password.as_str())).await;
    let proven = proven.map_err(&again)?;
    let now = web.clock.now();
    let known = find(&web, &typed.pending, &visit).await.map_err(notice)?;
    finish(&web, proven, known, now).await
}

/// Begins the session and goes where the person wanted to.
async fn finish(web: &Web, proven: Proven, known: Option<Known>, now: Timestamp) -> Page {
    let who = proven.name.clone();
    let (token, batch) =
        web.sign_in.begin(proven, now, known.as_ref().map(|(state, _)| state)).map_err(notice)?;
    web.store.commit(batch).await.map_err(|error| notice(error.into()))?;
    tracing::info!(who, "signed in");
    let cookies = web.sign_in.cookies();
    let target = target(known.as_ref().map(|(_, pending)| pending));
    // A redirect would count as the form's own: a browser would then refuse to follow where the page leads outside.
    let content = html! { p { a href=(target) { "Go on" } } };
    let shell = Shell::bare("Signed in").about("The page you wanted opens by itself.").opens(target);
    let mut response = shell.around(&content).into_response();
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, cookies.set(Cookie::Session, &token));
    // A new visit: whoever knew the old one's token knows nothing of what follows.
    headers.append(
        header::SET_COOKIE,
        cookies.set(Cookie::Visit, &BrowserToken::draw().map_err(|e| notice(e.into()))?),
    );
    Ok(response)
}

/// `GET /sign-in/openid`: off to the provider.
pub(crate) async fn openid(
    State(web): State<Arc<Web>>,
    Extension(visit): Extension<Visit>,
    asking: Result<Query<Asking>, QueryRejection>,
) -> Page {
    let Some(openid) = &web.sign_in.openid else { return Err(no_provider()) };
    let asked = asking.map(|Query(asking)| asking.pending).unwrap_or_default();
    let now = web.clock.now();
    let known = find(&web, &asked, &visit).await.map_err(notice)?;
    if known.is_none() && !asked.is_empty() && visit.fresh {
        return Err(no_cookies());
    }
    let (state, mut pending) = match known {
        Some(known) => known,
        None => web.sign_in.pending(&visit.token, None, now).map_err(notice)?,
    };
    let address = openid.authorization_url(&state, &mut pending, now).await.map_err(failed)?;
    web.store
        .commit(Batch::new(now).with(Write::PendingSignIn(pending)))
        .await
        .map_err(|error| notice(error.into()))?;
    let location = HeaderValue::from_str(&address).map_err(|_| no_provider())?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

/// What the provider sends back.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// The provider's answer. Whatever is wrong with it ends here, on a page.
pub(crate) async fn callback(
    State(web): State<Arc<Web>>,
    Extension(visit): Extension<Visit>,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Page {
    let Some(openid) = &web.sign_in.openid else { return Err(no_provider()) };
    let answer = answer.map(|Query(answer)| answer).unwrap_or_default();
    let now = web.clock.now();
    if visit.fresh {
        return Err(no_cookies());
    }
    let Some(known) = find(&web, &answer.state, &visit).await.map_err(notice)? else {
        let what = "this sign-in was not begun here, was used already, or took too long";
        return Err(failed(Refusal::permanent(
            "sign-in-expired",
            what,
            "begin again from the page you wanted",
        )));
    };
    let Some(code) = answer.code.filter(|code| !code.is_empty() && code.len() <= 4096) else {
        let error: String =
            answer.error.unwrap_or_default().chars().filter(|c| c.is_ascii_graphic()).take(60).collect();
        let what = match error.as_str() {
            "access_denied" => "the sign-in was cancelled, or the provider does not let you in".to_owned(),
            "" => "the provider's answer holds no code".to_owned(),
            other => format!("the provider answered {other}"),
        };
        return Err(failed(Refusal::permanent(
            "sign-in-refused",
            what,
            "try again, or ask an administrator",
        )));
    };
    let proven = openid.prove(&code, answer.iss.as_deref(), &known.1, now).await.map_err(failed)?;
    finish(&web, proven, Some(known), now).await
}

/// `GET /sign-out`: a button.
pub(crate) async fn ask_sign_out(signed_in: SignedIn) -> Page {
    let content = html! {
        p { "You are signed in as " b { (signed_in.display_name) } " (" span.id { (signed_in.name) } ")." }
        @if signed_in.session.is_none() {
            p { "The reverse proxy in front of this server says so with every request; sign out there." }
        }
        form method="post" action="/sign-out" {
            input type="hidden" name="form_token" value=(signed_in.form_token);
            button type="submit" { "Sign out" }
        }
    };
    Ok(Shell::of(&signed_in, "Sign out").around(&content).into_response())
}

/// What the button sends.
#[derive(Deserialize)]
pub(crate) struct Leaving {
    #[serde(default)]
    form_token: String,
}

/// `POST /sign-out`.
pub(crate) async fn sign_out(State(web): State<Arc<Web>>, request: Request) -> Page {
    let (mut parts, body) = request.into_parts();
    let signed_in = SignedIn::from_request_parts(&mut parts, &web).await?;
    let headers = parts.headers.clone();
    let form = <Form<Leaving> as axum::extract::FromRequest<_>>::from_request(
        Request::from_parts(parts, body),
        &web,
    );
    let Ok(Form(form)) = form.await else { return Err(notice(unreadable())) };
    check_form(&web.sign_in.policy, &headers, &signed_in.form_token, &form.form_token)
        .map_err(super::refuse(&signed_in))?;
    if let Some(session) = signed_in.session {
        let ended = web.store.commit(Batch::new(web.clock.now()).with(Write::EndSession(session))).await;
        ended.map_err(super::refuse(&signed_in))?;
        web.sign_in.sessions.forget();
    }
    let content = html! { p.actions { a.button href="/sign-in" { "Sign in again" } } };
    let mut response = Shell::bare("Signed out").around(&content).into_response();
    response.headers_mut().append(header::SET_COOKIE, web.sign_in.cookies().clear(Cookie::Session));
    Ok(response)
}

/// A sign-in under way, with its state.
type Known = (BrowserToken, PendingSignIn);

async fn find(web: &Web, state: &str, visit: &Visit) -> Result<Option<Known>, Refusal> {
    let Some(state) = BrowserToken::parse(state) else { return Ok(None) };
    let pending = web.store.pending_sign_in(&state, &visit.token, web.clock.now()).await?;
    Ok(pending.map(|pending| (state, pending)))
}

/// Where a sign-in leads: a page of ours, as it was asked for, or the first one.
fn target(pending: Option<&PendingSignIn>) -> &str {
    pending.and_then(|pending| pending.target.as_deref()).unwrap_or("/")
}

fn notice(refusal: Refusal) -> Response {
    Notice::new(&refusal).into_response()
}

/// A sign-in that came to nothing: a page, and never a redirect.
fn failed(refusal: Refusal) -> Response {
    tracing::info!(%refusal, "sign-in refused");
    let status = match refusal.code.as_str() {
        "provider-unreachable" | "provider-strange" => StatusCode::BAD_GATEWAY,
        _ => StatusCode::FORBIDDEN,
    };
    Notice::new(&refusal)
        .titled("You are not signed in")
        .with_status(status)
        .with_action("Other ways to sign in", "/sign-in")
        .into_response()
}

fn no_provider() -> Response {
    let what = "no sign-in provider is set up";
    notice(Refusal::operator("unknown-provider", what, "set [sign_in.openid] in the configuration"))
}

fn no_cookies() -> Response {
    let what = "the browser does not keep cookies of this site";
    failed(Refusal::permanent("no-cookies", what, "allow cookies for this site, then open the page again"))
}

fn unreadable() -> Refusal {
    Refusal::permanent("bad-request", "the form cannot be read", "open the page anew and send it again")
}
