//! `/quick-call/targets`: the ticket forms that quick calls open, for administrators: list, add, change, check, remove.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use maud::{Markup, html};
use serde::Deserialize;
use tieline_model::{
    Environment, Hosting, ItsmProduct, PersonKey, QuickCallTarget, QuickCallTargetId, Refusal, TargetKind,
    UnknownPerson,
};
use tieline_quick_call::{QuickCall, READY};

use super::admin::{Charge, Sent};
use super::notice::block;
use super::quick_call::environment_badge;
use super::{Page, Place, Shell, refuse};
use crate::sign_in::SignedIn;
use crate::target_body::TargetBody;
use crate::url;
use crate::web::Web;

pub(super) const LIST: &str = "/quick-call/targets";

/// Somebody who may set up ticket systems.
type Admin = super::admin::Admin<QuickCall>;

impl Charge for QuickCall {
    const ONLY: &'static str = "set up ticket systems";
    const INSTEAD: (&'static str, &'static str) = ("To quick call", "/quick-call");

    fn of(web: &Web) -> Result<&Self, Refusal> {
        super::quick_call::service(web)
    }
}

impl Sent for Typed {
    fn form_token(&self) -> &str {
        &self.form_token
    }
}

/// What the list says about the step before.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Before {
    #[serde(default)]
    saved: String,
    #[serde(default)]
    removed: String,
    version: Option<i64>,
}

/// `GET /quick-call/targets`.
pub(super) async fn list(admin: Admin, before: Result<Query<Before>, QueryRejection>) -> Page {
    let states = admin.job.states().await.map_err(refuse(&admin.signed_in))?;
    let before = before.map(|Query(before)| before).unwrap_or_default();
    let content = html! {
        (told(&before))
        @if states.is_empty() {
            p.empty { "No ticket system is set up yet. The first one comes about with Add a ticket system." }
        } @else {
            div.table tabindex="0" role="group" aria-label="Ticket systems, a table" {
                table {
                    thead { tr { th { "Name" } th { "Environment" } th { "State" } th { "Menu entry" } th { "How" } th { "Leads to" } } }
                    tbody {
                        @for (target, problem) in &states {
                            tr {
                                td { a href=(address(target)) { (target.name) } }
                                td { (environment_badge(target.environment)) }
                                td {
                                    (super::status::badge(if problem.is_some() { "refused" } else { "ok" }))
                                    @if let Some(problem) = problem { span.cause { (problem.what) ". Next: " (problem.next) } }
                                }
                                td { (target.menu_text) }
                                td { (way_word(&target.kind)) }
                                td.id { (target.hosts.join(", ")) }
                            }
                        }
                    }
                }
            }
            p.quiet { "The command comes into the clients' menus with " code { "tieline quick-call reg --address https://…" } "." }
        }
    };
    let shell = shell(&admin.signed_in, "Ticket systems").action("Add a ticket system", NEW);
    Ok(shell.around(&content).into_response())
}

const NEW: &str = "/quick-call/targets/new";

fn shell<'a>(signed_in: &'a SignedIn, title: &'a str) -> Shell<'a> {
    Shell::of(signed_in, title).at(Place::Targets)
}

fn told(before: &Before) -> Markup {
    html! {
        @if !before.saved.is_empty() {
            p.done role="status" { b { (before.saved) } " is saved. The next call uses it." }
        }
        @if !before.removed.is_empty() {
            p.done role="status" {
                b { (before.removed) } " is removed with its link and token."
                @if let Some(version) = before.version {
                    " It comes back with " code { "tieline config roll-back " (version - 1) } "; its link and token must be given again."
                }
            }
        }
    }
}

fn address(target: &QuickCallTarget) -> String {
    format!("{LIST}/{}", target.id)
}

/// What the form sends; every field is a text.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    form_token: String,
    action: String,
    name: String,
    menu_text: String,
    environment: String,
    way: String,
    address: String,
    link: String,
    hosting: String,
    version: String,
    hosts: String,
    person_key: String,
    log_in_url: String,
    api: String,
    api_url: String,
    token: String,
    tickets_first: String,
}

impl Typed {
    /// What the fields show for a target that is there.
    fn of(target: &QuickCallTarget) -> Self {
        let api = target.api.as_ref();
        Self {
            name: target.name.clone(),
            menu_text: target.menu_text.clone(),
            environment: target.environment.name().to_owned(),
            way: target.kind.name().to_owned(),
            address: match &target.kind {
                TargetKind::Method1 { base_url } => base_url.clone(),
                TargetKind::Template { url } => url.clone(),
                TargetKind::Method2 => String::new(),
            },
            hosting: target.hosting.name().to_owned(),
            version: match target.hosting {
                Hosting::OnPremises { version: Some(version) } => version.to_string(),
                _ => String::new(),
            },
            hosts: target.hosts.join(", "),
            person_key: target.person_key.name().to_owned(),
            log_in_url: match &target.unknown {
                UnknownPerson::LogIn { url } => url.clone(),
                UnknownPerson::Page => String::new(),
            },
            api: api.map(|api| api.product.name().to_owned()).unwrap_or_default(),
            api_url: api.map(|api| api.url.clone()).unwrap_or_default(),
            tickets_first: api.filter(|api| api.tickets_first).map(|_| "yes".to_owned()).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The same in the words of the REST API; `before` is the target that is changed.
    fn body(&self, before: Option<&QuickCallTarget>) -> Result<TargetBody, Refusal> {
        let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let hosts: Vec<String> =
            self.hosts.split([',', ' ', ';']).filter(|host| !host.is_empty()).map(str::to_owned).collect();
        let mut body = TargetBody {
            name: Some(self.name.trim().to_owned()),
            menu_text: said(&self.menu_text),
            environment: said(&self.environment),
            hosting: said(&self.hosting),
            // Another form leads to another host: the field shows that of the form before.
            hosts: before.is_none_or(|before| before.hosts != hosts).then_some(hosts),
            person_key: said(&self.person_key),
            log_in_url: Some(self.log_in_url.trim().to_owned()),
            api: Some(self.api.clone()),
            api_url: said(&self.api_url),
            token: said(&self.token),
            tickets_first: (!self.api.is_empty()).then_some(self.tickets_first == "yes"),
            ..TargetBody::default()
        };
        if self.hosting == (Hosting::OnPremises { version: None }).name() {
            let version = said(&self.version).map(|text| text.parse().map_err(|_| no_version()));
            body.version = version.transpose()?;
        }
        match self.way.as_str() {
            "method1" => body.method1 = said(&self.address),
            "template" => body.template = said(&self.address),
            "method2" => {
                body.link = said(&self.link);
                if body.link.is_none() && before.is_none_or(|before| before.kind != TargetKind::Method2) {
                    let next = "generate it in EasyVista and paste the whole of it";
                    return Err(Refusal::permanent("no-link", "the auto connection link is missing", next));
                }
            }
            ready => {
                body.ready = said(ready);
                body.host = said(&self.address);
                // What comes ready brings these along.
                body.log_in_url = said(&self.log_in_url);
                body.api = said(&self.api);
            }
        }
        Ok(body)
    }
}

fn no_version() -> Refusal {
    Refusal::permanent("bad-version", "the version is not a year", "write it as 2016")
}

/// `GET /quick-call/targets/new`.
pub(super) async fn ask_new(admin: Admin) -> Page {
    let typed = Typed { way: "easyvista".to_owned(), ..Typed::default() };
    Ok(sheet(&admin.signed_in, None, &typed, None).into_response())
}

/// `POST /quick-call/targets/new`.
pub(super) async fn create(State(web): State<Arc<Web>>, request: Request) -> Page {
    let (admin, typed): (Admin, Typed) = Admin::sent(&web, request).await?;
    let id = QuickCallTargetId::from_uuid(admin.web.ids.uuid());
    let made = typed.body(None).and_then(|body| {
        let target = body.create(id).map_err(|refused| refused.0)?;
        Ok((target, body))
    });
    admin.take(made, None, &typed).await
}

/// `GET /quick-call/targets/{id}`.
pub(super) async fn edit(admin: Admin, Path(reference): Path<String>) -> Page {
    let target = admin.job.target(&reference).await.map_err(refuse(&admin.signed_in))?;
    Ok(sheet(&admin.signed_in, Some(&target), &Typed::of(&target), None).into_response())
}

/// `POST /quick-call/targets/{id}`.
pub(super) async fn change(
    State(web): State<Arc<Web>>,
    Path(reference): Path<String>,
    request: Request,
) -> Page {
    let (admin, typed): (Admin, Typed) = Admin::sent(&web, request).await?;
    let before = admin.job.target(&reference).await.map_err(refuse(&admin.signed_in))?;
    let made = typed.body(Some(&before)).and_then(|body| {
        let mut target = (*before).clone();
        body.apply(&mut target).map_err(|refused| refused.0)?;
        Ok((target, body))
    });
    admin.take(made, Some(&before), &typed).await
}

/// `POST /quick-call/targets/{id}/remove`.
pub(super) async fn remove(
    State(web): State<Arc<Web>>,
    Path(reference): Path<String>,
    request: Request,
) -> Page {
    let (admin, _): (Admin, Typed) = Admin::sent(&web, request).await?;
    let refuse = refuse(&admin.signed_in);
    let target = admin.job.target(&reference).await.map_err(&refuse)?;
    let receipt = admin.job.remove(target.id, &admin.signed_in.name).await.map_err(&refuse)?;
    let version = receipt.version.map(|version| version.to_string()).unwrap_or_default();
    let mut pairs = vec![("removed", target.name.as_str())];
    if !version.is_empty() {
        pairs.push(("version", &version));
    }
    Ok(Redirect::to(&format!("{LIST}?{}", url::query(&pairs))).into_response())
}

impl Admin {
    /// Checks or saves what was typed. What is wrong is said above the same fields; secrets must be typed again.
    async fn take(
        &self,
        made: Result<(QuickCallTarget, TargetBody), Refusal>,
        before: Option<&QuickCallTarget>,
        typed: &Typed,
    ) -> Page {
        let done = match made {
            Ok((mut target, body)) => {
                let secrets = body.secrets();
                if typed.action == "check" {
                    let checked = self.job.check(&mut target, &secrets).await;
                    checked.map(|example| Outcome::Checked { example, hosts: target.hosts.join(", ") })
                } else {
                    let saved = self.job.save(&mut target, secrets, &self.signed_in.name).await;
                    saved.map(|_| Outcome::Saved(target.name))
                }
            }
            Err(refusal) => Err(refusal),
        };
        let (status, outcome) = match done {
            Ok(Outcome::Saved(name)) => {
                let list = format!("{LIST}?{}", url::query(&[("saved", &name)]));
                return Ok(Redirect::to(&list).into_response());
            }
            Ok(checked) => (StatusCode::OK, checked),
            Err(refusal) => (crate::problem::status(&refusal), Outcome::Refused(refusal)),
        };
        Ok((status, sheet(&self.signed_in, before, typed, Some(&outcome))).into_response())
    }
}

/// What came of a form.
enum Outcome {
    Saved(String),
    Checked { example: String, hosts: String },
    Refused(Refusal),
}

/// The page with the fields.
fn sheet(
    signed_in: &SignedIn,
    target: Option<&QuickCallTarget>,
    typed: &Typed,
    outcome: Option<&Outcome>,
) -> Markup {
    let action = target.map_or_else(|| NEW.to_owned(), address);
    let content = html! {
        @match outcome {
            Some(Outcome::Refused(refusal)) => (block(refusal)),
            Some(Outcome::Checked { example, hosts }) => {
                div.done role="status" {
                    p { b { "This would work. " } "Nothing is saved yet." }
                    p { "A form opens as " span.id { (example) } }
                    p { "Technicians may be sent to " span.id { (hosts) } }
                }
            },
            Some(Outcome::Saved(_)) | None => {},
        }
        form.sheet method="post" action=(action) autocomplete="off" {
            input type="hidden" name="form_token" value=(signed_in.form_token);
            (what(typed))
            (form_address(typed, target))
            (person(typed))
            (api(typed, target))
            p.actions {
                button.primary type="submit" name="action" value="save" { "Save" }
                button type="submit" name="action" value="check" { "Check without saving" }
                a.button href=(LIST) { "Back" }
            }
        }
        @if let Some(target) = target { (removal(signed_in, target)) }
    };
    let title = target.map_or_else(|| "Add a ticket system".to_owned(), |target| target.name.clone());
    shell(signed_in, &title).around(&content)
}

fn field(name: &str, label: &str, hint: &str, value: &str, most: u16, required: bool) -> Markup {
    let hint_id = format!("{name}-hint");
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) value=(value) maxlength=(most) required[required] spellcheck="false"
                autocapitalize="none" aria-describedby=[(!hint.is_empty()).then_some(&hint_id)];
            @if !hint.is_empty() { p.hint id=(hint_id) { (hint) } }
        }
    }
}

/// A field whose value is stored encrypted and never shown.
fn secret(name: &str, label: &str, hint: &str) -> Markup {
    let hint_id = format!("{name}-hint");
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) type="password" maxlength="4096" autocomplete="off" aria-describedby=(hint_id);
            p.hint id=(hint_id) { (hint) }
        }
    }
}

fn choice(name: &str, label: &str, hint: &str, chosen: &str, options: &[(&str, String)]) -> Markup {
    let hint_id = format!("{name}-hint");
    html! {
        div.field {
            label for=(name) { (label) }
            select id=(name) name=(name) aria-describedby=[(!hint.is_empty()).then_some(&hint_id)] {
                @for (value, text) in options { option value=(value) selected[*value == chosen] { (text) } }
            }
            @if !hint.is_empty() { p.hint id=(hint_id) { (hint) } }
        }
    }
}

fn what(typed: &Typed) -> Markup {
    let environments = [Environment::Production, Environment::Sandbox]
        .map(|environment| (environment.name(), super::quick_call::word(environment).to_owned()));
    html! {
        fieldset {
            legend { "What it is" }
            (field("name", "Name", "Menu entries name it in their address: after a change they are rolled out again.", &typed.name, 80, true))
            (field("menu_text", "Text in the client's menu", "Up to 60 characters; the name when empty.", &typed.menu_text, 60, false))
            (choice("environment", "Environment", "Every page of the call shows it.", &typed.environment, &environments))
        }
    }
}

fn form_address(typed: &Typed, target: Option<&QuickCallTarget>) -> Markup {
    let mut ways: Vec<(&str, String)> = vec![
        ("method1", "EasyVista's quick-call page (method 1)".to_owned()),
        ("method2", "EasyVista auto connection link (method 2)".to_owned()),
        ("template", "Any other form, with placeholders".to_owned()),
    ];
    let ready = READY.iter().map(|ready| (ready.name, format!("{}, comes ready", ready.product)));
    if target.is_some() {
        ways.extend(ready)
    } else {
        ways.splice(0..0, ready).for_each(drop)
    }
    let hostings = [
        (Hosting::Saas.name(), "At its maker's".to_owned()),
        (Hosting::OnPremises { version: None }.name(), "On the company's own servers".to_owned()),
    ];
    let stored = target.is_some_and(|target| target.kind == TargetKind::Method2);
    let link = if stored {
        "A link is stored. Paste another one to replace it."
    } else {
        "For method 2: the whole link. It is stored encrypted and shown to nobody."
    };
    html! {
        fieldset {
            legend { "Which form opens" }
            (choice("way", "Form", "", &typed.way, &ways))
            (field("address", "Address", "What comes ready needs the host only, as companyname.easyvista.com. Otherwise the form's whole address; placeholders are {mail}, {sip}, {login}, {name}, {phone}, {department}, {company} and {itsm-id}.", &typed.address, 4096, false))
            (secret("link", "Auto connection link", link))
            (field("hosts", "Technicians may be sent to", "Hosts, separated by commas; the form's own when empty.", &typed.hosts, 1000, false))
            (choice("hosting", "Where the ticket system runs", "Method 1 exists at its maker's only.", &typed.hosting, &hostings))
            (field("version", "Version on own servers", "A year; method 2 exists from 2016 on.", &typed.version, 4, false))
        }
    }
}

fn person(typed: &Typed) -> Markup {
    let keys = [
        (PersonKey::Mail.name(), "Mail address".to_owned()),
        (PersonKey::Sip.name(), "SIP address".to_owned()),
        (PersonKey::Login.name(), "Log-on name".to_owned()),
    ];
    html! {
        fieldset {
            legend { "Who the ticket is for" }
            (choice("person_key", "Sent as the person", "What the ticket system knows people by.", &typed.person_key, &keys))
            (field("log_in_url", "Log-in page for people whom the directory does not know", "Empty: Tieline's own page says so and asks \u{201c}did you mean\u{201d}.", &typed.log_in_url, 2048, false))
        }
    }
}

fn api(typed: &Typed, target: Option<&QuickCallTarget>) -> Markup {
    let products = [
        ("", "None".to_owned()),
        (ItsmProduct::Glpi.name(), "GLPI".to_owned()),
        (ItsmProduct::Zammad.name(), "Zammad".to_owned()),
    ];
    let token = match target.and_then(|target| target.api.as_ref()) {
        Some(_) => "Empty: the stored one stays.",
        None => "It is stored encrypted and shown to nobody. GLPI: USER_TOKEN or APP_TOKEN:USER_TOKEN.",
    };
    html! {
        fieldset {
            legend { "The ticket system's REST API" }
            (choice("api", "Product", "", &typed.api, &products))
            (field("api_url", "Where it answers", "As https://glpi.corp.example", &typed.api_url, 2048, false))
            (secret("token", "Token", token))
            div.field.tick {
                input #tickets_first type="checkbox" name="tickets_first" value="yes" checked[typed.tickets_first == "yes"];
                label for="tickets_first" { "Show a person's latest tickets before the form" }
            }
        }
    }
}

fn removal(signed_in: &SignedIn, target: &QuickCallTarget) -> Markup {
    html! {
        section aria-labelledby="remove" {
            h2 #remove { "Remove" }
            p.about {
                "Menu entries that lead to " b { (target.name) } " say from then on that it is gone. Its settings come back with "
                code { "tieline config roll-back" } "; its link and token are forgotten."
            }
            form method="post" action=(format!("{}/remove", address(target))) {
                input type="hidden" name="form_token" value=(signed_in.form_token);
                p.actions { button type="submit" { "Remove " (target.name) } }
            }
        }
    }
}

fn way_word(kind: &TargetKind) -> &'static str {
    match kind {
        TargetKind::Method1 { .. } => "method 1",
        TargetKind::Method2 => "method 2",
        TargetKind::Template { .. } => "template",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(typed: &Typed, before: Option<&QuickCallTarget>) -> QuickCallTarget {
        let body = typed.body(before).unwrap();
        match before {
            None => body.create(QuickCallTargetId::from_uuid(uuid::Uuid::nil())).unwrap(),
            Some(before) => {
                let mut target = before.clone();
                body.apply(&mut target).unwrap();
                target
            }
        }
    }

    #[test]
    fn a_form_that_comes_ready_needs_a_name_and_a_host() {
        let typed = Typed {
            name: " ev ".to_owned(),
            way: "easyvista".to_owned(),
            address: "companyname.easyvista.com".to_owned(),
            environment: "sandbox".to_owned(),
            ..Typed::default()
        };
        let target = saved(&typed, None);
        assert_eq!((target.name.as_str(), target.menu_text.as_str()), ("ev", "Ticket in EasyVista (SaaS)"));
        let TargetKind::Method1 { base_url } = &target.kind else { panic!("{target:?}") };
        assert!(base_url.contains("/sso_samlindexlyncsbox.php?"), "{base_url}");
        assert!(
            matches!(target.unknown, UnknownPerson::LogIn { .. }),
            "what comes ready brings its log-in page"
        );
    }

    #[test]
    fn sending_the_fields_unchanged_changes_nothing() {
        let typed = Typed {
            name: "glpi".to_owned(),
            way: "glpi".to_owned(),
            address: "glpi.corp.example".to_owned(),
            ..Typed::default()
        };
        let mut target = saved(&typed, None);
        target.hosts = vec!["glpi.corp.example".to_owned()];
        target.hosting = Hosting::OnPremises { version: Some(2017) };
        assert_eq!(saved(&Typed::of(&target), Some(&target)), target);
        let elsewhere = Typed { address: "https://other.example/?m={mail}".to_owned(), ..Typed::of(&target) };
        assert!(saved(&elsewhere, Some(&target)).hosts.is_empty(), "another form leads to another host");
        target.kind = TargetKind::Method2;
        assert_eq!(saved(&Typed::of(&target), Some(&target)), target, "a stored link stays");
        let fresh = Typed { way: "method2".to_owned(), ..Typed::default() };
        assert_eq!(fresh.body(None).err().map(|refusal| refusal.code).as_deref(), Some("no-link"));
    }
}
